/** The control server on node:http and ws, for machines that uWebSockets has no binary for. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { WebSocketServer, type RawData, type WebSocket } from 'ws'
import { CLOSE_TIMEOUT_MS } from './limits.js'
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

interface Connection {
  readonly socket: WebSocket
  readonly events: ServerEvents
  heardMs: number
}

export class FallbackTransport implements ServerTransport {
  readonly #routes: readonly ServerRoute[]
  readonly #limits: ServerLimits
  readonly #connections = new Map<number, Connection>()
  readonly #http: Server
  #webSockets: WebSocketServer | null = null
  #pings: NodeJS.Timeout | null = null
  #counter = 0

  constructor(routes: readonly ServerRoute[], limits: ServerLimits) {
    this.#routes = routes
    this.#limits = limits
    this.#http = createServer((_request, response) => response.writeHead(404).end())
  }

  listen(host: string, port: number): Promise<number> {
    const webSockets = new WebSocketServer({
      noServer: true,
      maxPayload: this.#limits.maxMessageBytes,
      perMessageDeflate: false,
      verifyClient: (_info, answer) => {
        const room = this.#connections.size < this.#limits.maxSessions
        answer(room, 503, 'too many connections')
      },
    })
    this.#webSockets = webSockets
    this.#http.on('upgrade', (request, socket, head) => {
      const asked = request.url?.split('?')[0]
      const route = this.#routes.find(({ path }) => path === asked)
      if (route === undefined) {
        socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n')
        return
      }
      const address = request.socket.remoteAddress ?? 'unknown'
      webSockets.handleUpgrade(request, socket, head, (opened) =>
        this.#opened(opened, address, route.events),
      )
    })
    this.#pings = setInterval(() => this.#checkLiveness(), this.#limits.pingIntervalMs)
    return new Promise((resolve, reject) => {
      const failed = (error: Error): void =>
        reject(
          new Error(`can't listen on ${host}:${port} for the control link: ${error.message}`, {
            cause: error,
          }),
        )
      this.#http.once('error', failed)
      this.#http.listen(port, host, () => {
        this.#http.off('error', failed)
        resolve((this.#http.address() as AddressInfo).port)
      })
    })
  }

  send(session: number, bytes: Uint8Array): void {
    const connection = this.#connections.get(session)
    if (connection === undefined) return
    const { socket } = connection
    if (socket.bufferedAmount > this.#limits.maxBufferedBytes) {
      this.#fault(session, slowReader(this.#limits.maxBufferedBytes))
      socket.terminate()
      return
    }
    // The caller's bytes are only valid now, and ws may keep them until the socket takes them.
    socket.send(bytes.slice(), (error) => {
      // The close event says the same, with its reason.
      if (error) socket.terminate()
    })
  }

  sendAll(session: number, messages: readonly Uint8Array[]): void {
    for (const bytes of messages) this.send(session, bytes)
  }

  close(session: number, reason: string): void {
    this.#end(session, CloseCode.POLICY, reason)
  }

  closeAll(reason: string): void {
    for (const session of this.#connections.keys()) this.#end(session, CloseCode.GOING_AWAY, reason)
  }

  async stop(reason: string): Promise<void> {
    this.closeAll(reason)
    if (this.#pings !== null) clearInterval(this.#pings)
    this.#webSockets?.close()
    if (!this.#http.listening) return
    const ended = new Promise<void>((resolve) => this.#http.close(() => resolve()))
    const cut = setTimeout(() => this.#cutAll(), CLOSE_TIMEOUT_MS)
    await ended
    clearTimeout(cut)
  }

  #cutAll(): void {
    for (const socket of this.#webSockets?.clients ?? []) socket.terminate()
    this.#http.closeAllConnections()
  }

  #opened(socket: WebSocket, address: string, events: ServerEvents): void {
    this.#counter += 1
    const session = sessionOf(SessionSource.CONTROL, this.#counter)
    const connection: Connection = { socket, events, heardMs: performance.now() }
    this.#connections.set(session, connection)
    const heard = (): void => {
      connection.heardMs = performance.now()
    }
    let wrong = ''
    socket.on('pong', heard)
    socket.on('ping', heard)
    socket.on('error', (error) => {
      wrong = error.message
    })
    socket.on('message', (data: RawData, isBinary: boolean) => {
      heard()
      if (!this.#connections.has(session)) return
      if (isBinary) events.onMessage(session, data as Buffer)
      else {
        this.#fault(session, TEXT_REASON)
        this.#farewell(socket, CloseCode.UNSUPPORTED, TEXT_REASON)
      }
    })
    socket.on('close', (code, reason) =>
      this.#gone(session, goneBecause(code, wrong === '' ? reason.toString() : wrong)),
    )
    events.onConnected(session, address)
  }

  #checkLiveness(): void {
    const nowMs = performance.now()
    for (const [session, { socket, heardMs }] of this.#connections) {
      if (nowMs - heardMs > this.#limits.idleTimeoutMs) {
        this.#fault(session, `nothing was heard for ${this.#limits.idleTimeoutMs} ms`)
        socket.terminate()
      } else socket.ping()
    }
  }

  #fault(session: number, reason: string): void {
    this.#connections.get(session)?.events.onFault(session, reason)
    this.#gone(session, reason)
  }

  #gone(session: number, reason: string): void {
    const connection = this.#connections.get(session)
    this.#connections.delete(session)
    connection?.events.onDisconnected(session, reason)
  }

  #end(session: number, code: number, reason: string): void {
    const connection = this.#connections.get(session)
    if (connection === undefined) return
    this.#farewell(connection.socket, code, reason)
    this.#gone(session, reason)
  }

  #farewell(socket: WebSocket, code: number, reason: string): void {
    socket.close(code, closeReason(reason))
    const cut = setTimeout(() => socket.terminate(), CLOSE_TIMEOUT_MS)
    socket.once('close', () => clearTimeout(cut))
  }
}
