/** A fake driver: registers, wants executors, believes what the master tells it, and ends one way or another. */
import { decode, encode, encodeApplication, type BodyT } from '../../src/control/codec.js'
import { SessionSource } from '../../src/control/records.js'
import {
  ApplicationDescriptionT,
  ApplicationRegisteredT,
  ApplicationRemovedT,
  Command,
  ExecutorAddedT,
  ExecutorState,
  ExecutorUpdatedT,
  JvmCommandT,
  KillExecutorsT,
  MasterInStandbyT,
  NodeCommandT,
  ProfileTargetT,
  RefusedT,
  RegisterApplicationT,
  ReplyT,
  RequestExecutorsT,
  ResourceAmountT,
  ResourceProfileT,
  UnregisterApplicationT,
} from '../../src/schema/magneto.js'
import { Violation } from './ledger.js'
import type { Connection, Receiver } from './network.js'
import { messageText } from './trace.js'
import type { World } from './world.js'

export interface Demand {
  readonly name: string
  readonly runtime: string
  readonly coresMax: number | null
  /** Kinds of executors by profile id; 0 is the default one. */
  readonly profiles: readonly ProfileDemand[]
}

export interface ProfileDemand {
  /** 0: whatever is free. */
  readonly cores: number
  readonly memoryMb: number
  /** Addresses of "gpu". */
  readonly gpus: number
  /** null: as many as fit. */
  readonly limit: number | null
}

const connectMaxMs = 50
const reconnectMaxMs = 2_000
/** How long a driver waits before it registers again with a master that does not lead (T6). */
const standbyRetryMaxMs = 20_000

const finished = new Set([
  ExecutorState.KILLED,
  ExecutorState.FAILED,
  ExecutorState.LOST,
  ExecutorState.EXITED,
])

function commandOf({ runtime }: Demand): [Command, NodeCommandT | JvmCommandT] {
  return runtime === 'node'
    ? [Command.NodeCommand, new NodeCommandT('/srv/task.mjs', ['--app-id', '{{APP_ID}}'])]
    : [Command.JvmCommand, new JvmCommandT('org.example.Backend', ['{{EXECUTOR_ID}}'])]
}

function profileOf(demand: Demand, id: number): ResourceProfileT {
  const profile = demand.profiles[id]
  if (profile === undefined) throw new RangeError(`${demand.name} has no profile ${id}`)
  const gpus = profile.gpus > 0 ? [new ResourceAmountT('gpu', profile.gpus)] : []
  return new ResourceProfileT(id, profile.cores, profile.memoryMb, gpus)
}

/** What a driver says first. */
export function registrationOf(demand: Demand): RegisterApplicationT {
  const description = new ApplicationDescriptionT(
    demand.name,
    'ada',
    'http://10.1.0.1:4040',
    demand.coresMax,
    demand.profiles[0]?.limit ?? null,
    profileOf(demand, 0),
    ...commandOf(demand),
    demand.runtime,
  )
  // One driver address an application: names are never given twice.
  const address = `${demand.name}.driver:7078`
  const stream = demand.runtime === 'node' ? [] : [0xac, 0xed, 0, 5]
  return new RegisterApplicationT(encodeApplication(description), address, Uint8Array.from(stream))
}

export class SimulatedApplication implements Receiver {
  readonly demand: Demand
  readonly #world: World
  readonly #source: SessionSource
  #connection: Connection | null = null
  #nextRequest = 1
  readonly #waiting = new Set<number>()
  readonly #everAdded = new Set<number>()
  readonly #givenUp = new Set<number>()
  /** Executors whose end it was told: nobody ends twice. */
  readonly #ended = new Set<number>()
  /** Executors that the driver counts on. */
  readonly believed = new Map<number, ExecutorState>()
  /** On workers that leave: they may go on, but the driver counts on them no more (D3). */
  readonly leaving = new Set<number>()
  /** The limits in force, by profile id. */
  readonly limits: (number | null)[]
  id: string | null = null
  /** Over for the driver: it ended, crashed or was told so. */
  over = false

  constructor(world: World, demand: Demand) {
    this.#world = world
    this.demand = demand
    this.#source = demand.runtime === 'node' ? SessionSource.CONTROL : SessionSource.GATEWAY
    this.limits = demand.profiles.map(({ limit }) => limit)
  }

  get registered(): boolean {
    return this.id !== null && !this.over
  }

  get unanswered(): number {
    return this.#waiting.size
  }

  start(): void {
    const { random } = this.#world
    this.#world.ledger.demands.set(this.demand.name, this.demand)
    this.#connect(random.between(0, connectMaxMs))
  }

  request(profileId: number, total: number): void {
    if (!this.registered) return
    if (profileId > 0) this.#world.coverage.happened('a second profile is asked for')
    this.limits[profileId] = total
    const target = new ProfileTargetT(profileOf(this.demand, profileId), total)
    this.#send(new RequestExecutorsT(this.#request(), this.id, [target]))
  }

  /** Dynamic allocation that can't make up its mind. */
  flood(): void {
    if (!this.registered) return
    this.#world.coverage.happened('an application floods with requests')
    const { random } = this.#world
    for (let left = 40; left > 0; left -= 1) {
      const targets = this.demand.profiles.map((_, id) => {
        const total = random.between(0, 6)
        this.limits[id] = total
        return new ProfileTargetT(profileOf(this.demand, id), total)
      })
      this.#send(new RequestExecutorsT(this.#request(), this.id, targets))
    }
  }

