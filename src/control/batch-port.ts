/**
 * Batches between the main thread of the master and one of its other threads, in both directions. Small ones are written into
 * memory that both share, and their length alone is posted: an object with a buffer that changes hands costs half as much
 * again as the whole way of a lone message. Whatever has no room there is transferred. The port keeps their order, among
 * each other and with all other messages.
 */
import type { ThreadBatch } from './thread-messages.js'

/** What both threads of a pair start with. */
export interface SharedRings {
  readonly toMain: SharedArrayBuffer
  readonly toThread: SharedArrayBuffer
}

/** The length of a batch that waits in the ring, or the batch itself. */
export type PostedBatch = number | ThreadBatch

interface Posting {
  postMessage(message: PostedBatch, transfer?: ArrayBuffer[]): void
}

const COUNTER_BYTES = 64
/** A power of two. A burst of many batches has room; what is never used is never touched. */
export const RING_BYTES = 256 * 1024

export function sharedRings(): SharedRings {
  const [toMain, toThread] = [ring(), ring()]
  return { toMain, toThread }
}

function ring(): SharedArrayBuffer {
  return new SharedArrayBuffer(COUNTER_BYTES + RING_BYTES)
}

/** One direction of it, for the thread that writes or for the one that reads. Counts go round at 2^32. */
class Ring {
  /** How much has been read, for the writer to see. */
  readonly #read: Int32Array
  readonly #bytes: Uint8Array
  /** How much the writer has written, or the reader read. */
  #at = 0

  constructor(shared: SharedArrayBuffer) {
    this.#read = new Int32Array(shared, 0, 1)
    this.#bytes = new Uint8Array(shared, COUNTER_BYTES)
  }

  /** @returns false when there is no room */
  write(bytes: Uint8Array): boolean {
    const { byteLength } = bytes
    const taken = (this.#at - Atomics.load(this.#read, 0)) | 0
    if (byteLength > RING_BYTES - taken) return false
    const at = this.#at & (RING_BYTES - 1)
    const untilEnd = RING_BYTES - at
    if (byteLength <= untilEnd) this.#bytes.set(bytes, at)
    else {
      this.#bytes.set(bytes.subarray(0, untilEnd), at)
      this.#bytes.set(bytes.subarray(untilEnd))
    }
    this.#at = (this.#at + byteLength) | 0
    return true
  }

  /** @returns the next so many bytes; the room of those before is the writer's again */
  read(byteLength: number): Uint8Array {
    Atomics.store(this.#read, 0, this.#at)
    const at = this.#at & (RING_BYTES - 1)
    this.#at = (this.#at + byteLength) | 0
    const atEnd = this.#bytes.subarray(at, at + byteLength)
    if (atEnd.byteLength === byteLength) return atEnd
    return Buffer.concat([atEnd, this.#bytes.subarray(0, byteLength - atEnd.byteLength)])
  }
}

export class BatchPort {
  readonly #port: Posting
  readonly #outgoing: Ring | null
  readonly #incoming: Ring | null

  private constructor(port: Posting, out?: SharedArrayBuffer, into?: SharedArrayBuffer) {
    this.#port = port
    this.#outgoing = out === undefined ? null : new Ring(out)
    this.#incoming = into === undefined ? null : new Ring(into)
  }

  static ofMain(thread: Posting, rings: SharedRings): BatchPort {
    return new BatchPort(thread, rings.toThread, rings.toMain)
  }

  /** @param rings absent: all batches are transferred */
  static ofThread(main: Posting, rings?: SharedRings): BatchPort {
    return new BatchPort(main, rings?.toMain, rings?.toThread)
  }

  /** @param batch may be overwritten when this returns */
  post(batch: Uint8Array): void {
    if (this.#outgoing?.write(batch) === true) {
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
      return this.#port.postMessage(batch.byteLength)
    }
    const bytes = batch.slice()
    this.#port.postMessage({ kind: 'batch', bytes }, [bytes.buffer])
  }

  /**
   * Every one must be received once, in the order in which they come.
   *
   * @returns bytes that are overwritten when the next one has been received
   * @throws Error for a length where nothing is shared
   */
  receive(posted: PostedBatch): Uint8Array {
    if (typeof posted !== 'number') return posted.bytes
    if (this.#incoming === null)
      throw new Error('a batch is said to be in a ring that is not there')
    return this.#incoming.read(posted)
  }

  /** As `receive`. @returns bytes of its own */
  take(posted: PostedBatch): Uint8Array {
    const bytes = this.receive(posted)
    return typeof posted === 'number' ? Buffer.from(bytes) : bytes
  }
}
