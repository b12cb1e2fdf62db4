/** What the master has to hear of executors and drivers, kept until it says that it has (M11, M12). */
import * as schema from '../schema/magneto.js'
import { assert, type ExecutorFacts } from './executor-table.js'

export type Report = schema.ExecutorStateChangedT | schema.DriverStateChangedT

const MAX_REQUEST_ID = 0xffff_ffff
/** A master that never confirms ends of drivers has heard the older ones all the same. */
export const MAX_UNCONFIRMED_DRIVERS = 2048

/** An executor whose end the master has not confirmed. */
export interface EndedExecutor {
  readonly executor: ExecutorFacts
  readonly state: schema.ExecutorState
}

export class Reports {
  /** Oldest first; at most two an executor, and one a driver. */
  readonly #unconfirmed = new Map<number, Report>()
  /** Of those, the ends of executors, by the id of the report. */
  readonly #ended = new Map<number, EndedExecutor>()
  readonly #drivers = new Map<string, number>()
  #nextId = 1

  get size(): number {
    return this.#unconfirmed.size
  }

  values(): Report[] {
    return [...this.#unconfirmed.values()]
  }

  /** Drivers that have ended without the master's confirming it. */
  driverIds(): string[] {
    return [...this.#drivers.keys()]
  }

  endedExecutors(): EndedExecutor[] {
    return [...this.#ended.values()]
  }

  /** @param ended the executor, where the report is of its end */
  addExecutor(report: schema.ExecutorStateChangedT, ended: ExecutorFacts | null): void {
    const { requestId, state } = this.add(report)
    if (ended !== null) this.#ended.set(requestId, { executor: ended, state })
  }

  /** @param report gets its request id here */
  add<T extends Report>(report: T): T {
    const id = this.#nextId
    this.#nextId = id === MAX_REQUEST_ID ? 1 : id + 1
    report.requestId = id
    this.#unconfirmed.set(id, report)
    if (report instanceof schema.DriverStateChangedT) this.#addDriver(String(report.driverId), id)
    return report
  }

  /** @returns the report, or null when none of that id is waiting */
  confirm(requestId: number): Report | null {
    const report = this.#unconfirmed.get(requestId)
    if (report === undefined) return null
    this.#unconfirmed.delete(requestId)
    this.#ended.delete(requestId)
    if (report instanceof schema.DriverStateChangedT) this.#drivers.delete(String(report.driverId))
    return report
  }

  /** @throws Error naming the first broken invariant */
  check(): void {
    assert(this.#drivers.size <= MAX_UNCONFIRMED_DRIVERS, 'too many unconfirmed ends of drivers')
    for (const [driverId, id] of this.#drivers) {
      assert(this.#unconfirmed.has(id), `the end of ${driverId} is lost`)
    }
    for (const [id, { executor }] of this.#ended) {
      const name = `${executor.appId}/${executor.executorId}`
      assert(this.#unconfirmed.has(id), `the end of ${name} is confirmed, and still told`)
    }
  }

  #addDriver(driverId: string, id: number): void {
    const [oldest] = this.#drivers
    if (oldest !== undefined && this.#drivers.size >= MAX_UNCONFIRMED_DRIVERS) {
      this.#drivers.delete(oldest[0])
      this.#unconfirmed.delete(oldest[1])
    }
    this.#drivers.set(driverId, id)
  }
}
