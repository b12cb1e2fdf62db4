/** The master of the simulation: one real core, and an interpreter of its effects over fake network and disk. */
import { ByteBuffer, Builder } from 'flatbuffers'
import { decode, type BodyT } from '../../src/control/codec.js'
import {
  BatchWriter,
  InboxKind,
  OutboxKind,
  records,
  sessionOf,
  type SessionSource,
} from '../../src/control/records.js'
import { createMasterCore, type MasterCore } from '../../src/core/native.js'
import {
  ClusterView,
  Notice,
  Record as StoreRecord,
  type ClusterViewT,
  type CoreConfigT,
} from '../../src/schema/magneto.js'
import type { Clock, Timer } from './clock.js'
import { Connection, type Receiver } from './network.js'
import type { Random } from './random.js'
import { Store } from './store.js'
import { messageText, type Trace } from './trace.js'

/** Events that come within this time share a step. */
const gatherMaxMs = 2

/** Sees every message at the moment it leaves the master, and throws when it may not. */
export type SendWitness = (session: number, body: BodyT, store: Store) => void

interface Held {
  readonly kind: number
  readonly session: number
  readonly sequence: number
  readonly payload: Uint8Array
}

export interface MasterParts {
  readonly clock: Clock
  readonly random: Random
  readonly trace: Trace
  readonly config: CoreConfigT
  readonly witness: SendWitness
  /** A core that is not the real one, to show that the simulator notices. */
  readonly core?: (config: Uint8Array) => MasterCore
}

export class SimulatedMaster {
  readonly #parts: MasterParts
  readonly #core: MasterCore
  readonly #store: Store
  readonly #inbox = new BatchWriter()
  readonly #connections = new Map<number, Connection>()
  readonly #counters = new Map<SessionSource, number>()
  #held: Held[] = []
  #syncedSequence = 0
  #gathering = false
  #timer: Timer | null = null
  steps = 0

  constructor(parts: MasterParts) {
    this.#parts = parts
    const builder = new Builder(256)
    builder.finish(parts.config.pack(builder))
    this.#core = (parts.core ?? createMasterCore)(builder.asUint8Array().slice())
    this.#store = new Store(parts.clock, parts.random, (sequence) => this.#stored(sequence))
  }

  /** The peer's end of a new connection. */
  accept(source: SessionSource, address: string, peer: Receiver, delayMaxMs: number): Connection {
    const counter = (this.#counters.get(source) ?? 0) + 1
    this.#counters.set(source, counter)
    const session = sessionOf(source, counter)
    const { clock, random } = this.#parts
    const own: Receiver = {
      receive: (bytes) => this.#event(InboxKind.MESSAGE, session, bytes),
      closed: (reason) => this.#gone(session, reason),
    }
    const connection = new Connection(clock, random, session, own, peer, delayMaxMs)
    this.#connections.set(session, connection)
    this.#event(InboxKind.CONNECTED, session, address)
    return connection
  }

  view(): ClusterViewT {
    const bytes = this.#core.view(this.#parts.clock.nowMs)
    return ClusterView.getRootAsClusterView(new ByteBuffer(bytes)).unpack()
  }

  storedKeys(): string[] {
    return this.#store.keys()
  }

  #gone(session: number, reason: string): void {
    if (!this.#connections.delete(session)) return
    this.#held = this.#held.filter((held) => held.session !== session)
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
    const outbox = this.#core.step(this.#parts.clock.nowMs, 0, batch)
    this.steps += 1
    // The outbox is only valid until the next call into the core.
    const effects = [...records(outbox.slice())]
    this.#core.check()
    for (const { kind, session, argument, payload } of effects) {
      this.#effect({ kind, session, sequence: argument, payload })
    }
  }

  #effect(effect: Held): void {
    const { trace, clock } = this.#parts
    const kind: OutboxKind = effect.kind
    switch (kind) {
      case OutboxKind.SEND:
      case OutboxKind.CLOSE:
        return this.#holdOrDeliver(effect)
      case OutboxKind.PERSIST: {
        const buffer = new ByteBuffer(effect.payload)
        const key = String(StoreRecord.getRootAsRecord(buffer).key())
        trace.add('master', () => `   persist ${key} #${effect.sequence}`)
        return this.#store.write(effect.sequence, key, effect.payload.slice())
      }
      case OutboxKind.FORGET: {
        const key = textOf(effect.payload)
        trace.add('master', () => `   forget ${key} #${effect.sequence}`)
        return this.#store.write(effect.sequence, key, null)
      }
      case OutboxKind.SET_TIMER: {
        this.#timer?.cancel()
        const delayMs = effect.sequence - clock.nowMs
        this.#timer = clock.after(delayMs, () => this.#event(InboxKind.TIMER, 0, ''))
        return undefined
      }
      case OutboxKind.NOTICE: {
        const notice = Notice.getRootAsNotice(new ByteBuffer(effect.payload))
        trace.add('master', () => `   notice ${notice.code()}: ${notice.text()}`)
        return undefined
      }
    }
    throw new Error(`the core made an effect of unknown kind ${effect.kind}`)
  }

  // Effects of one session keep their order: what follows a held one is held too.
  #holdOrDeliver(effect: Held): void {
    const behind = this.#held.some((held) => held.session === effect.session)
    if (effect.sequence > this.#syncedSequence || behind) {
      this.#held.push({ ...effect, payload: effect.payload.slice() })
      return
    }
    this.#deliver(effect)
  }

  #deliver({ kind, session, payload }: Held): void {
    const connection = this.#connections.get(session)
    // The peer may be gone since the core spoke to it.
    if (connection === undefined) return
    if (kind === (OutboxKind.CLOSE as number)) {
      const reason = textOf(payload)
      this.#parts.trace.add('master', () => `-> close s${session} ${reason}`)
      connection.closeByMaster(reason)
      this.#gone(session, 'closed by the master')
      return
    }
    const body = decode(payload)
    this.#parts.trace.add('master', () => `-> s${session} ${messageText(body)}`)
    this.#parts.witness(session, body, this.#store)
    connection.sendToPeer(payload)
  }

  #stored(sequence: number): void {
    this.#syncedSequence = sequence
    this.#event(InboxKind.STORED, 0, '', sequence)
    const held = this.#held
    this.#held = []
    for (const effect of held) this.#holdOrDeliver(effect)
  }
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes)
}

function described(bytes: Uint8Array): string {
  try {
    return messageText(decode(bytes))
  } catch {
    return `${bytes.byteLength} bytes that are no message`
  }
}
