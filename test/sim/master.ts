/** The master of the simulation: the real core, clock and interpreter of effects, over fake network and disk. */
import { ByteBuffer, Builder } from 'flatbuffers'
import { decode, type BodyT } from '../../src/control/codec.js'
import {
  BatchWriter,
  InboxKind,
  OutboxKind,
  records,
  sessionOf,
  SessionSource,
  sourceOf,
} from '../../src/control/records.js'
import { createMasterCore, type MasterCore } from '../../src/core/native.js'
import { ClusterView, type ClusterViewT, type CoreConfigT } from '../../src/schema/magneto.js'
import type { Logger } from '../../src/log/logger.js'
import { Clock as MasterClock } from '../../src/master/clock.js'
import { Effects, type SessionSink } from '../../src/master/effects.js'
import type { Clock, Timer } from './clock.js'
import type { Coverage } from './coverage.js'
import { Connection, type Receiver } from './network.js'
import type { Random } from './random.js'
import { Store } from './store.js'
import { messageText, type Trace } from './trace.js'

/** Events that come within this time share a step. */
const gatherMaxMs = 2

/** Sees every message on its way, and throws when it may not be. */
export interface Witness {
  received(session: number, body: BodyT): void
  decided(session: number, body: BodyT): void
  stepped(): void
  sent(session: number, body: BodyT, store: Store): void
}

export interface MasterParts {
  readonly clock: Clock
  readonly random: Random
  readonly trace: Trace
  readonly coverage: Coverage
  readonly config: CoreConfigT
  readonly witness: Witness
  /** ms: how much later than asked for a timer may come. */
  readonly timerLateMaxMs: number
  /** A core that is not the real one, to show that the simulator notices. */
  readonly core?: (config: Uint8Array) => MasterCore
}

export class SimulatedMaster {
  readonly #parts: MasterParts
  readonly #core: MasterCore
  readonly #wall: MasterClock
  readonly #store: Store
  readonly #inbox = new BatchWriter()
  readonly #connections = new Map<number, Connection>()
  readonly #counters = new Map<SessionSource, number>()
  readonly #effects: Effects
  /** How far the clock on this machine's wall is from the true time. */
  #skewMs = 0
  #gathering = false
  #timer: Timer | null = null
  #gatewayDownUntilMs = 0
  steps = 0

