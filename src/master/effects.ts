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
  /**
   * @param bytes valid until `flush`
   * @param attachment what belongs to the message without being in it: the same array for all that share it
   */
  send(session: number, bytes: Uint8Array, attachment: Uint8Array | null): void
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
  readonly attachment: Uint8Array | null
}

/** So much that leaves together does not wait for the rest. */
const FLUSHED_BYTES = 32 * 1024

/** So many that have left are forgotten together. */
const MIN_LEFT = 64

/** What one session waits for. An application over a large cluster has tens of thousands: none is moved when one leaves. */
class HeldQueue {
  readonly session: number
  /** Of the last one: what comes after it can't leave before. */
  sequence = 0
  #items: Held[] = []
  #head = 0

  constructor(session: number) {
    this.session = session
  }

  get isEmpty(): boolean {
    return this.#head === this.#items.length
  }

  push(held: Held): void {
    this.#items.push(held)
    this.sequence = Math.max(this.sequence, held.sequence)
  }

  /** @returns the next one; null: the session is gone, and all with it */
  take(): Held | null {
    const next = this.#items[this.#head]
    if (next === undefined) return null
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
  /** By the sequence that has to be on disk: whose next one leaves then, in the order in which the core decided. */
  readonly #turns = new Map<number, HeldQueue[]>()
  #heldBytes = 0
  #synced = 0
  /** Of the outbox that is being carried out. */
  #attachment: Uint8Array | null = null

  constructor(options: EffectsOptions) {
    this.#options = options
    this.#sinks = Object.values(options.sinks)
    this.#maxHeldBytes = options.maxHeldBytes ?? MAX_HELD_BYTES
  }

  /**
   * @param outbox what a step has decided, or a part of it; what waits of it is kept where it is, so nobody may write there any more
   * @throws RangeError when it is not made of whole records
   */
  run(outbox: Uint8Array): void {
    const reader = new BatchReader(outbox)
    this.#attachment = null
    while (reader.next()) this.#take(reader)
    this.#flush()
  }

  /** Everything up to `sequence` is on disk: what waited for it leaves. */
  stored(sequence: number): void {
    if (sequence <= this.#synced) return
    this.#synced = sequence
    const due = [...this.#turns.keys()].filter((each) => each <= sequence)
    let unflushedBytes = 0
    for (const each of due.sort((a, b) => a - b)) {
      const turns = this.#turns.get(each) ?? []
      this.#turns.delete(each)
      for (const waiting of turns) {
        unflushedBytes += this.#release(waiting)
        if (unflushedBytes < FLUSHED_BYTES) continue
        this.#flush()
        unflushedBytes = 0
      }
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

  #take({ kind, session, argument, attached, payload }: BatchReader): void {
    const effect: OutboxKind = kind
    switch (effect) {
      case OutboxKind.SEND:
      case OutboxKind.CLOSE: {
        const attachment = attached ? this.#attachment : null
        return this.#toSession(session, { kind: effect, sequence: argument, payload, attachment })
      }
      case OutboxKind.ATTACHMENT:
        this.#attachment = payload
        return
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

  /** @returns the bytes of what has left */
  #release(waiting: HeldQueue): number {
    const { session } = waiting
    const next = waiting.take()
    if (next === null) return 0
    this.#heldBytes -= next.payload.byteLength
    if (waiting.isEmpty) this.#held.delete(session)
    this.#deliver(session, next)
    return next.payload.byteLength
  }

  #toSession(session: number, held: Held): void {
    const waiting = this.#held.get(session)
    const { payload } = held
    if (waiting === undefined && held.sequence <= this.#synced) return this.#deliver(session, held)
    if (this.#heldBytes + payload.byteLength > this.#maxHeldBytes) {
      const reason = `over ${this.#maxHeldBytes} bytes wait for the recovery store, which is too slow`
      this.#options.log.error(`closing session ${session}: ${reason}`)
      this.forget(session)
      return this.#sink(session).close(session, reason)
    }
    this.#heldBytes += payload.byteLength
    const queue = waiting ?? new HeldQueue(session)
    if (waiting === undefined) this.#held.set(session, queue)
    queue.push(held)
    const turns = this.#turns.get(queue.sequence)
    if (turns === undefined) this.#turns.set(queue.sequence, [queue])
    else turns.push(queue)
  }

  #deliver(session: number, { kind, payload, attachment }: Held): void {
    const sink = this.#sink(session)
    if (kind === OutboxKind.SEND) {
      this.#options.metrics?.sent(session, payload)
      sink.send(session, payload, attachment)
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
