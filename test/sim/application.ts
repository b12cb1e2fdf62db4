/** A fake driver: registers, wants executors, believes what the master tells it, and ends one way or another. */
import { encodeApplication, type BodyT } from '../../src/control/codec.js'
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
  MasterChangeAcknowledgedT,
  MasterChangedT,
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
import { Violation } from './violation.js'
import { Links } from './links.js'
import type { SimulatedMaster } from './master.js'
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
  const encoded = encodeApplication(description)
  return new RegisterApplicationT(
    encoded,
    address,
    // No Java object here: what workers of Apache get must be of the right application, too.
    demand.runtime === 'node' ? new Uint8Array() : encoded,
    demand.runtime === 'node' ? null : 'AppClient',
  )
}

export class SimulatedApplication {
  readonly demand: Demand
  readonly #world: World
  readonly #source: SessionSource
  readonly #links: Links
  /** A leader listens to it: one that it has told who it is. */
  #heard = false
  /** Counts leaders that it has told who it is. */
  #leader = 0
  #nextRequest = 1
  readonly #waiting = new Map<number, RequestExecutorsT | KillExecutorsT>()
  /** What it asked of a leader that was lost before it answered. */
  #unsure: (RequestExecutorsT | KillExecutorsT)[] = []
  readonly #everAdded = new Set<number>()
  readonly #givenUp = new Set<number>()
  /** Executors whose end it was told, and by the how manieth leader: none tells it twice. */
  readonly #ended = new Map<number, number>()
  readonly #lost = new Set<number>()
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
    this.#links = new Links(
      world,
      {
        source: () => this.#source,
        address: () => `10.1.0.1:${world.random.between(30_000, 60_000)}`,
        later: (delayMs, run) =>
          world.clock.after(delayMs, () => {
            if (!this.over) run()
          }),
        opened: (changed) => this.#opened(changed),
        closed: (reason) => this.#closed(reason),
        take: (body) => this.#take(body),
      },
      [0, reconnectMaxMs],
    )
  }

  get registered(): boolean {
    return this.id !== null && this.#heard && !this.over
  }

  /** Spark's own driver stays where it is, and waits for a leader to call it. */
  get isSpark(): boolean {
    return this.#source === SessionSource.GATEWAY
  }

  get unanswered(): number {
    return this.#waiting.size
  }

  start(): void {
    const { random } = this.#world
    this.#world.ledger.demands.set(this.demand.name, this.demand)
    this.#links.open(random.between(0, connectMaxMs))
  }

  /** The gateway of a new leader calls it. */
  calledBy(master: SimulatedMaster, body: MasterChangedT): boolean {
    return !this.over && this.#links.called(master, body)
  }

  request(profileId: number, total: number): void {
    if (!this.registered) return
    if (profileId > 0) this.#world.coverage.happened('a second profile is asked for')
    this.limits[profileId] = total
    const target = new ProfileTargetT(profileOf(this.demand, profileId), total)
    this.#ask(new RequestExecutorsT(0, this.id, [target]))
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
      this.#ask(new RequestExecutorsT(0, this.id, targets))
    }
  }

  kill(executorIds: readonly string[]): void {
    if (!this.registered) return
    this.#ask(new KillExecutorsT(0, this.id, [...executorIds]))
    // The master tells nothing about executors that the driver itself gave up.
    for (const id of executorIds.map(Number)) {
      if (this.believed.delete(id)) this.#givenUp.add(id)
    }
  }

  /** Ends as it should. */
  finish(): void {
    if (!this.registered) return
    this.#world.coverage.happened('an application ends')
    this.#world.ledger.applications.ending(this.demand.name)
    this.#send(new UnregisterApplicationT(this.id))
    this.#links.each((connection) => connection.closeByPeer('the driver is done'))
    this.#end()
  }

  crash(silently: boolean): void {
    this.#world.coverage.happened(silently ? 'an application vanishes' : 'an application crashes')
    this.#links.each((connection) =>
      silently ? connection.peerVanished(false) : connection.peerGone(),
    )
    this.#end()
  }

  cut(): void {
    const connection = this.#links.some()
    if (connection === null) return
    this.#world.coverage.happened('a connection of an application breaks')
    connection.cut()
  }

  stall(forMs: number): void {
    this.#world.coverage.happened('a link of an application stalls')
    this.#links.stall(forMs)
  }

  #opened(changed: MasterChangedT | null): void {
    if (changed !== null) return this.#follow()
    // Who has an id waits for a leader to call, if it is Spark's; else it says who it is at once.
    if (this.id !== null) return this.isSpark ? undefined : this.#acknowledge()
    this.#register()
    // Drivers repeat themselves while the answer is on its way (L1).
    if (!this.#world.random.chance(0.2)) return
    this.#world.coverage.happened('an application registers twice')
    this.#register()
  }

  /** A new leader has spoken. */
  #follow(): void {
    if (this.id === null) this.#register()
    else this.#acknowledge()
  }

  #acknowledge(): void {
    this.#heard = true
    this.#leader += 1
    const expected = this.isSpark ? [] : [...this.believed.keys()].map(String)
    this.#world.coverage.happened('an application tells a new leader that it is there')
    this.#speaks()
    this.#send(new MasterChangeAcknowledgedT(this.id, expected))
    const again = [...this.#unsure, ...this.#waiting.values()]
    this.#unsure = []
    this.#waiting.clear()
    for (const request of again) this.#ask(request)
  }

  #closed(reason: string): void {
    this.#world.trace.add(this.demand.name, () => `closed: ${reason}`)
    this.#heard = false
    this.#unsure.push(...this.#waiting.values())
    this.#waiting.clear()
    // Without failovers the end of a connection is the end of the application (L2).
    if (this.#world.kind === 'lasting') this.#end()
  }

  /** Tells the ledger whose connection it is. */
  #speaks(): void {
    const { session } = this.#links
    if (session !== null) this.#world.ledger.applications.speaks(session, this.demand.name)
  }

  #register(): void {
    this.#speaks()
    this.#send(registrationOf(this.demand))
  }

  #take(body: BodyT): void {
    if (body instanceof ApplicationRegisteredT) this.#named(String(body.appId))
    else if (body instanceof ExecutorAddedT) this.#added(body.executorId)
    else if (body instanceof ExecutorUpdatedT) this.#updated(body)
    else if (body instanceof ReplyT) this.#answered(body.requestId)
    else if (body instanceof MasterInStandbyT) this.#standby()
    else if (body instanceof MasterChangedT) this.#follow()
    else if (body instanceof RefusedT) {
      if (this.#isUnlucky(String(body.message))) return
      throw new Violation(`${this.demand.name} was refused: ${body.message}`)
    } else if (body instanceof ApplicationRemovedT) {
      this.#world.trace.add(this.demand.name, () => `removed: ${body.message}`)
      this.#world.ledger.applications.removed(this.demand.name, String(body.message))
      this.#links.each((connection) => connection.closeByPeer('removed'))
      this.#end()
    }
  }

  /** Refusals that nobody is to blame for. */
  #isUnlucky(message: string): boolean {
    if (this.#world.kind === 'lasting') return false
    // Its own first life, of which it never heard (P29).
    if (message.includes('useAppNameAsAppId')) {
      this.crash(false)
      return true
    }
    // A leader may still count a connection that was lost (L1); or a standby became the leader between two messages. The
    // connection ends, and on the next one it says who it is.
    return message.includes('another connection') || message.includes('is not registered as')
  }

  #standby(): void {
    if (!this.isSpark) return
    const { clock, random } = this.#world
    clock.after(random.between(1_000, standbyRetryMaxMs), () => {
      if (!this.over && this.id === null) this.#register()
    })
  }

  #named(id: string): void {
    if (this.id !== null && this.id !== id) {
      throw new Violation(`${this.demand.name} was named ${this.id} and then ${id}`)
    }
    this.id = id
    this.#heard = true
    this.#world.ledger.applications.acknowledged(this.demand.name, id)
  }

  #added(executorId: number): void {
    if (this.id === null) throw new Violation(`${this.demand.name}: an executor before its id`)
    // A leader that no worker had told of it yet has answered a kill of it, and forgotten that.
    if (this.#leader > 0 && this.#givenUp.has(executorId) && !this.#ended.has(executorId)) {
      return this.#killAgain(executorId)
    }
    if (this.#everAdded.has(executorId)) {
      // A new leader tells what it has learnt from workers; the driver may know. What one leader gave up may be there
      // for the next.
      const endedBy = this.#ended.get(executorId)
      if (this.#leader > 0 && endedBy === undefined) return
      if (endedBy !== undefined && endedBy < this.#leader && this.#lost.delete(executorId)) {
        this.#ended.delete(executorId)
        if (this.#givenUp.has(executorId)) return this.#killAgain(executorId)
        this.believed.set(executorId, ExecutorState.LAUNCHING)
        return
      }
      throw new Violation(`${this.id} was given executor ${executorId} twice`)
    }
    this.#everAdded.add(executorId)
    this.believed.set(executorId, ExecutorState.LAUNCHING)
  }

  #killAgain(executorId: number): void {
    this.#ask(new KillExecutorsT(0, this.id, [String(executorId)]))
  }

  #updated({ executorId, state }: ExecutorUpdatedT): void {
    if (!this.#everAdded.has(executorId)) {
      // That it was added may have been lost with the leader before.
      if (this.#leader > 0) return
      throw new Violation(`${this.id} hears of executor ${executorId}, which it was never given`)
    }
    const over = finished.has(state)
    // A worker that answers a new leader twice tells twice what has ended meanwhile.
    if (over && this.#leader === 0 && this.#ended.has(executorId)) {
      throw new Violation(`${this.id} heard twice that executor ${executorId} has ended`)
    }
    if (over && this.#ended.has(executorId)) return
    if (over) this.#ended.set(executorId, this.#leader)
    const { coverage } = this.#world
    if (state === ExecutorState.LOST) this.#lost.add(executorId)
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
      // Of a connection that was given up and became the active one again.
      if (this.#leader > 0 && requestId < this.#nextRequest) return
      throw new Violation(`${this.id} got an answer to request ${requestId}, which waits for none`)
    }
  }

  #ask(request: RequestExecutorsT | KillExecutorsT): void {
    request.requestId = this.#nextRequest
    this.#nextRequest += 1
    this.#waiting.set(request.requestId, request)
    this.#send(request)
  }

  #send(body: BodyT): void {
    this.#world.trace.add(this.demand.name, () => `-> ${messageText(body)}`)
    this.#links.send(body)
  }

  #end(): void {
    this.over = true
    this.#links.drop()
    this.believed.clear()
    this.leaving.clear()
    this.#waiting.clear()
  }
}
