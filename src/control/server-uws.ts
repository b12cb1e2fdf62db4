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
  type ServerRoute,
  type ServerTransport,
} from './server-transport.js'
import type { Uws, UwsApp, UwsBehavior, UwsSocket } from './uws.js'

/** What uWebSockets accepts as idle timeout. */
const MIN_IDLE_SECONDS = 8
const MAX_IDLE_SECONDS = 960
/** Its answer to `send` when the buffer is over the limit. */
const DROPPED = 2

const text = new TextDecoder()

interface Connection {
  readonly socket: UwsSocket
  readonly events: ServerEvents
}

export class UwsTransport implements ServerTransport {
  readonly #uws: Uws
  readonly #routes: readonly ServerRoute[]
  readonly #limits: ServerLimits
  readonly #connections = new Map<number, Connection>()
  /** Why we close a session, until its close handler has run. */
  readonly #reasons = new Map<number, string>()
  #app: UwsApp | null = null
  #counter = 0

  constructor(uws: Uws, routes: readonly ServerRoute[], limits: ServerLimits) {
    this.#uws = uws
    this.#routes = routes
    this.#limits = limits
  }

  listen(host: string, port: number): Promise<number> {
    const app = this.#uws.App()
    this.#app = app
    for (const { path, events } of this.#routes) app.ws(path, this.#behavior(events))
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
    const connection = this.#connections.get(session)
    if (connection === undefined || connection.socket.send(bytes, true) !== DROPPED) return
    this.#cut(connection, session)
  }

  sendAll(session: number, messages: readonly Uint8Array[]): void {
    const connection = this.#connections.get(session)
    if (connection === undefined) return
    const { socket } = connection
    let dropped = false
    socket.cork(() => {
      dropped = messages.some((bytes) => socket.send(bytes, true) === DROPPED)
    })
    if (dropped) this.#cut(connection, session)
  }

  close(session: number, reason: string): void {
    this.#end(session, CloseCode.POLICY, reason)
  }

  closeAll(reason: string): void {
    for (const session of this.#connections.keys()) this.#end(session, CloseCode.GOING_AWAY, reason)
  }

  stop(reason: string): Promise<void> {
    this.closeAll(reason)
    this.#app?.close()
    this.#app = null
    return Promise.resolve()
  }

  #behavior(events: ServerEvents): UwsBehavior {
    const idleSeconds = Math.ceil(this.#limits.idleTimeoutMs / 1000)
    return {
      compression: this.#uws.DISABLED,
      maxPayloadLength: this.#limits.maxMessageBytes,
      maxBackpressure: this.#limits.maxBufferedBytes,
      idleTimeout: Math.min(MAX_IDLE_SECONDS, Math.max(MIN_IDLE_SECONDS, idleSeconds)),
      sendPingsAutomatically: true,
      upgrade: (response, request, context) => {
        if (this.#connections.size >= this.#limits.maxSessions) {
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
        this.#connections.set(session, { socket, events })
        events.onConnected(session, text.decode(socket.getRemoteAddressAsText()))
      },
      message: (socket, message, isBinary) => this.#message(events, socket, message, isBinary),
      close: (socket, code, reason) => this.#closed(events, socket, code, text.decode(reason)),
    }
  }

  #message(events: ServerEvents, socket: UwsSocket, message: ArrayBuffer, isBinary: boolean): void {
    const { session } = socket.getUserData()
    if (!this.#connections.has(session)) return
    if (isBinary) events.onMessage(session, new Uint8Array(message))
    else {
      this.#fault(events, session, TEXT_REASON)
      socket.end(CloseCode.UNSUPPORTED, closeReason(TEXT_REASON))
    }
  }

  #closed(events: ServerEvents, socket: UwsSocket, code: number, said: string): void {
    const { session } = socket.getUserData()
    const reason = this.#reasons.get(session) ?? goneBecause(code, said)
    this.#reasons.delete(session)
    if (this.#connections.delete(session)) events.onDisconnected(session, reason)
  }

  #cut({ socket, events }: Connection, session: number): void {
    this.#fault(events, session, slowReader(this.#limits.maxBufferedBytes))
    // Its buffer is full, so a goodbye would never get through.
    socket.close()
  }

  #fault(events: ServerEvents, session: number, reason: string): void {
    this.#reasons.set(session, reason)
    events.onFault(session, reason)
  }

  #end(session: number, code: number, reason: string): void {
    const connection = this.#connections.get(session)
    if (connection === undefined) return
    this.#reasons.set(session, reason)
    connection.socket.end(code, closeReason(reason))
  }
}
