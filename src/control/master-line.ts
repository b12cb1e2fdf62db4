/**
 * The line to one master of the list: an open connection, kept alive by pings, or the next attempt to open one,
 * for ever, at a growing pace. Which line is listened to is the link's business (link.ts).
 */
import type { RawData, WebSocket } from 'ws'
import type { Logger } from '../log/logger.js'
import { Attempt } from './attempt.js'
import type { BackOff } from './back-off.js'
import { decode, type BodyT } from './codec.js'
import * as limits from './limits.js'
import type { Lookup } from './lookup.js'

export type Pauses = Pick<BackOff, 'next' | 'reset'>

export interface LineOptions {
  /** host:port, IPv6 in brackets */
  readonly address: string
  readonly log: Logger
  readonly lookup: Lookup
  readonly maxMessageBytes: number
  readonly maxBufferedBytes: number
  readonly pingIntervalMs: number
  readonly idleTimeoutMs: number
  /** Between attempts. */
  readonly pauses: Pauses
  onOpen(line: MasterLine): void
  onMessage(line: MasterLine, body: BodyT): void
  /** Comes once for every onOpen, but after `renew` and `close`; the line goes on trying. */
  onLost(line: MasterLine, reason: string): void
}

export class MasterLine {
  readonly #options: LineOptions
  #attempt: Attempt | null = null
  #socket: WebSocket | null = null
  #openedMs = 0
  #timer: NodeJS.Timeout | null = null
  /** Why it could not be reached when that was last said aloud. */
  #told: string | null = null
  /** Orders on this connection that nobody listened to. */
  #ignored = 0
  #closed = false
  /** Whether the master of this connection has been asked to serve, or has said by itself that it does not. */
  asked = false

  /** Starts to connect at once. */
  constructor(options: LineOptions) {
    this.#options = options
    this.#dial()
  }

  get address(): string {
    return this.#options.address
  }

  get open(): boolean {
    return this.#socket !== null
  }

  /** @returns false when it was dropped @param bytes a finished Message, not touched by the caller any more */
  send(bytes: Uint8Array): boolean {
    const socket = this.#socket
    if (socket === null) return false
    const limit = this.#options.maxBufferedBytes
    if (socket.bufferedAmount > limit) {
      this.drop(`the master does not read: over ${limit} bytes wait for it`)
      return false
    }
    socket.send(bytes)
    return true
  }

  /** The master serves: should it be lost, it is asked for soon. */
  proven(): void {
    this.#options.pauses.reset()
  }

  /** Cuts the connection for a reason of ours. */
  drop(reason: string): void {
    const socket = this.#socket
    if (socket === null) return
    socket.terminate()
    this.#lost(reason)
  }

  /** Gives the connection up for a new one, at once: behind the name may be another machine by now. */
  renew(): void {
    const socket = this.#socket
    if (socket === null) return
    this.#socket = null
    socket.terminate()
    this.#dial()
  }

  /** Ends the pause before the next attempt, if it is in one. */
  hurry(): void {
    if (this.#timer !== null) this.#dial()
  }

  /** Notes an order that nobody may follow, since another master leads, or none. */
  ignore(body: BodyT): void {
    this.#ignored += 1
    const text = `${this.address} does not lead this peer: its ${body.constructor.name} is ignored`
    // One that woke up late may have much to say; how much comes with the end of the connection.
    if (this.#ignored === 1) this.#options.log.warn(text)
    else this.#options.log.debug(text)
  }

  /** Ends the line for good, without onLost; what was sent before still leaves. */
  close(): void {
    this.#closed = true
    this.#attempt?.cancel()
    this.#clearTimer()
    const socket = this.#socket
    this.#socket = null
    if (socket === null) return
    socket.close(1000)
    const cut = setTimeout(() => socket.terminate(), limits.CLOSE_TIMEOUT_MS)
    socket.once('close', () => clearTimeout(cut))
  }

  #dial(): void {
    this.#clearTimer()
    const { address, lookup, maxMessageBytes } = this.#options
    this.#attempt = new Attempt({
      address,
      lookup,
      maxMessageBytes,
      onOpen: (socket) => this.#opened(socket),
      onFailed: (reason) => this.#failed(reason),
    })
  }

  #failed(reason: string): void {
    this.#attempt = null
    const waitMs = this.#dialLater()
    const text = `can't reach the master at ${this.address}: ${reason}; trying again in ${waitMs} ms`
    // A master that stays away for days is not worth a warning every ten seconds.
    const news = this.#told !== reason
    this.#told = reason
    if (news) this.#options.log.warn(text)
    else this.#options.log.debug(text)
  }

  #dialLater(): number {
    const waitMs = this.#options.pauses.next()
    this.#timer = setTimeout(() => this.#dial(), waitMs)
    return waitMs
  }

  #clearTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }

  #opened(socket: WebSocket): void {
    this.#attempt = null
    this.#socket = socket
    this.#openedMs = performance.now()
    this.#told = null
    this.#ignored = 0
    this.asked = false
    let wrong = ''
    socket.on('error', (error) => {
      wrong = error.message
    })
    socket.on('message', (data: RawData, isBinary) => this.#receive(socket, data, isBinary))
    socket.on('close', (code, reason) => {
      if (this.#socket !== socket) return
      const said = wrong === '' ? reason.toString() : wrong
      this.#lost(said === '' ? `closed with ${code}` : said)
    })
    this.#options.log.info(`connected to the master at ${this.address}`)
    this.#watch(socket)
    this.#options.onOpen(this)
  }

  /** A half-open connection shows in nothing but silence, so silence is made impossible by pings. */
  #watch(socket: WebSocket): void {
    let heardMs = performance.now()
    const { idleTimeoutMs, pingIntervalMs } = this.#options
    const heard = (): void => {
      heardMs = performance.now()
    }
    for (const event of ['ping', 'pong', 'message'] as const) socket.on(event, heard)
    const pings = setInterval(() => {
      if (this.#socket !== socket) return
      if (performance.now() - heardMs > idleTimeoutMs)
        this.drop(`nothing was heard from the master for ${idleTimeoutMs} ms`)
      else socket.ping()
    }, pingIntervalMs)
    socket.once('close', () => clearInterval(pings))
  }

  #receive(socket: WebSocket, data: RawData, isBinary: boolean): void {
    if (this.#socket !== socket) return
    let body: BodyT
    try {
      if (!isBinary) return this.drop('the master sent text instead of a control message')
      body = decode(data as Buffer)
    } catch (error) {
      return this.drop(`the master sent what is no message: ${(error as Error).message}`)
    }
    this.#options.onMessage(this, body)
  }

  /** Who loses a master pauses, and so do a thousand others. */
  #lost(reason: string): void {
    this.#socket = null
    if (this.#closed) return
    // One that stayed for long was no failure, however often it goes.
    if (performance.now() - this.#openedMs > limits.MAX_BACK_OFF_MS) this.#options.pauses.reset()
    const waitMs = this.#dialLater()
    const ignored = this.#ignored === 0 ? '' : ` (${this.#ignored} messages of it were ignored)`
    this.#options.log.warn(
      `lost the master at ${this.address}: ${reason}${ignored}; trying again in ${waitMs} ms`,
    )
    this.#options.onLost(this, reason)
  }
}
