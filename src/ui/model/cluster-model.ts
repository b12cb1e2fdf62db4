/**
 * The cluster as the web thread knows it: rows that are kept current by what the core says has changed
 * (table Changes of schemas/view.fbs), the same as a whole view of the core would show. Pure.
 */
import { ByteBuffer } from 'flatbuffers'
import {
  Changes,
  ClusterViewT,
  ExecutorPlace,
  ExecutorViewT,
  type ApplicationViewT,
  type DriverViewT,
  type WorkerViewT,
} from '../../schema/magneto.js'
import { Table, type Order, type Row } from './table.js'
import { Totals } from './totals.js'

export interface WorkerRow extends Row {
  readonly worker: WorkerViewT
}

export interface ApplicationRow extends Row {
  readonly order: number
  readonly completed: boolean
  /** There is something to explain. */
  readonly waits: boolean
  /** How many it has now. */
  readonly executors: number
  /** Without executors; its explanations are those that were asked for last. */
  readonly application: ApplicationViewT
}

export interface ExecutorRow extends Row {
  /** The number of its row. */
  readonly application: number
  readonly place: ExecutorPlace
  readonly order: number
  readonly executor: ExecutorViewT
}

export interface DriverRow extends Row {
  readonly order: number
  readonly completed: boolean
  readonly waits: boolean
  /** Its explanation is the one that was asked for last. */
  readonly driver: DriverViewT
}

function textOrder(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}

export const workersById: Order<WorkerRow> = {
  key: 'id',
  compare: (a, b) => textOrder(String(a.worker.id), String(b.worker.id)) || a.number - b.number,
}

/** As they came, or ended. */
export const byOrder = {
  key: 'order',
  compare: (a: { order: number; number: number }, b: { order: number; number: number }) =>
    a.order - b.order || a.number - b.number,
}

/** At least one is there. */
export interface RowChange<R> {
  /** undefined: it came. */
  readonly before: R | undefined
  /** undefined: it went. */
  readonly now: R | undefined
}

/** Is told of each row that comes, is replaced or goes. */
export interface ModelObserver {
  /** Rows are about to change. @param anew all are about to be forgotten without a word, and to come again */
  begins(model: ClusterModel, anew: boolean): void
  worker(change: RowChange<WorkerRow>): void
  application(change: RowChange<ApplicationRow>): void
  executor(change: RowChange<ExecutorRow>): void
  driver(change: RowChange<DriverRow>): void
  /** They have. @param more there is more to be applied at once */
  ends(model: ClusterModel, more: boolean): void
}

export class ClusterModel {
  readonly workers = new Table<WorkerRow>()
  readonly activeApplications = new Table<ApplicationRow>()
  readonly completedApplications = new Table<ApplicationRow>()
  /** Of all applications, also those that have ended. */
  readonly executors = new Table<ExecutorRow>()
  readonly activeDrivers = new Table<DriverRow>()
  readonly completedDrivers = new Table<DriverRow>()
  #totals = new Totals()
  #cluster = new ClusterViewT()
  readonly #observer: ModelObserver | null
  readonly #applicationNumbers = new Map<string, number>()
  readonly #driverNumbers = new Map<string, number>()
  readonly #workerNumbers = new Map<string, number>()

  constructor(observer: ModelObserver | null = null) {
    this.#observer = observer
  }

  get totals(): Totals {
    return this.#totals
  }

  /** What is no list: its master, who leads, when it was so. */
  get cluster(): ClusterViewT {
    return this.#cluster
  }

