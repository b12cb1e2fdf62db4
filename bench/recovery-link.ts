/**
 * The client's side of a control link, as cheap as it can be: thousands of them share one process with the
 * clock that measures the master. Frames are masked with zeros, so that bytes are written as they are (RFC 6455).
 */
import { connect, type Socket } from 'node:net'
import { CONTROL_PATH } from '../src/control/limits.js'

const OPCODE_BINARY = 2
const OPCODE_CLOSE = 8
const OPCODE_PING = 9
const OPCODE_PONG = 10
const FINAL = 0x80
const MASKED = 0x80
const SHORT_BYTES_MAX = 125
const MEDIUM_BYTES_MAX = 0xffff
const MEDIUM = 126
const LONG = 127
const NOTHING = Buffer.alloc(0)
const HEAD_END = Buffer.from('\r\n\r\n')
/** Proves nothing to anybody here: all links send the same. */
const KEY = Buffer.alloc(16).toString('base64')
/** Every read of every link: what is left of it is copied. */
const READ = Buffer.allocUnsafeSlow(64 * 1024)

export interface LinkEvents {
  open(link: SimulatedLink): void
  /** @param bytes one control Message, valid during the call only */
  message(link: SimulatedLink, bytes: Uint8Array): void
  /** Comes once, also when it never opened. */
  closed(link: SimulatedLink, wasOpen: boolean): void
}

/** One whole frame, as a client writes it. */
export function frameOf(payload: Uint8Array, opcode = OPCODE_BINARY): Buffer {
  const size = payload.byteLength
  let head: Buffer
  if (size <= SHORT_BYTES_MAX) head = Buffer.from([FINAL | opcode, MASKED | size])
  else if (size <= MEDIUM_BYTES_MAX) {
    head = Buffer.from([FINAL | opcode, MASKED | MEDIUM, 0, 0])
    head.writeUInt16BE(size, 2)
  } else {
    head = Buffer.alloc(10)
    head[0] = FINAL | opcode
    head[1] = MASKED | LONG
    head.writeBigUInt64BE(BigInt(size), 2)
  }
  return Buffer.concat([head, Buffer.alloc(4), payload])
}

interface Frame {
  readonly opcode: number
  readonly payload: Buffer
  /** Where the next one starts. */
  readonly end: number
}

/** The whole frame that starts at `at`, of a server: unmasked and final. null: not all of it is there yet. */
function frameAt(bytes: Buffer, at: number): Frame | null {
  if (bytes.length < at + 2) return null
  const short = bytes[at + 1]! & 0x7f
  const headBytes = short === MEDIUM ? 4 : short === LONG ? 10 : 2
  if (bytes.length < at + headBytes) return null
  let size = short
  if (short === MEDIUM) size = bytes.readUInt16BE(at + 2)
  if (short === LONG) size = Number(bytes.readBigUInt64BE(at + 2))
  const end = at + headBytes + size
  if (bytes.length < end) return null
  return { opcode: bytes[at]! & 0x0f, payload: bytes.subarray(at + headBytes, end), end }
}

export class SimulatedLink {
  readonly #socket: Socket
  readonly #events: LinkEvents
  #open = false
  #rest: Buffer = NOTHING
  #pinged: (() => void)[] = []

  constructor(host: string, port: number, events: LinkEvents) {
    this.#events = events
    const socket = connect({
      host,
      port,
      noDelay: true,
      onread: {
        buffer: READ,
        callback: (bytes) => {
          this.#take(READ.subarray(0, bytes))
          return true
        },
      },
    })
    this.#socket = socket
    socket.on('connect', () => {
      socket.write(
        `GET ${CONTROL_PATH} HTTP/1.1\r\nHost: ${host}:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
          `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${KEY}\r\n\r\n`,
      )
    })
    // What went wrong is told by the close that follows.
    socket.on('error', () => {})
    socket.on('close', () => events.closed(this, this.#open))
  }

  /** @param frames of `frameOf`, any number of them */
  write(frames: Buffer): void {
    this.#socket.write(frames)
  }

  /** Bytes that the kernel has not taken yet. */
  get pendingBytes(): number {
    return this.#socket.writableLength
  }

  /** Returns when the other end has read everything before it; never when the link closes first. */
  ping(): Promise<void> {
    return new Promise((done) => {
      this.#pinged.push(done)
      this.#socket.write(frameOf(NOTHING, OPCODE_PING))
    })
  }

  /** Closes after these. */
  end(frames: Buffer): void {
    this.#socket.end(frames)
  }

  destroy(): void {
    this.#socket.resetAndDestroy()
  }

  #take(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    let at = 0
    if (!this.#open) {
      const end = bytes.indexOf(HEAD_END)
      if (end >= 0 && !bytes.subarray(0, end).toString().startsWith('HTTP/1.1 101 ')) {
        this.#socket.destroy()
        return
      }
      if (end < 0) {
        this.#rest = Buffer.from(bytes)
        return
      }
      at = end + HEAD_END.length
      this.#open = true
      this.#events.open(this)
    }
    for (let frame = frameAt(bytes, at); frame !== null; frame = frameAt(bytes, at)) {
      at = frame.end
      if (frame.opcode === OPCODE_BINARY) this.#events.message(this, frame.payload)
      if (frame.opcode === OPCODE_PING) this.#socket.write(frameOf(frame.payload, OPCODE_PONG))
      if (frame.opcode === OPCODE_PONG) this.#pinged.shift()?.()
      if (frame.opcode === OPCODE_CLOSE) this.#socket.destroy()
    }
    this.#rest = at === bytes.length ? NOTHING : Buffer.from(bytes.subarray(at))
  }
}
