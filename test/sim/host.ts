/** A host with a worker on it: its processes, its link to the master, its crashes. Which worker it is, subclasses say. */
import { decodeDriver, type BodyT } from '../../src/control/codec.js'
import { SessionSource } from '../../src/control/records.js'
import {
  RefusedT,
  RegisterWorkerT,
  WorkerSchedulerStateResponseT,
  type LaunchDriverT,
  type LaunchExecutorT,
  type MasterChangedT,
} from '../../src/schema/magneto.js'
import type { Timer } from './clock.js'
import { Violation } from './violation.js'
import { Links, type LinkOwner } from './links.js'
import type { SimulatedMaster } from './master.js'
import type { DriverProcess, ExecutorProcess, HostFacts, Process } from './process.js'
import { messageText } from './trace.js'
import type { World } from './world.js'

const startMaxMs = 1_500
const dieMaxMs = 3_000
const backOffMaxMs = 4_000
const restartMaxMs = 15_000

export abstract class SimulatedHost {
  readonly facts: HostFacts
  protected readonly world: World
  /** Executors by "application/executor". */
  readonly executors = new Map<string, ExecutorProcess>()
  readonly drivers = new Map<string, DriverProcess>()
  /** Applications whose local folders are here (W3). */
  readonly scratch = new Set<string>()
  readonly #links: Links
  /** Counts lives: what a dead worker still had in mind must not reach the next one. */
  #life = 0
  #registrations = 0
  up = false
  decommissioned = false

  constructor(world: World, facts: HostFacts) {
    this.world = world
    this.facts = facts
    this.#links = new Links(world, this.#owner(), [200, backOffMaxMs])
  }

  abstract readonly source: SessionSource
  abstract get registered(): boolean
  /** Reports that the master has not confirmed. */
  abstract get unacknowledged(): number
  protected abstract booted(): void
  /** @param changed what the leader has said on it; null: nobody has spoken, it may stand by */
  protected abstract linkOpened(changed: MasterChangedT | null): void
  protected abstract linkClosed(reason: string): void
  protected abstract take(body: BodyT): void
  protected abstract executorStarted(process: ExecutorProcess): void
  protected abstract executorFailed(process: ExecutorProcess, message: string): void
  protected abstract executorExited(process: ExecutorProcess, exitStatus: number): void
  protected abstract driverEnded(process: DriverProcess, how: 'ended' | 'failed' | 'no start'): void
  protected abstract stopped(): void
  /** The operator's signal; it may come again. */
  protected abstract signalled(): void

  get workerId(): string {
    return `worker-${this.facts.name}-${this.#life}`
  }

  *processes(): Generator<Process> {
    yield* this.executors.values()
    yield* this.drivers.values()
  }

  boot(): void {
    if (this.up) return
    this.#life += 1
    this.#registrations = 0
    this.up = true
    this.decommissioned = false
    this.trace(() => `boots as ${this.workerId}`)
    this.booted()
    this.#links.open(0)
  }

