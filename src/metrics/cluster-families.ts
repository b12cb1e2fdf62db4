/** The cluster as a view shows it, in sums: nothing here grows with its size but numbers. Pure. */
import {
  ApplicationState,
  DriverState,
  ExecutorState,
  WorkerState,
  type ClusterViewT,
  type WorkerViewT,
} from '../schema/magneto.js'
import { labels, type Family, type Sample, type Sampled } from './family.js'
import { WAIT_REASONS, waitReason } from './wait-reason.js'
import { applicationWaits } from './wait-times.js'

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

/** One sample for each value, also for those that nothing has: a series that comes and goes can't be summed. */
function counted(label: string, values: readonly string[], found: Iterable<string>): Sample[] {
  const counts = new Map(values.map((value) => [value, 0]))
  for (const value of found) counts.set(value, (counts.get(value) ?? 0) + 1)
  return [...counts].map(([value, count]) => [labels({ [label]: value }), count])
}

function namesOf(states: object): string[] {
  return Object.keys(states).filter((name) => Number.isNaN(Number(name)))
}

export function clusterFamilies(view: ClusterViewT): Sampled[] {
  return [...workerFamilies(view), ...requestFamilies(view)]
}

function workerFamilies({ workers, nowMs }: ClusterViewT): Sampled[] {
  const alive = workers.filter(({ state }) => state === WorkerState.ALIVE)
  const sum = (of: (worker: WorkerViewT) => number): number =>
    alive.reduce((total, worker) => total + of(worker), 0)
  const states = workers.map(({ state }) => WorkerState[state])
  const oldestMs = alive.reduce(
    (oldest, { lastHeartbeatMs }) => Math.max(oldest, Number(nowMs - lastHeartbeatMs)),
    0,
  )
  return [
    gauge(
      'magneto_workers',
      'Workers that the master knows, by state.',
      counted('state', namesOf(WorkerState), states),
    ),
    gauge(
      'magneto_unhealthy_workers',
      'Alive workers that say that they are unhealthy, and get nothing new.',
      alive.filter(({ healthReport }) => healthReport !== null).length,
    ),
    gauge(
      'magneto_oldest_heartbeat_seconds',
      'How long ago the alive worker that has been silent longest was heard of.',
      oldestMs / MS_PER_S,
      'seconds',
    ),
    gauge(
      'magneto_cores',
      'Cores of alive workers.',
      sum(({ cores }) => cores),
    ),
    gauge(
      'magneto_cores_used',
      'Cores of alive workers that executors and drivers have.',
      sum(({ coresUsed }) => coresUsed),
    ),
    gauge(
      'magneto_memory_bytes',
      'Memory that alive workers offer.',
      sum(({ memoryMb }) => memoryMb) * BYTES_PER_MB,
      'bytes',
    ),
    gauge(
      'magneto_memory_used_bytes',
      'Memory of alive workers that executors and drivers have.',
      sum(({ memoryUsedMb }) => memoryUsedMb) * BYTES_PER_MB,
      'bytes',
    ),
  ]
}

function requestFamilies(view: ClusterViewT): Sampled[] {
  const { activeApplications: applications, activeDrivers: drivers } = view
  const waitingDrivers = drivers.filter(({ state }) => state === DriverState.SUBMITTED)
  const executors = applications.flatMap((one) =>
    one.executors.map(({ state }) => ExecutorState[state]),
  )
  const wanted = applications
    .flatMap(({ explanations }) => explanations)
    .reduce((total, explanation) => total + (explanation.wanted ?? 0), 0)
  const liveStates = ['LAUNCHING', 'RUNNING'].filter((name) => Object.hasOwn(ExecutorState, name))
  return [
    gauge(
      'magneto_applications',
      'Applications that have not ended, by state.',
      counted(
        'state',
        ['WAITING', 'RUNNING'],
        applications.map(({ state }) => ApplicationState[state]),
      ),
    ),
    gauge(
      'magneto_waiting_applications',
      'Applications that wait with nothing running, by what they wait for.',
      counted(
        'reason',
        WAIT_REASONS,
        applications.map(applicationWaits).filter((reason) => reason !== null),
      ),
    ),
    gauge(
      'magneto_executors',
      'Executors of applications that have not ended, by state.',
      counted('state', liveStates, executors),
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
      counted(
        'reason',
        WAIT_REASONS,
        waitingDrivers.map(({ explanation }) =>
          explanation === null ? 'placing' : waitReason(explanation),
        ),
      ),
    ),
  ]
}
