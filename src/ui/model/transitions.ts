/** What of a change of a row is news, and how it is said. Pure. */
import {
  ApplicationState,
  DriverState,
  ExecutorPlace,
  ExecutorState,
  MasterState,
  WorkerState,
  type ApplicationViewT,
  type ClusterViewT,
  type DriverViewT,
  type WorkerViewT,
} from '../../schema/magneto.js'
import { singleLine } from '../../http/single-line.js'
import type { EventKind } from '../api/shapes.js'
import type {
  ApplicationRow,
  DriverRow,
  ExecutorRow,
  RowChange,
  WorkerRow,
} from './cluster-model.js'

/** A kind, and what its sentence says of its subject. */
export type Told = readonly [EventKind, string]

const quoteLengthMax = 200

/** Of a stranger's text what fits into a sentence. */
export function quoted(text: string): string {
  const line = singleLine(text)
  return line.length <= quoteLengthMax ? line : `${line.slice(0, quoteLengthMax)}…`
}

export const masterTold: Readonly<Record<MasterState, Told>> = {
  [MasterState.STANDBY]: ['master-standby', 'is a standby'],
  [MasterState.RECOVERING]: ['master-recovering', 'recovers what the leader before it left'],
  [MasterState.COMPLETING_RECOVERY]: ['master-recovering', 'completes its recovery'],
  [MasterState.ALIVE]: ['master-leading', 'leads'],
}

// UNKNOWN is what a new leader has read of and not heard from: no news, nor is it that it hears.
const workerTold: Readonly<Record<WorkerState, Told | null>> = {
  [WorkerState.ALIVE]: ['worker-registered', 'registered'],
  [WorkerState.DEAD]: ['worker-lost', 'is lost'],
  [WorkerState.DECOMMISSIONED]: ['worker-decommissioned', 'is decommissioned'],
  [WorkerState.UNKNOWN]: null,
}
const workerHealth = {
  ill: ['worker-unhealthy', 'is unhealthy'],
  well: ['worker-healthy', 'is healthy again'],
} as const satisfies Record<string, Told>

const applicationTold: Readonly<Record<ApplicationState, Told | null>> = {
  [ApplicationState.WAITING]: ['application-waiting', 'waits'],
  [ApplicationState.RUNNING]: ['application-running', 'runs'],
  [ApplicationState.FINISHED]: ['application-finished', 'has finished'],
  [ApplicationState.FAILED]: ['application-failed', 'has failed'],
  [ApplicationState.KILLED]: ['application-killed', 'was killed'],
  [ApplicationState.UNKNOWN]: null,
}
const applicationCame: Told = ['application-submitted', 'was submitted']
const applicationWent: Told = ['application-ended', 'has ended, and how is not known any more']

const driverTold: Readonly<Record<DriverState, Told | null>> = {
  [DriverState.SUBMITTED]: ['driver-submitted', 'was submitted'],
  [DriverState.RUNNING]: ['driver-running', 'runs'],
  [DriverState.RELAUNCHING]: ['driver-relaunching', 'is launched again'],
  [DriverState.FINISHED]: ['driver-finished', 'has finished'],
  [DriverState.FAILED]: ['driver-failed', 'has failed'],
  [DriverState.KILLED]: ['driver-killed', 'was killed'],
  [DriverState.ERROR]: ['driver-error', 'ended with an error'],
  [DriverState.UNKNOWN]: null,
}
const driverWent: Told = ['driver-ended', 'has ended, and how is not known any more']

/** Those that were killed were meant to be. */
const executorTold: Readonly<Partial<Record<ExecutorState, Told>>> = {
  [ExecutorState.FAILED]: ['executor-failed', 'failed'],
  [ExecutorState.LOST]: ['executor-lost', 'lost with the worker'],
  [ExecutorState.EXITED]: ['executor-exited', 'exited'],
}

const everything: readonly (Told | null)[] = [
  ...[masterTold, workerTold, workerHealth, applicationTold, driverTold, executorTold].flatMap(
    (table) => Object.values<Told | null>(table),
  ),
  applicationCame,
  applicationWent,
  driverWent,
]
export const eventKinds: readonly EventKind[] = [
  ...new Set(everything.flatMap((one) => one?.[0] ?? [])),
].sort()

