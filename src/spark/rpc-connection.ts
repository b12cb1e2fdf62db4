/** One connection of Spark RPC: frames in, messages out in the peer's own version. */
import { quoted } from '../conf/errors.js'
import { bracketed } from '../conf/host.js'
import type { Logger } from '../log/logger.js'
import {
  encodeOneWay,
  encodeRpcFailure,
  encodeRpcResponse,
  FrameDecoder,
  FrameError,
  isOneFrame,
  type Frame,
} from './frame.js'
import {
  PeerDialect,
  type EndpointRef,
  type OutgoingMessage,
  type RpcAddress,
  type SparkVersion,
} from './messages.js'
import { encodeRequestHeader } from './rpc-request.js'
import type { StreamUser, TcpStream } from './tcp/streams.js'
import type { WriteQueue, Writing } from './write-queue.js'

export interface RpcLimits {
  /** One frame. */
  readonly maxFrameBytes: number
  /** Of frames that are not complete, all connections of a server together. */
  readonly maxHeldBytes: number
  /** Written but not taken by the peer: a peer that does not read loses its connection. */
  readonly maxUnsentBytes: number
  /** Asks that have no answer yet. */
  readonly maxOpenAsks: number
  /** Log lines about one peer: one that earns more of them loses its connection. */
  readonly maxComplaints: number
  /** A frame that has begun must go on arriving. */
  readonly frameTimeoutMs: number
  /** From the last frame of ours to the end of a connection that we close. */
  readonly closeTimeoutMs: number
}

export const DEFAULT_RPC_LIMITS: RpcLimits = {
  // A Java stream may have 16 MiB (java/limits.ts), its frame's header some more.
  maxFrameBytes: 17 * 1024 * 1024,
  maxHeldBytes: 256 * 1024 * 1024,
  maxUnsentBytes: 16 * 1024 * 1024,
  // A worker that stops tells the end of each of its executors at once.
  maxOpenAsks: 4096,
  maxComplaints: 100,
  frameTimeoutMs: 120_000,
  closeTimeoutMs: 5_000,
}

/** How long a connection that is kept idle is silent before the system asks whether the peer is there. */
const KEEP_ALIVE_S = 60

/** What the connections of one server share. */
export interface SharedBytes {
  /** Of frames that are not complete. */
  held: number
}

export interface RpcConnectionOptions {
  readonly log: Logger
  readonly limits: RpcLimits
  readonly shared: SharedBytes
  readonly writes: WriteQueue
  /** Of a peer that we have called; absent: it shows in what the peer sends. */
  readonly version?: SparkVersion
  onFrame(connection: RpcConnection, frame: Frame): void
  /** Exactly once, when the socket is gone. */
  onClosed(connection: RpcConnection, reason: string): void
}

interface LastHeader {
  readonly to: EndpointRef | null
  readonly sender: RpcAddress | null
  readonly bytes: Buffer
}

/** A message that a peer sends for as long as it lives: read alone, its bytes are known again without being decoded. */
interface Repeated {
  readonly bytes: Buffer
  readonly handle: () => void
}

/** A heartbeat has a third of it. Each connection may keep one such message. */
const REPEATED_BYTES_MAX = 4_096

const NO_HEADER: LastHeader = { to: null, sender: null, bytes: Buffer.alloc(0) }

export class RpcConnection implements Writing, StreamUser {
  /** The other end, `host:port`. */
  readonly peer: string
  /** The address part of it; empty of a peer that has left. */
  readonly host: string
  readonly dialect: PeerDialect
  readonly limits: RpcLimits
  openAsks = 0
  readonly #stream: TcpStream
  readonly #log: Logger
  readonly #options: RpcConnectionOptions
  readonly #decoder: FrameDecoder
  #heldBytes = 0
  /** Until more of a frame that has begun comes; of one that is closing, until the peer does the same. */
  #timer: NodeJS.Timeout | null = null
  /** Of what was sent last: a peer has one endpoint to speak to. */
  #header = NO_HEADER
  #complaints = 0
  /** Frames of this turn. */
  #unwritten: Buffer[] = []
  #unwrittenBytes = 0
  #closing = false
  readonly #onFrame = (frame: Frame): void => {
    if (!this.#closing) this.#options.onFrame(this, frame)
  }
  #reason: string | null = null
  #repeated: Repeated | null = null
  /** Of the message that is being handled. */
  #handleAgain: (() => void) | null = null

