/**
 * The bytes of one connection to the frames that a master sends, without an object for each: a generator must read far
 * faster than a master writes.
 */
import { FrameError, FrameType } from '../../../src/spark/frame.js'

/** Views into what came from the socket, valid for the call only. */
export interface FrameSink {
  /** @param body from the sender's address on */
  oneWay(body: Buffer): void
  /** @param requestId its low half */
  answer(requestId: number, body: Buffer): void
  failure(requestId: number, error: string): void
  /** A peer that dials us asks whether we have an endpoint. */
  ask(requestIdHigh: number, requestIdLow: number, body: Buffer): void
}

const PREFIX_BYTES = 9
const MAX_FRAME_BYTES = 64 * 1024 * 1024

export class FrameSplitter {
  readonly #sink: FrameSink
  /** Of a frame that is not complete; a copy. */
  #rest: Buffer | null = null
  #restBytes = 0

  constructor(sink: FrameSink) {
    this.#sink = sink
  }

  /** @throws FrameError when these are no frames of a master */
  push(chunk: Buffer): void {
    const bytes = this.#rest === null ? chunk : this.#gathered(chunk)
    if (bytes === null) return
    let at = 0
    while (bytes.length - at >= PREFIX_BYTES) {
      const frameBytes = lengthAt(bytes, at)
      if (bytes.length - at < frameBytes) break
      this.#take(bytes, at, at + frameBytes)
      at += frameBytes
    }
    if (at < bytes.length) this.#keep(bytes.subarray(at))
  }

  #take(bytes: Buffer, start: number, end: number): void {
    const type: FrameType = bytes[start + 8]!
    switch (type) {
      case FrameType.ONE_WAY:
        this.#sink.oneWay(bytes.subarray(start + 13, end))
        break
      case FrameType.RPC_RESPONSE:
        this.#sink.answer(bytes.readUInt32BE(start + 13), bytes.subarray(start + 21, end))
        break
      case FrameType.RPC_FAILURE:
        this.#sink.failure(bytes.readUInt32BE(start + 13), bytes.toString('utf8', start + 21, end))
        break
      case FrameType.RPC_REQUEST:
        this.#sink.ask(
          bytes.readUInt32BE(start + 9),
          bytes.readUInt32BE(start + 13),
          bytes.subarray(start + 21, end),
        )
        break
      default:
        throw new FrameError(`a frame of type ${type} from a master`)
    }
  }

  #keep(rest: Buffer): void {
    const needed = rest.length >= PREFIX_BYTES ? lengthAt(rest, 0) : PREFIX_BYTES
    this.#rest = Buffer.allocUnsafeSlow(Math.max(needed, rest.length))
    this.#restBytes = rest.copy(this.#rest)
  }

  /** @returns all bytes from the frame that had begun on; null while it is not complete */
  #gathered(chunk: Buffer): Buffer | null {
    const rest = this.#rest!
    const missing = rest.length - this.#restBytes
    if (chunk.length < missing) {
      this.#restBytes += chunk.copy(rest, this.#restBytes)
      return null
    }
    this.#rest = null
    return Buffer.concat([rest.subarray(0, this.#restBytes), chunk])
  }
}

function lengthAt(bytes: Buffer, at: number): number {
  const length = bytes.readUInt32BE(at + 4)
  if (bytes.readUInt32BE(at) !== 0 || length < PREFIX_BYTES || length > MAX_FRAME_BYTES)
    throw new FrameError(`a frame that claims ${length} bytes`)
  return length
}
