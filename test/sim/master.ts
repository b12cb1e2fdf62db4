/** A master of the simulation: the real core, clock and interpreter of effects, over fake network and storage. */
import { Builder } from 'flatbuffers'
import { encode, type BodyT } from '../../src/control/codec.js'
import { InboxKind, sessionOf, SessionSource, sourceOf } from '../../src/control/records.js'
import type { Mandate } from '../../src/election/agent.js'
import { createMasterCore, type MasterCore } from '../../src/core/native.js'
import type { SessionSink } from '../../src/master/effects.js'
import { Clock as MasterClock } from '../../src/master/clock.js'
import type { ClusterViewT, CoreConfigT } from '../../src/schema/magneto.js'
import type { StoreChange } from '../../src/store/engine.js'
import type { Clock } from './clock.js'
import type { Coverage } from './coverage.js'
import { Life } from './life.js'
import { Connection, type Receiver } from './network.js'
import type { Random } from './random.js'
import { Reader } from './reader.js'
import type { SimulatedRecovery } from './recovery.js'
import { decodeAttached, Reign } from './reign.js'
import type { Shelf } from './store.js'
import { messageText, type Trace } from './trace.js'

/** Sees every message on its way, and throws when it may not be. */
export interface Witness {
  received(session: number, body: BodyT): void
  /** @param epoch of the leader that decides; null: it does not lead */
  decided(session: number, body: BodyT, epoch: number | null): void
  writes(record: Uint8Array, epoch: number | null): void
  stepped(): void
  sent(session: number, body: BodyT, shelf: Shelf): void
  /** The peer of a session is gone, or the master has closed it. @param epoch of the leader that learns it */
  gone(session: number, epoch: number | null): void
  leads(mandate: Mandate): void
  wrote(changes: readonly StoreChange[]): void
}

/** Sessions are counted over all masters and all their lives, so that a number names one connection. */
export type SessionCounters = Map<SessionSource, number>

export interface MasterParts {
  readonly name: string
  readonly clock: Clock
  readonly random: Random
  readonly trace: Trace
  readonly coverage: Coverage
  readonly config: CoreConfigT
  readonly witness: Witness
  readonly counters: SessionCounters
  readonly shelf: Shelf
  /** ms: how much later than asked for a timer may come. */
  readonly timerLateMaxMs: number
  makeRecovery(this: void, life: Life, master: SimulatedMaster): SimulatedRecovery
  /** Of what it was writing some may be there. */
  died(): void
  /** What the gateway of a new leader does (ThreadLead). */
  callPeers(master: SimulatedMaster, mandate: Mandate): void
  /** A core that is not the real one, to show that the simulator notices. */
  readonly core?: (config: Uint8Array) => MasterCore
}

/** How long the peers of a master take to miss it when its host says nothing more. */
const silentNoticeMs = 30_000

export class SimulatedMaster {
  readonly masterUrl: string
  readonly #parts: MasterParts
  readonly #connections = new Map<number, Connection>()
  #life: Life | null = null
  #wall: MasterClock | null = null
  #recovery: SimulatedRecovery | null = null
  #reader: Reader
  #reign: Reign | null = null
  /** How far the clock on this machine's wall is from the true time. */
  #skewMs = 0
  #gatewayDownUntilMs = 0
  #isolatedUntilMs = 0
  #stepsBefore = 0
  /** It ends in the midst of a step. */
  #doom: (() => void) | null = null

  constructor(parts: MasterParts) {
    this.#parts = parts
    this.#reader = new Reader(parts.coverage)
    this.masterUrl = String(parts.config.masterUrl)
  }

  get name(): string {
    return this.#parts.name
  }

  get up(): boolean {
    return this.#life !== null
  }

  get steps(): number {
    return this.#stepsBefore + (this.#reign?.steps ?? 0)
  }

  /** What it believes; another may have taken over. */
  get epoch(): number | null {
    return this.#reign?.epoch ?? null
  }

  get leads(): boolean {
    return this.#reign !== null && this.#reign.epoch !== null && !this.#reign.suspended
  }

  get stopped(): boolean {
    return this.#life?.stopped === true
  }

