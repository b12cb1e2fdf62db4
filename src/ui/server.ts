/** The server of the pages: reads a request off the socket, has it answered, and sends the answer. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { asError, HttpServer, readBody } from '../http/server.js'
import { plain, send, type Answer } from '../http/answer.js'
import type { RouteContext } from './request.js'
import { answerTo } from './routes.js'

export const requestBodyBytesMax = 8 * 1024

export interface WebServerOptions {
  readonly host: string
  /** 0: any free one. */
  readonly port: number
  /** `spark.port.maxRetries`: how many further ports may be tried. */
  readonly maxRetries: number
  readonly context: RouteContext
  /** A fault of ours while answering; the peer gets 500. */
  readonly onFault: (error: Error) => void
}

export class WebServer {
  readonly #options: WebServerOptions
  readonly #server: HttpServer

  constructor(options: WebServerOptions) {
    this.#options = options
    const { host, port, maxRetries, onFault } = options
    this.#server = new HttpServer({
      what: 'the web UI',
      portKey: 'spark.master.ui.port',
      host,
      port,
      maxRetries,
      serve: (request, response) => this.#serve(request, response),
      onFault,
    })
  }

  /** @returns the bound port @throws Error when no port of the range can be bound */
  async listen(): Promise<number> {
    return this.#server.listen()
  }

  async close(): Promise<void> {
    await this.#server.close()
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      await send(request, response, await this.#answer(request))
    } catch (error) {
      // A peer that went away in the middle is no fault of ours.
      if (request.errored !== null || response.destroyed) return
      this.#options.onFault(asError(error))
      await send(request, response, plain(500, 'the page failed; the log of the master says why'))
    }
  }

  async #answer(request: IncomingMessage): Promise<Answer> {
    const method = request.method ?? 'GET'
    let form = new URLSearchParams()
    if (method === 'POST') {
      const body = await readBody(request, requestBodyBytesMax)
      if (body === null) {
        return plain(413, `a request body may have ${requestBodyBytesMax} bytes`, {
          Connection: 'close',
        })
      }
      const type = request.headers['content-type'] ?? ''
      if (type.startsWith('application/x-www-form-urlencoded')) form = new URLSearchParams(body)
    }
    const { url: target = '/', headers } = request
    const remoteAddress = request.socket.remoteAddress ?? ''
    return answerTo({ method, target, headers, form, remoteAddress }, this.#options.context)
  }
}
