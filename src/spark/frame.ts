/**
 * The frames of Spark's transport (WIRE 1, spec N1, N2): bytes of a TCP stream to frames and back.
 *
 *   frame := i64 frameLength (counts itself) | u8 type | header | body
 */

export enum FrameType {
  RPC_REQUEST = 3,
  RPC_RESPONSE = 4,
  RPC_FAILURE = 5,
  STREAM_REQUEST = 6,
  STREAM_FAILURE = 8,
  ONE_WAY = 9,
}

/** A body is a view into what came from the socket: copy it to keep it longer than the call. */
export type Frame =
  | { readonly type: FrameType.RPC_REQUEST; readonly requestId: bigint; readonly body: Buffer }
  | { readonly type: FrameType.RPC_RESPONSE; readonly requestId: bigint; readonly body: Buffer }
  | { readonly type: FrameType.RPC_FAILURE; readonly requestId: bigint; readonly error: string }
  | { readonly type: FrameType.STREAM_REQUEST; readonly streamId: string }
  | { readonly type: FrameType.STREAM_FAILURE; readonly streamId: string; readonly error: string }
  | { readonly type: FrameType.ONE_WAY; readonly body: Buffer }

/** The peer does not speak Spark's transport; its connection can't go on. */
export class FrameError extends Error {
  override readonly name = 'FrameError'
}

/** Applications register with up to a few MB; a Java stream over 16 MiB is refused anyway. */
export const DEFAULT_MAX_FRAME_BYTES = 128 * 1024 * 1024

/** Netty's own limit for what follows the length. */
const MAX_PAYLOAD_BYTES = 2 ** 31 - 2
const LENGTH_BYTES = 8
const TYPE_BYTES = 1

/** Pieces below this are gathered into one block, so that a dribbling peer can't cost an object a byte. */
const MIN_PIECE_BYTES = 4 * 1024
const BLOCK_BYTES = 64 * 1024

const UNSERVED_TYPES: Record<number, string> = {
  0: 'ChunkFetchRequest',
  1: 'ChunkFetchSuccess',
  2: 'ChunkFetchFailure',
  7: 'StreamResponse',
  10: 'UploadStream',
  11: 'MergedBlockMetaRequest',
  12: 'MergedBlockMetaSuccess',
}

/** @param bytes starts with a frame that is complete */
export function isOneFrame(bytes: Buffer): boolean {
  return bytes.readUInt32BE(LENGTH_BYTES - 4) === bytes.length
}

/** What has come of a frame that is not complete. */
class Pieces {
  #pieces: Buffer[] = []
  #block: Buffer | null = null
  #blockUsed = 0
  bytes = 0

