/** TCP connections of one server: what happens to them comes in batches, one a turn of the event loop. */
import { lookup } from 'node:dns/promises'
import { isIP, Socket } from 'node:net'
import { getSystemErrorMap } from 'node:util'

import { nativeTcp, NUMBERS_EACH, TcpEvent, type NativeTcp } from './native-tcp.js'

/** In one call from the addon; more come in further ones. */
const EVENTS_MAX = 1024

/** Who a stream belongs to. */
export interface StreamUser {
  /**
   * Bytes of `slab`, which all streams share: a view that is kept keeps some hundred KiB, so copy what stays.
   *
   * @returns whether they may be looked at once more; they are overwritten if not
   */
  receive(slab: Buffer, from: number, to: number): boolean
  /** The peer sends no more. */
  onEnd(): void
  /** Exactly once, and the last. @param error why, when neither side has ended it */
  onClosed(error: string | null): void
}

/** Who opens a stream. */
export interface Dialler extends StreamUser {
  /** Or `onClosed`. */
  onConnected(): void
}

export class TcpStream {
  user: StreamUser
  readonly #native: NativeTcp
  readonly #id: number
  /** When the system took something last. */
  #unsent = 0
  #isGone = false

  constructor(native: NativeTcp, id: number, user: StreamUser) {
    this.user = user
    this.#native = native
    this.#id = id
  }

  /** Closed, or about to be. */
  get isGone(): boolean {
    return this.#isGone
  }

