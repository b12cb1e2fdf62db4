/**
 * A server of Spark RPC: accepts connections, answers endpoint look-ups and hands every other message to the
 * endpoint that it names. The master's gateway and the worker (for its executors' watchers) stand on it.
 */
import type { Socket } from 'node:net'

import type { Logger } from '../log/logger.js'
import { encodeRpcFailure, encodeStreamFailure, FrameType, type Frame } from './frame.js'
import {
  decodeMessage,
  JavaStreamError,
  UnsupportedPeerError,
  type IncomingMessage,
  type RpcAddress,
  type SparkVersion,
} from './messages.js'
import {
  DEFAULT_RPC_LIMITS,
  nameOf,
  RpcConnection,
  RpcReply,
  shown,
  type RpcLimits,
  type SharedBytes,
} from './rpc-connection.js'
import { listenWithRetries } from './rpc-port.js'
import { decodeRequest, RequestError, type RequestHeader } from './rpc-request.js'
import { TcpStreams, type StreamUser, type TcpDialOptions, type TcpStream } from './tcp/streams.js'
import { WriteQueue } from './write-queue.js'

export interface RpcCall {
  readonly connection: RpcConnection
  readonly header: RequestHeader
  readonly message: IncomingMessage
  /** null: a one-way message, nobody waits for an answer. */
  readonly reply: RpcReply | null
}

export interface Endpoint {
  /** Every ask must be answered, at once or later: its asker waits two minutes and then hangs up. */
  receive(call: RpcCall): void
  /**
   * A message of a version that is not served. An ask has been answered with the error already.
   * @param message null when not even its fields could be read
   */
  unsupported?(
    connection: RpcConnection,
    error: UnsupportedPeerError,
    message: IncomingMessage | null,
  ): void
}

export interface RpcServerOptions {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  /** How many further ports are tried when one is taken (`spark.port.maxRetries`, C16). */
  readonly maxRetries: number
  readonly log: Logger
  /** By the name that peers look them up with (WIRE 1.3). */
  readonly endpoints: ReadonlyMap<string, Endpoint>
  /** Takes over sockets whose first byte is a letter; without it they are refused. */
  readonly http?: (socket: Socket) => void
  readonly onClosed?: (connection: RpcConnection, reason: string) => void
  readonly limits?: Partial<RpcLimits>
}

export interface DialOptions extends TcpDialOptions {
  readonly version: SparkVersion
}

const VERIFIER = 'endpoint-verifier'
const TLS_HANDSHAKE = 22
const MAX_CONNECTIONS = 16_384
/** Spark's clients speak first, and at once. */
const FIRST_BYTE_TIMEOUT_MS = 60_000

export class RpcServer {
  readonly #options: RpcServerOptions
  readonly #limits: RpcLimits
  readonly #streams: TcpStreams
  readonly #connections = new Set<RpcConnection>()
  /** Those that have not shown yet what they speak, and those handed over to HTTP. */
  readonly #others = new Set<{ destroy(): void }>()
  readonly #shared: SharedBytes = { held: 0 }
  readonly #writes = new WriteQueue()
  #isFull = false
  #isStopping = false

