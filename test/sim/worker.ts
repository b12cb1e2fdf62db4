/** A host with a worker on it: the real state machine, fake processes, a link that reconnects, crashes. */
import { decode, encode } from '../../src/control/codec.js'
import { SessionSource } from '../../src/control/records.js'
import { WorkerMachine, type WorkerEffect, type WorkerEvent } from '../../src/worker/state.js'
import { RegisterWorkerT, type LaunchExecutorT } from '../../src/schema/magneto.js'
import type { Timer } from './clock.js'
import type { Connection, Receiver } from './network.js'
import type { World } from './world.js'
import { messageText } from './trace.js'

export interface HostFacts {
  readonly name: string
  readonly host: string
  readonly port: number
  readonly cores: number
  readonly memoryMb: number
  readonly runtimes: readonly string[]
}

/** An executor's process. It exists from the launch on until it has ended. */
export interface Process {
  readonly appId: string
  readonly executorId: number
  readonly cores: number
  readonly memoryMb: number
  started: boolean
  killed: boolean
}

const startMaxMs = 1_500
const dieMaxMs = 3_000
const backOffMaxMs = 4_000
const restartMaxMs = 15_000

export class SimulatedHost implements Receiver {
  readonly facts: HostFacts
  readonly #world: World
  readonly processes = new Map<string, Process>()
  /** Applications whose local folders are here (W3). */
  readonly scratch = new Set<string>()
  #machine: WorkerMachine | null = null
  #connection: Connection | null = null
  readonly #timers = new Map<string, Timer>()
  /** Counts lives: what a dead worker still had in mind must not reach the next one. */
  #life = 0
  #registrations = 0
  #unreachableUntilMs = 0

  constructor(world: World, facts: HostFacts) {
    this.#world = world
    this.facts = facts
  }

  get up(): boolean {
    return this.#machine !== null
  }

  get workerId(): string {
    return `worker-${this.facts.name}-${this.#life}`
  }

  get registered(): boolean {
    return this.#machine?.registered ?? false
  }

  /** Reports that the master has not confirmed. */
  get unacknowledged(): number {
    return this.#machine?.unacknowledged().length ?? 0
  }