  /** Bytes that wait for the peer to read. */
  get unsent(): number {
    if (this.#isGone) return 0
    if (this.#unsent > 0) this.#unsent = this.#native.unsent(this.#id)
    return this.#unsent
  }

  write(bytes: Uint8Array): void {
    if (!this.#isGone) this.#unsent = this.#native.write(this.#id, bytes)
  }

  /** Sends what waits, then that nothing more comes; closed when the peer has said the same. */
  end(): void {
    if (!this.#isGone) this.#native.end(this.#id)
  }

  destroy(): void {
    if (this.#isGone) return
    this.#isGone = true
    this.#native.destroy(this.#id)
  }

  /** Should the peer be gone without a word, the system finds out. @param afterS of silence */
  keepAlive(afterS: number): void {
    if (!this.#isGone) this.#native.keepAlive(this.#id, afterS)
  }

  /** @returns null: it has left */
  peer(): { readonly host: string; readonly port: number } | null {
    if (this.#isGone) return null
    const [host, port] = this.#native.peer(this.#id)
    return port === 0 ? null : { host, port }
  }

  /**
   * Its connection becomes a socket of Node, whose it is from now on.
   *
   * @param first what has been read of it
   * @param take gets the socket, with all that was read unread; it is not called when the stream is gone
   */
  handOver(first: Buffer, take: (socket: Socket) => void): void {
    if (this.#isGone) return
    const fd = this.#native.release(this.#id)
    const read = [Buffer.from(first)]
    this.user = {
      receive(slab, from, to) {
        read.push(Buffer.from(slab.subarray(from, to)))
        return false
      },
      onEnd() {},
      onClosed() {
        if (fd < 0) return
        const socket = new Socket({ fd, readable: true, writable: true })
        socket.unshift(Buffer.concat(read))
        take(socket)
      },
    }
  }

  /** For the server. */
  wasClosed(error: number): void {
    this.#isGone = true
    this.user.onClosed(error === 0 ? null : messageOf(error))
  }
}

export interface TcpStreamsOptions {
  /** @returns who the stream belongs to */
  accept(stream: TcpStream): StreamUser
  /** A connection could not be accepted. */
  onFault(message: string): void
}

export interface TcpDialOptions {
  /** To the connection. */
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

export class TcpStreams {
  readonly #options: TcpStreamsOptions
  readonly #native: NativeTcp
  readonly #events = new Int32Array(EVENTS_MAX * NUMBERS_EACH)
  readonly #streams: (TcpStream | null)[] = []
  /** Those that are being opened, and by whom. */
  readonly #dials = new Map<TcpStream, Dialler>()
  #open = 0
  #isClosing = false
  #onEmpty: (() => void) | null = null

  /** @param options of who listens */
  constructor(options: TcpStreamsOptions = NO_LISTENER) {
    this.#options = options
    this.#native = nativeTcp((count, slab) => this.#take(count, slab), this.#events)
  }

  /** Streams that are not closed yet. */
  get open(): number {
    return this.#open
  }

  /** @returns the port @throws Error with a code of the system */
  async listen(host: string, port: number): Promise<number> {
    const [address] = await addressesOf(host)
    const bound = this.#native.listen(address!, port)
    if (bound >= 0) return bound
    const error: NodeJS.ErrnoException = new Error(`listen ${messageOf(bound)} ${address}:${port}`)
    error.code = codeOf(bound)
    throw error
  }

  /**
   * @param begin makes somebody the user of the stream, before anything of it comes
   * @throws Error when it is not reached in time, or the signal ends it
   */
  async dial<T>(
    host: string,
    port: number,
    { timeoutMs, signal }: TcpDialOptions,
    begin: (stream: TcpStream) => T,
  ): Promise<T> {
    const bare = host.startsWith('[') ? host.slice(1, -1) : host
    const deadlineMs = performance.now() + timeoutMs
    let last = new Error(`${host} has no address`)
    for (const address of await addressesOf(bare)) {
      const leftMs = deadlineMs - performance.now()
      if (signal.aborted || this.#isClosing || leftMs <= 0) throw new Error(NOT_IN_TIME)
      try {
        return await this.#dialOne(address, port, { timeoutMs: leftMs, signal }, begin)
      } catch (error) {
        last = error as Error
      }
    }
    throw last
  }

  /** Returns when the last stream is closed: whoever calls it has ended them. */
  async close(): Promise<void> {
    if (this.#isClosing) return
    this.#isClosing = true
    this.#native.stopListening()
    for (const dialled of this.#dials.keys()) dialled.destroy()
    if (this.#open > 0)
      await new Promise<void>((resolve) => {
        this.#onEmpty = resolve
      })
    this.#native.close()
  }

  /**
   * @param address numeric
   * @param dialler its user; hears nothing before this returns
   * @throws Error when that can't even be tried
   */
  connect(address: string, port: number, dialler: Dialler): TcpStream {
    const id = this.#native.connect(address, port)
    if (id < 0) throw new Error(`connect ${messageOf(id)} ${address}:${port}`)
    const stream = this.#add(id, dialler)
    this.#dials.set(stream, dialler)
    return stream
  }

  #dialOne<T>(
    address: string,
    port: number,
    { timeoutMs, signal }: TcpDialOptions,
    begin: (stream: TcpStream) => T,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        clearTimeout(timer)
        signal.removeEventListener('abort', giveUp)
      }
      const stream = this.connect(address, port, {
        ...NOBODY,
        onConnected() {
          settle()
          resolve(begin(stream))
        },
        onClosed(error) {
          settle()
          reject(new Error(`connect ${error ?? NOT_IN_TIME} ${address}:${port}`))
        },
      })
      const giveUp = (): void => stream.destroy()
      const timer = setTimeout(giveUp, timeoutMs)
      signal.addEventListener('abort', giveUp)
    })
  }

  #connected(stream: TcpStream): void {
    const dialler = this.#dials.get(stream)
    this.#dials.delete(stream)
    dialler?.onConnected()
  }

  #add(id: number, user: StreamUser): TcpStream {
    const stream = new TcpStream(this.#native, id, user)
    this.#streams[id] = stream
    this.#open++
    return stream
  }

  #take(count: number, slab: Buffer): boolean {
    const events = this.#events
    let isNeeded = false
    for (let at = 0; at < count * NUMBERS_EACH; at += NUMBERS_EACH) {
      try {
        const stream = this.#streams[events[at + 1]!] ?? null
        if (events[at] !== TcpEvent.DATA) {
          this.#handle(events[at]!, events[at + 1]!, stream, events[at + 2]!)
        } else if (stream?.isGone === false) {
          const from = events[at + 2]!
          if (stream.user.receive(slab, from, from + events[at + 3]!)) isNeeded = true
        }
      } catch (error) {
        // A fault with one stream; what has happened to the others must not be lost with it.
        process.nextTick(() => {
          throw error
        })
      }
    }
    return isNeeded
  }

  #handle(event: TcpEvent, id: number, stream: TcpStream | null, error: number): void {
    if (event === TcpEvent.FAULT) this.#options.onFault(messageOf(error))
    else if (event === TcpEvent.ACCEPTED) this.#accepted(id)
    else if (stream === null) return
    else if (event === TcpEvent.CLOSED) this.#closed(id, stream, error)
    else if (stream.isGone) return
    else if (event === TcpEvent.ENDED) stream.user.onEnd()
    else if (event === TcpEvent.CONNECTED) this.#connected(stream)
  }

  #accepted(id: number): void {
    const stream = this.#add(id, NOBODY)
    // It was accepted before the listener was closed.
    if (this.#isClosing) stream.destroy()
    else stream.user = this.#options.accept(stream)
  }

  #closed(id: number, stream: TcpStream, error: number): void {
    this.#streams[id] = null
    this.#open--
    this.#dials.delete(stream)
    stream.wasClosed(error)
    if (this.#open === 0) this.#onEmpty?.()
  }
}

const NOT_IN_TIME = 'not reached in time'

const NO_LISTENER: TcpStreamsOptions = { accept: () => NOBODY, onFault() {} }

const NOBODY: StreamUser = { receive: () => false, onEnd() {}, onClosed() {} }

async function addressesOf(host: string): Promise<string[]> {
  if (isIP(host) !== 0) return [host]
  return (await lookup(host, { all: true })).map(({ address }) => address)
}

function codeOf(error: number): string {
  return getSystemErrorMap().get(error)?.[0] ?? `error ${error}`
}

function messageOf(error: number): string {
  const [code, text] = getSystemErrorMap().get(error) ?? ['', '']
  return code === '' ? `error ${error}` : `${code}: ${text}`
}
