/** One core from its first event to its last: a standby, then perhaps a leader, and thrown away at its step-down. */
import { Builder } from 'flatbuffers'
import { decode, type BodyT } from '../../src/control/codec.js'
import {
  BatchWriter,
  InboxKind,
  OutboxKind,
  records,
  SessionSource,
} from '../../src/control/records.js'
import type { Mandate } from '../../src/election/agent.js'
import type { Leader } from '../../src/control/leadership.js'
import type { MasterCore } from '../../src/core/native.js'
import type { Logger } from '../../src/log/logger.js'
import type { Clock as MasterClock } from '../../src/master/clock.js'
import { Effects, type SessionSink } from '../../src/master/effects.js'
import { LaunchExecutorT, LeaderT, type ClusterViewT } from '../../src/schema/magneto.js'
import type { StoreChange } from '../../src/store/engine.js'
import type { Timer } from './clock.js'
import type { Coverage } from './coverage.js'
import type { Life } from './life.js'
import type { Random } from './random.js'
import { wholeView, type Reader } from './reader.js'
import type { SimulatedRecovery } from './recovery.js'
import { messageText } from './trace.js'

/** Events that come within this time share a step. */
const gatherMaxMs = 2

export interface ReignParts {
  readonly life: Life
  readonly random: Random
  readonly coverage: Coverage
  readonly core: MasterCore
  /** Of the process, whatever core it has. */
  readonly reader: Reader
  readonly wall: MasterClock
  readonly recovery: SimulatedRecovery
  readonly sink: SessionSink
  /** ms: how much later than asked for a timer may come. */
  readonly timerLateMaxMs: number
  trace(this: void, what: () => string): void
  /** It is about to enter the core. */
  received(session: number, body: BodyT): void
  /** The core decided to send it. */
  decided(session: number, body: BodyT): void
  /** The core decided to keep it. */
  writes(record: Uint8Array): void
  stepped(): void
  /** A part of a step, and more of it is to come. The master may be over when it returns. */
  carriedOut(): void
  wrote(changes: readonly StoreChange[]): void
}

export class Reign {
  readonly #parts: ReignParts
  readonly #effects: Effects
  readonly #inbox = new BatchWriter()
  #gathering = false
  #suspended = false
  #over = false
  #timer: Timer | null = null
  #pending: StoreChange[] = []
  #sequence = 0
  #committing = false
  /** The last sequence that is on disk. */
  #synced = 0
  /** null: it does not lead. */
  epoch: number | null = null
  steps = 0