  boot(): void {
    if (this.#machine !== null) return
    const { host, port, cores, memoryMb, runtimes } = this.facts
    this.#life += 1
    this.#registrations = 0
    this.#machine = this.#world.makeWorker({
      workerId: this.workerId,
      host,
      port,
      cores,
      memoryMb,
      webUiUrl: `http://${host}:8081`,
      resources: [],
      runtimes,
      initialRegistrationRetries: 6,
      maxRegistrationRetries: 16,
      registrationFactor: 0.5 + this.#world.random.next(),
      decommissionDeadlineMs: null,
    })
    this.#trace(() => `boots as ${this.workerId}`)
    this.#step({ kind: 'started' })
    this.#connect(0)
  }

  /** The worker process dies, its executors with it (W11). */
  crash(silently: boolean): void {
    if (this.#machine === null) return
    this.#trace(() => (silently ? 'vanishes' : 'crashes'))
    this.#connection?.peerGone(silently)
    this.#down()
  }

  stop(): void {
    this.#step({ kind: 'stop', reason: 'SIGTERM' })
  }

  cut(): void {
    this.#connection?.cut()
  }

  stall(forMs: number): void {
    this.#unreachableUntilMs = this.#world.clock.nowMs + forMs
    this.#connection?.stall(forMs)
  }

  /** An executor ends by itself. */
  endProcess(key: string, exitStatus: number): void {
    const process = this.processes.get(key)
    if (process === undefined || !process.started) return
    this.#exited(key, exitStatus)
  }

  receive(bytes: Uint8Array): void {
    this.#step({ kind: 'message', body: decode(bytes) })
  }

  closed(reason: string): void {
    this.#connection = null
    this.#step({ kind: 'linkClosed', reason })
    if (this.#machine !== null) this.#connect(this.#world.random.between(0, backOffMaxMs))
  }

  #connect(delayMs: number): void {
    this.#later(delayMs, () => {
      const { clock, random, master } = this.#world
      if (clock.nowMs < this.#unreachableUntilMs) {
        this.#connect(random.between(200, backOffMaxMs))
        return
      }
      const address = `${this.facts.host}:${random.between(30_000, 60_000)}`
      const life = this.#life
      const receiver: Receiver = {
        receive: (bytes) => {
          if (life === this.#life) this.receive(bytes)
        },
        closed: (reason) => {
          if (life === this.#life) this.closed(reason)
        },
      }
      this.#connection = master.accept(
        SessionSource.CONTROL,
        address,
        receiver,
        random.between(0, 60),
      )
      this.#step({ kind: 'linkOpened' })
    })
  }

  #step(event: WorkerEvent): void {
    const machine = this.#machine
    if (machine === null) return
    if (event.kind !== 'message') this.#trace(() => JSON.stringify(event))
    const effects = machine.step(event, this.#world.clock.nowMs)
    machine.check()
    for (const effect of effects) this.#carryOut(effect)
  }

  #carryOut(effect: WorkerEffect): void {
    const { clock, random } = this.#world
    switch (effect.kind) {
      case 'send':
        this.#trace(() => `-> ${messageText(effect.body)}`)
        if (this.#connection !== null && effect.body instanceof RegisterWorkerT) {
          this.#registrations += 1
          this.#world.ledger.registering(this.#connection.session, this.workerId)
        }
        this.#connection?.sendToMaster(encode(effect.body))
        return
      case 'launch':
        this.#launch(effect.order)
        return
      case 'kill':
        this.#kill(`${effect.appId}/${effect.executorId}`)
        return
      case 'setTimer': {
        const { timer } = effect
        this.#timers.get(timer)?.cancel()
        const due = this.#later(effect.dueMs - clock.nowMs, () =>
          this.#step({ kind: 'timer', timer }),
        )
        this.#timers.set(timer, due)
        return
      }
      case 'clearTimer':
        this.#timers.get(effect.timer)?.cancel()
        return
      case 'exit':
        this.#trace(() => `exits with ${effect.status}: ${effect.reason}`)
        this.#connection?.closeByPeer('the worker left')
        this.#down()
        // Whoever supervises it starts it again.
        this.#world.clock.after(random.between(1_000, restartMaxMs), () => this.boot())
        return
      case 'log':
        this.#trace(() => `log ${effect.level}: ${effect.text}`)
        return
      case 'cleanUpApplication':
        this.#trace(() => `cleans up ${effect.appId}`)
        this.scratch.delete(effect.appId)
        return
    }
  }

  #launch(order: LaunchExecutorT): void {
    const { random, ledger } = this.#world
    const appId = String(order.appId)
    const { executorId, cores, memoryMb } = order
    const key = `${appId}/${executorId}`
    ledger.launched(key, this.facts.name)
    const fresh: Process = { appId, executorId, cores, memoryMb, started: false, killed: false }
    this.processes.set(key, fresh)
    this.scratch.add(appId)
    // After a second registration the master may order before it has heard what still runs here.
    if (this.#registrations === 1) ledger.mustFit(this.facts, this.processes.values())
    this.#later(random.between(0, startMaxMs), () => {
      if (this.processes.get(key) !== fresh) return
      if (!this.#world.calm && random.chance(this.#world.startFailureRate)) {
        this.processes.delete(key)
        this.#step({ kind: 'executorFailed', message: 'no such program', appId, executorId })
        return
      }
      fresh.started = true
      this.#step({ kind: 'executorStarted', pid: 1, appId, executorId })
    })
  }

  #kill(key: string): void {
    const process = this.processes.get(key)
    if (process === undefined) return
    process.killed = true
    this.#later(this.#world.random.between(0, dieMaxMs), () => {
      if (this.processes.get(key) === process) this.#exited(key, 143)
    })
  }

  #exited(key: string, exitStatus: number): void {
    const process = this.processes.get(key)
    if (process === undefined) return
    this.processes.delete(key)
    const { appId, executorId } = process
    this.#step({ kind: 'executorExited', exitStatus, message: null, appId, executorId })
  }

  #down(): void {
    this.#machine = null
    this.#connection = null
    this.processes.clear()
    this.scratch.clear()
    for (const timer of this.#timers.values()) timer.cancel()
    this.#timers.clear()
  }

  #later(delayMs: number, run: () => void): Timer {
    const life = this.#life
    return this.#world.clock.after(delayMs, () => {
      if (life === this.#life && this.#machine !== null) run()
    })
  }

  #trace(what: () => string): void {
    this.#world.trace.add(this.facts.name, what)
  }
}