  constructor(parts: MasterParts) {
    this.#parts = parts
    const builder = new Builder(256)
    builder.finish(parts.config.pack(builder))
    this.#core = (parts.core ?? createMasterCore)(builder.asUint8Array().slice())
    this.#wall = new MasterClock(
      () => parts.clock.nowMs + this.#skewMs,
      () => parts.clock.nowMs,
    )
    this.#store = new Store(parts.clock, parts.random, (sequence) => {
      this.#event(InboxKind.STORED, 0, '', sequence)
      this.#effects.stored(sequence)
    })
    const sink: SessionSink = {
      send: (session, bytes) => this.#send(session, bytes),
      close: (session, reason) => this.#close(session, reason),
      flush: () => {},
    }
    this.#effects = new Effects({
      log: traceLog(parts.trace),
      sinks: {
        [SessionSource.CONTROL]: sink,
        [SessionSource.WEB]: sink,
        [SessionSource.GATEWAY]: sink,
      },
      persist: ({ key, record }, sequence) => this.#persist(key, record, sequence),
      setTimer: (dueMs) => this.#setTimer(dueMs),
    })
  }

  /** The peer's end of a new connection; only when `reachable`. */
  accept(source: SessionSource, address: string, peer: Receiver, delayMaxMs: number): Connection {
    const counter = (this.#counters.get(source) ?? 0) + 1
    this.#counters.set(source, counter)
    const session = sessionOf(source, counter)
    const { clock, random } = this.#parts
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
    return source !== SessionSource.GATEWAY || this.#parts.clock.nowMs >= this.#gatewayDownUntilMs
  }

  /** The gateway thread dies, all its connections with it; it comes back on its port after a while. */
  crashGateway(downMs: number): void {
    const { trace, coverage, clock } = this.#parts
    coverage.happened('the gateway crashes')
    trace.add('master', () => '   the gateway crashes')
    this.#gatewayDownUntilMs = clock.nowMs + downMs
    for (const [session, connection] of this.#connections) {
      if (sourceOf(session) !== SessionSource.GATEWAY) continue
      connection.masterGone()
      this.#gone(session, 'the gateway ended')
    }
  }

  /** Somebody sets the clock on the wall. */
  jump(byMs: number): void {
    this.#parts.coverage.happened(byMs > 0 ? 'the clock jumps forward' : 'the clock jumps back')
    this.#parts.trace.add('master', () => `   the clock jumps by ${byMs} ms`)
    this.#skewMs += byMs
  }

  elect(): void {
    this.#parts.coverage.happened('the master is elected')
    this.#event(InboxKind.ELECTED, 0, '')
  }

  view(): ClusterViewT {
    const bytes = this.#core.view(this.#wall.nowMs())
    return ClusterView.getRootAsClusterView(new ByteBuffer(bytes)).unpack()
  }

  /** Of effects that wait for the disk. */
  get heldBytes(): number {
    return this.#effects.heldBytes
  }

  storedKeys(): string[] {
    return this.#store.keys()
  }

  #receive(session: number, bytes: Uint8Array): void {
    let body: BodyT | null = null
    try {
      body = decode(bytes)
    } catch {
      // Not every stranger speaks the protocol: the core has to see for itself.
    }
    if (body !== null) this.#parts.witness.received(session, body)
    this.#event(InboxKind.MESSAGE, session, bytes)
  }

  #gone(session: number, reason: string): void {
    if (!this.#connections.delete(session)) return
    this.#effects.forget(session)
    this.#event(InboxKind.DISCONNECTED, session, reason)
  }

  #event(kind: InboxKind, session: number, payload: Uint8Array | string, argument = 0): void {
    this.#parts.trace.add('master', () => {
      const what = typeof payload === 'string' ? payload : described(payload)
      return `<- ${InboxKind[kind]} s${session} ${what}${argument === 0 ? '' : ` #${argument}`}`
    })
    this.#inbox.add(kind, session, payload, argument)
    if (this.#gathering) return
    this.#gathering = true
    this.#parts.clock.after(this.#parts.random.between(0, gatherMaxMs), () => this.#step())
  }

  #step(): void {
    this.#gathering = false
    const batch = this.#inbox.take()
    const outbox = this.#core.step(this.#wall.nowMs(), 0, batch)
    this.steps += 1
    // The outbox is only valid until the next call into the core.
    const effects = outbox.slice()
    this.#core.check()
    for (const { kind, session, payload } of records(effects)) {
      if (kind === (OutboxKind.SEND as number)) {
        this.#parts.witness.decided(session, decode(payload))
      }
    }
    this.#parts.witness.stepped()
    this.#effects.run(effects)
  }

  #persist(key: string, record: Uint8Array | null, sequence: number): void {
    const verb = record === null ? 'forget' : 'persist'
    this.#parts.trace.add('master', () => `   ${verb} ${key} #${sequence}`)
    this.#store.write(sequence, key, record)
  }

  // As the real loop does it: the wait is of a clock that nobody sets, the due time of the one on the wall.
  #setTimer(dueMs: number): void {
    const { clock, random, timerLateMaxMs, coverage } = this.#parts
    this.#timer?.cancel()
    const lateMs = random.between(0, timerLateMaxMs)
    if (lateMs > 0) coverage.happened('a timer is late')
    this.#timer = clock.after(dueMs - this.#wall.nowMs() + lateMs, () => {
      if (this.#wall.nowMs() < dueMs) this.#setTimer(dueMs)
      else this.#event(InboxKind.TIMER, 0, '')
    })
  }

  #send(session: number, bytes: Uint8Array): void {
    const connection = this.#connections.get(session)
    // The peer may be gone since the core spoke to it.
    if (connection === undefined) return
    const body = decode(bytes)
    this.#parts.trace.add('master', () => `-> s${session} ${messageText(body)}`)
    this.#parts.witness.sent(session, body, this.#store)
    connection.sendToPeer(bytes)
  }

  #close(session: number, reason: string): void {
    this.#parts.trace.add('master', () => `-> close s${session} ${reason}`)
    this.#connections.get(session)?.closeByMaster(reason)
    // uWebSockets tells of the end within the call.
    this.#gone(session, 'closed by the master')
  }
}

/** Notices of the core and complaints of the interpreter belong to the history. */
function traceLog(trace: Trace): Logger {
  const line = (text: unknown) => trace.add('master', () => `   ${String(text)}`)
  return { debug: line, info: line, warn: line, error: line } as unknown as Logger
}

function described(bytes: Uint8Array): string {
  try {
    return messageText(decode(bytes))
  } catch {
    return `${bytes.byteLength} bytes that are no message`
  }
}
