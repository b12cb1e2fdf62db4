/**
 * What this worker hosts and has hosted, for its pages (U21 to U23, J5, J6). It is told what happens and decides nothing:
 * the machine (state.ts) knows what it must, this knows what people want to see.
 */
import { ByteBuffer } from 'flatbuffers'

import { redactCommand, redactorOf } from '../conf/redaction.js'
import {
  ApplicationDescription,
  DriverDescription,
  JvmCommandT,
  type LaunchDriverT,
  type LaunchExecutorT,
  type NodeCommandT,
  type PropertyT,
  type ResourceAmountT,
  type ResourceT,
} from '../schema/magneto.js'
import type { DriverResult, ExecutorResult } from './launcher/request.js'

export interface HostedResource {
  name: string
  addresses: string[]
}

/** Of an application, as its driver described it; nothing secret is in its command. */
export interface HostedApplication {
  name: string
  user: string
  /** Of its driver; empty: it has none. */
  uiUrl: string
  /** 0: unlimited. */
  coresMax: number
  memoryPerExecutorMb: number
  resourcesPerExecutor: { name: string; amount: number }[]
  /** As Spark prints a Command. */
  command: string
}

export type HostedExecutorState = 'LAUNCHING' | 'RUNNING' | 'KILLED' | 'FAILED' | 'EXITED'

export interface HostedExecutor {
  appId: string
  executorId: number
  state: HostedExecutorState
  cores: number
  memoryMb: number
  resources: HostedResource[]
  application: HostedApplication
}

export interface HostedDriver {
  driverId: string
  state: 'RUNNING' | 'FINISHED' | 'KILLED' | 'FAILED' | 'ERROR'
  mainClass: string
  cores: number
  memoryMb: number
  resources: HostedResource[]
  /** Why it never ran, or empty. */
  notes: string
}

/** Each list in the order in which its rows came. */
export interface HostedLists {
  executors: HostedExecutor[]
  drivers: HostedDriver[]
  finishedExecutors: HostedExecutor[]
  finishedDrivers: HostedDriver[]
}

export interface HostedWorkOptions {
  /** spark.worker.ui.retainedExecutors (P37). */
  retainedExecutors: number
  /** spark.worker.ui.retainedDrivers (P37). */
  retainedDrivers: number
  redactionPattern: RegExp
}

/** Read when somebody looks, which is seldom; kept as bytes until then. */
class Described<Facts> {
  #bytes: Uint8Array
  readonly #read: (bytes: Uint8Array) => Facts
  #facts: Facts | null = null

  constructor(bytes: Uint8Array, read: (bytes: Uint8Array) => Facts) {
    // A copy: it is part of a message that may hold much else.
    this.#bytes = bytes.slice()
    this.#read = read
  }

  get facts(): Facts {
    if (this.#facts === null) {
      this.#facts = this.#read(this.#bytes)
      this.#bytes = new Uint8Array()
    }
    return this.#facts
  }
}

/** What can't be read could not be launched either, and is shown without its description. */
function readable<Facts>(read: () => Facts, blank: Facts): Facts {
  try {
    return read()
  } catch {
    return blank
  }
}

interface Executor extends Omit<HostedExecutor, 'application'> {
  readonly application: Described<HostedApplication>
}

type DriverFacts = Pick<HostedDriver, 'mainClass' | 'cores' | 'memoryMb'>

interface Driver extends Omit<HostedDriver, keyof DriverFacts> {
  readonly described: Described<DriverFacts>
}

export class HostedWork {
  readonly #options: HostedWorkOptions
  readonly #executors = new Map<string, Executor>()
  readonly #drivers = new Map<string, Driver>()
  readonly #finishedExecutors: Executor[] = []
  readonly #finishedDrivers: Driver[] = []
  /** Keys of what is asked to end, and what ends from now on was killed. */
  readonly #killing = new Set<string>()

  constructor(options: HostedWorkOptions) {
    this.#options = options
  }

