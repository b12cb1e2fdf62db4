/** Sums over a view that the JSON and the pages share. Pure. */
import {
  DriverState,
  ResourceT,
  WorkerState,
  type ApplicationViewT,
  type ClusterViewT,
  type DriverViewT,
  type WorkerViewT,
} from '../schema/magneto.js'

export interface ClusterTotals {
  readonly alive: readonly WorkerViewT[]
  readonly cores: number
  readonly coresUsed: number
  readonly memoryMb: number
  readonly memoryUsedMb: number
  /** How many units of each resource there are, by name. */
  readonly resources: ReadonlyMap<string, { readonly total: number; readonly used: number }>
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
    resources: resourceTotals(alive),
  }
}

function resourceTotals(workers: readonly WorkerViewT[]): ClusterTotals['resources'] {
  const totals = new Map<string, { total: number; used: number }>()
  for (const worker of workers) {
    const used = usedResources(worker)
    for (const [at, { name, addresses }] of worker.resources.entries()) {
      const before = totals.get(String(name)) ?? { total: 0, used: 0 }
      totals.set(String(name), {
        total: before.total + addresses.length,
        used: before.used + (used[at]?.addresses.length ?? 0),
      })
    }
  }
  return totals
}

/** Spark counts from the registration, also while the application still waits. */
export function applicationDurationMs(application: ApplicationViewT, nowMs: number): number {
  const end = application.endedMs === 0n ? nowMs : Number(application.endedMs)
  return Math.max(0, end - Number(application.submittedMs))
}

/** Those that no worker has been found for yet (spec U12). */
export function waitingDrivers(view: ClusterViewT): DriverViewT[] {
  return view.activeDrivers.filter(({ state }) => state === DriverState.SUBMITTED)
}

function takenAddresses(worker: WorkerViewT, name: ResourceT['name']): readonly string[] {
  return worker.resourcesUsed.find((used) => used.name === name)?.addresses ?? []
}

/** One entry for each resource that the worker has, also where nothing of it is used (spec J2). */
export function usedResources(worker: WorkerViewT): ResourceT[] {
  return worker.resources.map(({ name }) => new ResourceT(name, [...takenAddresses(worker, name)]))
}

export function freeResources(worker: WorkerViewT): ResourceT[] {
  return worker.resources.map(({ name, addresses }) => {
    const taken = new Set(takenAddresses(worker, name))
    return new ResourceT(
      name,
      addresses.filter((address) => !taken.has(address)),
    )
  })
}
