/**
 * The control link as workers and applications see it: one open connection to one of the masters that a
 * spark:// URL lists, found, kept alive and opened anew for ever. What is sent while none is open is dropped: whoever
 * sends says everything again after `onOpen`, which is what registration means.
 *
 * Masters are tried in rounds, the one that served last in front (T5). In a round the next one is tried as soon as one
 * fails, stands by (M4) or keeps silent for a moment; the first that opens is taken. Between rounds is a pause that grows.
 */
import type { RawData, WebSocket } from 'ws'
import { parseMasterUrl } from '../conf/master-url.js'
import type { Logger } from '../log/logger.js'
import { Attempt } from './attempt.js'
import { BackOff } from './back-off.js'
import { decode, encode, type BodyT } from './codec.js'
import { MasterInStandbyT } from '../schema/magneto.js'
import * as limits from './limits.js'
import { systemLookup, type Lookup } from './lookup.js'

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
  readonly nextMasterAfterMs?: number
  readonly lookup?: Lookup
  readonly backOff?: Pick<BackOff, 'next' | 'reset'>
}

interface Connection {
  readonly socket: WebSocket
  readonly address: string
}

export class MasterLink {
  readonly #options: MasterLinkOptions
  readonly #masters: readonly string[]
  readonly #backOff: Pick<BackOff, 'next' | 'reset'>
  /** Of this round; none while a connection is open. */
  readonly #attempts = new Set<Attempt>()
  #untried: string[] = []
  /** The one that spoke last as a master that serves. */
  #lastActive: string | null = null
  #current: Connection | null = null
  /** The next attempt or the next round; at most one is due. */
  #timer: NodeJS.Timeout | null = null
  /** Why each could not be reached when that was last said aloud. */
  readonly #told = new Map<string, string>()

  /** Starts to connect at once. @throws UsageError when the URL is malformed */
  constructor(options: MasterLinkOptions) {
    this.#options = options
    this.#backOff = options.backOff ?? new BackOff()
    this.#masters = parseMasterUrl(options.masterUrl).slice('spark://'.length).split(',')
    this.#startRound()
  }

  get open(): boolean {
    return this.#current !== null
  }

  /** @returns false when it was dropped, since no connection is open @throws ControlError on a bad body */
  send(body: BodyT): boolean {
    return this.sendBytes(encode(body))
  }

  /** @param bytes a finished Message, not touched by the caller any more */
  sendBytes(bytes: Uint8Array): boolean {
    const current = this.#current
    if (current === null) return false
    const limit = this.#options.maxBufferedBytes ?? limits.MAX_BUFFERED_BYTES
    if (current.socket.bufferedAmount > limit) {
      this.#drop(current, `the master does not read: over ${limit} bytes wait for it`)
      return false
    }
    current.socket.send(bytes)
    return true
  }

  /** Ends the link for good, without onClose; what was sent before still leaves. */
  close(): void {
    this.#cancelAttempts()
    this.#clearTimer()
    const current = this.#current
    this.#current = null
    if (current === null) return
    const { socket } = current
    socket.close(1000)
    const cut = setTimeout(() => socket.terminate(), limits.CLOSE_TIMEOUT_MS)
    socket.once('close', () => clearTimeout(cut))
  }

  // ---- finding a master ----