function told(...news: readonly (Told | null)[]): Told[] {
  return news.filter((one) => one !== null)
}

export function workerNews({ before, now }: RowChange<WorkerRow>): Told[] {
  const was = before?.worker
  // One that was lost is forgotten some time later.
  if (now === undefined)
    return was?.state === WorkerState.DEAD ? [] : told(workerTold[WorkerState.DEAD])
  const { state, healthReport } = now.worker
  const heard = was?.state === WorkerState.UNKNOWN && state !== WorkerState.DEAD
  const ill = healthReport !== null
  const wasIll = (was?.healthReport ?? null) !== null
  return told(
    was?.state === state || heard ? null : workerTold[state],
    ill === wasIll ? null : workerHealth[ill ? 'ill' : 'well'],
  )
}

export function applicationNews({ before, now }: RowChange<ApplicationRow>): Told[] {
  if (now === undefined) return before?.completed === false ? [applicationWent] : []
  const { state } = now.application
  if (before === undefined)
    return told(applicationCame, state === ApplicationState.WAITING ? null : applicationTold[state])
  const was = before.application.state
  const heard = was === ApplicationState.UNKNOWN && !now.completed
  return told(was === state || heard ? null : applicationTold[state])
}

export function driverNews({ before, now }: RowChange<DriverRow>): Told[] {
  if (now === undefined) return before?.completed === false ? [driverWent] : []
  const { state } = now.driver
  if (before === undefined)
    return told(
      state === DriverState.SUBMITTED ? null : driverTold[DriverState.SUBMITTED],
      driverTold[state],
    )
  const was = before.driver.state
  const heard = was === DriverState.UNKNOWN && state === DriverState.RUNNING
  return told(was === state || heard ? null : driverTold[state])
}

/** Of one that ended before its application did. @returns null: none, or it was wanted */
export function executorNews({ before, now }: RowChange<ExecutorRow>): Told | null {
  if (now?.place !== ExecutorPlace.REMOVED || before?.place === ExecutorPlace.REMOVED) return null
  return executorTold[now.executor.state] ?? null
}

export function masterText({ masterUrl, state }: ClusterViewT): string {
  return `master ${masterUrl} ${masterTold[state][1]}`
}

export function workerText(worker: WorkerViewT, [kind, said]: Told): string {
  const { id, host, port, cores, memoryMb, healthReport } = worker
  const subject = `worker ${id} at ${quoted(String(host))}:${port} ${said}`
  if (kind === 'worker-registered') return `${subject}: ${cores} cores, ${memoryMb} MiB`
  if (kind === 'worker-unhealthy') return `${subject}: ${quoted(healthReport ?? '')}`
  return subject
}

export function applicationText(application: ApplicationViewT, [kind, said]: Told): string {
  const { id, name, user } = application
  const by = kind === 'application-submitted' && user !== null ? ` by ${quoted(user)}` : ''
  return `application ${id} (${quoted(String(name))}) ${said}${by}`
}

export function driverText(driver: DriverViewT, [kind, said]: Told): string {
  const { id, mainClass, workerId, exception } = driver
  const what = mainClass === null ? '' : ` (${quoted(mainClass)})`
  const where = kind === 'driver-running' && workerId !== null ? ` on ${workerId}` : ''
  const failed = kind === 'driver-failed' || kind === 'driver-error'
  const why = failed && exception !== null ? `: ${quoted(exception)}` : ''
  return `driver ${id}${what} ${said}${where}${why}`
}

export interface EndedExecutors {
  readonly told: Told
  /** Some of them. */
  readonly first: readonly ExecutorRow[]
  readonly count: number
}

export function executorsText(
  { id, name }: ApplicationViewT,
  { told: [, said], first, count }: EndedExecutors,
): string {
  const named = first.map(({ executor }) => `${executor.id} on ${executor.workerId}`)
  const others = count > first.length ? ` and ${count - first.length} more` : ''
  const what = count === 1 ? 'executor' : 'executors'
  return `${what} ${named.join(', ')}${others} of application ${id} (${quoted(String(name))}): ${said}`
}
