/** A server of pages: reads a request off the socket, has it answered, and sends the answer. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { plain, send, type Answer } from './answer.js'
import type { Request } from './route.js'
import { asError, HttpServer, readBody, type HttpServerOptions } from './server.js'

export const requestBodyBytesMax = 8 * 1024

export interface PageServerOptions extends Omit<HttpServerOptions, 'serve' | 'onFault'> {
  /** Whose log says why a page failed: `master`. */
  readonly daemon: string
  /** What it throws is a fault of ours; the peer gets 500. */
  readonly answer: (request: Request) => Promise<Answer>
  readonly onFault: (error: Error) => void
  /** Asked first; answers what it takes itself, such as what is streamed. @returns whether it has taken the request */
  readonly streamed?: (request: IncomingMessage, response: ServerResponse) => Promise<boolean>
}

export class PageServer {
  readonly #options: PageServerOptions
  readonly #server: HttpServer

  constructor(options: PageServerOptions) {
    this.#options = options
    this.#server = new HttpServer({
      ...options,
      serve: (request, response) => this.#serve(request, response),
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
    const { daemon, onFault, streamed } = this.#options
    try {
      if ((await streamed?.(request, response)) === true) return
      await send(request, response, await this.#answer(request))
    } catch (error) {
      // A peer that went away in the middle is no fault of ours.
      if (request.errored !== null || response.destroyed) return
      onFault(asError(error))
      await send(
        request,
        response,
        plain(500, `the page failed; the log of the ${daemon} says why`),
      )
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
    return this.#options.answer({ method, target, headers, form, remoteAddress })
  }
}
