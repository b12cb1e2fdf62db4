/**
 * Carries out what the core decided. An effect that waits for a store sequence is held back until that is on
 * disk, and so is everything after it for the same session, so that a session never sees messages out of order.
 */
import { ByteBuffer } from 'flatbuffers'
import { BatchReader, OutboxKind, SessionSource, sourceOf } from '../control/records.js'
import type { Logger } from '../log/logger.js'
import type { MasterRecorder } from '../metrics/master-recorder.js'
import { Level, Notice, Record as StoreRecord } from '../schema/magneto.js'
import type { StoreChange } from '../store/engine.js'
import { MAX_HELD_BYTES } from './limits.js'

/** Where messages for sessions of one source go; each session hears them in order. */
export interface SessionSink {
  /** @param bytes valid until `flush` */
  send(session: number, bytes: Uint8Array): void
  close(session: number, reason: string): void
  /** Everything of one batch has been handed over: it leaves now, if it has not yet. */
  flush(): void
}

export interface EffectsOptions {
  readonly log: Logger
  readonly sinks: Readonly<Record<SessionSource, SessionSink>>
  /** Takes changes in order; `stored` is called when a sequence is on disk. */
  persist(change: StoreChange, sequence: number): void
  /** @param dueMs ms since the epoch */
  setTimer(dueMs: number): void
  readonly maxHeldBytes?: number
  readonly metrics?: MasterRecorder
}

interface Held {
  readonly kind: OutboxKind
  readonly sequence: number
  readonly payload: Uint8Array
}

/** So many that have left are forgotten together. */
const MIN_LEFT = 64

/** What one session waits for. An application over a large cluster has tens of thousands: none is moved when one leaves. */
class HeldQueue {
  #items: Held[] = []
  #head = 0

  get isEmpty(): boolean {
    return this.#head === this.#items.length
  }

  push(held: Held): void {
    this.#items.push(held)
  }

  /** @returns the next one if it waits for nothing later than that sequence */
  take(synced: number): Held | null {
    const next = this.#items[this.#head]
    if (next === undefined || next.sequence > synced) return null
    this.#head += 1
    // What has left is let go of, also by a queue that is never empty.
    if (this.#head >= MIN_LEFT && this.#head * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    }
    return next
  }

  /** @returns the bytes of what had not left */
  clear(): number {
    const left = this.#items.slice(this.#head)
    this.#items = []
    this.#head = 0
    return left.reduce((sum, { payload }) => sum + payload.byteLength, 0)
  }
}

const text = new TextDecoder()

export class Effects {
  readonly #options: EffectsOptions
  readonly #sinks: readonly SessionSink[]
  readonly #maxHeldBytes: number
  readonly #held = new Map<number, HeldQueue>()
  #heldBytes = 0
  #synced = 0

  constructor(options: EffectsOptions) {
    this.#options = options
    this.#sinks = Object.values(options.sinks)
    this.#maxHeldBytes = options.maxHeldBytes ?? MAX_HELD_BYTES
  }

  /**
   * @param outbox what a step returned; what waits of it is kept where it is, so nobody may write there any more
   * @throws RangeError when it is not made of whole records
   */
  run(outbox: Uint8Array): void {
    const reader = new BatchReader(outbox)
    while (reader.next()) this.#take(reader)
    this.#flush()
  }

  /** Everything up to `sequence` is on disk: what waited for it leaves. */
  stored(sequence: number): void {
    if (sequence <= this.#synced) return
    this.#synced = sequence
    for (const [session, waiting] of this.#held) {
      // One by one: a close calls `forget` for its session before it returns.
      for (
        let next = waiting.take(this.#synced);
        next !== null;
        next = waiting.take(this.#synced)
      ) {
        this.#heldBytes -= next.payload.byteLength
        this.#deliver(next.kind, session, next.payload)
      }
      if (waiting.isEmpty) this.#held.delete(session)
    }
    this.#flush()
  }

  /** The session is gone, and what was held for it with it. */
  forget(session: number): void {
    this.#heldBytes -= this.#held.get(session)?.clear() ?? 0
    this.#held.delete(session)
  }

  get heldBytes(): number {
    return this.#heldBytes
  }

  #take({ kind, session, argument, payload }: BatchReader): void {
    const effect: OutboxKind = kind
    switch (effect) {
      case OutboxKind.SEND:
      case OutboxKind.CLOSE:
        return this.#toSession(effect, session, argument, payload)
      case OutboxKind.PERSIST:
        return this.#options.persist({ key: keyOf(payload), record: payload }, argument)
      case OutboxKind.FORGET:
        return this.#options.persist({ key: text.decode(payload), record: null }, argument)
      case OutboxKind.SET_TIMER:
        return this.#options.setTimer(argument)
      case OutboxKind.NOTICE:
        return this.#notice(payload)
      default:
        throw new RangeError(`the core returned an effect of unknown kind ${String(effect)}`)
    }
  }

  #toSession(kind: OutboxKind, session: number, sequence: number, payload: Uint8Array): void {
    const waiting = this.#held.get(session)
    if (waiting === undefined && sequence <= this.#synced)
      return this.#deliver(kind, session, payload)
    if (this.#heldBytes + payload.byteLength > this.#maxHeldBytes) {
      const reason = `over ${this.#maxHeldBytes} bytes wait for the recovery store, which is too slow`
      this.#options.log.error(`closing session ${session}: ${reason}`)
      this.forget(session)
      return this.#sink(session).close(session, reason)
    }
    this.#heldBytes += payload.byteLength
    const held = { kind, sequence, payload }
    if (waiting !== undefined) return waiting.push(held)
    const queue = new HeldQueue()
    queue.push(held)
    this.#held.set(session, queue)
  }

  #deliver(kind: OutboxKind, session: number, payload: Uint8Array): void {
    const sink = this.#sink(session)
    if (kind === OutboxKind.SEND) {
      this.#options.metrics?.sent(session, payload)
      sink.send(session, payload)
    } else sink.close(session, text.decode(payload))
  }

  #sink(session: number): SessionSink {
    const sink = this.#options.sinks[sourceOf(session)]
    if (sink === undefined) throw new RangeError(`session ${session} has no known source`)
    return sink
  }

  #flush(): void {
    for (const sink of this.#sinks) sink.flush()
  }

  #notice(payload: Uint8Array): void {
    const notice = Notice.getRootAsNotice(new ByteBuffer(payload)).unpack()
    const line = `${String(notice.text)} [${String(notice.code)}]`
    const { log } = this.#options
    if (notice.level === Level.DEBUG) log.debug(line)
    else if (notice.level === Level.INFO) log.info(line)
    else if (notice.level === Level.WARN) log.warn(line)
    else log.error(line)
  }
}

function keyOf(payload: Uint8Array): string {
  const key = StoreRecord.getRootAsRecord(new ByteBuffer(payload)).key()
  if (key === null) throw new RangeError('the core returned a store record without a key')
  return key
}
