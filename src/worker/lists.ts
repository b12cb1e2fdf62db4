/** What a worker tells a master about all that it hosts (M7, M8). */
import * as schema from '../schema/magneto.js'
import type { DriverTable } from './driver-table.js'
import type { ExecutorTable } from './executor-table.js'
import type { Reports } from './reports.js'

export interface Hosted {
  readonly workerId: string
  readonly executors: ExecutorTable
  readonly drivers: DriverTable
  readonly reports: Reports
}

/** M7. It lists drivers also until their end is confirmed, or a master that misses one would start it again. */
export function latestState(hosted: Hosted): schema.WorkerLatestStateT {
  const executors = hosted.executors
    .values()
    .map((executor) => descriptionOf(executor, executor.state))
  const live = hosted.drivers.values().map(({ driverId }) => driverId)
  const driverIds = [...live, ...hosted.reports.driverIds()]
  return new schema.WorkerLatestStateT(hosted.workerId, executors, driverIds)
}

/**
 * M8: the answer to a new leader. It lists what runs, with the addresses of resources that it holds, and what has ended
 * without a leader's saying that it has heard so: that one would be missed, and reported as lost, before its report comes.
 * What is being killed counts as ended: its cores may have been given away by the leader before.
 */
export function schedulerState(hosted: Hosted): schema.WorkerSchedulerStateResponseT {
  const live = hosted.executors.values().map((executor) => ({
    executor,
    state: executor.killing ? schema.ExecutorState.KILLED : executor.state,
  }))
  const executors = [...live, ...hosted.reports.endedExecutors()].map(
    ({ executor, state }) =>
      new schema.WorkerExecutorStateResponseT(descriptionOf(executor, state), [
        ...executor.resources,
      ]),
  )
  const drivers = hosted.drivers
    .values()
    .map(({ driverId, resources }) => driverResponse(driverId, resources))
  const ended = hosted.reports.driverIds().map((driverId) => driverResponse(driverId, []))
  return new schema.WorkerSchedulerStateResponseT(hosted.workerId, executors, [
    ...drivers,
    ...ended,
  ])
}

interface Described {
  readonly appId: string
  readonly executorId: number
  readonly profileId: number
  readonly cores: number
  readonly memoryMb: number
}

function descriptionOf(
  { appId, executorId, profileId, cores, memoryMb }: Described,
  state: schema.ExecutorState,
): schema.ExecutorDescriptionT {
  return new schema.ExecutorDescriptionT(appId, executorId, profileId, cores, memoryMb, state)
}

function driverResponse(
  driverId: string,
  resources: readonly schema.ResourceT[],
): schema.WorkerDriverStateResponseT {
  return new schema.WorkerDriverStateResponseT(driverId, [...resources])
}
