/**
 * Executors that Apache Workers were told to launch and have said nothing about yet. A worker that can't read
 * the application (its class numbers differ) drops the message in silence, and the executor would stay
 * LAUNCHING for ever (WIRE 5).
 */
export interface LaunchedExecutor {
  readonly appId: string
  readonly executorId: number
}

/** Workers say RUNNING as soon as the process is started, which takes them a second. */
export const MAX_LAUNCH_SILENCE_MS = 60_000

interface Launched extends LaunchedExecutor {
  readonly dueMs: number
}

export class LaunchWatch {
  /** In the order of their due times, as all may be silent for the same time. */
  readonly #launched = new Map<string, Launched>()
  readonly #onSilent: (executor: LaunchedExecutor) => void
  #timer: NodeJS.Timeout | null = null

  constructor(onSilent: (executor: LaunchedExecutor) => void) {
    this.#onSilent = onSilent
  }

  launched({ appId, executorId }: LaunchedExecutor): void {
    const dueMs = performance.now() + MAX_LAUNCH_SILENCE_MS
    this.#launched.set(keyOf(appId, executorId), { appId, executorId, dueMs })
    this.#arm()
  }

  /** It was heard of, or is of no interest any more. */
  forget(appId: string, executorId: number): void {
    this.#launched.delete(keyOf(appId, executorId))
  }

  forgetApplication(appId: string): void {
    for (const [key, executor] of this.#launched)
      if (executor.appId === appId) this.#launched.delete(key)
  }

  forgetAll(): void {
    this.#launched.clear()
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }

  #arm(): void {
    const [first] = this.#launched.values()
    if (this.#timer !== null || first === undefined) return
    this.#timer = setTimeout(() => this.#expire(), Math.max(0, first.dueMs - performance.now()))
    this.#timer.unref()
  }

  #expire(): void {
    this.#timer = null
    const nowMs = performance.now()
    for (const [key, executor] of this.#launched) {
      // Timers may fire a little early.
      if (executor.dueMs > nowMs + 1) break
      this.#launched.delete(key)
      this.#onSilent(executor)
    }
    this.#arm()
  }
}

function keyOf(appId: string, executorId: number): string {
  return `${appId}/${executorId}`
}
