/** From signals to the orderly end of a daemon. */
import type { EventEmitter } from 'node:events'

/** What masters and workers have in common once they run. */
export interface RunningDaemon {
  stop(): Promise<void>
  /** The exit status, once everything has ended. */
  stopped: Promise<number>
}

export interface SuperviseOptions {
  /** Where signals arrive: `process`, or an emitter in tests. */
  signals: Pick<EventEmitter, 'on' | 'off'>
  /** Ends the process at once. */
  exit(status: number): void
  /** A line for the log. */
  complain(message: string): void
  /** From the signal to the end by force, once it runs. */
  stopLimitMs?: number
  /** The same while it starts. */
  startLimitMs?: number
}

/** Children get TERM and, 10 s later, KILL (T8): stopping may take that long twice, and not for ever. */
const STOP_LIMIT_MS = 40_000

/** A daemon that is told to stop while it starts has little to put in order. */
const START_LIMIT_MS = 5_000

const FATAL_STATUS = 1

/** What a shell reports of a process that a signal ended. */
const STATUS_OF_SIGNAL = { SIGTERM: 143, SIGINT: 130 } as const

type StopSignal = keyof typeof STATUS_OF_SIGNAL

/**
 * Starts a daemon and waits for its end. The first TERM or INT stops it, also when it comes while the daemon still
 * starts; the second, or a stop that takes too long, ends the process at once.
 *
 * @returns the exit status
 * @throws whatever `start` throws
 */
export async function supervise(
  start: () => Promise<RunningDaemon>,
  options: SuperviseOptions,
): Promise<number> {
  let running: RunningDaemon | null = null
  let stoppedBy = null as StopSignal | null
  let limit: NodeJS.Timeout | null = null

  const endWithin = (limitMs: number, signal: StopSignal): void => {
    if (limit !== null) clearTimeout(limit)
    limit = setTimeout(() => {
      options.complain('stopping took too long')
      options.exit(STATUS_OF_SIGNAL[signal])
    }, limitMs)
  }
  const stopNow = (daemon: RunningDaemon, signal: StopSignal): void => {
    endWithin(options.stopLimitMs ?? STOP_LIMIT_MS, signal)
    daemon.stop().catch((error: unknown) => {
      options.complain(`stopping failed: ${String(error)}`)
      options.exit(FATAL_STATUS)
    })
  }
  const onSignal = (signal: StopSignal): void => {
    if (stoppedBy !== null) {
      options.exit(STATUS_OF_SIGNAL[signal])
      return
    }
    stoppedBy = signal
    if (running === null) endWithin(options.startLimitMs ?? START_LIMIT_MS, signal)
    else stopNow(running, signal)
  }

  options.signals.on('SIGTERM', onSignal)
  options.signals.on('SIGINT', onSignal)
  try {
    const daemon = await start()
    running = daemon
    if (stoppedBy !== null) stopNow(daemon, stoppedBy)
    return await daemon.stopped
  } finally {
    if (limit !== null) clearTimeout(limit)
    options.signals.off('SIGTERM', onSignal)
    options.signals.off('SIGINT', onSignal)
  }
}
