/** What is told of the cluster as a whole. Pure. */
import { ApplicationState, DriverState, MasterState, WorkerState } from '../../schema/magneto.js'
import type { ClusterModel } from '../model/cluster-model.js'
import {
  object,
  state,
  text,
  textOrNull,
  whole,
  wholeSchema,
  type Field,
  type Fields,
  type Schema,
} from './field.js'
import type { ClusterAnswer, Use } from './shapes.js'

/** What the model does not know. */
export interface Cluster {
  readonly model: ClusterModel
  readonly restUrl: string | null
  /** Of the main thread, last. */
  readonly answeredInMs: number
}

const useSchema: Schema = object({ total: wholeSchema, used: wholeSchema })

function counts<Name extends string>(
  description: string,
  of: Readonly<Record<Name, (model: ClusterModel) => number>>,
): Field<Cluster, Readonly<Record<Name, number>>> {
  const each = Object.entries<(model: ClusterModel) => number>(of)
  const properties = Object.fromEntries(each.map(([name]) => [name, wholeSchema]))
  return {
    schema: object(properties, description),
    of: ({ model }) =>
      Object.fromEntries(each.map(([name, count]) => [name, count(model)])) as Record<Name, number>,
  }
}

function resources({ model }: Cluster): Record<string, Use> {
  return Object.fromEntries(
    [...model.totals.resources].map(([name, { total, used }]) => [name, { total, used }]),
  )
}

export const clusterFields: Fields<Cluster, ClusterAnswer> = {
  url: text(
    'Of the master, as drivers and workers name it.',
    ({ model }) => model.cluster.masterUrl,
  ),
  restUrl: textOrNull('Where submissions are taken; null: nowhere.', ({ restUrl }) => restUrl),
  state: state(
    'STANDBY: another one leads, or none.',
    MasterState,
    ({ model }) => model.cluster.state,
  ),
  leaderUrl: textOrNull(
    'Of a standby: where the leader is, if it knows one.',
    ({ model }) => model.cluster.leaderUrl,
  ),
  nowMs: whole("By the master's clock, in ms since 1970.", ({ model }) => model.nowMs),
  workers: counts('By their states.', {
    total: ({ workers }) => workers.size,
    alive: ({ totals }) => totals.workersIn(WorkerState.ALIVE),
    dead: ({ totals }) => totals.workersIn(WorkerState.DEAD),
    decommissioned: ({ totals }) => totals.workersIn(WorkerState.DECOMMISSIONED),
    unknown: ({ totals }) => totals.workersIn(WorkerState.UNKNOWN),
  }),
  cores: counts('Of workers that are ALIVE.', {
    total: ({ totals }) => totals.cores,
    used: ({ totals }) => totals.coresUsed,
  }),
  memoryMb: counts('Of workers that are ALIVE, in MiB.', {
    total: ({ totals }) => totals.memoryMb,
    used: ({ totals }) => totals.memoryUsedMb,
  }),
  resources: {
    schema: {
      type: 'object',
      description: 'Of workers that are ALIVE, by name, such as gpu.',
      additionalProperties: useSchema,
    },
    of: resources,
  },
  applications: counts('Those that wait without an executor are active.', {
    active: ({ activeApplications }) => activeApplications.size,
    waiting: ({ totals }) => totals.applicationsIn(ApplicationState.WAITING),
    completed: ({ completedApplications }) => completedApplications.size,
  }),
  executors: whole('Of active applications.', ({ model }) => model.totals.executors),
  drivers: counts('Those that wait for a worker are active.', {
    active: ({ activeDrivers }) => activeDrivers.size,
    waiting: ({ totals }) => totals.driversIn(DriverState.SUBMITTED),
    completed: ({ completedDrivers }) => completedDrivers.size,
  }),
  mainThreadAnswerMs: {
    schema: {
      type: 'number',
      minimum: 0,
      description:
        'How long the thread that schedules took to answer the one that answers this, last.',
    },
    of: ({ answeredInMs }) => answeredInMs,
  },
}
