/** A server of pages: reads a request off the socket, has it answered, and sends the answer. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { plain, send, text, type Answer } from './answer.js'
import { BrokeOff } from './parts.js'
import type { Gate, Request, Visitor } from './route.js'
import { secureRedirect } from './secure-redirect.js'
import type { HeaderRules } from './security-headers.js'
import { asError, HttpServer, readBody, retryPort, type HttpServerOptions } from './server.js'
import { singleLine } from './single-line.js'
import type { TlsIdentity } from './tls.js'

export const requestBodyBytesMax = 8 * 1024

/** Spec U19: so much above the port of the pages they are served over TLS. */
const secureOffset = 400
const securePortKey = 'spark.ssl.standalone.port'

/** The pages over TLS, to which requests without it are led. */
export interface SecureSite {
  readonly identity: TlsIdentity
  /** null: 400 above the other one; 0: any free one. */
  readonly port: number | null
}

export interface PageServerOptions extends Omit<HttpServerOptions, 'serve' | 'onFault' | 'tls'> {
  /** Whose log says why a page failed: `master`. */
  readonly daemon: string
  /** What it throws is a fault of ours; the peer gets 500. */
  readonly answer: (request: Request) => Promise<Answer>
  readonly onFault: (error: Error) => void
  /** Asked first; answers what it takes itself, such as what is streamed. @returns whether it has taken the request */
  readonly streamed?: (
    request: IncomingMessage,
    response: ServerResponse,
    visitor: Visitor | undefined,
  ) => Promise<boolean>
  /** Absent: all may see everything. */
  readonly gate?: Gate
  /** Absent: Spark's defaults. */
  readonly headers?: HeaderRules
  /** spark.ui.showErrorStacks (P53): whether who asked sees where it failed; absent: not. */
  readonly showErrorStacks?: boolean
  /** Absent: the pages are served without TLS. */
  readonly secure?: SecureSite
}

export class PageServer {
  readonly #options: PageServerOptions
  readonly #server: HttpServer
  readonly #secureServer: HttpServer | null
  #securePort: number | null = null

  constructor(options: PageServerOptions) {
    this.#options = options
    const { secure, port } = options
    const pages = (request: IncomingMessage, response: ServerResponse): Promise<void> =>
      this.#serve(request, response)
    const redirects = (request: IncomingMessage, response: ServerResponse): Promise<void> =>
      this.#redirect(request, response)
    this.#server = new HttpServer({ ...options, serve: secure === undefined ? pages : redirects })
    this.#secureServer =
      secure === undefined
        ? null
        : new HttpServer({
            ...options,
            what: `${options.what} over TLS`,
            portKey: securePortKey,
            port: secure.port ?? retryPort(port, port === 0 ? 0 : secureOffset),
            tls: secure.identity,
            serve: pages,
          })
  }

  /** Where the pages are served over TLS; null: nowhere, or not yet. */
  get securePort(): number | null {
    return this.#securePort
  }

  /** @returns the bound port, without TLS @throws Error when no port of the range can be bound */
  async listen(): Promise<number> {
    this.#securePort = (await this.#secureServer?.listen()) ?? null
    try {
      return await this.#server.listen()
    } catch (error) {
      await this.#secureServer?.close()
      throw error
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#server.close(), this.#secureServer?.close()])
  }

  async #redirect(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const answer = secureRedirect(request, this.#securePort ?? 0)
    await send(request, response, answer, this.#options.headers)
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { onFault, streamed, gate, headers } = this.#options
    try {
      const admitted = await gate?.admit(request)
      if (admitted !== undefined && 'refusal' in admitted)
        return await send(request, response, admitted.refusal, headers)
      const visitor = admitted?.visitor
      if ((await streamed?.(request, response, visitor)) === true) return
      await send(request, response, await this.#answer(request, visitor), headers)
    } catch (error) {
      if (error instanceof BrokeOff) return onFault(asError(error.cause))
      // A peer that went away in the middle is no fault of ours.
      if (request.errored !== null || response.destroyed) return
      onFault(asError(error))
      await send(request, response, this.#failure(asError(error)), headers)
    }
  }

  /** P53. */
  #failure({ message, stack = message }: Error): Answer {
    const { daemon, showErrorStacks = false } = this.#options
    const reason = `the page failed; the log of the ${daemon} says why`
    if (!showErrorStacks) return plain(500, reason)
    const lines = stack.split('\n').map((line) => singleLine(line.trim()))
    return { ...text(`500 ${reason}\n\n${lines.join('\n  ')}\n`), status: 500 }
  }

  async #answer(request: IncomingMessage, visitor: Visitor | undefined): Promise<Answer> {
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
      // It would come after it has been judged who asks.
      if (form.has('doAs')) return plain(400, 'doAs belongs into the query, not into a form')
    }
    const { url: target = '/', headers } = request
    const remoteAddress = request.socket.remoteAddress ?? ''
    const asked = { method, target, headers, form, remoteAddress }
    return this.#options.answer(visitor === undefined ? asked : { ...asked, visitor })
  }
}
