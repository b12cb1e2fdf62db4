/**
 * The framing of batches: what the core's inbox and outbox are made of, and what the gateway, the web
 * thread and the simulator exchange with the main thread. One record, little endian:
 *
 *   u32 recordBytes   header and payload, padded to a multiple of 8
 *   u32 payloadBytes
 *   u32 kind          InboxKind or OutboxKind
 *   u32 attached      outbox: 1 when the last ATTACHMENT of the batch before it belongs to it, else 0
 *   f64 session       a whole number below 2^53: source * 2^32 + counter
 *   f64 argument      inbox: the synced sequence of STORED; outbox: the store sequence that must be synced
 *                     first (0: none), the sequence of PERSIST and FORGET, the due time (ms) of SET_TIMER
 *   payload           at offset 32, so FlatBuffers inside are 8-aligned when the batch is
 */
export const RECORD_HEADER_BYTES = 32

/** What enters the core. */
export enum InboxKind {
  /** A session opened; payload: the peer's address as text. */
  CONNECTED = 1,
  /** payload: one control Message, exactly as it came from the peer. */
  MESSAGE = 2,
  /** The session is gone; payload: the reason as text. Nothing may be sent to it any more. */
  DISCONNECTED = 3,
  /** Everything up to sequence `argument` is on disk. */
  STORED = 4,
  // 5 is no kind any more.
  /** The time that SET_TIMER asked for has come. */
  TIMER = 6,
  /**
   * This master leads from now on; `argument`: its epoch. A core that started in standby takes up the records it
   * was given before: with none of a worker, an application or a driver it is ALIVE, else RECOVERING (spec H8).
   */
  ELECTED = 7,
  /** payload: one store Record of an earlier leader, `argument` 0. Only in standby, before ELECTED. */
  RECORD = 8,
  /** payload: a core Leader that a standby has heard of; empty: there is none now. */
  LEADER = 9,
}

/** What leaves the core. */
export enum OutboxKind {
  /** payload: one control Message for `session`. */
  SEND = 1,
  /** payload: the reason as text. */
  CLOSE = 2,
  /** payload: one store Record; `argument` is its sequence. */
  PERSIST = 3,
  /** payload: the key as text; `argument` is its sequence. */
  FORGET = 4,
  /** `argument`: when TIMER is due, ms since the epoch; replaces the one before. */
  SET_TIMER = 5,
  /** payload: one core Notice. */
  NOTICE = 6,
  /**
   * payload: `spark_description` of the LaunchExecutors after it in the batch that say so. It is the same for all executors
   * of an application, and would be most of what is handed over.
   */
  ATTACHMENT = 7,
}

/** Who allocated a session: the high part of its number. */
export enum SessionSource {
  CONTROL = 0,
  WEB = 1,
  GATEWAY = 2,
}

const COUNTER_SPAN = 2 ** 32

/** @param counter below 2^32 */
export function sessionOf(source: SessionSource, counter: number): number {
  return source * COUNTER_SPAN + counter
}

export function sourceOf(session: number): SessionSource {
  return Math.floor(session / COUNTER_SPAN)
}

export interface BatchRecord {
  readonly kind: number
  readonly session: number
  readonly argument: number
  readonly attached: boolean
  /** A view into the batch: copy it to keep it longer than the batch. */
  readonly payload: Uint8Array
}

const text = new TextEncoder()

/** A growing buffer of records, reused from batch to batch. */
export class BatchWriter {
  #bytes: Uint8Array
  #view: DataView
  #used = 0

  constructor(initialBytes = 64 * 1024) {
    this.#bytes = new Uint8Array(initialBytes)
    this.#view = new DataView(this.#bytes.buffer)
  }

  get bytes(): number {
    return this.#used
  }

  add(
    kind: number,
    session: number,
    payload: Uint8Array | string = '',
    argument = 0,
    attached = false,
  ): void {
    const body = typeof payload === 'string' ? text.encode(payload) : payload
    const recordBytes = (RECORD_HEADER_BYTES + body.byteLength + 7) & ~7
    this.#reserve(recordBytes)
    const at = this.#used
    this.#view.setUint32(at, recordBytes, true)
    this.#view.setUint32(at + 4, body.byteLength, true)
    this.#view.setUint32(at + 8, kind, true)
    this.#view.setUint32(at + 12, attached ? 1 : 0, true)
    this.#view.setFloat64(at + 16, session, true)
    this.#view.setFloat64(at + 24, argument, true)
    this.#bytes.set(body, at + RECORD_HEADER_BYTES)
    this.#used += recordBytes
  }

