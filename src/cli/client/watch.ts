/** Follows a driver to its end, telling what becomes of it. */
import { singleLine } from '../../http/single-line.js'
import { untilNextLook, type Asking } from './client.js'
import type { DriverStatus } from './cluster.js'
import { Refused } from './errors.js'
import { ExitStatus } from './exit-status.js'

/** By the states that a driver does not leave. */
const STATUS_OF_END: Readonly<Record<string, number>> = {
  FINISHED: ExitStatus.DONE,
  FAILED: ExitStatus.FAILED,
  ERROR: ExitStatus.ERROR,
  KILLED: ExitStatus.KILLED,
  // It goes on under another id, since its worker was lost (D6).
  RELAUNCHING: ExitStatus.REFUSED,
}

export function hasEnded({ state }: DriverStatus): boolean {
  return Object.hasOwn(STATUS_OF_END, state)
}

export function unknownDriver(id: string): string {
  return `the master does not know driver ${id}: see magneto list --all`
}

/** What a driver does, on one line. */
export function statusLine(id: string, status: DriverStatus): string {
  const { state, workerId, workerHostPort, message } = status
  const at = workerHostPort === null ? '' : ` (${workerHostPort})`
  const where = workerId === null ? '' : ` on ${workerId}${at}`
  // A stack trace keeps its lines; what would move a terminal's cursor goes.
  const how = message === null ? '' : `: ${message.split('\n').map(singleLine).join('\n')}`
  return `${id} ${state}${where}${how}`
}

export interface WatchOptions {
  /** Between two looks, and once more after the end: passes the logs on. */
  readonly onLook?: (status: DriverStatus) => Promise<void>
}

/**
 * Outages of the masters are waited out: the driver goes on without them.
 *
 * @returns how the command ends
 * @throws Refused when the master that answers does not know the driver
 */
export async function watchDriver(
  asking: Asking,
  id: string,
  { onLook }: WatchOptions = {},
): Promise<number> {
  const say = sayer(asking)
  for (;;) {
    const status = await look(asking, id, say)
    if (status === 'unknown') throw new Refused(unknownDriver(id))
    if (status !== null) {
      const isOver = hasEnded(status)
      if (!isOver) say(statusLine(id, status))
      if (status.state === 'SUBMITTED') say(await asking.cluster.why(id))
      // What it printed last comes before the news of its end.
      await onLook?.(status)
      if (isOver) return endOf(asking, id, status)
    }
    await untilNextLook(asking.client)
  }
}

/** Says each line once, as long as it stays. */
function sayer({ client }: Asking): (text: string | null) => void {
  let last: readonly string[] = []
  return (text) => {
    if (text === null || last.includes(text)) return
    // A driver that waits has two that alternate: its state, and why.
    last = [...last.slice(-1), text]
    client.stderr(`${text}\n`)
  }
}

/** @returns null in an outage */
async function look(
  { cluster }: Asking,
  id: string,
  say: (text: string) => void,
): Promise<DriverStatus | 'unknown' | null> {
  try {
    return (await cluster.driverStatus(id)) ?? 'unknown'
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    say(`${id} can't be looked at, trying again: ${error.message}`)
    return null
  }
}

function endOf({ client }: Asking, id: string, status: DriverStatus): number {
  const { state } = status
  client.stderr(`${statusLine(id, status)}\n`)
  if (state === 'RELAUNCHING')
    client.stderr('its worker was lost; it starts anew under another id: see magneto list\n')
  return STATUS_OF_END[state]!
}
