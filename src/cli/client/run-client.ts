/** Runs one client command: what it says, its exit status, and what a signal does to it. */
import type { EventEmitter } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import { UsageError } from '../../conf/errors.js'
import type { ClientCommand } from '../commands.js'
import type { Terminal } from '../terminal.js'
import { apps } from './apps.js'
import type { Client } from './client.js'
import { kill, list, status } from './drivers.js'
import { Refused } from './errors.js'
import { ExitStatus } from './exit-status.js'
import { explain } from './explain.js'
import { NoAnswer } from './http.js'
import { masters } from './leaders.js'
import { logs } from './logs.js'
import { submit } from './submit.js'
import { top } from './top/top.js'
import { workers } from './workers.js'

const COMMANDS: Record<
  ClientCommand,
  (argv: readonly string[], client: Client) => Promise<number>
> = { submit, status, kill, list, logs, masters, top, apps, workers, explain }

export interface ClientSurroundings extends Omit<Client, 'signal' | 'pause' | 'terminal'> {
  /** Where signals arrive: `process`, or an emitter in tests. */
  readonly signals: Pick<EventEmitter, 'on' | 'off'>
  /** Ends the process at once. */
  exit(status: number): void
  /** Absent: stdout is none. */
  terminal?(): Terminal | null
  /** Between two looks; absent: as long as it says. */
  pause?(ms: number, signal: AbortSignal): Promise<void>
}

const STATUS_OF_SIGNAL = {
  SIGINT: ExitStatus.INTERRUPTED,
  SIGTERM: ExitStatus.TERMINATED,
} as const

/** @returns the exit status @throws what is a fault of ours */
export async function runClient(
  command: ClientCommand,
  argv: readonly string[],
  outside: ClientSurroundings,
): Promise<number> {
  const { signals } = outside
  const ending = new AbortController()
  let ended: number | null = null
  const onSignal = (name: keyof typeof STATUS_OF_SIGNAL): void => {
    if (ended !== null) return outside.exit(STATUS_OF_SIGNAL[name])
    ended = STATUS_OF_SIGNAL[name]
    ending.abort()
  }
  signals.on('SIGINT', onSignal)
  signals.on('SIGTERM', onSignal)
  try {
    return await COMMANDS[command](argv, clientOf(outside, ending.signal))
  } catch (error) {
    return ended ?? explained(command, error, outside)
  } finally {
    signals.off('SIGINT', onSignal)
    signals.off('SIGTERM', onSignal)
  }
}

function clientOf(outside: ClientSurroundings, signal: AbortSignal): Client {
  return {
    env: outside.env,
    cwd: outside.cwd,
    signal,
    stdout: (bytes) => outside.stdout(bytes),
    stderr: (bytes) => outside.stderr(bytes),
    terminal: () => outside.terminal?.() ?? null,
    pause: async (ms) => {
      await (outside.pause?.(ms, signal) ?? wait(ms, undefined, { signal }))
      signal.throwIfAborted()
    },
  }
}

function explained(command: ClientCommand, error: unknown, outside: ClientSurroundings): number {
  if (error instanceof UsageError) {
    outside.stderr(`magneto ${command}: ${error.message} (see magneto ${command} --help)\n`)
    return ExitStatus.USAGE
  }
  if (!(error instanceof Refused || error instanceof NoAnswer)) throw error
  outside.stderr(`magneto ${command}: ${error.message}\n`)
  return ExitStatus.REFUSED
}
