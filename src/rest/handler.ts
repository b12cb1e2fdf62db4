/** Answers one request of the submission protocol that came over HTTP, on whichever port that was (spec R1, C22). */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { RestRules } from '../control/thread-messages.js'
import { asError, readBody } from '../http/server.js'
import { errorAnswer, RestError, type RestAnswer } from './protocol.js'
import { tokenRefusal } from '../security/signed-token.js'
import { restAnswerTo, type RestContext } from './routes.js'

/** Bodies that are being read or answered at once; a submission beyond that is told to come again. */
export const submissionsAtOnceMax = 16

export interface RestHandlerOptions extends RestRules {
  /** spark://host:port; null while the master starts. */
  masterUrl(): string | null
  /** spark://host:port of the master that leads; null: nobody knows of one, or it is this one. */
  leaderUrl(): string | null
  /** Ports that clients may name where the master's port belongs (spec R6). */
  restPorts(): readonly number[]
  readonly ask: RestContext['ask']
  readonly audit: RestContext['audit']
  /** The master's own. */
  readonly environment: RestContext['environment']
  /** A fault of ours while answering; the peer gets 500. */
  readonly onFault: (error: Error) => void
}

export class RestHandler {
  readonly #options: RestHandlerOptions
  #submissions = 0

  constructor(options: RestHandlerOptions) {
    this.#options = options
  }

  /** Answers; never rejects. */
  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method } = request
    if (method === 'POST') this.#submissions += 1
    try {
      send(response, await this.#answer(request))
    } catch (error) {
      // A peer that went away in the middle is no fault of ours.
      if (request.errored !== null || response.destroyed) return
      if (error instanceof RestError) return send(response, errorAnswer(error))
      this.#options.onFault(asError(error))
      const internal = 'Internal server error: the log of the master says what failed'
      send(response, errorAnswer(new RestError(500, internal)))
    } finally {
      if (method === 'POST') this.#submissions -= 1
    }
  }

  async #answer(request: IncomingMessage): Promise<RestAnswer> {
    const masterUrl = this.#options.masterUrl()
    if (masterUrl === null)
      throw new RestError(503, 'the master is starting', { 'Retry-After': '1' })
    const { method = 'GET', url: target = '/', headers } = request
    const { tokens } = this.#options
    const refusal = tokens === null ? null : tokenRefusal(headers.authorization, tokens, Date.now())
    if (refusal !== null) throw new RestError(403, refusal)
    const remoteAddress = request.socket.remoteAddress ?? ''
    return restAnswerTo(
      { method, target, headers, remoteAddress, readBody: () => this.#readBody(request) },
      {
        ...this.#options,
        masterUrl,
        leaderUrl: this.#options.leaderUrl(),
        restPorts: this.#options.restPorts(),
      },
    )
  }

  async #readBody(request: IncomingMessage): Promise<string> {
    const { maxBodyBytes } = this.#options
    const closing = { Connection: 'close' }
    if (this.#submissions > submissionsAtOnceMax) {
      const reason = `${submissionsAtOnceMax} submissions are being taken; try again later`
      throw new RestError(503, reason, { ...closing, 'Retry-After': '1' })
    }
    const body = await readBody(request, maxBodyBytes)
    if (body !== null) return body
    throw new RestError(
      413,
      `The request body exceeds the maximum allowed size (${maxBodyBytes} bytes). ` +
        'Adjust spark.master.rest.maxRequestBodySize to change the limit.',
      closing,
    )
  }
}

function send(response: ServerResponse, { status, body, headers }: RestAnswer): void {
  // The peer may have left while the answer was made.
  if (response.destroyed) return
  response.writeHead(status, {
    ...headers,
    'Content-Type': 'application/json;charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
  })
  response.end(body)
}
