import { constants } from 'node:fs'

/** Whoever owns a folder of logs may have put anything there: no link is followed, no pipe waited for. */
export const READ_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
