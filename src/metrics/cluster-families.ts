/** The cluster in sums: nothing here grows with its size but numbers. Pure. */
import { ApplicationState, ExecutorState, WorkerState } from '../schema/magneto.js'
import type { ClusterFigures, Queued } from './cluster-figures.js'
import { labels, type Family, type Sample, type Sampled } from './family.js'
import { queuedReason, WAIT_REASONS } from './wait-reason.js'

const BYTES_PER_MB = 2 ** 20
const MS_PER_S = 1000

function gauge(
  name: string,
  help: string,
  samples: readonly Sample[] | number,
  unit?: Family['unit'],
): Sampled {
  const family: Family = { name, type: 'gauge', help, ...(unit === undefined ? {} : { unit }) }
  return { family, samples: typeof samples === 'number' ? [['', samples]] : samples }
}

/** One sample for each of the states, also for those in which nothing is: a series that comes and goes can't be summed. */
function byState(states: readonly string[], count: (name: string) => number): Sample[] {
  return states.map((state) => [labels({ state }), count(state)])
}

function byReason(queued: readonly Queued[]): Sample[] {
  const counts = new Map<string, number>(WAIT_REASONS.map((reason) => [reason, 0]))
  for (const one of queued) {
    const reason = queuedReason(one)
    if (reason !== null) counts.set(reason, (counts.get(reason) ?? 0) + 1)
  }
  return [...counts].map(([reason, count]) => [labels({ reason }), count])
}

function namesOf(states: object): string[] {
  return Object.keys(states).filter((name) => Number.isNaN(Number(name)))
}

export function clusterFamilies(figures: ClusterFigures): Sampled[] {
  return [...workerFamilies(figures), ...requestFamilies(figures)]
}

function workerFamilies({ workers, totals, nowMs }: ClusterFigures): Sampled[] {
  let oldestMs = 0
  for (const { state, lastHeartbeatMs } of workers)
    if (state === WorkerState.ALIVE) oldestMs = Math.max(oldestMs, nowMs - Number(lastHeartbeatMs))
  return [
    gauge(
      'magneto_workers',
      'Workers that the master knows, by state.',
      byState(namesOf(WorkerState), (name) =>
        totals.workersIn(WorkerState[name as keyof typeof WorkerState]),
      ),
    ),
    gauge(
      'magneto_unhealthy_workers',
      'Alive workers that say that they are unhealthy, and get nothing new.',
      totals.unhealthyWorkers,
    ),
    gauge(
      'magneto_oldest_heartbeat_seconds',
      'How long ago the alive worker that has been silent longest was heard of.',
      oldestMs / MS_PER_S,
      'seconds',
    ),
    gauge('magneto_cores', 'Cores of alive workers.', totals.cores),
    gauge(
      'magneto_cores_used',
      'Cores of alive workers that executors and drivers have.',
      totals.coresUsed,
    ),
    gauge(
      'magneto_memory_bytes',
      'Memory that alive workers offer.',
      totals.memoryMb * BYTES_PER_MB,
      'bytes',
    ),
    gauge(
      'magneto_memory_used_bytes',
      'Memory of alive workers that executors and drivers have.',
      totals.memoryUsedMb * BYTES_PER_MB,
      'bytes',
    ),
  ]
}

function requestFamilies({ totals, applications, drivers }: ClusterFigures): Sampled[] {
  const wanted = applications
    .flatMap(({ explanations }) => explanations ?? [])
    .reduce((total, explanation) => total + (explanation.wanted ?? 0), 0)
  const executorsIn = (name: string) =>
    totals.executorsIn(ExecutorState[name as keyof typeof ExecutorState])
  const always = new Set(['LAUNCHING', 'RUNNING'])
  return [
    gauge(
      'magneto_applications',
      'Applications that have not ended, by state.',
      byState(['WAITING', 'RUNNING'], (name) =>
        totals.applicationsIn(ApplicationState[name as keyof typeof ApplicationState]),
      ),
    ),
    gauge(
      'magneto_waiting_applications',
      'Applications that wait with nothing running, by what they wait for.',
      byReason(applications),
    ),
    gauge(
      'magneto_executors',
      'Executors of applications that have not ended, by state.',
      byState(
        namesOf(ExecutorState).filter((name) => always.has(name) || executorsIn(name) > 0),
        executorsIn,
      ),
    ),
    gauge(
      'magneto_executors_wanted',
      'Executors that applications have asked for by number and have not got.',
      wanted,
    ),
    gauge('magneto_drivers', 'Drivers that run or wait.', drivers.length),
    gauge(
      'magneto_waiting_drivers',
      'Drivers that wait for a worker, by what they wait for.',
      byReason(drivers),
    ),
  ]
}
