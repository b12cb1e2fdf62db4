/** What clients are told by a master that does not lead. */
import type { LeadershipStatus } from '../control/leadership.js'

/** Clients take a message that starts so for a backup master's and ask the next master (R14). */
const NOT_ALIVE = 'Current state is not alive'

export function isNotAlive(message: string): boolean {
  return message.startsWith(NOT_ALIVE)
}

/** @returns spark://host:port; null: nobody knows of a leader, or it is this master */
export function leaderElsewhere(status: LeadershipStatus | null): string | null {
  const url = status?.leader?.masterUrl ?? null
  return url === status?.self.masterUrl ? null : url
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

/**
 * To those who have asked a master that has stepped down since. Not in the words of a standby: a client that is told to
 * ask the next master for the same might have it done twice.
 *
 * @param reason why it has
 */
export function openOutcome(reason: string): string {
  return `${reason}; whether this was done is open: look at the master that leads now`
}
