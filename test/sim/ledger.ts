/** Remembers what must never happen twice, too early or in the wrong place, and says so at once when it does. */
import { decodeApplication, decodeDriver, type BodyT } from '../../src/control/codec.js'
import type { Mandate } from '../../src/election/agent.js'
import { MAX_SLEW } from '../../src/master/clock.js'
import {
  ApplicationRegisteredT,
  DecommissionWorkerT,
  DriverStateChangedT,
  LaunchDriverT,
  LaunchExecutorT,
  RegisterWorkerT,
  ReplyT,
  RequestClearCompletedDriversAndAppsT,
  RequestKillAllDriversT,
  RequestSubmitDriverT,
  WorkerDecommissioningT,
  WorkerHealthT,
  WorkerHeartbeatT,
  WorkerRecordT,
  WorkerRegisteredT,
  WorkerRemovedT,
  WorkerSchedulerStateResponseT,
  type CoreConfigT,
} from '../../src/schema/magneto.js'
import type { StoreChange } from '../../src/store/engine.js'
import type { Demand } from './application.js'
import type { Clock } from './clock.js'
import type { Coverage } from './coverage.js'
import { ApplicationLedger } from './application-ledger.js'
import { valueOf } from './callers.js'
import { DriverLedger } from './driver-ledger.js'
import { addressesOf, taken, type HostFacts, type Process } from './process.js'
import type { Shelf } from './store.js'
import { Violation } from './violation.js'
import type { Kind } from './world.js'

export { Violation } from './violation.js'

interface KnownWorker {
  readonly workerId: string
  readonly runtimes: readonly string[]
}

export class Ledger {
  readonly drivers: DriverLedger
  readonly applications: ApplicationLedger
  /** By the name of the application. */
  readonly demands = new Map<string, Demand>()
  readonly #coverage: Coverage
  /** Submissions that are not answered yet, as "session request". */
  readonly #submits = new Set<string>()
  readonly #launched = new Map<string, string>()
  /** How often. */
  readonly #ordered = new Map<string, number>()
  /** Ids of applications that nobody has any more. */
  readonly #freed = new Set<string>()
  /** How many applications have had an id, where it was more than one. */
  readonly #uses = new Map<string, number>()
  /** Who said that it is a worker, by session. */
  readonly #workers = new Map<number, KnownWorker>()
  /** Over which session the master speaks to a worker, by the worker's id. */
  readonly #sessionOf = new Map<string, number>()
  /** Ids of workers that may be given nothing. */
  readonly #leaving = new Set<string>()
  /** Ids of workers that may be given nothing as long as they say so. */
  readonly #unhealthy = new Set<string>()
  readonly #cameBack = new Set<string>()
  /** Said so over which session since the last step. */
  readonly #saidSo = new Map<string, number>()
  /** Registrations since the last step, by session: whether the last one was of an unhealthy worker, and whether all were. */
  readonly #registering = new Map<number, { workerId: string; ill: boolean; always: boolean }>()
  /** What workers have said of their health since the last step, and over which session. */
  readonly #saidHealth = new Map<string, { session: number; healthy: boolean }>()
  /** Of the last leader: who led before it decides nothing that counts. */
  #epoch = 0
  /** When the master heard of a worker last, by its true clock and the worker's id. */
  readonly #heardMs = new Map<string, number>()
  readonly #clock: Clock
  readonly #timeoutMs: number

  constructor(coverage: Coverage, clock: Clock, config: CoreConfigT, kind: Kind) {
    this.#coverage = coverage
    this.#clock = clock
    this.#timeoutMs = config.workerTimeoutMs
    this.drivers = new DriverLedger(coverage, config, kind)
    this.applications = new ApplicationLedger(coverage, clock, config)
  }

