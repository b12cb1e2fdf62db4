/** What the rows say, with the tables' own defaults: the one reading that both players share. */
import type { DriverStateName, ExecutorStateName } from '../../src/spark/messages.js'
import { DRIVER_STATES, EXECUTOR_STATES } from '../../src/spark/messages.js'
import { TableError, numberOption, rowText, wordOf } from './row.js'
import type { Row } from './row.js'

const DEFAULT_WORKER_CORES = 4
const DEFAULT_WORKER_MEMORY_MB = 4096
const DEFAULT_EXECUTOR_MEMORY_MB = 1024
const WORKER_PORT = 7000
const DRIVER_PORT = 9000

export interface WorkerAction {
  readonly id: string
  readonly host: string
  readonly port: number
  readonly cores: number
  readonly memoryMb: number
  readonly resources: readonly NamedAddresses[]
}

export interface NamedAddresses {
  readonly name: string
  readonly addresses: readonly string[]
}

/** null: unset. */
export interface Profile {
  readonly id: number
  readonly cores: number | null
  readonly memoryMb: number | null
  readonly gpus: number
}

export interface ApplicationAction {
  /** In the table. */
  readonly name: string
  /** For people. */
  readonly fullName: string
  readonly driverHost: string
  readonly driverPort: number
  readonly maxCores: number | null
  readonly limit: number | null
  readonly profile: Profile
}

export interface StateAction {
  readonly worker: string
  readonly app: string
  readonly executorId: number
  readonly state: ExecutorStateName
  readonly exitStatus: number | null
}

export interface ProfileTarget {
  readonly profile: Profile
  readonly total: number
}

export interface DriverAction {
  readonly name: string
  readonly cores: number
  readonly memoryMb: number
  readonly supervise: boolean
  readonly gpus: number
}

export function workerOf(row: Row): WorkerAction {
  const id = row.options.get('id') ?? wordOf(row, 0)
  const gpus = row.options.get('gpu')
  return {
    id,
    host: row.options.get('host') ?? `h-${id}`,
    port: WORKER_PORT,
    cores: numberOption(row, 'cores') ?? DEFAULT_WORKER_CORES,
    memoryMb: numberOption(row, 'mem') ?? DEFAULT_WORKER_MEMORY_MB,
    resources: gpus === undefined ? [] : [{ name: 'gpu', addresses: gpus.split(',') }],
  }
}

/** 0 is "unset" in the tables, as it is in the control protocol. */
function orUnset(value: number): number | null {
  return value === 0 ? null : value
}

export function applicationOf(row: Row): ApplicationAction {
  const name = wordOf(row, 0)
  const [host = '', port = ''] = (row.options.get('driver') ?? `d-${name}:${DRIVER_PORT}`).split(
    ':',
  )
  return {
    name,
    fullName: (row.options.get('name') ?? name).replaceAll('+', ' '),
    driverHost: host,
    driverPort: Number(port),
    maxCores: numberOption(row, 'max'),
    limit: numberOption(row, 'limit'),
    profile: {
      id: 0,
      cores: orUnset(numberOption(row, 'cores') ?? 0),
      memoryMb: numberOption(row, 'mem') ?? DEFAULT_EXECUTOR_MEMORY_MB,
      gpus: numberOption(row, 'gpu') ?? 0,
    },
  }
}

/** `a1/3`: executor 3 of application a1. */
export function executorOf(text: string): { readonly app: string; readonly executorId: number } {
  const [app, id] = text.split('/')
  const executorId = Number(id)
  if (app === undefined || !Number.isInteger(executorId))
    throw new TableError(`'${text}' is no APP/EXECUTOR`)
  return { app, executorId }
}

function stateName<Name extends string>(names: readonly Name[], row: Row): Name {
  const word = wordOf(row, 2)
  const found = names.find((name) => name === word)
  if (found === undefined) throw new TableError(`${rowText(row)}: no state ${word}`)
  return found
}

export function stateOf(row: Row): StateAction {
  return {
    worker: wordOf(row, 0),
    ...executorOf(wordOf(row, 1)),
    state: stateName(EXECUTOR_STATES, row),
    exitStatus: numberOption(row, 'exit'),
  }
}

export function driverStateOf(row: Row): DriverStateName {
  return stateName(DRIVER_STATES, row)
}

export function driverOf(row: Row): DriverAction {
  return {
    name: wordOf(row, 0),
    cores: numberOption(row, 'cores') ?? 1,
    memoryMb: numberOption(row, 'mem') ?? DEFAULT_EXECUTOR_MEMORY_MB,
    supervise: row.options.get('supervise') === 'true',
    gpus: numberOption(row, 'gpu') ?? 0,
  }
}

/** PROFILE=TOTAL, PROFILE=TOTAL:CORES:MEM or PROFILE=TOTAL:CORES:MEM:GPUS. */
export function targetsOf(row: Row): ProfileTarget[] {
  return [...row.options]
    .filter(([key]) => key !== 'from')
    .map(([id, value]) => {
      const [total, cores = 0, memoryMb = 0, gpus = 0] = value.split(':').map(Number)
      if (
        total === undefined ||
        ![Number(id), total, cores, memoryMb, gpus].every(Number.isInteger)
      )
        throw new TableError(`${rowText(row)}: ${id}=${value} is no PROFILE=TOTAL:CORES:MEM:GPUS`)
      return {
        profile: { id: Number(id), cores: orUnset(cores), memoryMb: orUnset(memoryMb), gpus },
        total,
      }
    })
}

/** Those whose sender is not the first word. */
const ASKED_BY: Record<string, string> = {
  submit: 'client',
  killdriver: 'client',
  killdrivers: 'client',
  status: 'client',
  clear: 'client',
  readyz: 'client',
  decommission: 'client',
  webkill: 'web',
}

/** Who sends the message of the row. */
export function senderOf(row: Row): string {
  return row.options.get('from') ?? ASKED_BY[row.verb] ?? wordOf(row, 0)
}

/** What a worker says that it has. */
export function latestStateOf(row: Row): {
  readonly worker: string
  readonly executors: readonly {
    readonly app: string
    readonly executorId: number
    readonly state: StateAction['state']
  }[]
  readonly drivers: readonly string[]
} {
  const [worker = '', ...known] = row.words
  return {
    worker,
    executors: known
      .filter((word) => word.includes('/'))
      .map((word) => {
        const [executor = '', named = 'LAUNCHING'] = word.split(':')
        const state = EXECUTOR_STATES.find((name) => name === named)
        if (state === undefined) throw new TableError(`'${named}' is no state of an executor`)
        const { app, executorId } = executorOf(executor)
        return { app, executorId, state }
      }),
    drivers: known.filter((word) => !word.includes('/')),
  }
}