  constructor(parts: ReignParts) {
    this.#parts = parts
    this.#effects = new Effects({
      log: traceLog(parts.trace),
      sinks: {
        [SessionSource.CONTROL]: parts.sink,
        [SessionSource.WEB]: parts.sink,
        [SessionSource.GATEWAY]: parts.sink,
      },
      persist: (change, sequence) => this.#persist(change, sequence),
      setTimer: (dueMs) => this.#setTimer(dueMs),
    })
    // The first step, so that the core sets its first timer.
    this.event(InboxKind.TIMER, 0, '')
  }

  /** Of effects that wait for the disk. */
  get heldBytes(): number {
    return this.#effects.heldBytes
  }

  get suspended(): boolean {
    return this.#suspended
  }

  lead({ epoch, records: kept, damaged }: Mandate): void {
    const { trace, coverage } = this.#parts
    coverage.happened('a master is elected')
    if (kept.length > 0) coverage.happened('a leader takes up records')
    trace(() => `   leads, epoch ${epoch}, ${kept.length} records, ${damaged.length} damaged`)
    this.epoch = epoch
    for (const { key, record } of kept) {
      trace(() => `   record ${key}`)
      this.#inbox.add(InboxKind.RECORD, 0, record)
    }
    this.event(InboxKind.ELECTED, 0, '', epoch)
  }

  follow(leader: Leader | null): void {
    if (leader === null) return this.event(InboxKind.LEADER, 0, '')
    const builder = new Builder(256)
    const { masterUrl, webUiUrl, epoch } = leader
    builder.finish(new LeaderT(masterUrl, webUiUrl, epoch).pack(builder))
    this.event(InboxKind.LEADER, 0, builder.asUint8Array().slice())
  }

  suspend(): void {
    this.#suspended = true
  }

  resume(): void {
    this.#suspended = false
    this.#release()
    if (this.#inbox.bytes > 0) this.#gather()
  }

  /** The core is thrown away. */
  end(): void {
    this.#over = true
    this.#timer?.cancel()
  }

  forget(session: number): void {
    this.#effects.forget(session)
  }

  /** @throws Violation when people are shown something else */
  view(): ClusterViewT {
    const { core, wall, reader } = this.#parts
    const nowMs = wall.nowMs()
    const view = wholeView(core, nowMs)
    reader.viewed(core, nowMs, view)
    return view
  }

  event(kind: InboxKind, session: number, payload: Uint8Array | string, argument = 0): void {
    if (this.#over) return
    this.#parts.trace(() => {
      const what = typeof payload === 'string' ? payload : described(payload)
      return `<- ${InboxKind[kind]} s${session} ${what}${argument === 0 ? '' : ` #${argument}`}`
    })
    this.#inbox.add(kind, session, payload, argument)
    this.#gather()
  }

  #gather(): void {
    if (this.#gathering) return
    this.#gathering = true
    this.#parts.life.after(this.#parts.random.between(0, gatherMaxMs), () => this.#step())
  }

  #step(): void {
    this.#gathering = false
    const { core, wall } = this.#parts
    // Who was stopped finds out before it decides anything; the recovery says `resume` or `stepDown` next.
    if (this.#over || !this.#mayAct()) return
    const batch = this.#inbox.take()
    if (batch.byteLength === 0) return
    for (const { kind, session, payload } of records(batch)) {
      if (kind === (InboxKind.MESSAGE as number)) this.#received(session, payload)
    }
    this.steps += 1
    this.#effects.stored(this.#synced)
    const last = core.step(wall.nowMs(), 0, batch, (part) => {
      this.#carryOut(part)
      if (!this.#over) this.#parts.carriedOut()
    })
    if (this.#over) return
    core.check()
    this.#parts.reader.stepped(core, wall.nowMs())
    this.#carryOut(last)
    this.#parts.stepped()
  }

  #carryOut(effects: Uint8Array): void {
    // It has died since: what the core would have decided never was.
    if (this.#over) return
    for (const { kind, payload } of records(effects)) {
      if (kind === (OutboxKind.PERSIST as number)) this.#parts.writes(payload)
    }
    let attachment: Uint8Array | null = null
    for (const { kind, session, payload, attached } of records(effects)) {
      if (kind === (OutboxKind.ATTACHMENT as number)) attachment = payload
      else if (kind === (OutboxKind.SEND as number))
        this.#parts.decided(session, decodeAttached(payload, attached ? attachment : null))
    }
    this.#effects.run(effects)
  }

  #received(session: number, bytes: Uint8Array): void {
    let body: BodyT
    try {
      body = decode(bytes)
    } catch {
      // Not every stranger speaks the protocol: the core has to see for itself.
      return
    }
    this.#parts.received(session, body)
  }

  #persist(change: StoreChange, sequence: number): void {
    const verb = change.record === null ? 'forget' : 'persist'
    this.#parts.trace(() => `   ${verb} ${change.key} #${sequence}`)
    if (sequence <= this.#sequence) {
      throw new Error(`store sequence ${sequence} after ${this.#sequence}: they must grow`)
    }
    this.#sequence = sequence
    this.#pending.push(change)
    if (this.#committing) return
    this.#committing = true
    // The rest of the batch that holds the first change joins it.
    this.#parts.life.after(0, () => this.#commit())
  }

  #commit(): void {
    if (this.#over) return
    const changes = this.#pending
    const sequence = this.#sequence
    this.#pending = []
    this.#parts.recovery.commit(changes, (error) => {
      if (error === null) this.#parts.wrote(changes)
      if (this.#over || error !== null) return
      this.#committing = this.#pending.length > 0
      this.#stored(sequence)
      if (this.#committing) this.#commit()
    })
  }

  #stored(sequence: number): void {
    this.#synced = sequence
    this.event(InboxKind.STORED, 0, '', sequence)
    this.#release()
  }

  #mayAct(): boolean {
    if (this.epoch === null) return true
    return !this.#suspended && this.#parts.recovery.certain()
  }

  /** Lets go what the store has by now, where that may leave; else it goes before the next step's effects. */
  #release(): void {
    if (this.#mayAct()) this.#effects.stored(this.#synced)
  }

  // As the real loop does it: the wait is of a clock that nobody sets, the due time of the one on the wall.
  #setTimer(dueMs: number): void {
    const { life, wall, random, timerLateMaxMs, coverage } = this.#parts
    this.#timer?.cancel()
    const lateMs = random.between(0, timerLateMaxMs)
    if (lateMs > 0) coverage.happened('a timer is late')
    this.#timer = life.after(dueMs - wall.nowMs() + lateMs, () => {
      if (wall.nowMs() < dueMs) this.#setTimer(dueMs)
      else this.event(InboxKind.TIMER, 0, '')
    })
  }
}

/** @returns the message with what belongs to it, as the gateway puts it together */
export function decodeAttached(bytes: Uint8Array, attachment: Uint8Array | null): BodyT {
  const body = decode(bytes)
  if (attachment !== null && body instanceof LaunchExecutorT) body.sparkDescription = attachment
  return body
}

/** Notices of the core and complaints of the interpreter belong to the history. */
function traceLog(trace: (what: () => string) => void): Logger {
  const line = (text: unknown) => trace(() => `   ${String(text)}`)
  return { debug: line, info: line, warn: line, error: line } as unknown as Logger
}

function described(bytes: Uint8Array): string {
  try {
    return messageText(decode(bytes))
  } catch {
    return `${bytes.byteLength} bytes that are no message`
  }
}
