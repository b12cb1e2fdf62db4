/** The control server on uWebSockets. */
import { SessionSource, sessionOf } from './records.js'
import {
  CloseCode,
  TEXT_REASON,
  closeReason,
  goneBecause,
  slowReader,
  type ServerEvents,
  type ServerLimits,
  type ServerTransport,
} from './server-transport.js'
import type { Uws, UwsApp, UwsBehavior, UwsSocket } from './uws.js'

/** What uWebSockets accepts as idle timeout. */
const MIN_IDLE_SECONDS = 8
const MAX_IDLE_SECONDS = 960
/** Its answer to `send` when the buffer is over the limit. */
const DROPPED = 2

const text = new TextDecoder()

export class UwsTransport implements ServerTransport {
  readonly #uws: Uws
  readonly #events: ServerEvents
  readonly #limits: ServerLimits
  readonly #sockets = new Map<number, UwsSocket>()
  /** Why we close a session, until its close handler has run. */
  readonly #reasons = new Map<number, string>()
  #app: UwsApp | null = null
  #counter = 0

  constructor(uws: Uws, events: ServerEvents, limits: ServerLimits) {
    this.#uws = uws
    this.#events = events
    this.#limits = limits
  }

  listen(host: string, port: number, path: string): Promise<number> {
    const app = this.#uws.App()
    this.#app = app
    app.ws(path, this.#behavior())
    app.any('/*', (response) => response.writeStatus('404 Not Found').end(''))
    return new Promise((resolve, reject) => {
      app.listen(host, port, this.#uws.LIBUS_LISTEN_EXCLUSIVE_PORT, (token) => {
        if (token === false) {
          reject(new Error(`can't listen on ${host}:${port} for the control link: is it in use?`))
        } else resolve(this.#uws.us_socket_local_port(token))
      })
    })
  }

  send(session: number, bytes: Uint8Array): void {
    const socket = this.#sockets.get(session)
    if (socket === undefined || socket.send(bytes, true) !== DROPPED) return
    this.#fault(session, slowReader(this.#limits.maxBufferedBytes))
    // Its buffer is full, so a goodbye would never get through.
    socket.close()
  }

  close(session: number, reason: string): void {
    this.#end(session, CloseCode.POLICY, reason)
  }

  closeAll(reason: string): void {
    for (const session of this.#sockets.keys()) this.#end(session, CloseCode.GOING_AWAY, reason)
  }

  stop(reason: string): Promise<void> {
    this.closeAll(reason)
    this.#app?.close()
    this.#app = null
    return Promise.resolve()
  }

  #behavior(): UwsBehavior {
    const idleSeconds = Math.ceil(this.#limits.idleTimeoutMs / 1000)
    return {
      compression: this.#uws.DISABLED,
      maxPayloadLength: this.#limits.maxMessageBytes,
      maxBackpressure: this.#limits.maxBufferedBytes,
      idleTimeout: Math.min(MAX_IDLE_SECONDS, Math.max(MIN_IDLE_SECONDS, idleSeconds)),
      sendPingsAutomatically: true,
      upgrade: (response, request, context) => {
        if (this.#sockets.size >= this.#limits.maxSessions) {
          response.writeStatus('503 Service Unavailable').end('too many connections')
          return
        }
        this.#counter += 1
        response.upgrade(
          { session: sessionOf(SessionSource.CONTROL, this.#counter) },
          request.getHeader('sec-websocket-key'),
          request.getHeader('sec-websocket-protocol'),
          request.getHeader('sec-websocket-extensions'),
          context,
        )
      },
      open: (socket) => {
        const { session } = socket.getUserData()
        this.#sockets.set(session, socket)
        this.#events.onConnected(session, text.decode(socket.getRemoteAddressAsText()))
      },
      message: (socket, message, isBinary) => this.#message(socket, message, isBinary),
      close: (socket, code, reason) => this.#closed(socket, code, text.decode(reason)),
    }
  }

  #message(socket: UwsSocket, message: ArrayBuffer, isBinary: boolean): void {
    const { session } = socket.getUserData()
    if (!this.#sockets.has(session)) return
    if (isBinary) this.#events.onMessage(session, new Uint8Array(message))
    else {
      this.#fault(session, TEXT_REASON)
      socket.end(CloseCode.UNSUPPORTED, closeReason(TEXT_REASON))
    }
  }

  #closed(socket: UwsSocket, code: number, said: string): void {
    const { session } = socket.getUserData()
    const reason = this.#reasons.get(session) ?? goneBecause(code, said)
    this.#reasons.delete(session)
    if (this.#sockets.delete(session)) this.#events.onDisconnected(session, reason)
  }

  #fault(session: number, reason: string): void {
    this.#reasons.set(session, reason)
    this.#events.onFault(session, reason)
  }

  #end(session: number, code: number, reason: string): void {
    const socket = this.#sockets.get(session)
    if (socket === undefined) return
    this.#reasons.set(session, reason)
    socket.end(code, closeReason(reason))
  }
}
