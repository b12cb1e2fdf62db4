/**
 * One TCP connection that many Spark peers share. A Master answers on the connection that a peer's
 * reference came in on and names the peer's endpoint, so every peer is told apart, and the order of all
 * that the Master sent is the order here.
 */
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { FrameDecoder, FrameType, encodeOneWay, encodeRpcRequest } from '../../src/spark/frame.js'
import type { Frame } from '../../src/spark/frame.js'
import { decodeRequest, encodeRequestHeader } from '../../src/spark/rpc-request.js'
import type { RpcAddress } from '../../src/spark/messages.js'

export interface Delivered {
  /** The endpoint's name. */
  readonly peer: string
  readonly stream: Buffer
}

export class LinkError extends Error {
  override readonly name = 'LinkError'
}

interface Asked {
  readonly peer: string | null
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

export class SparkLink {
  readonly #socket: Socket
  readonly #sender: RpcAddress
  readonly #receiver: RpcAddress
  readonly #asked = new Map<bigint, Asked>()
  #lastRequest = 0n
  #delivered: Delivered[] = []
  #failure: Error | null = null

  private constructor(socket: Socket, sender: RpcAddress, receiver: RpcAddress) {
    this.#socket = socket
    this.#sender = sender
    this.#receiver = receiver
    const decoder = new FrameDecoder()
    socket.on('data', (chunk) => {
      try {
        decoder.push(chunk, (frame) => this.#receive(frame))
      } catch (error) {
        this.#fail(error as Error)
      }
    })
    socket.on('error', (error) => this.#fail(error))
    socket.on('close', () => this.#fail(new LinkError('the Master closed the connection')))
  }

  /** @param sender whom the Master takes this connection's first message for: it is lost with it */
  static async open(sender: RpcAddress, master: RpcAddress): Promise<SparkLink> {
    const socket = connect({ host: master.host, port: master.port, noDelay: true })
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve)
      socket.once('error', reject)
    })
    return new SparkLink(socket, sender, master)
  }

  send(stream: Uint8Array): void {
    this.#socket.write(encodeOneWay(this.#header(), stream))
  }

  /**
   * Resolves when the reply is here; everything that the Master sent before is in take() then.
   * @param peer who the reply is delivered to; null: nobody looks at it
   */
  async ask(stream: Uint8Array, peer: string | null): Promise<void> {
    if (this.#failure !== null) throw this.#failure
    const id = ++this.#lastRequest
    const answered = new Promise<void>((resolve, reject) => {
      this.#asked.set(id, { peer, resolve, reject })
    })
    this.#socket.write(encodeRpcRequest(id, this.#header(), stream))
    return answered
  }

  /** What was delivered since the last call, in the Master's order. */
  take(): Delivered[] {
    const taken = this.#delivered
    this.#delivered = []
    return taken
  }

  async close(): Promise<void> {
    if (this.#socket.destroyed) return
    this.#failure ??= new LinkError('closed')
    await new Promise<void>((resolve) => {
      this.#socket.once('close', () => resolve())
      this.#socket.end()
    })
  }

  #header(): Buffer {
    return encodeRequestHeader({
      sender: this.#sender,
      receiver: this.#receiver,
      endpoint: 'Master',
    })
  }

  #receive(frame: Frame): void {
    if (frame.type === FrameType.ONE_WAY) {
      const { header, stream } = decodeRequest(frame.body)
      this.#delivered.push({ peer: header.endpoint, stream: Buffer.from(stream) })
    } else if (frame.type === FrameType.RPC_RESPONSE) {
      const asked = this.#answered(frame.requestId)
      if (asked.peer !== null)
        this.#delivered.push({ peer: asked.peer, stream: Buffer.from(frame.body) })
      asked.resolve()
    } else if (frame.type === FrameType.RPC_FAILURE) {
      this.#answered(frame.requestId).reject(new LinkError(`the Master failed: ${frame.error}`))
    } else throw new LinkError(`an unexpected frame of type ${frame.type}`)
  }

  #answered(requestId: bigint): Asked {
    const asked = this.#asked.get(requestId)
    if (asked === undefined)
      throw new LinkError(`a reply to request ${requestId}, which is not open`)
    this.#asked.delete(requestId)
    return asked
  }

  #fail(error: Error): void {
    this.#failure ??= error
    for (const { reject } of this.#asked.values()) reject(this.#failure)
    this.#asked.clear()
  }
}
