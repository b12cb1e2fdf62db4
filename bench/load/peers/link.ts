/** One TCP connection with a master, dialled by either side. */
import { connect, type Socket } from 'node:net'
import { encodeRpcResponse, FrameError } from '../../../src/spark/frame.js'
import { FrameSplitter, type FrameSink } from './frames.js'
import { sampled } from './golden.js'
import { kindOf, streamAt } from './hear.js'
import { LoadError } from './waits.js'

const READ_BYTES = 256 * 1024
const CONNECT_TIMEOUT_MS = 30_000
/** Read from each socket in turn and never kept, so that all can share it. */
const shared = Buffer.allocUnsafeSlow(READ_BYTES)
const TRUE = sampled('value/true')

/** How often this process has heard each kind of one-way message. */
export const heardCounts = new Map<string, number>()

export interface LinkEvents {
  /** A view, valid for the call only. */
  heard(kind: string, stream: Buffer, link: Link, body: Buffer): void
  /** Once, when the socket is gone; not when we left. */
  lost(reason: string): void
}

type Answer = (stream: Buffer | null, error: string) => void

export class Link {
  readonly #socket: Socket
  #events: LinkEvents
  readonly #splitter = new FrameSplitter(this.#sink())
  readonly #asked = new Map<number, Answer>()
  #lastRequest = 0
  #isCorked = false
  #hasLeft = false

  constructor(socket: Socket, events: LinkEvents) {
    this.#socket = socket
    this.#events = events
    let reason = 'the master closed it'
    socket.on('error', (error) => {
      reason = error.message
    })
    socket.on('close', () => {
      if (this.#hasLeft) return
      this.#hasLeft = true
      for (const answer of this.#asked.values()) answer(null, `connection lost: ${reason}`)
      this.#asked.clear()
      this.#events.lost(reason)
    })
  }

  /** @throws LoadError when the master does not take the connection */
  static open(host: string, port: number, events: LinkEvents): Promise<Link> {
    return new Promise((resolve, reject) => {
      let link: Link | undefined
      const socket = connect({
        host,
        port,
        noDelay: true,
        autoSelectFamily: false,
        onread: {
          buffer: shared,
          callback: (bytes) => {
            link?.receive(shared.subarray(0, bytes))
            return true
          },
        },
      })
      socket.setTimeout(CONNECT_TIMEOUT_MS, () => socket.destroy(new Error('it took 30 s')))
      socket.once('error', (error) => {
        if (link === undefined)
          reject(new LoadError(`no connection to ${host}:${port}: ${error.message}`))
      })
      socket.once('connect', () => {
        socket.setTimeout(0)
        link = new Link(socket, events)
        resolve(link)
      })
    })
  }

  /** Whose connection it turns out to be. */
  belongsTo(events: LinkEvents): void {
    this.#events = events
  }

  /** Written and not yet taken by the system. */
  get waitingBytes(): number {
    return this.#socket.writableLength
  }

  receive(bytes: Buffer): void {
    if (this.#hasLeft) return
    try {
      this.#splitter.push(bytes)
    } catch (error) {
      if (!(error instanceof FrameError)) throw error
      this.#socket.destroy(error)
    }
  }

  write(frame: Buffer): void {
    if (!this.#isCorked) {
      this.#isCorked = true
      this.#socket.cork()
      // All that one turn has to say leaves in one system call.
      process.nextTick(uncork, this)
    }
    this.#socket.write(frame)
  }

  /** @param frameOf makes the frame with its number @param answer null with the reason when there is none */
  ask(frameOf: (requestId: number) => Buffer, answer: Answer): void {
    const requestId = ++this.#lastRequest
    this.#asked.set(requestId, answer)
    this.write(frameOf(requestId))
  }

  /** @param frameOf makes the question for the endpoint Master @throws LoadError when there is none */
  lookUp(name: string, frameOf: (requestId: number) => Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      this.ask(frameOf, (answer, error) => {
        if (answer === null) reject(new LoadError(`${name}: look-up of Master: ${error}`))
        else resolve()
      })
    })
  }

  /** Ends the connection at once. */
  leave(): void {
    this.#hasLeft = true
    this.#socket.destroy()
  }

  /** Ends the connection after all that has been written. */
  finish(): void {
    this.#hasLeft = true
    this.#socket.end()
    this.#socket.resume()
  }

  #sink(): FrameSink {
    return {
      oneWay: (body) => {
        const stream = body.subarray(streamAt(body))
        const kind = kindOf(stream)
        heardCounts.set(kind, (heardCounts.get(kind) ?? 0) + 1)
        this.#events.heard(kind, stream, this, body)
      },
      answer: (requestId, body) => this.#answered(requestId)?.(body, ''),
      failure: (requestId, error) => this.#answered(requestId)?.(null, error.split('\n')[0] ?? ''),
      // Whoever dials us asks only whether an endpoint is there.
      ask: (high, low) => this.write(encodeRpcResponse((BigInt(high) << 32n) | BigInt(low), TRUE)),
    }
  }

  #answered(requestId: number): Answer | undefined {
    const answer = this.#asked.get(requestId)
    this.#asked.delete(requestId)
    return answer
  }

  static uncork(link: Link): void {
    link.#isCorked = false
    link.#socket.uncork()
  }
}

function uncork(link: Link): void {
  Link.uncork(link)
}
