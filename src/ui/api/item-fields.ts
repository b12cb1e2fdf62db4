/** What is told of each worker, application, executor and driver. Pure. */
import {
  ApplicationState,
  DriverState,
  ExecutorPlace,
  ExecutorState,
  WorkerState,
  type WorkerViewT,
} from '../../schema/magneto.js'
import type { ApplicationRow, DriverRow, ExecutorRow, WorkerRow } from '../model/cluster-model.js'
import { applicationDurationMs, usedResources } from '../totals.js'
import {
  addresses,
  amounts,
  flag,
  object,
  state,
  text,
  textOrNull,
  texts,
  timeOrNull,
  whole,
  wholeOrNull,
  wholeSchema,
  type Field,
  type Fields,
  type Schema,
} from './field.js'
import type {
  ApplicationItem,
  ByName,
  DriverItem,
  ExecutorItem,
  WorkerItem,
  WorkerResource,
} from './shapes.js'

const addressesSchema: Schema = { type: 'array', items: { type: 'string' } }

function resourcesOf(worker: WorkerViewT): ByName<WorkerResource> {
  const used = usedResources(worker)
  return Object.fromEntries(
    worker.resources.map(({ name, addresses: all }, at) => {
      const taken = used[at]?.addresses ?? []
      const counts = { total: all.length, used: taken.length }
      return [String(name), { ...counts, addresses: [...all], usedAddresses: [...taken] }]
    }),
  )
}

const workerResources: Field<WorkerRow, ByName<WorkerResource>> = {
  schema: {
    type: 'object',
    description: 'By name, such as gpu: how many there are, and their addresses.',
    additionalProperties: object({
      total: wholeSchema,
      used: wholeSchema,
      addresses: addressesSchema,
      usedAddresses: addressesSchema,
    }),
  },
  of: ({ worker }) => resourcesOf(worker),
}

export const workerFields: Fields<WorkerRow, WorkerItem> = {
  id: text('As it named itself.', ({ worker }) => worker.id),
  host: text('Where it is reached.', ({ worker }) => worker.host),
  port: whole('Where it is reached.', ({ worker }) => worker.port),
  state: state('DEAD ones are kept for a while.', WorkerState, ({ worker }) => worker.state),
  cores: whole('That it has.', ({ worker }) => worker.cores),
  coresUsed: whole('By executors and drivers.', ({ worker }) => worker.coresUsed),
  memoryMb: whole('That it has, in MiB.', ({ worker }) => worker.memoryMb),
  memoryUsedMb: whole('By executors and drivers, in MiB.', ({ worker }) => worker.memoryUsedMb),
  resources: workerResources,
  webUiUrl: textOrNull('Of its own pages.', ({ worker }) => worker.webUiUrl),
  lastHeartbeatMs: whole('In ms since 1970.', ({ worker }) => worker.lastHeartbeatMs),
  unhealthyReason: textOrNull(
    'Why it says that it is unhealthy, and gets nothing new; null: it is healthy.',
    ({ worker }) => worker.healthReport,
  ),
  runtimes: texts('What it can run, such as spark-4.3 and node.', ({ worker }) => worker.runtimes),
  drivers: texts('Ids of those that run there.', ({ worker }) => worker.driverIds),
}

export const applicationFields: Fields<ApplicationRow, ApplicationItem> = {
  id: text('As the master gave it.', ({ application }) => application.id),
  name: text('As its driver named it.', ({ application }) => application.name),
  user: textOrNull('Who runs its driver.', ({ application }) => application.user),
  state: state(
    'WAITING: it has not had an executor yet.',
    ApplicationState,
    ({ application }) => application.state,
  ),
  active: flag('It has not ended.', ({ completed }) => !completed),
  waits: flag('It wants more than it has; explain says why.', ({ waits }) => waits),
  cores: whole('That it has now.', ({ application }) => application.coresGranted),
  coresMax: wholeOrNull('null: no limit.', ({ application }) => application.coresMax),
  memoryPerExecutorMb: whole(
    'In MiB, in its default resource profile.',
    ({ application }) => application.memoryPerExecutorMb,
  ),
  resourcesPerExecutor: amounts(
    'In its default resource profile.',
    ({ application }) => application.resourcesPerExecutor,
  ),
  executors: whole('How many it has now.', ({ executors }) => executors),
  executorLimit: wholeOrNull(
    'How many it asks for; null: as many as fit.',
    ({ application }) => application.executorLimit,
  ),
  runtime: textOrNull('What its executors run on.', ({ application }) => application.runtime),
  submittedMs: whole('In ms since 1970.', ({ application }) => application.submittedMs),
  startedMs: timeOrNull('In ms since 1970.', ({ application }) => application.startedMs),
  endedMs: timeOrNull(
    'In ms since 1970; null: it has not.',
    ({ application }) => application.endedMs,
  ),
  durationMs: {
    schema: { ...wholeSchema, description: 'Since it was submitted, until it ended or now.' },
    of: ({ application }, { nowMs }) => applicationDurationMs(application, nowMs),
  },
  uiUrl: textOrNull('Of its driver, while that runs.', ({ application }) => application.uiUrl),
}

export const executorFields: Fields<ExecutorRow, ExecutorItem> = {
  id: whole('Its number within the application.', ({ executor }) => executor.id),
  application: {
    schema: { type: 'string', description: 'Id; empty: it was forgotten a moment ago.' },
    of: ({ application }, { applicationOf }) => applicationOf(application)?.application.id ?? '',
  },
  worker: text('Id.', ({ executor }) => executor.workerId),
  state: state('As its worker said last.', ExecutorState, ({ executor }) => executor.state),
  active: flag('The application has it now.', ({ place }) => place === ExecutorPlace.LIVE),
  profileId: whole('Resource profile; 0: the default one.', ({ executor }) => executor.profileId),
  cores: whole('That it has.', ({ executor }) => executor.cores),
  memoryMb: whole('In MiB.', ({ executor }) => executor.memoryMb),
  resources: addresses('Addresses that it has, by name.', ({ executor }) => executor.resources),
}

export const driverFields: Fields<DriverRow, DriverItem> = {
  id: text('Its submission id.', ({ driver }) => driver.id),
  state: state('SUBMITTED: it has no worker yet.', DriverState, ({ driver }) => driver.state),
  active: flag('It has not ended.', ({ completed }) => !completed),
  waits: flag('No worker was found for it; explain says why.', ({ waits }) => waits),
  worker: textOrNull('Id of where it runs or ran.', ({ driver }) => driver.workerId),
  cores: whole('That it takes.', ({ driver }) => driver.cores),
  memoryMb: whole('In MiB.', ({ driver }) => driver.memoryMb),
  resources: addresses('Addresses that it has, by name.', ({ driver }) => driver.resources),
  resourcesAsked: amounts('That it takes.', ({ driver }) => driver.resourcesAsked),
  mainClass: textOrNull('Of the user.', ({ driver }) => driver.mainClass),
  supervise: flag('It is started again when it fails.', ({ driver }) => driver.supervise),
  submittedMs: whole('In ms since 1970.', ({ driver }) => driver.submittedMs),
  startedMs: timeOrNull('In ms since 1970; null: it waits.', ({ driver }) => driver.startedMs),
  endedMs: timeOrNull('In ms since 1970; null: it has not.', ({ driver }) => driver.endedMs),
  exception: textOrNull('How it failed.', ({ driver }) => driver.exception),
}
