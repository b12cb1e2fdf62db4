/** Spark's sources with exactly Spark's names and values (Z1 to Z3). Sources of a JVM are left out. Pure. */
import {
  ApplicationState,
  WorkerState,
  type ApplicationViewT,
  type ClusterViewT,
} from '../schema/magneto.js'

export interface Gauge {
  readonly name: string
  readonly value: number | string
}

/** In the order of Spark's registries. */
function sorted(gauges: readonly Gauge[]): Gauge[] {
  return gauges.toSorted((left, right) => (left.name < right.name ? -1 : 1))
}

/** Z1: `workers` are also those that are dead and not forgotten yet. */
export function masterGauges({ workers, activeApplications }: ClusterViewT): Gauge[] {
  const waiting = activeApplications.filter(({ state }) => state === ApplicationState.WAITING)
  const alive = workers.filter(({ state }) => state === WorkerState.ALIVE)
  return sorted([
    { name: 'master.workers', value: workers.length },
    { name: 'master.aliveWorkers', value: alive.length },
    { name: 'master.apps', value: activeApplications.length },
    { name: 'master.waitingApps', value: waiting.length },
  ])
}

/** Z2: applications that run, wait, or have ended and are not forgotten yet (spark.deploy.retainedApplications). */
export function applicationGauges(view: ClusterViewT): Gauge[] {
  const nowMs = Number(view.nowMs)
  const all = [...view.activeApplications, ...view.completedApplications]
  return sorted(all.flatMap((one) => gaugesOf(one, nowMs)))
}

function gaugesOf(application: ApplicationViewT, nowMs: number): Gauge[] {
  const submittedMs = Number(application.submittedMs)
  const source = `application.${String(application.name)}.${submittedMs}`
  const endMs = application.endedMs === 0n ? nowMs : Number(application.endedMs)
  return [
    { name: `${source}.status`, value: ApplicationState[application.state] },
    { name: `${source}.runtime_ms`, value: Math.max(0, endMs - submittedMs) },
    { name: `${source}.cores`, value: application.coresGranted },
  ]
}

/** What a worker has, and what of it is taken. */
export interface WorkerLoad {
  readonly executors: number
  readonly cores: number
  readonly coresUsed: number
  readonly memoryMb: number
  readonly memoryUsedMb: number
}

/** Z3 */
export function workerGauges(load: WorkerLoad): Gauge[] {
  return sorted([
    { name: 'worker.executors', value: load.executors },
    { name: 'worker.coresUsed', value: load.coresUsed },
    { name: 'worker.memUsed_MB', value: load.memoryUsedMb },
    { name: 'worker.coresFree', value: load.cores - load.coresUsed },
    { name: 'worker.memFree_MB', value: load.memoryMb - load.memoryUsedMb },
  ])
}