  /** @param stream whose user this is from now on */
  constructor(stream: TcpStream, options: RpcConnectionOptions) {
    const peer = stream.peer()
    this.peer = nameOf(peer)
    this.host = peer?.host ?? ''
    this.limits = options.limits
    this.dialect = new PeerDialect(options.version ?? null)
    this.#stream = stream
    this.#log = options.log
    this.#options = options
    this.#decoder = new FrameDecoder(options.limits.maxFrameBytes)
    stream.user = this
  }

  /** No more is read, and what is sent is dropped. */
  get closed(): boolean {
    return this.#closing
  }

  receive(slab: Buffer, from: number, to: number): boolean {
    if (this.#closing) return false
    const wasInFrame = this.#decoder.inFrame
    if (!wasInFrame && this.#repeated !== null) {
      const { bytes, handle } = this.#repeated
      if (to - from === bytes.length && bytes.compare(slab, from, to) === 0) {
        handle()
        return false
      }
    }
    this.#decode(slab.subarray(from, to), wasInFrame)
    return true
  }

  #decode(chunk: Buffer, wasInFrame: boolean): void {
    try {
      this.#decoder.push(chunk, this.#onFrame)
    } catch (error) {
      if (!(error instanceof FrameError)) throw error
      this.destroy(error.message)
      return
    }
    if (this.#handleAgain !== null) this.#keepRepeated(chunk, wasInFrame)
    this.#hold(this.#decoder.heldBytes)
    if (wasInFrame || this.#decoder.inFrame) this.#watchFrame()
  }

  onEnd(): void {
    this.#finish()
  }

  onClosed(error: string | null): void {
    this.#closing = true
    this.#stopTimer()
    this.#hold(0)
    this.#options.onClosed(this, this.#reason ?? error ?? 'the peer closed the connection')
  }

  #watchFrame(): void {
    if (this.#closing) return
    if (!this.#decoder.inFrame) return this.#stopTimer()
    if (this.#timer === null) {
      const giveUp = (): void => this.destroy('a frame stopped arriving half way')
      this.#timer = setTimeout(giveUp, this.limits.frameTimeoutMs).unref()
    } else this.#timer.refresh()
  }

  #stopTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }

  /**
   * To be called while a message is being handled which this peer repeats byte for byte.
   *
   * @param handle what the same bytes mean when they come again
   */
  expectAgain(handle: () => void): void {
    this.#handleAgain = handle
  }

  #keepRepeated(chunk: Buffer, wasInFrame: boolean): void {
    const handle = this.#handleAgain!
    this.#handleAgain = null
    if (wasInFrame || chunk.length > REPEATED_BYTES_MAX || !isOneFrame(chunk)) return
    this.#repeated = { bytes: Buffer.from(chunk), handle }
  }

  /**
   * One-way, to an endpoint of the peer, over this connection whatever the ref's address is (WIRE 1.4).
   *
   * @param sender our public listening address: workers know us by it (WIRE 1.5)
   * @throws UnsupportedPeerError when the peer's version isn't known well enough to write this
   */
  send(to: EndpointRef, message: OutgoingMessage, sender: RpcAddress | null): void {
    if (this.#closing) return
    const { to: known } = this.#header
    if (known !== to || this.#header.sender !== sender) {
      const bytes = encodeRequestHeader({ sender, receiver: to.address, endpoint: to.name })
      this.#header = { to, sender, bytes }
    }
    this.write(encodeOneWay(this.#header.bytes, this.dialect.encode(message)))
  }

  write(frame: Buffer): void {
    if (this.#closing) return
    this.#unwritten.push(frame)
    this.#unwrittenBytes += frame.length
    if (this.#unwritten.length === 1) this.#options.writes.add(this)
    const waiting = this.#stream.unsent + this.#unwrittenBytes
    if (waiting > this.limits.maxUnsentBytes) {
      this.destroy(
        `the peer does not read: ${waiting} bytes wait for it, ` +
          `the limit is ${this.limits.maxUnsentBytes}`,
      )
    }
  }

  /** Hands over to the socket what was written in this turn. */
  writeOut(): void {
    const [first] = this.#unwritten
    if (first === undefined) return
    const bytes =
      this.#unwritten.length === 1 ? first : Buffer.concat(this.#unwritten, this.#unwrittenBytes)
    this.#unwritten = []
    this.#unwrittenBytes = 0
    this.#stream.write(bytes)
  }

  /** Nothing more is expected on it: should the peer be gone without a word, the system finds out. */
  keepIdle(): void {
    this.#stream.keepAlive(KEEP_ALIVE_S)
  }

  #hold(bytes: number): void {
    const { shared } = this.#options
    shared.held += bytes - this.#heldBytes
    this.#heldBytes = bytes
    if (shared.held > this.limits.maxHeldBytes && bytes > 0)
      this.destroy(`unfinished frames of all peers take over ${this.limits.maxHeldBytes} bytes`)
  }

  /** Something of this peer can't be served: logged, and bounded so that it can't fill the log. */
  complain(what: string): void {
    this.#complaints++
    this.#log.warn(`${this.peer}: ${what}`)
    if (this.#complaints >= this.limits.maxComplaints)
      this.destroy(`${this.#complaints} messages of this peer could not be served`)
  }

  /** Ends the connection after what has been sent. */
  close(reason: string): void {
    if (this.#closing) return
    this.#reason ??= reason
    this.#finish()
  }

  #finish(): void {
    if (this.#closing) return
    this.#closing = true
    this.#stopTimer()
    this.#timer = setTimeout(() => this.#stream.destroy(), this.limits.closeTimeoutMs)
    this.writeOut()
    this.#stream.end()
  }

  /** Ends the connection at once. */
  destroy(reason: string): void {
    if (this.#stream.isGone) return
    if (!this.#closing) this.#log.warn(`${this.peer}: connection closed: ${reason}`)
    this.#closing = true
    this.#reason ??= reason
    this.#stream.destroy()
  }
}

/** @param address null of a peer that has left */
export function nameOf(address: { readonly host: string; readonly port: number } | null): string {
  return address === null ? 'a peer that has left' : `${bracketed(address.host)}:${address.port}`
}

/** The answer to one ask. Exactly one of its methods is to be called, once; the connection may be gone. */
export class RpcReply {
  readonly #connection: RpcConnection
  readonly #requestId: bigint
  #answered = false

  constructor(connection: RpcConnection, requestId: bigint) {
    this.#connection = connection
    this.#requestId = requestId
    connection.openAsks++
  }

  get answered(): boolean {
    return this.#answered
  }

  /** @throws UnsupportedPeerError when it can't be written in the peer's version; `failure` then can */
  value(message: OutgoingMessage): void {
    const frame = encodeRpcResponse(this.#requestId, this.#connection.dialect.encode(message))
    this.#answer(frame)
  }

  /** The asker raises it as the text of an exception. Needs no class of the peer's version (WIRE 1.2). */
  failure(error: string): void {
    this.#answer(encodeRpcFailure(this.#requestId, error))
  }

  #answer(frame: Buffer): void {
    if (this.#answered) throw new Error(`ask ${this.#requestId} is answered twice`)
    this.#answered = true
    this.#connection.openAsks--
    this.#connection.write(frame)
  }
}

/** Names from strangers, as logs and errors may show them. */
export function shown(name: string): string {
  return quoted(name)
}
