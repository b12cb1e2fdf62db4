/**
 * HTTP on the master's Spark port: tells our workers and applications where the control link listens, so
 * that `spark://host:7077` is all that anybody has to know.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

import { CONTROL_PATH, CONTROL_PROTOCOL } from '../control/limits.js'
import type { Logger } from '../log/logger.js'

/** What `GET /control` answers. */
export interface ControlDocument {
  readonly protocol: number
  readonly port: number
  readonly path: string
  readonly masterUrl: string
}

const MAX_HEADER_BYTES = 8 * 1024
const MAX_CONNECTIONS = 1024
/** From the first byte to the end of the connection: one request and its answer. */
const CONNECTION_TIMEOUT_MS = 10_000

/** In the form of Spark's REST protocol, whose clients show the message. */
const NOT_REST = {
  action: 'ErrorResponse',
  message: 'this is the Spark RPC port; ask the port of the REST server (spark.master.rest.port)',
  serverSparkVersion: 'magneto',
}

export class DiscoveryServer {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #document: ControlDocument | null = null

  readonly #log: Logger
  #full = false

  constructor(log: Logger) {
    this.#log = log
    this.#server = createServer(
      { maxHeaderSize: MAX_HEADER_BYTES, keepAlive: false },
      (request, response) => this.#answer(request, response),
    )
    this.#server.on('clientError', (_error, socket) => {
      if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n')
    })
  }

  /** From now on the question has an answer. */
  ready(controlPort: number, masterUrl: string): void {
    this.#document = {
      protocol: CONTROL_PROTOCOL,
      port: controlPort,
      path: CONTROL_PATH,
      masterUrl,
    }
  }

  /** Takes over a socket that has its first bytes unread. */
  accept(socket: Socket): void {
    if (this.#sockets.size >= MAX_CONNECTIONS) {
      if (!this.#full) this.#log.error(`over ${MAX_CONNECTIONS} HTTP connections: more are refused`)
      this.#full = true
      socket.destroy()
      return
    }
    this.#full = false
    this.#sockets.add(socket)
    const deadline = setTimeout(() => socket.destroy(), CONNECTION_TIMEOUT_MS)
    socket.once('close', () => {
      clearTimeout(deadline)
      this.#sockets.delete(socket)
    })
    this.#server.emit('connection', socket)
    socket.resume()
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    // One request a connection: nothing to keep alive, and no body is ever waited for.
    response.setHeader('Connection', 'close')
    response.setHeader('Cache-Control', 'no-store')
    const path = (request.url ?? '').split('?', 1)[0]
    if (path === '/v1/submissions/create') {
      // spark-submit takes any answer for a REST server's and gives up; none, and it submits over RPC.
      request.socket.destroy()
    } else if (path?.startsWith('/v1/submissions/')) {
      response.setHeader('Content-Type', 'application/json')
      response.end(`${JSON.stringify(NOT_REST)}\n`)
    } else if (path !== '/control') {
      this.#text(
        response,
        404,
        'This is the Spark RPC port; over HTTP it answers GET /control only.',
      )
    } else if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('Allow', 'GET, HEAD')
      this.#text(response, 405, 'Ask with GET.')
    } else if (this.#document === null) {
      response.setHeader('Retry-After', '1')
      this.#text(response, 503, 'The master is starting; try again.')
    } else {
      response.setHeader('Content-Type', 'application/json')
      response.end(`${JSON.stringify(this.#document)}\n`)
    }
  }

  #text(response: ServerResponse, status: number, line: string): void {
    response.statusCode = status
    response.setHeader('Content-Type', 'text/plain; charset=utf-8')
    response.end(`${line}\n`)
  }
}
