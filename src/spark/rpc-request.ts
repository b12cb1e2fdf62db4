/** What stands before the Java stream in the body of an RpcRequest or OneWayMessage (WIRE 1.1, spec N3). */
import { decodeModifiedUtf8, encodeModifiedUtf8, modifiedUtf8Length } from './java/modified-utf8.js'
import type { RpcAddress } from './messages.js'

export interface RequestHeader {
  /** Where the sender listens; null when it has no server. */
  readonly sender: RpcAddress | null
  /** What the sender believes it talks to: of no meaning to the receiver. */
  readonly receiver: RpcAddress | null
  readonly endpoint: string
}

/** A body that is no RequestMessage. Its asker gets the message as an RpcFailure. */
export class RequestError extends Error {
  override readonly name = 'RequestError'
}

const SASL_TAG = 0xea
const AUTH_TAG = 0xfb
const MAX_UTF_BYTES = 0xffff
const MAX_PORT = 65_535

class BodyReader {
  readonly body: Buffer
  at = 0

  constructor(body: Buffer) {
    this.body = body
  }

  address(): RpcAddress | null {
    const present = this.body[this.#advance(1)]!
    if (present === 0) return null
    if (present !== 1) throw new RequestError(reasonForFlag(present))
    const host = this.utf()
    const port = this.body.readInt32BE(this.#advance(4))
    if (port < 0 || port > MAX_PORT) throw new RequestError(`a message names port ${port}`)
    return { host, port }
  }

  utf(): string {
    const bytes = this.body.readUInt16BE(this.#advance(2))
    const start = this.#advance(bytes)
    const text = decodeModifiedUtf8(this.body, start, start + bytes)
    if (text === null)
      throw new RequestError("a name in a message's header is no modified UTF-8 text")
    return text
  }

  #advance(bytes: number): number {
    const at = this.at
    if (at + bytes > this.body.length)
      throw new RequestError(`a message of ${this.body.length} bytes ends inside its header`)
    this.at += bytes
    return at
  }
}

function reasonForFlag(flag: number): string {
  if (flag === SASL_TAG || flag === AUTH_TAG) {
    return (
      'the peer wants to authenticate (spark.authenticate), which is not served; ' +
      'set spark.authenticate=false for it'
    )
  }
  return `a message starts with byte ${flag}, expected 0 or 1 for its sender's address`
}

/**
 * @returns the header, and the Java stream as a view into `body`
 * @throws RequestError when it is malformed
 */
export function decodeRequest(body: Buffer): { header: RequestHeader; stream: Buffer } {
  const reader = new BodyReader(body)
  const header = { sender: reader.address(), receiver: reader.address(), endpoint: reader.utf() }
  return { header, stream: body.subarray(reader.at) }
}

function utfBytes(text: string): number {
  const bytes = modifiedUtf8Length(text)
  if (bytes > MAX_UTF_BYTES) throw new RequestError(`a name of ${bytes} bytes fits no header`)
  return 2 + bytes
}

function writeUtf(text: string, bytes: Buffer, at: number): number {
  const end = encodeModifiedUtf8(text, bytes, at + 2)
  bytes.writeUInt16BE(end - at - 2, at)
  return end
}

function addressBytes(address: RpcAddress | null): number {
  return address === null ? 1 : 1 + utfBytes(address.host) + 4
}

function writeAddress(address: RpcAddress | null, bytes: Buffer, at: number): number {
  bytes[at] = address === null ? 0 : 1
  if (address === null) return at + 1
  return bytes.writeInt32BE(address.port, writeUtf(address.host, bytes, at + 1))
}

/** @throws RequestError when a name is longer than 65,535 bytes */
export function encodeRequestHeader(header: RequestHeader): Buffer {
  const bytes = Buffer.allocUnsafe(
    addressBytes(header.sender) + addressBytes(header.receiver) + utfBytes(header.endpoint),
  )
  const receiverAt = writeAddress(header.sender, bytes, 0)
  writeUtf(header.endpoint, bytes, writeAddress(header.receiver, bytes, receiverAt))
  return bytes
}
