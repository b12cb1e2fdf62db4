/** One attempt to reach one master: its address, its control document, then the WebSocket that this names. */
import { WebSocket } from 'ws'
import { discover, messageOf, type Discovered } from './discovery.js'
import * as limits from './limits.js'
import { fixed, type Lookup } from './lookup.js'

export interface AttemptOptions {
  /** host:port, IPv6 in brackets */
  readonly address: string
  readonly lookup: Lookup
  readonly maxMessageBytes: number
  /** Comes before the first message, in the same turn: listen to the socket here. */
  onOpen(socket: WebSocket): void
  onFailed(reason: string): void
}

/** Calls one of the two back, once, or none after `cancel`. */
export class Attempt {
  readonly address: string
  readonly #options: AttemptOptions
  readonly #stop = new AbortController()
  #socket: WebSocket | null = null

  constructor(options: AttemptOptions) {
    this.#options = options
    this.address = options.address
    discover(options.address, this.#stop.signal, options.lookup)
      .then((found) => this.#dial(found))
      .catch((error: Error) => this.#failed(error.message))
  }

  cancel(): void {
    this.#stop.abort()
    this.#socket?.terminate()
  }

  #dial({ url, addresses }: Discovered): void {
    if (this.#stop.signal.aborted) return
    const socket = new WebSocket(url, {
      perMessageDeflate: false,
      maxPayload: this.#options.maxMessageBytes,
      handshakeTimeout: limits.CONNECT_TIMEOUT_MS,
      followRedirects: false,
      lookup: fixed(addresses),
    })
    this.#socket = socket
    let wrong = 'closed before it was open'
    const onError = (error: Error): void => {
      wrong = messageOf(error)
    }
    const onClose = (): void => this.#failed(wrong)
    socket.on('error', onError)
    socket.once('close', onClose)
    socket.once('open', () => {
      socket.off('close', onClose)
      if (this.#stop.signal.aborted) return
      socket.off('error', onError)
      this.#options.onOpen(socket)
    })
  }

  #failed(reason: string): void {
    if (this.#stop.signal.aborted) return
    this.#options.onFailed(reason)
  }
}