  kill(executorIds: readonly string[]): void {
    if (!this.registered) return
    this.#send(new KillExecutorsT(this.#request(), this.id, [...executorIds]))
    // The master tells nothing about executors that the driver itself gave up.
    for (const id of executorIds.map(Number)) {
      if (this.believed.delete(id)) this.#givenUp.add(id)
    }
  }

  /** Ends as it should. */
  finish(): void {
    if (!this.registered) return
    this.#world.coverage.happened('an application ends')
    this.#send(new UnregisterApplicationT(this.id))
    this.#connection?.closeByPeer('the driver is done')
    this.#end()
  }

  crash(silently: boolean): void {
    this.#world.coverage.happened(silently ? 'an application vanishes' : 'an application crashes')
    if (silently) this.#connection?.peerVanished(false)
    else this.#connection?.peerGone()
    this.#end()
  }

  cut(): void {
    if (this.#connection === null) return
    this.#world.coverage.happened('a connection of an application breaks')
    this.#connection.cut()
  }

  stall(forMs: number): void {
    this.#world.coverage.happened('a link of an application stalls')
    this.#connection?.stall(forMs)
  }

  receive(bytes: Uint8Array): void {
    if (this.over) return
    this.#take(decode(bytes))
  }

  closed(reason: string): void {
    this.#world.trace.add(this.demand.name, () => `closed: ${reason}`)
    this.#end()
  }

  #connect(delayMs: number): void {
    const { random, master, clock, delayMaxMs } = this.#world
    clock.after(delayMs, () => {
      if (this.over) return
      if (!master.reachable(this.#source)) return this.#connect(random.between(0, reconnectMaxMs))
      const address = `10.1.0.1:${random.between(30_000, 60_000)}`
      this.#connection = master.accept(this.#source, address, this, random.between(0, delayMaxMs))
      this.#register()
      // Drivers repeat themselves while the answer is on its way (L1).
      if (!random.chance(0.2)) return
      this.#world.coverage.happened('an application registers twice')
      this.#register()
    })
  }

  #register(): void {
    this.#send(registrationOf(this.demand))
  }

  #take(body: BodyT): void {
    if (body instanceof ApplicationRegisteredT) this.#named(String(body.appId))
    else if (body instanceof ExecutorAddedT) this.#added(body.executorId)
    else if (body instanceof ExecutorUpdatedT) this.#updated(body)
    else if (body instanceof ReplyT) this.#answered(body.requestId)
    else if (body instanceof MasterInStandbyT) this.#standby()
    else if (body instanceof RefusedT) {
      throw new Violation(`${this.demand.name} was refused: ${body.message}`)
    } else if (body instanceof ApplicationRemovedT) {
      this.#world.trace.add(this.demand.name, () => `removed: ${body.message}`)
      this.#connection?.closeByPeer('removed')
      this.#end()
    }
  }

  #standby(): void {
    const { coverage, clock, random } = this.#world
    coverage.happened('a registration is refused in standby')
    clock.after(random.between(1_000, standbyRetryMaxMs), () => {
      if (!this.over && this.id === null) this.#register()
    })
  }

  #named(id: string): void {
    if (this.id !== null && this.id !== id) {
      throw new Violation(`${this.demand.name} was named ${this.id} and then ${id}`)
    }
    this.id = id
  }

  #added(executorId: number): void {
    if (this.id === null) throw new Violation(`${this.demand.name}: an executor before its id`)
    if (this.#everAdded.has(executorId)) {
      throw new Violation(`${this.id} was given executor ${executorId} twice`)
    }
    this.#everAdded.add(executorId)
    this.believed.set(executorId, ExecutorState.LAUNCHING)
  }

  #updated({ executorId, state }: ExecutorUpdatedT): void {
    if (!this.#everAdded.has(executorId)) {
      throw new Violation(`${this.id} hears of executor ${executorId}, which it was never given`)
    }
    const over = finished.has(state)
    if (over && this.#ended.has(executorId)) {
      throw new Violation(`${this.id} heard twice that executor ${executorId} has ended`)
    }
    if (over) this.#ended.add(executorId)
    const { coverage } = this.#world
    if (state === ExecutorState.LOST) coverage.happened('an executor is lost with its worker')
    if (state === ExecutorState.DECOMMISSIONED) {
      coverage.happened('an executor is decommissioned')
      this.leaving.add(executorId)
    }
    if (this.#givenUp.has(executorId)) return
    if (over || state === ExecutorState.DECOMMISSIONED) this.believed.delete(executorId)
    else if (this.believed.has(executorId)) this.believed.set(executorId, state)
    else if (!this.leaving.has(executorId)) {
      throw new Violation(`${this.id} executor ${executorId} rose from the dead as ${state}`)
    }
  }

  #answered(requestId: number): void {
    if (!this.#waiting.delete(requestId)) {
      throw new Violation(`${this.id} got an answer to request ${requestId}, which waits for none`)
    }
  }

  #request(): number {
    const id = this.#nextRequest
    this.#nextRequest += 1
    this.#waiting.add(id)
    return id
  }

  #send(body: BodyT): void {
    this.#world.trace.add(this.demand.name, () => `-> ${messageText(body)}`)
    this.#connection?.sendToMaster(encode(body))
  }

  #end(): void {
    this.over = true
    this.#connection = null
    this.believed.clear()
    this.leaving.clear()
    this.#waiting.clear()
  }
}