  add(piece: Buffer): void {
    this.bytes += piece.length
    if (piece.length >= MIN_PIECE_BYTES) {
      this.#closeBlock()
      // What it is a view into is far larger.
      this.#pieces.push(Buffer.from(piece))
      return
    }
    if (this.#block !== null && this.#blockUsed + piece.length > this.#block.length)
      this.#closeBlock()
    this.#block ??= Buffer.allocUnsafeSlow(BLOCK_BYTES)
    this.#blockUsed += piece.copy(this.#block, this.#blockUsed)
  }

  take(): Buffer {
    this.#closeBlock()
    const [first] = this.#pieces
    const whole =
      first !== undefined && this.#pieces.length === 1
        ? first
        : Buffer.concat(this.#pieces, this.bytes)
    this.#pieces = []
    this.bytes = 0
    return whole
  }

  #closeBlock(): void {
    if (this.#block !== null) this.#pieces.push(this.#block.subarray(0, this.#blockUsed))
    this.#block = null
    this.#blockUsed = 0
  }
}

/**
 * Cuts the bytes of one connection into frames, wherever TCP split them. A frame that lies in one chunk is
 * not copied. Holds at most `maxFrameBytes` and one chunk.
 */
export class FrameDecoder {
  readonly #maxFrameBytes: number
  readonly #length = Buffer.alloc(LENGTH_BYTES)
  #lengthBytes = 0
  /** Of the payload that is being gathered; 0 while its length is not known. */
  #payloadBytes = 0
  readonly #pieces = new Pieces()

  constructor(maxFrameBytes = DEFAULT_MAX_FRAME_BYTES) {
    this.#maxFrameBytes = maxFrameBytes
  }

  /** What is kept of a frame that is not complete. */
  get heldBytes(): number {
    return this.#lengthBytes + this.#pieces.bytes
  }

  /** A frame has begun and is not complete. */
  get inFrame(): boolean {
    return this.#lengthBytes > 0
  }

  /**
   * @param onFrame called for every frame that is complete, in order
   * @throws FrameError when this is no frame; the decoder is of no use afterwards
   */
  push(bytes: Uint8Array, onFrame: (frame: Frame) => void): void {
    const chunk = Buffer.isBuffer(bytes)
      ? bytes
      : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    let at = this.#lengthBytes === 0 ? this.#wholeFrames(chunk, onFrame) : 0
    while (at < chunk.length) {
      if (this.#payloadBytes === 0) {
        const taken = chunk.copy(this.#length, this.#lengthBytes, at)
        this.#lengthBytes += taken
        at += taken
        if (this.#lengthBytes < LENGTH_BYTES) return
        this.#payloadBytes = this.#checkedPayloadBytes(this.#length, 0)
      }
      const missing = this.#payloadBytes - this.#pieces.bytes
      const end = Math.min(at + missing, chunk.length)
      const piece = chunk.subarray(at, end)
      at = end
      if (piece.length < missing) {
        if (piece.length > 0) this.#pieces.add(piece)
        return
      }
      onFrame(parsePayload(this.#completed(piece)))
    }
  }

  /** The frames that lie whole in the chunk, from its start on. @returns where they end */
  #wholeFrames(chunk: Buffer, onFrame: (frame: Frame) => void): number {
    let at = 0
    while (at + LENGTH_BYTES <= chunk.length) {
      const start = at + LENGTH_BYTES
      const end = start + this.#checkedPayloadBytes(chunk, at)
      if (end > chunk.length) break
      at = end
      onFrame(parsePayload(chunk.subarray(start, end)))
    }
    return at
  }

  #completed(last: Buffer): Buffer {
    this.#lengthBytes = 0
    this.#payloadBytes = 0
    if (this.#pieces.bytes === 0) return last
    this.#pieces.add(last)
    return this.#pieces.take()
  }

  /** @param at where in the bytes a frame starts */
  #checkedPayloadBytes(bytes: Buffer, at: number): number {
    const low = bytes.readUInt32BE(at + 4)
    const claimed = low - LENGTH_BYTES
    if (bytes.readUInt32BE(at) !== 0 || claimed < 1 || claimed > MAX_PAYLOAD_BYTES) {
      const told = bytes.readBigInt64BE(at) - BigInt(LENGTH_BYTES)
      throw new FrameError(`a frame claims ${told} bytes; this is not Spark's transport`)
    }
    if (claimed > this.#maxFrameBytes)
      throw new FrameError(
        `a frame of ${claimed} bytes is over the limit of ${this.#maxFrameBytes}`,
      )
    return claimed
  }
}

/** Reads the header of one payload; never beyond its end. */
class HeaderReader {
  readonly #payload: Buffer
  #at = TYPE_BYTES

  constructor(payload: Buffer) {
    this.#payload = payload
  }

  long(): bigint {
    return this.#payload.readBigInt64BE(this.#advance(8))
  }

  string(): string {
    const bytes = this.#payload.readInt32BE(this.#advance(4))
    if (bytes < 0) throw new FrameError(`a string claims ${bytes} bytes`)
    const start = this.#advance(bytes)
    return this.#payload.toString('utf8', start, start + bytes)
  }

  /** Whatever follows the length field, whose value every Spark ignores (WIRE 1). */
  body(): Buffer {
    this.#advance(4)
    return this.#payload.subarray(this.#at)
  }

  #advance(bytes: number): number {
    const at = this.#at
    if (at + bytes > this.#payload.length) {
      throw new FrameError(
        `a frame of type ${this.#payload[0]} ends after ${this.#payload.length} bytes, ` +
          'inside its header',
      )
    }
    this.#at += bytes
    return at
  }
}

function parsePayload(payload: Buffer): Frame {
  const header = new HeaderReader(payload)
  const type = payload[0]! as FrameType
  switch (type) {
    case FrameType.RPC_REQUEST:
      return { type: FrameType.RPC_REQUEST, requestId: header.long(), body: header.body() }
    case FrameType.RPC_RESPONSE:
      return { type: FrameType.RPC_RESPONSE, requestId: header.long(), body: header.body() }
    case FrameType.RPC_FAILURE:
      return { type: FrameType.RPC_FAILURE, requestId: header.long(), error: header.string() }
    case FrameType.STREAM_REQUEST:
      return { type: FrameType.STREAM_REQUEST, streamId: header.string() }
    case FrameType.STREAM_FAILURE:
      return {
        type: FrameType.STREAM_FAILURE,
        streamId: header.string(),
        error: header.string(),
      }
    case FrameType.ONE_WAY:
      return { type: FrameType.ONE_WAY, body: header.body() }
    default: {
      const name = UNSERVED_TYPES[type]
      throw new FrameError(
        name === undefined
          ? `unknown frame type ${String(type)}`
          : `frames of type ${String(type)} (${name}) are not served on this port`,
      )
    }
  }
}

function startFrame(type: FrameType, headerBytes: number, bodyBytes: number): Buffer {
  const total = LENGTH_BYTES + TYPE_BYTES + headerBytes + bodyBytes
  const frame = Buffer.allocUnsafe(total)
  frame.writeBigInt64BE(BigInt(total))
  frame[LENGTH_BYTES] = type
  return frame
}

const HEADER_AT = LENGTH_BYTES + TYPE_BYTES

function copyParts(parts: readonly Uint8Array[], frame: Buffer, from: number): void {
  let at = from
  for (const part of parts) {
    frame.set(part, at)
    at += part.byteLength
  }
}

function bytesOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, part) => sum + part.byteLength, 0)
}

function encodeWithId(
  type: FrameType.RPC_REQUEST | FrameType.RPC_RESPONSE,
  requestId: bigint,
  body: readonly Uint8Array[],
): Buffer {
  const bodyBytes = bytesOf(body)
  const frame = startFrame(type, 12, bodyBytes)
  frame.writeBigInt64BE(requestId, HEADER_AT)
  frame.writeInt32BE(bodyBytes, HEADER_AT + 8)
  copyParts(body, frame, HEADER_AT + 12)
  return frame
}

/** @param body a RequestMessage, in any number of parts */
export function encodeRpcRequest(requestId: bigint, ...body: readonly Uint8Array[]): Buffer {
  return encodeWithId(FrameType.RPC_REQUEST, requestId, body)
}

/** @param body the Java stream of the reply */
export function encodeRpcResponse(requestId: bigint, body: Uint8Array): Buffer {
  return encodeWithId(FrameType.RPC_RESPONSE, requestId, [body])
}

/** @param error the asker raises it as the text of a RuntimeException (WIRE 1.2) */
export function encodeRpcFailure(requestId: bigint, error: string): Buffer {
  const text = Buffer.from(error)
  const frame = startFrame(FrameType.RPC_FAILURE, 12, text.length)
  frame.writeBigInt64BE(requestId, HEADER_AT)
  frame.writeInt32BE(text.length, HEADER_AT + 8)
  frame.set(text, HEADER_AT + 12)
  return frame
}

export function encodeStreamFailure(streamId: string, error: string): Buffer {
  const id = Buffer.from(streamId)
  const text = Buffer.from(error)
  const frame = startFrame(FrameType.STREAM_FAILURE, 8, id.length + text.length)
  frame.writeInt32BE(id.length, HEADER_AT)
  frame.set(id, HEADER_AT + 4)
  frame.writeInt32BE(text.length, HEADER_AT + 4 + id.length)
  frame.set(text, HEADER_AT + 8 + id.length)
  return frame
}

/** @param body a RequestMessage, in any number of parts */
export function encodeOneWay(...body: readonly Uint8Array[]): Buffer {
  const bodyBytes = bytesOf(body)
  const frame = startFrame(FrameType.ONE_WAY, 4, bodyBytes)
  frame.writeInt32BE(bodyBytes, HEADER_AT)
  copyParts(body, frame, HEADER_AT + 4)
  return frame
}
