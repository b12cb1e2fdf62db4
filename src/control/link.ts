/**
 * The control link as workers and applications see it: one open connection to one of the masters that a
 * spark:// URL lists, found, kept alive and opened anew for ever. What is sent while none is open is dropped: whoever
 * sends says everything again after `onOpen`, which is what registration means.
 */
import { WebSocket, type RawData } from 'ws'
import { parseMasterUrl } from '../conf/master-url.js'
import type { Logger } from '../log/logger.js'
import { BackOff } from './back-off.js'
import { decode, encode, type BodyT } from './codec.js'
import { discover } from './discovery.js'
import { MasterInStandbyT } from '../schema/magneto.js'
import * as limits from './limits.js'

export interface MasterLinkOptions {
  /** spark://h1:p1[,h2:p2] */
  readonly masterUrl: string
  readonly log: Logger
  onOpen(): void
  onMessage(body: BodyT): void
  /** Comes once for every onOpen; the link goes on trying. Not called by `close`. */
  onClose(reason: string): void
  /** A master that leaves more than this unread loses the connection. */
  readonly maxBufferedBytes?: number
  readonly maxMessageBytes?: number
  readonly pingIntervalMs?: number
  readonly idleTimeoutMs?: number
}

export class MasterLink {
  readonly #options: MasterLinkOptions
  readonly #masters: readonly string[]
  readonly #backOff = new BackOff()
  readonly #stop = new AbortController()
  #next = 0
  #socket: WebSocket | null = null
  #opened = false
  #retry: NodeJS.Timeout | null = null

  /** Starts to connect at once. @throws UsageError when the URL is malformed */
  constructor(options: MasterLinkOptions) {
    this.#options = options
    this.#masters = parseMasterUrl(options.masterUrl).slice('spark://'.length).split(',')
    this.#connect()
  }

  get open(): boolean {
    return this.#opened
  }

  /** @returns false when it was dropped, since no connection is open @throws ControlError on a bad body */
  send(body: BodyT): boolean {
    return this.sendBytes(encode(body))
  }

  /** @param bytes a finished Message, not touched by the caller any more */
  sendBytes(bytes: Uint8Array): boolean {
    const socket = this.#socket
    if (socket === null || !this.#opened) return false
    const limit = this.#options.maxBufferedBytes ?? limits.MAX_BUFFERED_BYTES
    if (socket.bufferedAmount > limit) {
      this.#drop(socket, `the master does not read: over ${limit} bytes wait for it`)
      return false
    }
    socket.send(bytes)
    return true
  }

  /** Ends the link for good, without onClose; what was sent before still leaves. */
  close(): void {
    this.#stop.abort()
    if (this.#retry !== null) clearTimeout(this.#retry)
    this.#opened = false
    const socket = this.#socket
    this.#socket = null
    if (socket === null) return
    socket.close(1000)
    const cut = setTimeout(() => socket.terminate(), limits.CLOSE_TIMEOUT_MS)
    socket.once('close', () => clearTimeout(cut))
  }

  #connect(): void {
    const address = this.#masters[this.#next % this.#masters.length]!
    this.#next += 1
    discover(address, this.#stop.signal).then(
      (url) => this.#dial(address, url),
      (error: Error) => this.#failed(address, error.message),
    )
  }

  #dial(address: string, url: string): void {
    if (this.#stop.signal.aborted) return
    const socket = new WebSocket(url, {
      perMessageDeflate: false,
      maxPayload: this.#options.maxMessageBytes ?? limits.MAX_MESSAGE_BYTES,
      handshakeTimeout: limits.CONNECT_TIMEOUT_MS,
      followRedirects: false,
    })
    this.#socket = socket
    let wrong = ''
    socket.on('error', (error) => {
      wrong = error.message
    })
    socket.on('open', () => this.#hasOpened(socket, address))
    socket.on('message', (data: RawData, isBinary) => this.#receive(socket, data, isBinary))
    socket.on('close', (code, reason) => {
      if (this.#socket !== socket) return
      const said = wrong === '' ? reason.toString() : wrong
      this.#lost(address, said === '' ? `closed with ${code}` : said)
    })
  }

  #hasOpened(socket: WebSocket, address: string): void {
    if (this.#socket !== socket) return
    this.#opened = true
    this.#options.log.info(`connected to the master at ${address}`)
    this.#watch(socket)
    this.#options.onOpen()
  }

  /** A half-open connection shows in nothing but silence, so silence is made impossible by pings. */
  #watch(socket: WebSocket): void {
    let heardMs = performance.now()
    const idleMs = this.#options.idleTimeoutMs ?? limits.IDLE_TIMEOUT_MS
    const heard = (): void => {
      heardMs = performance.now()
    }
    for (const event of ['ping', 'pong', 'message'] as const) socket.on(event, heard)
    const pings = setInterval(() => {
      if (performance.now() - heardMs > idleMs)
        this.#drop(socket, `nothing was heard from the master for ${idleMs} ms`)
      else socket.ping()
    }, this.#options.pingIntervalMs ?? limits.PING_INTERVAL_MS)
    socket.once('close', () => clearInterval(pings))
  }

  #receive(socket: WebSocket, data: RawData, isBinary: boolean): void {
    if (this.#socket !== socket) return
    let body: BodyT
    try {
      if (!isBinary) return this.#drop(socket, 'the master sent text instead of a control message')
      body = decode(data as Buffer)
    } catch (error) {
      return this.#drop(socket, `the master sent what is no message: ${(error as Error).message}`)
    }
    this.#options.onMessage(body)
    // Masters that stand by are passed by at a growing pace until one of them serves (M4, S1).
    if (body instanceof MasterInStandbyT) this.#drop(socket, 'it is a standby master')
    else this.#backOff.reset()
  }

  /** Cuts a connection for a reason of ours. */
  #drop(socket: WebSocket, reason: string): void {
    if (this.#socket !== socket) return
    const address = this.#masters[(this.#next - 1) % this.#masters.length]!
    socket.terminate()
    this.#lost(address, reason)
  }

  #lost(address: string, reason: string): void {
    this.#socket = null
    if (!this.#opened) return this.#failed(address, reason)
    this.#opened = false
    const waitMs = this.#again()
    this.#options.log.warn(`lost the master at ${address}: ${reason}; trying again in ${waitMs} ms`)
    this.#options.onClose(reason)
  }

  #failed(address: string, reason: string): void {
    if (this.#stop.signal.aborted) return
    const waitMs = this.#again()
    this.#options.log.warn(
      `can't reach the master at ${address}: ${reason}; trying again in ${waitMs} ms`,
    )
  }

  /** Another master of the list is tried at once; the pause comes when all have been tried. */
  #again(): number {
    const waitMs = this.#next % this.#masters.length === 0 ? this.#backOff.next() : 0
    this.#retry = setTimeout(() => this.#connect(), waitMs)
    return waitMs
  }
}