  get nowMs(): number {
    return Number(this.#cluster.nowMs)
  }

  /** @param bytes a finished Changes @returns whether it began anew, and whether there is more to be taken at once */
  apply(bytes: Uint8Array): { readonly anew: boolean; readonly more: boolean } {
    const changes = Changes.getRootAsChanges(new ByteBuffer(bytes)).unpack()
    if (changes.cluster !== null) this.#cluster = changes.cluster
    this.#observer?.begins(this, changes.anew)
    if (changes.anew) this.#clear()
    for (const number of changes.removed) this.#remove(number)
    for (const { number, worker } of changes.workers)
      if (worker !== null) this.#putWorker({ number, worker, stale: false })
    for (const { number, lastHeartbeatMs } of changes.heartbeats) {
      const row = this.workers.get(number)
      if (row !== undefined) row.worker.lastHeartbeatMs = lastHeartbeatMs
    }
    for (const { application, order, ...row } of changes.applications)
      if (application !== null)
        this.#putApplication({ ...row, order: Number(order), application, stale: false })
    for (const { executor, ...row } of changes.executors)
      if (executor !== null) this.#putExecutor({ ...row, executor, stale: false })
    for (const { driver, order, ...row } of changes.drivers)
      if (driver !== null) this.#putDriver({ ...row, order: Number(order), driver, stale: false })
    this.#observer?.ends(this, changes.more)
    return changes
  }

  worker(id: string): WorkerRow | null {
    return this.workers.get(this.#workerNumbers.get(id) ?? -1) ?? null
  }

  application(id: string): ApplicationRow | null {
    return this.applicationOf(this.#applicationNumbers.get(id) ?? -1)
  }

  /** @param number of its row, as executors name it */
  applicationOf(number: number): ApplicationRow | null {
    return this.activeApplications.get(number) ?? this.completedApplications.get(number) ?? null
  }

  driver(id: string): DriverRow | null {
    const number = this.#driverNumbers.get(id) ?? -1
    return this.activeDrivers.get(number) ?? this.completedDrivers.get(number) ?? null
  }

  #clear(): void {
    for (const table of this.#tables()) table.clear()
    for (const numbers of [this.#applicationNumbers, this.#driverNumbers, this.#workerNumbers])
      numbers.clear()
    this.#totals = new Totals()
  }

  #tables() {
    return [
      this.workers,
      this.activeApplications,
      this.completedApplications,
      this.executors,
      this.activeDrivers,
      this.completedDrivers,
    ]
  }

  #putWorker(row: WorkerRow): void {
    const old = this.workers.put(row)
    if (old !== undefined) this.#totals.worker(old.worker, -1)
    this.#totals.worker(row.worker, 1)
    this.#workerNumbers.set(String(row.worker.id), row.number)
    this.#observer?.worker({ before: old, now: row })
  }

  #putApplication(row: ApplicationRow): void {
    // One that has ended is in the other table from then on.
    const old = this.#removeApplication(row.number)
    const table = row.completed ? this.completedApplications : this.activeApplications
    table.put(row)
    if (!row.completed) this.#totals.application(row.application, row.waits, 1)
    this.#applicationNumbers.set(String(row.application.id), row.number)
    this.#observer?.application({ before: old, now: row })
  }

  #putExecutor(row: ExecutorRow): void {
    const old = this.executors.put(row)
    if (old?.place === ExecutorPlace.LIVE) this.#totals.executor(old.executor, -1)
    if (row.place === ExecutorPlace.LIVE) this.#totals.executor(row.executor, 1)
    this.#observer?.executor({ before: old, now: row })
  }

  #putDriver(row: DriverRow): void {
    const old = this.#removeDriver(row.number)
    const table = row.completed ? this.completedDrivers : this.activeDrivers
    table.put(row)
    this.#totals.driver(row.driver, row, 1)
    this.#driverNumbers.set(String(row.driver.id), row.number)
    this.#observer?.driver({ before: old, now: row })
  }

  #remove(number: number): void {
    const worker = this.workers.remove(number)
    if (worker !== undefined) {
      this.#totals.worker(worker.worker, -1)
      forget(this.#workerNumbers, String(worker.worker.id), number)
      this.#observer?.worker({ before: worker, now: undefined })
      return
    }
    const executor = this.executors.remove(number)
    if (executor !== undefined) {
      if (executor.place === ExecutorPlace.LIVE) this.#totals.executor(executor.executor, -1)
      this.#observer?.executor({ before: executor, now: undefined })
      return
    }
    const application = this.#removeApplication(number)
    if (application !== undefined)
      return this.#observer?.application({ before: application, now: undefined })
    const driver = this.#removeDriver(number)
    if (driver !== undefined) this.#observer?.driver({ before: driver, now: undefined })
  }

  #removeApplication(number: number): ApplicationRow | undefined {
    const active = this.activeApplications.remove(number)
    if (active !== undefined) this.#totals.application(active.application, active.waits, -1)
    const old = active ?? this.completedApplications.remove(number)
    if (old !== undefined) forget(this.#applicationNumbers, String(old.application.id), number)
    return old
  }

  #removeDriver(number: number): DriverRow | undefined {
    const old = this.activeDrivers.remove(number) ?? this.completedDrivers.remove(number)
    if (old === undefined) return undefined
    this.#totals.driver(old.driver, old, -1)
    forget(this.#driverNumbers, String(old.driver.id), number)
    return old
  }
}

/** An id may be another row's by now. */
function forget(numbers: Map<string, number>, id: string, number: number): void {
  if (numbers.get(id) === number) numbers.delete(id)
}