  constructor(options: RpcServerOptions) {
    this.#options = options
    this.#limits = { ...DEFAULT_RPC_LIMITS, ...options.limits }
    this.#streams = new TcpStreams({
      accept: (stream) => this.#accept(stream),
      onFault: (message) => options.log.error(`accepting connections: ${message}`),
    })
  }

  /** @returns the port it listens on @throws Error when there is none, with what to do about it */
  listen(): Promise<number> {
    const { host, port, maxRetries, log } = this.#options
    return listenWithRetries((on, candidate) => this.#streams.listen(on, candidate), {
      host,
      port,
      maxRetries,
      log,
    })
  }

  /**
   * Calls a process that listens itself. What it says on this connection is served as on one that it has opened.
   *
   * @param version the peer's Spark, which has not spoken yet
   * @throws Error when it is not reached in time, the signal ends it or the server stops
   */
  dial({ host, port }: RpcAddress, options: DialOptions): Promise<RpcConnection> {
    return this.#streams.dial(host, port, options, (stream) =>
      this.#startRpc(stream, options.version),
    )
  }

  /** Sends what is under way and closes every connection. */
  async close(reason = 'the server stops'): Promise<void> {
    this.#isStopping = true
    for (const connection of this.#connections) connection.close(reason)
    for (const other of this.#others) other.destroy()
    await this.#streams.close()
  }

  #accept(stream: TcpStream): StreamUser {
    const { log } = this.#options
    const isFull = this.#streams.open > MAX_CONNECTIONS
    if (isFull && !this.#isFull) log.error(`over ${MAX_CONNECTIONS} connections: more are refused`)
    this.#isFull = isFull
    if (isFull) stream.destroy()
    else this.#others.add(stream)
    const giveUp = setTimeout(() => stream.destroy(), FIRST_BYTE_TIMEOUT_MS).unref()
    return {
      receive: (slab, from, to) => {
        clearTimeout(giveUp)
        this.#others.delete(stream)
        return this.#begin(stream, slab, from, to)
      },
      onEnd: () => stream.destroy(),
      onClosed: () => {
        clearTimeout(giveUp)
        this.#others.delete(stream)
      },
    }
  }

  /** The first bytes tell what it speaks. @returns as `receive` */
  #begin(stream: TcpStream, slab: Buffer, from: number, to: number): boolean {
    const { log, http } = this.#options
    const first = slab[from]!
    if (first === 0) return this.#startRpc(stream).receive(slab, from, to)
    if (isLetter(first) && http !== undefined) {
      stream.handOver(slab.subarray(from, to), (socket) => {
        if (this.#isStopping) {
          socket.destroy()
          return
        }
        this.#others.add(socket)
        socket.once('close', () => this.#others.delete(socket))
        http(socket)
      })
    } else {
      log.warn(`${nameOf(stream.peer())}: connection closed: ${reasonForFirstByte(first)}`)
      stream.destroy()
    }
    return false
  }

  #startRpc(stream: TcpStream, version?: SparkVersion): RpcConnection {
    const connection = new RpcConnection(stream, {
      log: this.#options.log,
      limits: this.#limits,
      shared: this.#shared,
      writes: this.#writes,
      ...(version === undefined ? {} : { version }),
      onFrame: (on, frame) => this.#onFrame(on, frame),
      onClosed: (on, reason) => {
        this.#connections.delete(on)
        this.#options.onClosed?.(on, reason)
      },
    })
    this.#connections.add(connection)
    return connection
  }

  #onFrame(connection: RpcConnection, frame: Frame): void {
    switch (frame.type) {
      case FrameType.RPC_REQUEST:
        if (connection.openAsks >= this.#limits.maxOpenAsks) {
          const error = `over ${this.#limits.maxOpenAsks} asks of this connection have no answer yet`
          connection.write(encodeRpcFailure(frame.requestId, error))
        } else {
          this.#onRequest(connection, frame.body, new RpcReply(connection, frame.requestId))
        }
        return
      case FrameType.ONE_WAY:
        this.#onRequest(connection, frame.body, null)
        return
      case FrameType.STREAM_REQUEST:
        connection.write(
          encodeStreamFailure(frame.streamId, `Stream '${frame.streamId}' was not found.`),
        )
        return
      default:
        connection.complain(`a ${FrameType[frame.type]} frame answers nothing that was asked`)
    }
  }

  #onRequest(connection: RpcConnection, body: Buffer, reply: RpcReply | null): void {
    let endpoint: Endpoint | undefined
    let message: IncomingMessage | null = null
    try {
      const { header, stream } = decodeRequest(body)
      endpoint = this.#options.endpoints.get(header.endpoint)
      if (endpoint === undefined && header.endpoint !== VERIFIER) {
        this.#refuse(connection, reply, `Could not find ${shownName(header.endpoint)}.`)
        return
      }
      message = decodeMessage(stream)
      connection.dialect.learn(message)
      if (endpoint === undefined) return this.#verify(connection, message, reply)
      const call = { connection, header, message, reply }
      if (reply === null && message.kind === 'Heartbeat') this.#expectAgain(endpoint, call)
      endpoint.receive(call)
    } catch (error) {
      this.#onBadRequest(connection, reply, error)
      if (error instanceof UnsupportedPeerError) endpoint?.unsupported?.(connection, error, message)
    }
  }

  #expectAgain(endpoint: Endpoint, call: RpcCall): void {
    call.connection.expectAgain(() => {
      try {
        endpoint.receive(call)
      } catch (error) {
        this.#onBadRequest(call.connection, null, error)
      }
    })
  }

  #onBadRequest(connection: RpcConnection, reply: RpcReply | null, error: unknown): void {
    const open = reply?.answered === true ? null : reply
    if (error instanceof UnsupportedPeerError) {
      open?.failure(sparkError(error.message))
      connection.complain(error.message)
    } else if (error instanceof RequestError || error instanceof JavaStreamError) {
      this.#refuse(connection, open, error.message)
    } else {
      // A fault of ours that this peer's message brought out: it must not cost the others their service.
      this.#options.log.error(
        { error },
        `${connection.peer}: a message could not be handled: ${String(error)}`,
      )
      open?.failure(sparkError('the message could not be handled; see the log of the server'))
      connection.close('a message could not be handled')
    }
  }

  #verify(connection: RpcConnection, message: IncomingMessage, reply: RpcReply | null): void {
    if (message.kind !== 'CheckExistence') {
      this.#refuse(connection, reply, `${VERIFIER} answers CheckExistence only`)
      return
    }
    const value = message.name === VERIFIER || this.#options.endpoints.has(message.name)
    reply?.value({ kind: 'BooleanReply', value })
  }

  /** Askers are told and log it themselves; one-way messages are only logged here (WIRE 1.2). */
  #refuse(connection: RpcConnection, reply: RpcReply | null, reason: string): void {
    if (reply === null) connection.complain(`message dropped: ${reason}`)
    else reply.failure(sparkError(reason))
  }
}

/** How Spark's own failures start; askers show the text to their users. */
export function sparkError(reason: string): string {
  return `org.apache.spark.SparkException: ${reason}`
}

function shownName(name: string): string {
  return /^[\w.-]{1,100}$/.test(name) ? name : shown(name)
}

function isLetter(byte: number): boolean {
  const lower = byte | 0x20
  return lower >= 0x61 && lower <= 0x7a
}

function reasonForFirstByte(byte: number): string {
  if (byte === TLS_HANDSHAKE)
    return 'the peer speaks TLS (spark.ssl.rpc.enabled), which is not served on this port'
  if (isLetter(byte)) return 'the peer speaks HTTP, which is not served on this port'
  return `its first byte is ${byte}, which starts no message of Spark RPC`
}