  /** What the leader before knew of workers is gone with it, but for what is in their records. */
  leads(mandate: Mandate): void {
    // Who hears late that it has taken over may be a leader of the past by then.
    if (mandate.epoch < this.#epoch) return
    this.#epoch = mandate.epoch
    for (const known of [this.#sessionOf, this.#leaving, this.#unhealthy, this.#saidSo]) {
      known.clear()
    }
    for (const known of [this.#registering, this.#saidHealth, this.#heardMs]) known.clear()
    for (const { record } of mandate.records) {
      const value = valueOf(record)
      if (!(value instanceof WorkerRecordT) || value.registration === null) continue
      if (value.leaving) this.#leaving.add(String(value.registration.workerId))
    }
    this.applications.leads(mandate)
  }

  writes(record: Uint8Array, epoch: number | null): void {
    if ((epoch ?? 0) >= this.#epoch) this.applications.writes(record)
  }

  wrote(changes: readonly StoreChange[]): void {
    for (const { key, record } of changes) {
      this.applications.wrote(key, record)
      this.#usedAgain(key, record)
    }
  }

  gone(session: number, epoch: number | null): void {
    if (epoch !== null) this.applications.gone(session)
  }

  /** A message is about to enter the core. */
  received(session: number, body: BodyT): void {
    this.#coverage.entered(body)
    this.applications.received(session, body)
    if (body instanceof RequestClearCompletedDriversAndAppsT) this.drivers.clearing()
    if (body instanceof DriverStateChangedT) this.drivers.reported(body)
    if (body instanceof WorkerHeartbeatT) this.#heard(session, String(body.workerId))
    if (body instanceof RequestSubmitDriverT) this.#submits.add(`${session} ${body.requestId}`)
    if (body instanceof RequestKillAllDriversT) this.drivers.killingAll()
    if (body instanceof WorkerDecommissioningT) {
      this.#saidSo.set(String(body.workerId), session)
    }
    if (body instanceof RegisterWorkerT) {
      const ill = Boolean(body.healthReport)
      const always = ill && (this.#registering.get(session)?.always ?? true)
      this.#registering.set(session, { workerId: String(body.workerId), ill, always })
    }
    // It may be given something before its registration of the same step is read.
    if (body instanceof WorkerSchedulerStateResponseT) {
      const workerId = String(body.workerId)
      this.#registering.set(session, { workerId, ill: false, always: false })
    }
    if (body instanceof WorkerHealthT) {
      const workerId = String(body.workerId)
      this.#saidHealth.set(workerId, { session, healthy: body.healthy })
      // What it is stepped with may be placed there already.
      if (body.healthy && this.#sessionOf.get(workerId) === session)
        this.#unhealthy.delete(workerId)
      const registering = this.#registering.get(session)
      if (body.healthy && registering !== undefined) registering.ill = false
    }
  }

  /** The core decided to send it; it may still be held back for the disk. In the order of the outbox. */
  decided(session: number, body: BodyT, epoch: number | null): void {
    if ((epoch ?? 0) < this.#epoch) return this.#late(epoch)
    const worker = this.#workers.get(session)
    this.applications.decided(session, body, worker?.workerId)
    if (body instanceof WorkerRegisteredT && worker !== undefined) {
      this.#registered(worker.workerId, session, body.duplicate)
    } else if (body instanceof WorkerRemovedT) {
      this.#dropped(String(body.workerId), String(body.message))
    } else if (body instanceof DecommissionWorkerT && worker !== undefined) {
      this.#leaving.add(worker.workerId)
    } else if (body instanceof LaunchExecutorT) {
      const { runtime } = descriptionOf(body)
      this.#mayHost(worker, `executor ${body.appId}/${body.executorId}`, [String(runtime)])
    } else if (body instanceof LaunchDriverT) {
      const description = decodeDriver(Uint8Array.from(body.description))
      this.drivers.ordered(String(body.driverId), description)
      this.#mayHost(worker, `driver ${body.driverId}`, description.runtimes)
    }
  }

  /** The core has taken in everything that was received. */
  stepped(): void {
    for (const [workerId, session] of this.#saidSo) {
      if (this.#sessionOf.get(workerId) === session) this.#leaving.add(workerId)
    }
    this.#saidSo.clear()
    for (const [session, { workerId, ill }] of this.#registering) {
      if (this.#sessionOf.get(workerId) === session && ill) this.#unhealthy.add(workerId)
    }
    this.#registering.clear()
    for (const [workerId, { session, healthy }] of this.#saidHealth) {
      if (this.#sessionOf.get(workerId) === session && !healthy) this.#unhealthy.add(workerId)
    }
    this.#saidHealth.clear()
  }

  /** A promise may leave the master only when it is on disk (ARCHITECTURE.md, Durability). */
  sent(session: number, body: BodyT, store: Shelf): void {
    this.#coverage.left(body)
    this.applications.sent(session, body)
    if (body instanceof ApplicationRegisteredT) {
      const id = String(body.appId)
      this.applications.named(session, id, body.epoch)
      if (!store.hasHeld(`app_${id}`)) {
        throw new Violation(`${id} was told that it is registered before that was on disk`)
      }
    } else if (body instanceof LaunchExecutorT) {
      const key = `${body.appId}/${body.executorId}`
      this.#orderedOnce(`executor ${key}`, String(body.appId))
      if (!store.hasHeld(`app_${body.appId}`)) {
        throw new Violation(`executor ${key} was ordered before its application was on disk`)
      }
    } else if (body instanceof LaunchDriverT) {
      this.#orderedOnce(`driver ${body.driverId}`)
      if (!store.hasHeld(`driver_${body.driverId}`)) {
        throw new Violation(`driver ${body.driverId} was ordered before it was on disk`)
      }
    } else if (body instanceof WorkerRegisteredT) {
      const workerId = this.#workers.get(session)?.workerId
      if (workerId === undefined || !store.hasHeld(`worker_${workerId}`)) {
        throw new Violation(`${workerId} was told that it is registered before that was on disk`)
      }
    } else if (body instanceof ReplyT && this.#submits.delete(`${session} ${body.requestId}`)) {
      if (body.ok && !store.hasHeld(`driver_${body.id}`)) {
        throw new Violation(`a client was promised driver ${body.id} before that was on disk`)
      }
    }
  }

  registering(session: number, workerId: string, { runtimes }: HostFacts): void {
    this.#workers.set(session, { workerId, runtimes })
  }

  launched(key: string, order: LaunchExecutorT, host: HostFacts): void {
    const before = this.#launched.get(key)
    if (before !== undefined && !this.#uses.has(String(order.appId))) {
      throw new Violation(`executor ${key} was started on ${before} and again on ${host.name}`)
    }
    this.#launched.set(key, host.name)
    const { name } = descriptionOf(order)
    const asked = this.demands.get(String(name))?.profiles[order.profileId]?.gpus ?? 0
    const held = addressesOf(order.resources)
    if (held.length !== asked) {
      throw new Violation(`executor ${key} asked for ${asked} addresses and got [${held.join()}]`)
    }
  }

  /** What runs on a host and is not about to die may not take more than the host has. */
  mustFit(host: HostFacts, processes: Iterable<Process>): void {
    const { cores, memoryMb, addresses } = taken(processes)
    if (cores > host.cores || memoryMb > host.memoryMb) {
      throw new Violation(
        `${host.name} has ${host.cores} cores and ${host.memoryMb} MiB; what runs there takes ` +
          `${cores} cores and ${memoryMb} MiB`,
      )
    }
    const own = new Set(addressesOf(host.resources))
    for (const address of addresses) {
      if (!own.delete(address)) {
        throw new Violation(`${host.name} gives ${address} twice, or does not have it`)
      }
    }
  }

  /** Only who was frozen, and its clock with it, does not know that its lease is over. */
  #late(epoch: number | null): void {
    if (epoch === null || this.#coverage.events.has('a master is frozen')) return
    throw new Violation(`the leader of epoch ${epoch} decides, and epoch ${this.#epoch} has begun`)
  }

  #heard(session: number, workerId: string): void {
    if (this.#sessionOf.get(workerId) === session) this.#heardMs.set(workerId, this.#clock.nowMs)
  }

  /** T2: who beats stays. */
  #dropped(workerId: string, reason: string): void {
    const heardMs = this.#heardMs.get(workerId)
    if (!reason.startsWith('no heartbeat') || heardMs === undefined) return
    const silentMs = this.#clock.nowMs - heardMs
    // The master's clock may run fast while it follows one that was set ahead.
    if (silentMs * (1 + MAX_SLEW) >= this.#timeoutMs) return
    throw new Violation(`${workerId} was dropped although it beat ${silentMs} ms ago`)
  }

  /** The master took it in a second time, after it had given it up. */
  cameBack(workerId: string): boolean {
    return this.#cameBack.has(workerId)
  }

  #registered(workerId: string, session: number, duplicate: boolean): void {
    if (this.#registering.has(session)) this.#unhealthy.delete(workerId)
    this.#saidHealth.delete(workerId)
    if (this.#registering.get(session)?.always) this.#unhealthy.add(workerId)
    if (!duplicate) {
      this.#leaving.delete(workerId)
      // What it said before was said of the worker that the master had given up.
      this.#saidSo.delete(workerId)
      if (this.#sessionOf.has(workerId)) this.#cameBack.add(workerId)
    }
    this.#sessionOf.set(workerId, session)
  }

  /** An id that is a name (useAppNameAsAppId) may be used again after a clear, with all numbers of executors. */
  #usedAgain(key: string, record: Uint8Array | null): void {
    const [, ended, id = ''] = /^(completed_)?app_(.*)$/s.exec(key) ?? []
    if (id.startsWith('app-')) return
    if (ended !== undefined && record === null) this.#freed.add(id)
    else if (ended === undefined && record !== null && this.#freed.delete(id))
      this.#uses.set(id, (this.#uses.get(id) ?? 1) + 1)
  }

  #orderedOnce(what: string, appId = ''): void {
    const times = (this.#ordered.get(what) ?? 0) + 1
    if (times > (this.#uses.get(appId) ?? 1)) throw new Violation(`${what} was ordered twice`)
    this.#ordered.set(what, times)
  }

  #mayHost(worker: KnownWorker | undefined, what: string, runtimes: readonly string[]): void {
    if (worker === undefined) throw new Violation(`${what} is ordered from nobody's worker`)
    if (!worker.runtimes.some((each) => runtimes.includes(each))) {
      throw new Violation(`${what} needs ${runtimes.join()}, which ${worker.workerId} lacks`)
    }
    if (this.#leaving.has(worker.workerId)) {
      throw new Violation(`${what} is ordered from ${worker.workerId}, which is leaving`)
    }
    if (this.#unhealthy.has(worker.workerId)) {
      throw new Violation(`${what} is ordered from ${worker.workerId}, which is unhealthy`)
    }
  }
}

/** Workers of Apache get that of Spark, all others ours; nobody gets both. */
function descriptionOf({ appId, executorId, application, sparkDescription }: LaunchExecutorT) {
  if ((application.byteLength === 0) === (sparkDescription.byteLength === 0))
    throw new Violation(`executor ${appId}/${executorId} has not exactly one description`)
  const description = application.byteLength > 0 ? application : sparkDescription
  return decodeApplication(Uint8Array.from(description))
}
