/** A driver's attempts, one after the other (T10, W14). */
import { setTimeout as delay } from 'node:timers/promises'

/** A run longer than this counts as a success: the back-off begins anew. */
const SUCCESSFUL_RUN_MS = 5000
const FIRST_WAIT_MS = 1000
/** What setTimeout can hold, 24 days; Spark doubles on. */
const MAX_WAIT_MS = 2 ** 31 - 1

export interface Supervision {
  /** Start it again after a failure. */
  supervise: boolean
  /** Aborted: it is killed, and no other attempt begins. */
  signal: AbortSignal
  /** One attempt. @returns its exit status @throws Error when it can't be started, which ends it all */
  run(): Promise<number>
  /** The wait before the next attempt. */
  onRetry(exitStatus: number, waitMs: number): void
  /** ms, monotonic. */
  now?: () => number
  sleep?: (ms: number, signal: AbortSignal) => Promise<void>
}

/** @returns the exit status of the last attempt; null when it was killed before the first */
export async function superviseDriver(options: Supervision): Promise<number | null> {
  const { supervise, signal, now = () => performance.now(), sleep = wait } = options
  let exitStatus: number | null = null
  for (let waitMs = FIRST_WAIT_MS; !signal.aborted; waitMs = Math.min(waitMs * 2, MAX_WAIT_MS)) {
    const startedMs = now()
    exitStatus = await options.run()
    if (!supervise || exitStatus === 0 || signal.aborted) break
    if (now() - startedMs > SUCCESSFUL_RUN_MS) waitMs = FIRST_WAIT_MS
    options.onRetry(exitStatus, waitMs)
    await sleep(waitMs, signal)
  }
  return exitStatus
}

async function wait(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => {
    // Killed: the loop sees it.
  })
}
