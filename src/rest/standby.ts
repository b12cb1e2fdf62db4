/** What clients are told by a master that does not lead. */

/** Clients take a message that starts so for a backup master's and ask the next master (R14). */
const NOT_ALIVE = 'Current state is not alive'

export function isNotAlive(message: string): boolean {
  return message.startsWith(NOT_ALIVE)
}

/**
 * Says where the leader is, for whoever reads the message.
 *
 * @param message of the core; only that of a master that does not lead is changed
 */
export function withLeader(message: string | null, leaderUrl: string | null): string | null {
  if (message === null || leaderUrl === null || !isNotAlive(message)) return message
  return message.includes(leaderUrl) ? message : `${message} The leader is ${leaderUrl}.`
}
