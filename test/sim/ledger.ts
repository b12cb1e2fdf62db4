/** Remembers what must never happen twice, and says so at once when it does. */
import type { BodyT } from '../../src/control/codec.js'
import {
  ApplicationRegisteredT,
  LaunchExecutorT,
  WorkerRegisteredT,
} from '../../src/schema/magneto.js'
import type { Store } from './store.js'
import type { HostFacts, Process } from './worker.js'

/** A property of the whole cluster is broken. */
export class Violation extends Error {
  override readonly name = 'Violation'
}

export class Ledger {
  readonly #launched = new Map<string, string>()
  readonly #ordered = new Set<string>()
  readonly #workerSessions = new Map<number, string>()
  readonly #applicationSessions = new Map<string, number>()

  /** Messages of the master, by type: a simulation in which little happens proves little. */
  readonly counts = new Map<string, number>()

  /** A promise may leave the master only when it is on disk (ARCHITECTURE.md, Durability). */
  sent(session: number, body: BodyT, store: Store): void {
    const type = body.constructor.name.replace(/T$/, '')
    this.counts.set(type, (this.counts.get(type) ?? 0) + 1)
    if (body instanceof ApplicationRegisteredT) {
      const id = String(body.appId)
      const before = this.#applicationSessions.get(id)
      if (before !== undefined && before !== session) {
        throw new Violation(`application id ${id} was given to sessions ${before} and ${session}`)
      }
      this.#applicationSessions.set(id, session)
      if (!store.hasHeld(`app_${id}`)) {
        throw new Violation(`${id} was told that it is registered before that was on disk`)
      }
    }
    if (body instanceof LaunchExecutorT) {
      const key = `${body.appId}/${body.executorId}`
      if (this.#ordered.has(key)) throw new Violation(`executor ${key} was ordered twice`)
      this.#ordered.add(key)
      if (!store.hasHeld(`app_${body.appId}`)) {
        throw new Violation(`executor ${key} was ordered before its application was on disk`)
      }
    }
    if (body instanceof WorkerRegisteredT) {
      const workerId = this.#workerSessions.get(session)
      if (workerId === undefined || !store.hasHeld(`worker_${workerId}`)) {
        throw new Violation(`${workerId} was told that it is registered before that was on disk`)
      }
    }
  }

  registering(session: number, workerId: string): void {
    this.#workerSessions.set(session, workerId)
  }

  launched(key: string, host: string): void {
    const before = this.#launched.get(key)
    if (before !== undefined) {
      throw new Violation(`executor ${key} was started on ${before} and again on ${host}`)
    }
    this.#launched.set(key, host)
  }

  /** What runs on a host and is not about to die may not take more than the host has. */
  mustFit(host: HostFacts, processes: Iterable<Process>): void {
    let cores = 0
    let memoryMb = 0
    for (const process of processes) {
      if (process.killed) continue
      cores += process.cores
      memoryMb += process.memoryMb
    }
    if (cores > host.cores || memoryMb > host.memoryMb) {
      throw new Violation(
        `${host.name} has ${host.cores} cores and ${host.memoryMb} MiB; its executors take ` +
          `${cores} cores and ${memoryMb} MiB`,
      )
    }
  }
}