  /** Appends a batch that somebody else wrote, as it is. */
  addBatch(batch: Uint8Array): void {
    this.#reserve(batch.byteLength)
    this.#bytes.set(batch, this.#used)
    this.#used += batch.byteLength
  }

  /** The records so far, as a view that the next `add` after `reset` overwrites. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.#used)
  }

  /** The records so far, as bytes of their own, to hand to another thread; the writer starts anew. */
  take(): Uint8Array<ArrayBuffer> {
    const taken = this.#bytes.slice(0, this.#used)
    this.#used = 0
    return taken
  }

  reset(): void {
    this.#used = 0
  }

  #reserve(more: number): void {
    const needed = this.#used + more
    if (needed <= this.#bytes.byteLength) return
    const grown = new Uint8Array(Math.max(needed, this.#bytes.byteLength * 2))
    grown.set(this.#bytes.subarray(0, this.#used))
    this.#bytes = grown
    this.#view = new DataView(grown.buffer)
  }
}

/**
 * Walks a batch without making anything for each record, which is what the main thread does all day:
 * `while (reader.next()) ...`.
 */
export class BatchReader {
  readonly #batch: Uint8Array
  readonly #view: DataView
  #next = 0
  #payloadAt = 0
  #payloadBytes = 0
  kind = 0
  session = 0
  argument = 0
  attached = false

  constructor(batch: Uint8Array) {
    this.#batch = batch
    this.#view = new DataView(batch.buffer, batch.byteOffset, batch.byteLength)
  }

  /** @returns false at the end @throws RangeError when the batch is not made of whole records */
  next(): boolean {
    const at = this.#next
    const { byteLength } = this.#batch
    if (at >= byteLength) return false
    if (at + RECORD_HEADER_BYTES > byteLength)
      throw new RangeError(`batch ends inside a record header at ${at}`)
    const view = this.#view
    const recordBytes = view.getUint32(at, true)
    const payloadBytes = view.getUint32(at + 4, true)
    if (
      recordBytes % 8 !== 0 ||
      recordBytes < RECORD_HEADER_BYTES + payloadBytes ||
      at + recordBytes > byteLength
    ) {
      throw new RangeError(
        `record at ${at} claims ${recordBytes} bytes with ${payloadBytes} of payload; the batch has ${byteLength}`,
      )
    }
    this.kind = view.getUint32(at + 8, true)
    this.attached = view.getUint32(at + 12, true) !== 0
    this.session = view.getFloat64(at + 16, true)
    this.argument = view.getFloat64(at + 24, true)
    this.#payloadAt = at + RECORD_HEADER_BYTES
    this.#payloadBytes = payloadBytes
    this.#next = at + recordBytes
    return true
  }

  /** Where the next record starts. */
  get at(): number {
    return this.#next
  }

  /** Of the present record: a view into the batch, made anew by each call. */
  get payload(): Uint8Array {
    return this.#batch.subarray(this.#payloadAt, this.#payloadAt + this.#payloadBytes)
  }

  get payloadBytes(): number {
    return this.#payloadBytes
  }
}

/** Walks a batch. @throws RangeError when it is not made of whole records */
export function* records(batch: Uint8Array): Generator<BatchRecord> {
  const reader = new BatchReader(batch)
  while (reader.next()) {
    const { kind, session, argument, attached, payload } = reader
    yield { kind, session, argument, attached, payload }
  }
}

/**
 * Sessions that a batch of inbox records opens and closes, in order; the hot path looks at nothing else of it.
 *
 * @throws RangeError when it is not made of whole records
 */
export function sessionChanges(
  batch: Uint8Array,
): { kind: InboxKind.CONNECTED | InboxKind.DISCONNECTED; session: number }[] {
  const changes: { kind: InboxKind.CONNECTED | InboxKind.DISCONNECTED; session: number }[] = []
  const reader = new BatchReader(batch)
  while (reader.next()) {
    const kind: InboxKind = reader.kind
    if (kind === InboxKind.CONNECTED || kind === InboxKind.DISCONNECTED)
      changes.push({ kind, session: reader.session })
  }
  return changes
}
