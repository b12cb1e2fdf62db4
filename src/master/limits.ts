/** Every bound of the main thread. */

const MIB = 2 ** 20

/** Input that waits for the next step; beyond it the step is taken at once, so no source is read meanwhile. */
export const MAX_INBOX_BYTES = 32 * MIB

/** Effects that wait for the disk; beyond it the session that would add more is closed. */
export const MAX_HELD_BYTES = 256 * MIB

/** What a timer of Node can wait at most; a later due time is waited for in parts. */
export const MAX_TIMER_MS = 2 ** 31 - 1

/** How long a thread has to start, and to end by itself. */
export const THREAD_START_TIMEOUT_MS = 30_000
export const THREAD_STOP_TIMEOUT_MS = 5_000