  executorLaunched(order: LaunchExecutorT): void {
    const { executorId, cores, memoryMb } = order
    const appId = String(order.appId)
    this.#executors.set(keyOf(appId, executorId), {
      appId,
      executorId,
      state: 'LAUNCHING',
      cores,
      memoryMb,
      resources: resourcesOf(order.resources),
      application: this.#applicationOf(appId, order.application),
    })
  }

  executorStarted(appId: string, executorId: number): void {
    const executor = this.#executors.get(keyOf(appId, executorId))
    if (executor !== undefined) executor.state = 'RUNNING'
  }

  executorKilled(appId: string, executorId: number): void {
    const key = keyOf(appId, executorId)
    if (this.#executors.has(key)) this.#killing.add(key)
  }

  executorEnded(appId: string, executorId: number, { kind }: ExecutorResult): void {
    const key = keyOf(appId, executorId)
    const executor = this.#executors.get(key)
    if (executor === undefined) return
    this.#executors.delete(key)
    if (this.#killing.delete(key)) executor.state = 'KILLED'
    else executor.state = kind === 'failed' ? 'FAILED' : 'EXITED'
    retain(this.#finishedExecutors, executor, this.#options.retainedExecutors)
  }

  driverLaunched(order: LaunchDriverT): void {
    const driverId = String(order.driverId)
    this.#drivers.set(driverId, {
      driverId,
      state: 'RUNNING',
      notes: '',
      resources: resourcesOf(order.resources),
      described: new Described(order.description, driverFacts),
    })
  }

  driverKilled(driverId: string): void {
    if (this.#drivers.has(driverId)) this.#killing.add(driverId)
  }

  driverEnded(driverId: string, result: DriverResult): void {
    const driver = this.#drivers.get(driverId)
    if (driver === undefined) return
    this.#drivers.delete(driverId)
    driver.state = driverEnd(this.#killing.delete(driverId), result)
    if (driver.state === 'ERROR' && result.kind === 'failed') driver.notes = result.message
    retain(this.#finishedDrivers, driver, this.#options.retainedDrivers)
  }

  /** Plain data, to be copied to another thread. */
  lists(): HostedLists {
    return {
      executors: [...this.#executors.values()].map(shownExecutor),
      drivers: [...this.#drivers.values()].map(shownDriver),
      finishedExecutors: this.#finishedExecutors.map(shownExecutor),
      finishedDrivers: this.#finishedDrivers.map(shownDriver),
    }
  }

  /** Executors of one application share one description. */
  #applicationOf(appId: string, bytes: Uint8Array): Described<HostedApplication> {
    for (const executor of this.#executors.values())
      if (executor.appId === appId) return executor.application
    const ended = this.#finishedExecutors.findLast((executor) => executor.appId === appId)
    const pattern = this.#options.redactionPattern
    return ended?.application ?? new Described(bytes, (read) => applicationFacts(read, pattern))
  }
}

function keyOf(appId: string, executorId: number): string {
  return `${appId}/${executorId}`
}

/** W17: when they are too many, the oldest tenth goes. */
function retain<Row>(rows: Row[], row: Row, most: number): void {
  rows.push(row)
  if (rows.length > most) rows.splice(0, Math.max(Math.floor(rows.length / 10), 1))
}

function shownExecutor({ application, ...row }: Executor): HostedExecutor {
  return { ...row, application: application.facts }
}

function shownDriver({ described, ...row }: Driver): HostedDriver {
  return { ...row, ...described.facts }
}

/** As the machine reports it to the master (W14). */
function driverEnd(killing: boolean, result: DriverResult): HostedDriver['state'] {
  if (result.kind === 'exited' && result.exitStatus === 0) return 'FINISHED'
  if (killing) return 'KILLED'
  return result.kind === 'failed' ? 'ERROR' : 'FAILED'
}

function resourcesOf(resources: readonly ResourceT[]): HostedResource[] {
  return resources.map(({ name, addresses }) => ({ name: String(name), addresses: [...addresses] }))
}

function amountsOf(amounts: readonly ResourceAmountT[]): { name: string; amount: number }[] {
  return amounts.map(({ name, amount }) => ({ name: String(name), amount }))
}

const noApplication: HostedApplication = {
  name: '',
  user: '',
  uiUrl: '',
  coresMax: 0,
  memoryPerExecutorMb: 0,
  resourcesPerExecutor: [],
  command: '',
}

function applicationFacts(bytes: Uint8Array, pattern: RegExp): HostedApplication {
  return readable(() => {
    const buffer = new ByteBuffer(bytes)
    const found = ApplicationDescription.getRootAsApplicationDescription(buffer).unpack()
    return {
      name: found.name ?? '',
      user: found.user ?? '',
      uiUrl: found.uiUrl ?? '',
      coresMax: found.maxCores ?? 0,
      memoryPerExecutorMb: found.defaultProfile?.memoryMb ?? 0,
      resourcesPerExecutor: amountsOf(found.defaultProfile?.resources ?? []),
      command: commandText(found.command, pattern),
    }
  }, noApplication)
}

/** U23: the class of a driver is the third argument of its command; of a Node driver, its script. */
function driverFacts(bytes: Uint8Array): DriverFacts {
  return readable(
    () => {
      const buffer = new ByteBuffer(bytes)
      const found = DriverDescription.getRootAsDriverDescription(buffer).unpack()
      const mainClass = found.nodeCommand === null ? found.command?.args[2] : found.jarUrl
      return { mainClass: mainClass ?? '', cores: found.cores, memoryMb: found.memoryMb }
    },
    { mainClass: '', cores: 0, memoryMb: 0 },
  )
}

/** J6: what Scala makes of a Command, in which 4.3 hides what looks secret (V5). */
function commandText(command: JvmCommandT | NodeCommandT | null, pattern: RegExp): string {
  if (command === null) return ''
  const jvm = command instanceof JvmCommandT
  const mainClass = jvm ? command.mainClass : command.modulePath
  const parts = [
    String(mainClass),
    listText(command.args),
    `Map(${environmentText(command.environment, pattern)})`,
    listText(jvm ? command.classPath : []),
    listText(jvm ? command.libraryPath : []),
    // Of another kind in Scala since they are redacted there.
    `ArraySeq(${redactCommand(jvm ? command.javaOptions : command.nodeOptions, pattern).join(', ')})`,
  ]
  return `Command(${parts.join(',')})`
}

function listText(items: readonly string[]): string {
  return `List(${items.join(', ')})`
}

function environmentText(environment: readonly PropertyT[], pattern: RegExp): string {
  const shown = redactorOf(pattern)
  return environment
    .map(({ key, value }) => `${key} -> ${shown(String(key), String(value))}`)
    .join(', ')
}