  /** The worker process dies, its executors with it (W11). */
  crash(silently: boolean): void {
    if (!this.up) return
    this.world.coverage.happened(silently ? 'a worker vanishes' : 'a worker crashes')
    this.trace(() => (silently ? 'vanishes' : 'crashes'))
    this.#links.each((connection) =>
      silently ? connection.peerVanished(true) : connection.peerGone(),
    )
    this.#down()
  }

  stop(): void {
    if (!this.up) return
    this.world.coverage.happened('a worker stops')
    this.stopped()
  }

  decommission(): void {
    if (!this.up) return
    this.world.coverage.happened('a worker is decommissioned by its operator')
    this.decommissioned = true
    this.trace(() => 'is decommissioned')
    this.signalled()
  }

  cut(): void {
    const connection = this.#links.some()
    if (connection === null) return
    this.world.coverage.happened('a connection of a worker breaks')
    connection.cut()
  }

  /** @param healthy whether it is able to take in anything new; only workers of ours say so */
  setHealthy(_healthy: boolean): void {}

  stall(forMs: number): void {
    this.world.coverage.happened('a link of a worker stalls')
    this.#links.stall(forMs)
  }

  /** The gateway of a new leader calls this host. */
  calledBy(master: SimulatedMaster, body: MasterChangedT): boolean {
    return this.up && this.#links.called(master, body)
  }

  /** An executor ends by itself. */
  endExecutor(key: string, exitStatus: number): void {
    const process = this.executors.get(key)
    if (process === undefined || !process.started) return
    this.world.coverage.happened('an executor ends by itself')
    this.#exited(key, exitStatus)
  }

  /** A driver ends by itself. */
  endDriver(driverId: string, how: 'ended' | 'failed'): void {
    const process = this.drivers.get(driverId)
    if (process === undefined || !process.started) return
    this.world.coverage.happened('a driver ends by itself')
    this.drivers.delete(driverId)
    this.driverEnded(process, how)
  }

  /** The master can be connected to from here. */
  protected get reaches(): boolean {
    return this.#links.reaches
  }

  protected get linked(): boolean {
    return this.#links.session !== null
  }

  protected send(body: BodyT): void {
    this.trace(() => `-> ${messageText(body)}`)
    const { session } = this.#links
    if (session === null) return
    const binds = body instanceof RegisterWorkerT || body instanceof WorkerSchedulerStateResponseT
    if (binds) {
      this.#registrations += 1
      this.world.ledger.registering(session, this.workerId, this.facts)
    }
    this.#links.send(body)
  }

  /** The worker process ends; whoever supervises it starts it again. */
  protected exit(status: number, reason: string): void {
    this.trace(() => `exits with ${status}: ${reason}`)
    this.#links.each((connection) => connection.closeByPeer('the worker left'))
    this.#down()
    const { clock, random } = this.world
    clock.after(random.between(1_000, restartMaxMs), () => this.boot())
  }

  protected launchExecutor(order: LaunchExecutorT): void {
    const { random, ledger, coverage } = this.world
    const { executorId, profileId, cores, memoryMb, resources } = order
    const appId = String(order.appId)
    const key = `${appId}/${executorId}`
    const process: ExecutorProcess = {
      appId,
      executorId,
      profileId,
      cores,
      memoryMb,
      resources,
      started: false,
      killed: false,
    }
    ledger.launched(key, order, this.facts)
    if (resources.length > 0) coverage.happened('an executor holds addresses of a resource')
    this.executors.set(key, process)
    this.scratch.add(appId)
    this.#mustFit()
    this.later(random.between(0, startMaxMs), () => {
      if (this.executors.get(key) !== process) return
      if (this.#startFails()) {
        coverage.happened('an executor fails to start')
        this.executors.delete(key)
        this.executorFailed(process, 'no such program')
        return
      }
      process.started = true
      this.executorStarted(process)
    })
  }

  protected killExecutor(key: string): void {
    const process = this.executors.get(key)
    if (process === undefined) return
    if (!process.started) this.world.coverage.happened('an executor is killed while it launches')
    process.killed = true
    this.later(this.world.random.between(0, dieMaxMs), () => {
      if (this.executors.get(key) === process) this.#exited(key, 143)
    })
  }

  protected launchDriver(order: LaunchDriverT): void {
    const { random, ledger, coverage } = this.world
    const driverId = String(order.driverId)
    const { cores, memoryMb, jarUrl } = decodeDriver(Uint8Array.from(order.description))
    const { resources } = order
    const process: DriverProcess = {
      driverId,
      jarUrl: String(jarUrl),
      cores,
      memoryMb,
      resources,
      started: false,
      killed: false,
    }
    ledger.drivers.launched(order, this.facts)
    if (resources.length > 0) coverage.happened('a driver holds addresses of a resource')
    if (this.source === SessionSource.CONTROL) coverage.happened('a worker of ours hosts a driver')
    this.drivers.set(driverId, process)
    this.#mustFit()
    this.later(random.between(0, startMaxMs), () => {
      if (this.drivers.get(driverId) !== process) return
      if (this.#startFails()) {
        coverage.happened('a driver fails to start')
        this.drivers.delete(driverId)
        this.driverEnded(process, 'no start')
      } else process.started = true
    })
  }

  protected killDriver(driverId: string): void {
    const process = this.drivers.get(driverId)
    if (process === undefined) return
    if (!process.started) this.world.coverage.happened('a driver is killed while it launches')
    process.killed = true
    this.later(this.world.random.between(0, dieMaxMs), () => {
      if (!this.drivers.delete(driverId)) return
      this.driverEnded(process, 'ended')
    })
  }

  protected later(delayMs: number, run: () => void): Timer {
    const life = this.#life
    return this.world.clock.after(delayMs, () => {
      if (life === this.#life && this.up) run()
    })
  }

  protected trace(what: () => string): void {
    this.world.trace.add(this.facts.name, what)
  }

  #receive(body: BodyT): void {
    if (body instanceof RefusedT) {
      throw new Violation(`${this.workerId} did nothing wrong and was refused: ${body.message}`)
    }
    this.take(body)
  }

  #startFails(): boolean {
    const { calm, random, startFailureRate } = this.world
    return !calm && random.chance(startFailureRate)
  }

  // After a second registration the master may order before it has heard what still runs here.
  #mustFit(): void {
    if (this.#registrations === 1) this.world.ledger.mustFit(this.facts, this.processes())
  }

  #exited(key: string, exitStatus: number): void {
    const process = this.executors.get(key)
    if (process === undefined) return
    this.executors.delete(key)
    this.executorExited(process, exitStatus)
  }

  #owner(): LinkOwner {
    return {
      // Which kind of worker it is, the subclass says later.
      source: () => this.source,
      address: () => `${this.facts.host}:${this.world.random.between(30_000, 60_000)}`,
      later: (delayMs, run) => this.later(delayMs, run),
      opened: (changed) => this.linkOpened(changed),
      closed: (reason) => this.linkClosed(reason),
      take: (body) => this.#receive(body),
    }
  }

  #down(): void {
    this.up = false
    this.#links.drop()
    this.executors.clear()
    this.drivers.clear()
    this.scratch.clear()
  }
}
