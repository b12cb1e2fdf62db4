/**
 * HTTP on the master's Spark port: tells our workers and applications where the control link listens and who leads, so
 * that `spark://host:7077` is all that anybody has to know, and takes submissions there as the port of REST does (C22).
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

import { CONTROL_PATH, CONTROL_PROTOCOL } from '../control/limits.js'
import type { LeadershipStatus } from '../control/leadership.js'
import type { Logger } from '../log/logger.js'
import type { RestHandler } from '../rest/handler.js'

/** What `GET /control` answers. */
export interface ControlDocument {
  readonly protocol: number
  readonly port: number
  readonly path: string
  readonly masterUrl: string
  /** Where the pages and `/json/` are. */
  readonly webUiUrl: string
}

const MAX_HEADER_BYTES = 8 * 1024
const MAX_CONNECTIONS = 1024
/** From the first byte to the end of the connection: one request and its answer. */
const CONNECTION_TIMEOUT_MS = 10_000
/** The same from the head of a submission on: its body may be long, and the core may be slow to answer. */
const SUBMISSION_TIMEOUT_MS = 45_000

/** The paths of the REST protocol, of whatever version. */
const REST_PATH = /^\/v\d+(\/|$)/

/** In the form of Spark's REST protocol, whose clients show the message. */
const NOT_SERVED = {
  action: 'ErrorResponse',
  message:
    'this master takes no submissions over HTTP: spark.master.rest.enabled is false; submit without it, over RPC',
  serverSparkVersion: 'magneto',
}

export class DiscoveryServer {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #deadlines = new WeakMap<Socket, NodeJS.Timeout>()
  readonly #log: Logger
  readonly #rest: RestHandler | null
  #document: ControlDocument | null = null
  #leadership: LeadershipStatus | null = null
  #full = false

  /** @param rest null: submissions over HTTP are refused */
  constructor(log: Logger, rest: RestHandler | null = null) {
    this.#log = log
    this.#rest = rest
    this.#server = createServer(
      { maxHeaderSize: MAX_HEADER_BYTES, keepAlive: false },
      (request, response) => this.#answer(request, response),
    )
    this.#server.on('clientError', (_error, socket) => {
      if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n')
    })
  }

  /** From now on the question has an answer. */
  ready(controlPort: number, masterUrl: string, webUiUrl: string): void {
    this.#document = {
      protocol: CONTROL_PROTOCOL,
      port: controlPort,
      path: CONTROL_PATH,
      masterUrl,
      webUiUrl,
    }
  }

  /** What `GET /masters` answers from now on. */
  leadership(status: LeadershipStatus): void {
    this.#leadership = status
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
    this.#endWithin(socket, CONNECTION_TIMEOUT_MS)
    socket.once('close', () => {
      clearTimeout(this.#deadlines.get(socket))
      this.#sockets.delete(socket)
    })
    this.#server.emit('connection', socket)
    socket.resume()
  }

  #endWithin(socket: Socket, limitMs: number): void {
    clearTimeout(this.#deadlines.get(socket))
    this.#deadlines.set(
      socket,
      setTimeout(() => socket.destroy(), limitMs),
    )
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    // One request a connection: nothing to keep alive.
    response.setHeader('Connection', 'close')
    response.setHeader('Cache-Control', 'no-store')
    const path = (request.url ?? '').split('?', 1)[0]!
    if (REST_PATH.test(path) && this.#rest !== null) {
      this.#endWithin(request.socket, SUBMISSION_TIMEOUT_MS)
      void this.#rest.serve(request, response)
    } else if (path === '/v1/submissions/create') {
      // spark-submit takes any answer for a REST server's and gives up; none, and it submits over RPC (C23).
      request.socket.destroy()
    } else if (REST_PATH.test(path)) {
      response.setHeader('Content-Type', 'application/json')
      response.end(`${JSON.stringify(NOT_SERVED)}\n`)
    } else if (path !== '/control' && path !== '/masters') {
      this.#text(
        response,
        404,
        'This is the Spark RPC port; over HTTP it answers GET /control, GET /masters and /v1/submissions/ only.',
      )
    } else if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('Allow', 'GET, HEAD')
      this.#text(response, 405, 'Ask with GET.')
    } else {
      this.#json(response, path === '/control' ? this.#document : this.#leadership)
    }
  }

  #json(response: ServerResponse, document: ControlDocument | LeadershipStatus | null): void {
    if (document === null) {
      response.setHeader('Retry-After', '1')
      return this.#text(response, 503, 'The master is starting; try again.')
    }
    response.setHeader('Content-Type', 'application/json')
    response.end(`${JSON.stringify(document)}\n`)
  }

  #text(response: ServerResponse, status: number, line: string): void {
    response.statusCode = status
    response.setHeader('Content-Type', 'text/plain; charset=utf-8')
    response.end(`${line}\n`)
  }
}