  boot(): void {
    if (this.#life !== null) return
    const { clock, makeRecovery, coverage } = this.#parts
    this.trace(() => '   starts')
    if (this.#stepsBefore > 0) coverage.happened('a master starts again')
    const life = new Life(clock)
    this.#life = life
    this.#reader = new Reader(coverage)
    this.#gatewayDownUntilMs = 0
    this.#wall = new MasterClock(
      () => clock.nowMs + this.#skewMs,
      () => life.steadyMs,
    )
    this.#recovery = makeRecovery(life, this)
    this.#reign = this.#standby(life, this.#wall, this.#recovery)
    this.#recovery.start({
      lead: (mandate) => {
        this.#parts.witness.leads(mandate)
        this.#reign?.lead(mandate)
        this.#parts.callPeers(this, mandate)
      },
      stepDown: (reason) => this.#stepDown(reason),
      suspend: (reason) => {
        this.trace(() => `   is suspended: ${reason}`)
        coverage.happened('a leader is suspended')
        this.#reign?.suspend()
      },
      resume: () => {
        this.trace(() => '   goes on')
        coverage.happened('a suspended leader goes on')
        this.#reign?.resume()
      },
      follow: (leader) => this.#reign?.follow(leader),
    })
  }

  /** kill -9, or its host is lost: then peers learn of it late. */
  crash(silently: boolean): void {
    if (this.#life === null) return
    this.#parts.coverage.happened(silently ? 'a master vanishes' : 'a master crashes')
    if (this.leads) this.#parts.coverage.happened('a leader crashes')
    this.trace(() => (silently ? '   vanishes' : '   crashes'))
    this.#life.end()
    this.#life = null
    this.#doom = null
    this.#recovery = null
    this.#endReign()
    this.#parts.died()
    for (const connection of this.#connections.values()) {
      connection.masterGone(silently ? silentNoticeMs : 0)
    }
    this.#connections.clear()
  }

  /** kill -9 in the midst of a step, when a part of it has been carried out and another has not. @param then called after it */
  crashInStep(then: () => void): void {
    if (this.#life !== null) this.#doom = then
  }

  /** SIGSTOP, or a virtual machine that stands still. */
  stop(forMs: number, frozen: boolean): void {
    if (this.#life === null || this.#life.stopped) return
    this.#parts.coverage.happened(frozen ? 'a master is frozen' : 'a master is stopped')
    this.trace(() => `   stands still for ${forMs} ms${frozen ? ', and its clock too' : ''}`)
    this.#life.stop(forMs, frozen)
  }

  /** Nobody but other masters and ZooKeeper reaches it, and then everything arrives. */
  isolate(forMs: number): void {
    this.#parts.coverage.happened('a master is cut off from its peers')
    this.trace(() => `   no peer reaches it for ${forMs} ms`)
    this.#isolatedUntilMs = this.#parts.clock.nowMs + forMs
    for (const connection of this.#connections.values()) connection.stall(forMs)
  }

  /** The peer's end of a new connection; only when `reachable`. */
  accept(source: SessionSource, address: string, peer: Receiver, delayMaxMs: number): Connection {
    const { clock, random, counters } = this.#parts
    const counter = (counters.get(source) ?? 0) + 1
    counters.set(source, counter)
    const session = sessionOf(source, counter)
    const own: Receiver = {
      receive: (bytes) => this.#receive(session, bytes),
      closed: (reason) => this.#gone(session, reason),
    }
    const connection = new Connection(clock, random, session, own, peer, delayMaxMs)
    this.#connections.set(session, connection)
    this.#event(InboxKind.CONNECTED, session, address)
    return connection
  }

  reachable(source: SessionSource): boolean {
    const { nowMs } = this.#parts.clock
    if (this.#life === null || this.#life.stopped || nowMs < this.#isolatedUntilMs) return false
    return source !== SessionSource.GATEWAY || nowMs >= this.#gatewayDownUntilMs
  }

  /** The gateway thread dies, all its connections with it; it comes back on its port after a while. */
  crashGateway(downMs: number): void {
    if (this.#life === null) return
    const { coverage, clock } = this.#parts
    coverage.happened('the gateway crashes')
    this.trace(() => '   the gateway crashes')
    this.#gatewayDownUntilMs = clock.nowMs + downMs
    for (const [session, connection] of this.#connections) {
      if (sourceOf(session) !== SessionSource.GATEWAY) continue
      connection.masterGone(0)
      this.#gone(session, 'the gateway ended')
    }
  }

  /** Somebody sets the clock on the wall. */
  jump(byMs: number): void {
    this.#parts.coverage.happened(byMs > 0 ? 'the clock jumps forward' : 'the clock jumps back')
    this.trace(() => `   the clock jumps by ${byMs} ms`)
    this.#skewMs += byMs
  }

  view(): ClusterViewT {
    if (this.#reign === null) throw new Error(`${this.name} is not up`)
    return this.#reign.view()
  }

  /** Of effects that wait for the disk. */
  get heldBytes(): number {
    return this.#reign?.heldBytes ?? 0
  }

  trace(what: () => string): void {
    this.#parts.trace.add(this.name, what)
  }

  #standby(life: Life, wall: MasterClock, recovery: SimulatedRecovery): Reign {
    const parts = this.#parts
    const builder = new Builder(256)
    builder.finish(parts.config.pack(builder))
    const sink: SessionSink = {
      send: (session, bytes, attachment) => this.#send(session, bytes, attachment),
      close: (session, reason) => this.#close(session, reason),
      flush: () => {},
    }
    return new Reign({
      life,
      random: parts.random,
      coverage: parts.coverage,
      core: (parts.core ?? createMasterCore)(builder.asUint8Array().slice()),
      reader: this.#reader,
      wall,
      recovery,
      sink,
      timerLateMaxMs: parts.timerLateMaxMs,
      trace: (what) => this.trace(what),
      received: (session, body) => parts.witness.received(session, body),
      decided: (session, body) => parts.witness.decided(session, body, this.epoch),
      writes: (record) => parts.witness.writes(record, this.epoch),
      stepped: () => parts.witness.stepped(),
      carriedOut: () => this.#carriedOut(),
      wrote: (changes) => parts.witness.wrote(changes),
    })
  }

  #carriedOut(): void {
    const doom = this.#doom
    if (doom === null || this.#parts.random.chance(0.5)) return
    this.#parts.coverage.happened('a master crashes in the midst of a step')
    this.crash(false)
    doom()
  }

  #endReign(): void {
    this.#stepsBefore = this.steps
    this.#reign?.end()
    this.#reign = null
  }

  /** Every session is over, and another core begins as a standby. */
  #stepDown(reason: string): void {
    this.trace(() => `   steps down: ${reason}`)
    this.#parts.coverage.happened('a leader steps down')
    this.#endReign()
    for (const connection of this.#connections.values()) connection.closeByMaster(reason)
    this.#connections.clear()
    if (this.#life === null || this.#wall === null || this.#recovery === null) return
    this.#reign = this.#standby(this.#life, this.#wall, this.#recovery)
  }

  #receive(session: number, bytes: Uint8Array): void {
    this.#life?.after(0, () => {
      if (!this.#connections.has(session)) return
      this.#event(InboxKind.MESSAGE, session, bytes)
    })
  }

  #gone(session: number, reason: string): void {
    this.#life?.after(0, () => {
      if (this.#connections.delete(session)) this.#ended(session, reason)
    })
  }

  #ended(session: number, reason: string): void {
    this.#parts.witness.gone(session, this.epoch)
    this.#reign?.forget(session)
    this.#event(InboxKind.DISCONNECTED, session, reason)
  }

  #event(kind: InboxKind, session: number, payload: Uint8Array | string): void {
    this.#reign?.event(kind, session, payload)
  }

  #send(session: number, bytes: Uint8Array, attachment: Uint8Array | null): void {
    const connection = this.#connections.get(session)
    // The peer may be gone since the core spoke to it.
    if (connection === undefined) return
    const body = decodeAttached(bytes, attachment)
    this.trace(() => `-> s${session} ${messageText(body)}`)
    this.#parts.witness.sent(session, body, this.#parts.shelf)
    connection.sendToPeer(attachment === null ? bytes : encode(body))
  }

  #close(session: number, reason: string): void {
    this.trace(() => `-> close s${session} ${reason}`)
    const connection = this.#connections.get(session)
    if (connection === undefined) return
    connection.closeByMaster(reason)
    // uWebSockets tells of the end within the call.
    this.#connections.delete(session)
    this.#ended(session, 'closed by the master')
  }
}