  #startRound(): void {
    const last = this.#lastActive
    const others = this.#masters.filter((address) => address !== last)
    this.#untried = last === null ? others : [last, ...others]
    this.#tryNext()
  }

  #tryNext(): void {
    this.#clearTimer()
    const address = this.#untried.shift()
    if (address === undefined) return
    const attempt = new Attempt({
      address,
      lookup: this.#options.lookup ?? systemLookup,
      maxMessageBytes: this.#options.maxMessageBytes ?? limits.MAX_MESSAGE_BYTES,
      onOpen: (socket) => this.#opened(attempt, socket),
      onFailed: (reason) => this.#failed(attempt, reason),
    })
    this.#attempts.add(attempt)
    if (this.#untried.length === 0) return
    const waitMs = this.#options.nextMasterAfterMs ?? limits.NEXT_MASTER_AFTER_MS
    this.#timer = setTimeout(() => this.#tryNext(), waitMs)
  }

  #failed(attempt: Attempt, reason: string): void {
    this.#attempts.delete(attempt)
    const { address } = attempt
    const waitMs = this.#goOn()
    const text = `can't reach the master at ${address}: ${reason}${again(waitMs)}`
    // A master that stays away for days is not worth a warning every ten seconds.
    const news = this.#told.get(address) !== reason
    this.#told.set(address, reason)
    if (news) this.#options.log.warn(text)
    else this.#options.log.debug(text)
  }

  /** @returns the pause before the next round, in ms; null when this one is not over */
  #goOn(): number | null {
    if (this.#untried.length > 0) this.#tryNext()
    if (this.#attempts.size > 0) return null
    const waitMs = this.#backOff.next()
    this.#timer = setTimeout(() => this.#startRound(), waitMs)
    return waitMs
  }

  #cancelAttempts(): void {
    for (const attempt of this.#attempts) attempt.cancel()
    this.#attempts.clear()
  }

  #clearTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }

  // ---- the open connection ----

  #opened(attempt: Attempt, socket: WebSocket): void {
    const { address } = attempt
    this.#attempts.delete(attempt)
    this.#clearTimer()
    // The slower ones have their turn again should this one stand by.
    this.#untried.unshift(...[...this.#attempts].map((slower) => slower.address))
    this.#cancelAttempts()
    this.#told.delete(address)
    const connection = { socket, address }
    this.#current = connection
    let wrong = ''
    socket.on('error', (error) => {
      wrong = error.message
    })
    socket.on('message', (data: RawData, isBinary) => this.#receive(connection, data, isBinary))
    socket.on('close', (code, reason) => {
      if (this.#current !== connection) return
      const said = wrong === '' ? reason.toString() : wrong
      this.#lost(connection, said === '' ? `closed with ${code}` : said)
    })
    this.#options.log.info(`connected to the master at ${address}`)
    this.#watch(connection)
    this.#options.onOpen()
  }

  /** A half-open connection shows in nothing but silence, so silence is made impossible by pings. */
  #watch(connection: Connection): void {
    const { socket } = connection
    let heardMs = performance.now()
    const idleMs = this.#options.idleTimeoutMs ?? limits.IDLE_TIMEOUT_MS
    const heard = (): void => {
      heardMs = performance.now()
    }
    for (const event of ['ping', 'pong', 'message'] as const) socket.on(event, heard)
    const pings = setInterval(() => {
      if (performance.now() - heardMs > idleMs)
        this.#drop(connection, `nothing was heard from the master for ${idleMs} ms`)
      else socket.ping()
    }, this.#options.pingIntervalMs ?? limits.PING_INTERVAL_MS)
    socket.once('close', () => clearInterval(pings))
  }

  #receive(connection: Connection, data: RawData, isBinary: boolean): void {
    if (this.#current !== connection) return
    let body: BodyT
    try {
      if (!isBinary)
        return this.#drop(connection, 'the master sent text instead of a control message')
      body = decode(data as Buffer)
    } catch (error) {
      const why = (error as Error).message
      return this.#drop(connection, `the master sent what is no message: ${why}`)
    }
    const standsBy = body instanceof MasterInStandbyT
    if (!standsBy) {
      this.#lastActive = connection.address
      this.#untried = []
      this.#backOff.reset()
    }
    this.#options.onMessage(body)
    // Masters that stand by are passed by at a growing pace until one of them serves (M4, S1).
    if (standsBy) this.#drop(connection, 'it is a standby master')
  }

  /** Cuts a connection for a reason of ours. */
  #drop(connection: Connection, reason: string): void {
    if (this.#current !== connection) return
    connection.socket.terminate()
    this.#lost(connection, reason)
  }

  /** A round that found a standby goes on; who loses a master that served pauses, and so do a thousand others. */
  #lost({ address }: Connection, reason: string): void {
    this.#current = null
    const waitMs = this.#goOn()
    this.#options.log.warn(`lost the master at ${address}: ${reason}${again(waitMs)}`)
    this.#options.onClose(reason)
  }
}

function again(waitMs: number | null): string {
  return waitMs === null ? '; trying the others' : `; trying again in ${waitMs} ms`
}
