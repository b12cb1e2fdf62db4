/** Sums over a view that the JSON and the pages share. Pure. */
import { WorkerState, type ApplicationViewT, type ClusterViewT } from '../schema/magneto.js'
import type { WorkerViewT } from '../schema/magneto.js'

export interface ClusterTotals {
  readonly alive: readonly WorkerViewT[]
  readonly cores: number
  readonly coresUsed: number
  readonly memoryMb: number
  readonly memoryUsedMb: number
}

/** Only ALIVE workers count (spec J8). */
export function clusterTotals(view: ClusterViewT): ClusterTotals {
  const alive = view.workers.filter(({ state }) => state === WorkerState.ALIVE)
  const sum = (of: (worker: WorkerViewT) => number) =>
    alive.reduce((total, worker) => total + of(worker), 0)
  return {
    alive,
    cores: sum(({ cores }) => cores),
    coresUsed: sum(({ coresUsed }) => coresUsed),
    memoryMb: sum(({ memoryMb }) => memoryMb),
    memoryUsedMb: sum(({ memoryUsedMb }) => memoryUsedMb),
  }
}

/** Spark counts from the registration, also while the application still waits. */
export function applicationDurationMs(application: ApplicationViewT, nowMs: number): number {
  const end = application.endedMs === 0n ? nowMs : Number(application.endedMs)
  return Math.max(0, end - Number(application.submittedMs))
}
