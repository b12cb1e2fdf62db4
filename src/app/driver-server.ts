/** The driver's port: executors dial in, show the application's secret, and get tasks. */
import { createHash, timingSafeEqual } from 'node:crypto'
import { EventEmitter, once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'

import { ConnectedExecutor, type ExecutorIdentity } from './dispatcher.js'
import {
  HANG_UP_MS,
  MAX_BUFFERED_BYTES,
  MAX_EXECUTORS,
  MAX_FRAME_BYTES,
  PEER_TIMEOUT_MS,
  PING_INTERVAL_MS,
} from './limits.js'
import {
  decodeExecutorMessage,
  encodeDriverMessage,
  type ExecutorMessage,
  header,
  PROTOCOL_VERSION,
} from './protocol.js'

interface DriverServerEvents {
  connected: [ConnectedExecutor]
  message: [ConnectedExecutor, ExecutorMessage]
  /** Its socket took what it held: it can be written to again. */
  writable: []
  closed: [ConnectedExecutor, string]
  /** Somebody was turned away, and why; never holds what they sent as a secret. */
  refused: [string]
}

const sha256 = (text: string) => createHash('sha256').update(text).digest()

export class DriverServer extends EventEmitter<DriverServerEvents> {
  readonly #http = createServer((_request, response) => {
    response.writeHead(426, { connection: 'close' }).end('executors connect by WebSocket\n')
  })
  readonly #sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_FRAME_BYTES,
    perMessageDeflate: false,
  })
  readonly #tokenDigest: Buffer
  readonly #byKey = new Map<string, WebSocket>()
  #closing = false

  constructor(token: string) {
    super()
    this.#tokenDigest = sha256(`Bearer ${token}`)
    this.#http.on('upgrade', (request, socket, head) => {
      this.#upgrade(request, socket, head)
    })
  }

  /** @returns the port; @throws the socket's error when it can't listen */
  async listen(host: string, port: number): Promise<number> {
    this.#http.listen(port, host)
    await once(this.#http, 'listening')
    return (this.#http.address() as AddressInfo).port
  }

  /** Tells executors to stop and waits for them to hang up, at most HANG_UP_MS. */
  async close(): Promise<void> {
    if (this.#closing) return
    this.#closing = true
    const sockets = [...this.#byKey.values()]
    // Not by `once` of events, which takes an error of a broken executor for the end of the wait.
    const gone = Promise.all(
      sockets.map((socket) => new Promise((resolve) => socket.once('close', resolve))),
    )
    for (const socket of sockets) socket.send(encodeDriverMessage({ kind: 'stop' }))
    const timer = setTimeout(() => {
      for (const socket of sockets) socket.terminate()
    }, HANG_UP_MS)
    await gone
    clearTimeout(timer)
    this.#http.closeAllConnections()
    if (!this.#http.listening) return
    await new Promise((resolve) => this.#http.close(resolve))
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => {})
    const refuse = (status: string, reason: string) => {
      this.emit('refused', `${request.socket.remoteAddress ?? 'somebody'}: ${reason}`)
      socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\n\r\n${reason}\n`)
    }
    const field = (name: string) => String(request.headers[name] ?? '')
    if (!timingSafeEqual(sha256(field(header.token)), this.#tokenDigest))
      return refuse('401 Unauthorized', "the connection does not show this application's secret")
    if (field(header.protocol) !== String(PROTOCOL_VERSION))
      return refuse('400 Bad Request', `this driver speaks protocol ${PROTOCOL_VERSION}`)
    const identity: ExecutorIdentity = {
      appId: field(header.appId),
      id: field(header.executorId),
      host: field(header.hostname),
      cores: Number(field(header.cores)),
    }
    if (identity.id === '' || !Number.isSafeInteger(identity.cores) || identity.cores < 1)
      return refuse('400 Bad Request', 'the executor does not say its id and its cores')
    const key = `${identity.appId}/${identity.id}`
    if (this.#byKey.has(key)) return refuse('409 Conflict', `executor ${key} is connected already`)
    if (this.#closing || this.#byKey.size >= MAX_EXECUTORS)
      return refuse('503 Service Unavailable', 'this driver takes no more executors')
    this.#sockets.handleUpgrade(request, socket, head, (ws) => this.#accept(ws, key, identity))
  }

  #accept(ws: WebSocket, key: string, identity: ExecutorIdentity): void {
    this.#byKey.set(key, ws)
    const executor = new ConnectedExecutor(identity, {
      get writable() {
        return ws.readyState === ws.OPEN && ws.bufferedAmount < MAX_BUFFERED_BYTES
      },
      disconnect: () => ws.terminate(),
      send: (message) => {
        ws.send(encodeDriverMessage(message), () => {
          if (ws.bufferedAmount < MAX_BUFFERED_BYTES) this.emit('writable')
        })
      },
    })
    let reason = 'its connection closed'
    let heardMs = performance.now()
    const pinger = setInterval(() => {
      if (performance.now() - heardMs > PEER_TIMEOUT_MS) {
        reason = `it gave no sign of life for ${PEER_TIMEOUT_MS / 1000} s`
        ws.terminate()
      } else ws.ping()
    }, PING_INTERVAL_MS)
    ws.on('pong', () => {
      heardMs = performance.now()
    })
    ws.on('error', (error) => {
      reason = `its connection failed: ${error.message}`
    })
    ws.on('message', (data) => {
      heardMs = performance.now()
      try {
        this.emit('message', executor, decodeExecutorMessage(data as Buffer))
      } catch (error) {
        reason = `it broke the protocol: ${(error as Error).message}`
        ws.terminate()
      }
    })
    ws.on('close', () => {
      clearInterval(pinger)
      this.#byKey.delete(key)
      this.emit('closed', executor, reason)
    })
    this.emit('connected', executor)
  }
}
