/** What the pool's threads run for a driver: one long task, from its folder to the end of its last attempt. */
import { stderrHeader } from '../command-line.js'
import type { GuardianLines } from '../guardian-lines.js'
import { prepareDriver, type PreparedDriver } from './driver-prepare.js'
import { superviseDriver } from './driver-supervision.js'
import type { DriverRequest, DriverResult } from './request.js'
import { explain, type TaskContext } from './task.js'
import { startProcess, type WatchedProcess } from './watched-process.js'

/** Prepares, starts, watches, starts again and ends one driver. Never rejects for what can go wrong with a driver. */
export async function runDriver(
  request: DriverRequest,
  context: TaskContext,
): Promise<DriverResult> {
  const { killed, tell, guardian } = context
  try {
    const prepared = await prepareDriver(request, {
      signal: killed,
      guardian,
      onStarted: (pid) => tell({ kind: 'fetching', pid }),
      onEnded: () => tell({ kind: 'ended' }),
    })
    const attempt = new Attempt(request, prepared, context)
    const exitStatus = await superviseDriver({
      supervise: prepared.supervise,
      signal: killed,
      run: () => attempt.run(killed),
      onRetry: (status, waitMs) => tell({ kind: 'retrying', exitStatus: status, waitMs }),
    })
    return exitStatus === null
      ? { kind: 'failed', message: 'Killed before it started' }
      : { kind: 'exited', exitStatus }
  } catch (error) {
    return { kind: 'failed', message: explain(error) }
  }
}

/** Runs the same command line again and again; its logs grow on (they are never rolled, W12). */
class Attempt {
  readonly #prepared: PreparedDriver
  readonly #settings: DriverRequest['settings']
  readonly #tell: TaskContext['tell']
  readonly #guardian: GuardianLines

  constructor(
    { settings }: DriverRequest,
    prepared: PreparedDriver,
    { tell, guardian }: Pick<TaskContext, 'tell' | 'guardian'>,
  ) {
    this.#prepared = prepared
    this.#settings = settings
    this.#tell = tell
    this.#guardian = guardian
  }

  /** @returns its exit status @throws Error when it can't be started */
  async run(killed: AbortSignal): Promise<number> {
    const child = await this.#start(killed)
    this.#tell({ kind: 'started', pid: child.pid, execMs: child.execMs })
    const kill = (): void => child.kill()
    killed.addEventListener('abort', kill)
    // The order may have come while the process was being started.
    if (killed.aborted) kill()
    const { exitStatus } = await child.ended
    killed.removeEventListener('abort', kill)
    this.#tell({ kind: 'ended' })
    return exitStatus
  }

  #start(cancel: AbortSignal): Promise<WatchedProcess> {
    const { plan, directory } = this.#prepared
    const { redactionPattern, killTimeoutMs } = this.#settings
    return startProcess(plan, {
      directory,
      header: stderrHeader(plan.command, redactionPattern, 'driver'),
      killTimeoutMs,
      rolling: null,
      append: true,
      guardian: this.#guardian,
      cancel,
    })
  }
}
