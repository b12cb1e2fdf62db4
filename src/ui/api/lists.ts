/** The lists that there are. Their search and their sorting are those of the pages. */
import {
  ApplicationState,
  DriverState,
  ExecutorPlace,
  ExecutorState,
  WorkerState,
} from '../../schema/magneto.js'
import { executorTable } from '../app-page.js'
import { runningDriverTable } from '../driver-tables.js'
import type { ApplicationRow, DriverRow, ExecutorRow, WorkerRow } from '../model/cluster-model.js'
import { runningTable } from '../page.js'
import { workerTable } from '../worker-table.js'
import { activeFilter, idFilter, stateFilter } from './filter.js'
import { applicationFields, driverFields, executorFields, workerFields } from './item-fields.js'
import type { List } from './list.js'
import type { ApplicationItem, DriverItem, ExecutorItem, WorkerItem } from './shapes.js'

export const workerList: List<WorkerRow, WorkerItem> = {
  name: 'workers',
  item: 'Worker',
  summary: 'Workers, by their ids; cores and memory sort by what is used',
  fields: workerFields,
  filters: [stateFilter(WorkerState, ({ worker }) => worker.state)],
  table: workerTable,
  tables: ({ workers }) => [workers],
}

export const applicationList: List<ApplicationRow, ApplicationItem> = {
  name: 'applications',
  item: 'Application',
  summary: 'Applications that have not ended, and the last ones that have; the newest come first',
  fields: applicationFields,
  filters: [
    stateFilter(ApplicationState, ({ application }) => application.state),
    activeFilter(({ completed }) => !completed),
  ],
  table: runningTable,
  tables: ({ activeApplications, completedApplications }) => [
    activeApplications,
    completedApplications,
  ],
}

/** What its page lists of one application, of all of them. */
const { columns, text } = executorTable(0, false)

export const executorList: List<ExecutorRow, ExecutorItem> = {
  name: 'executors',
  item: 'Executor',
  summary: 'Executors of all applications, by application and number; also the last that ended',
  fields: executorFields,
  filters: [
    stateFilter(ExecutorState, ({ executor }) => executor.state),
    activeFilter(({ place }) => place === ExecutorPlace.LIVE),
    idFilter(
      'application',
      ({ application }) => application,
      (model, id) => model.application(id)?.number ?? -1,
    ),
    idFilter(
      'worker',
      ({ executor }) => String(executor.workerId),
      (_model, id) => id,
    ),
  ],
  table: {
    id: 'all-executors',
    columns,
    text,
    order: {
      key: 'application',
      compare: (a, b) =>
        a.application - b.application || a.executor.id - b.executor.id || a.number - b.number,
    },
  },
  tables: ({ executors }) => [executors],
}

export const driverList: List<DriverRow, DriverItem> = {
  name: 'drivers',
  item: 'Driver',
  summary: 'Drivers that have not ended, and the last ones that have; the newest come first',
  fields: driverFields,
  filters: [
    stateFilter(DriverState, ({ driver }) => driver.state),
    activeFilter(({ completed }) => !completed),
  ],
  table: runningDriverTable,
  tables: ({ activeDrivers, completedDrivers }) => [activeDrivers, completedDrivers],
}
