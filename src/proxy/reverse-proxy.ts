/** Serves the pages of workers and applications below /proxy/<id>/ (U18, P47). */
import { randomBytes } from 'node:crypto'
import {
  request as httpRequest,
  type ClientRequest,
  type IncomingMessage,
  type RequestOptions,
  type ServerResponse,
} from 'node:http'
import { request as httpsRequest } from 'node:https'
import { pipeline } from 'node:stream/promises'

import { isSecure, plain, redirect, send, type Answer } from '../http/answer.js'
import type { Visitor } from '../http/route.js'
import { crossSiteReason } from '../http/same-origin.js'
import { usualHeaders, type HeaderRules } from '../http/security-headers.js'
import { clientOptions, type TlsTrust } from '../http/tls.js'
import { answerHeaders, comesRound, requestHeaders, type Visit } from './headers.js'
import { proxiedLocation, proxiedPath, targetUrl, type ProxiedPath } from './paths.js'

/** Requests that are under way. */
export const atOnceMax = 128
/** Of these, to one peer: one that hangs must leave room for the others. */
export const atOnceOfPeerMax = 16
export const requestBodyBytesMax = 1024 * 1024
const usualSilenceMs = 30_000
/** What Node calls it when nobody known vouches for a certificate. */
const untrusted = /^(DEPTH_ZERO_)?SELF_SIGNED_CERT|^UNABLE_TO_(VERIFY|GET_ISSUER)/

const reads = ['GET', 'HEAD']
const methods = [...reads, 'POST']

/** Whose pages are shown. */
export interface Peer {
  /** An http or https URL. */
  readonly address: string
  /** What it is told of who asks; null: nothing. */
  readonly authorization: string | null
}

export interface ReverseProxyOptions {
  /**
   * Where the pages of a worker or application are; null: there is none of that id. May reject when that can't be told
   * just now.
   */
  readonly find: (id: string, visitor: Visitor | undefined) => Promise<Peer | null>
  /** `spark.ui.reverseProxyUrl`: what visitors know this server as; null: by its own address. */
  readonly frontUrl: string | null
  /** Of what the proxy itself answers; absent: Spark's defaults. */
  readonly headers?: HeaderRules
  /** Whom it trusts over TLS; absent: the roots that Node comes with. */
  readonly trust?: TlsTrust
  /** For tests: how long a peer may say nothing. */
  readonly silenceMs?: number
}

export class ReverseProxy {
  readonly #options: ReverseProxyOptions
  /** Under which path visitors know this server, without a slash at its end. */
  readonly #front: string
  readonly #pseudonym = `magneto-${randomBytes(8).toString('hex')}`
  readonly #underWay = new Map<string, number>()
  #atOnce = 0

  constructor(options: ReverseProxyOptions) {
    this.#options = options
    const { frontUrl } = options
    this.#front = frontUrl === null ? '' : new URL(frontUrl).pathname.replace(/\/+$/, '')
  }

  /** @returns false when the request is for other pages; nothing was done then @throws what is a fault of ours */
  async serve(
    request: IncomingMessage,
    response: ServerResponse,
    visitor?: Visitor,
  ): Promise<boolean> {
    const path = proxiedPath(request.url ?? '/')
    if (path === null) return false
    const refusal = this.#refusal(request, path)
    if (refusal !== null) {
      await this.#send(request, response, refusal)
      return true
    }
    this.#count(path.id, 1)
    try {
      await this.#pass(request, response, { ...path, visitor })
    } finally {
      this.#count(path.id, -1)
    }
    return true
  }

  #send(request: IncomingMessage, response: ServerResponse, answer: Answer): Promise<void> {
    return send(request, response, answer, this.#options.headers ?? usualHeaders)
  }

  #refusal(request: IncomingMessage, { id, encodedId, rest }: ProxiedPath): Answer | null {
    const { method = 'GET', headers } = request
    if (!methods.includes(method)) {
      const allow = methods.join(', ')
      return plain(405, `the proxy passes ${allow}`, { Allow: allow })
    }
    if (comesRound(headers, this.#pseudonym)) return plain(508, `${id} leads back to this master`)
    if (!reads.includes(method)) {
      const foreign = crossSiteReason(headers)
      if (foreign !== null) return plain(403, foreign)
      if (Number(headers['content-length'] ?? 0) > requestBodyBytesMax) {
        return plain(413, `a request body may have ${requestBodyBytesMax} bytes`, {
          Connection: 'close',
        })
      }
    }
    if (rest === null) return redirect(302, `${this.#front}/proxy/${encodedId}/`)
    if (this.#atOnce >= atOnceMax || (this.#underWay.get(id) ?? 0) >= atOnceOfPeerMax) {
      return plain(503, `too many requests to ${id} are under way`, { 'Retry-After': '1' })
    }
    return null
  }

  #count(id: string, change: 1 | -1): void {
    this.#atOnce += change
    const left = (this.#underWay.get(id) ?? 0) + change
    if (left === 0) this.#underWay.delete(id)
    else this.#underWay.set(id, left)
  }

  async #pass(
    request: IncomingMessage,
    response: ServerResponse,
    { id, encodedId, rest, visitor }: ProxiedPath & { readonly visitor: Visitor | undefined },
  ): Promise<void> {
    let peer: Peer | null
    try {
      peer = await this.#options.find(id, visitor)
    } catch (error) {
      const reason = `where ${id} is can't be told just now: ${(error as Error).message}`
      return this.#send(request, response, plain(503, reason, { 'Retry-After': '1' }))
    }
    if (peer === null) {
      const reason = `no worker or application ${id} is known here`
      return this.#send(request, response, plain(404, reason))
    }
    // The visitor may have left meanwhile.
    if (response.destroyed) return
    const { address, authorization } = peer
    const target = targetUrl(address, rest ?? '/')
    if (target === null) {
      const reason = `${id} has no pages: ${address} is no http URL`
      return this.#send(request, response, plain(502, reason))
    }
    const below = `${this.#front}/proxy/${encodedId}`
    const exchange = new Exchange(request, response, this.#options)
    try {
      await exchange.run(target, { below, pseudonym: this.#pseudonym, authorization })
    } catch (error) {
      // The visitor has gone, or has seen a part of the answer already, which then ends early.
      if (response.headersSent || response.destroyed) return void response.destroy()
      await this.#send(request, response, plain(...exchange.failure(id, error as Error)))
    }
  }
}

/** One request to a peer and its answer. */
class Exchange {
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  readonly #silenceMs: number
  readonly #trust: TlsTrust | null
  #silent = false

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    { silenceMs = usualSilenceMs, trust }: Pick<ReverseProxyOptions, 'silenceMs' | 'trust'>,
  ) {
    this.#request = request
    this.#response = response
    this.#silenceMs = silenceMs
    this.#trust = trust ?? null
  }

  /** Settles when the answer is through. @throws Error of a socket, of the peer's or the visitor's */
  async run(target: URL, way: Omit<Visit, 'remoteAddress' | 'secure'>): Promise<void> {
    const { method = 'GET', headers, socket } = this.#request
    const secure = isSecure(this.#request)
    const visit = { ...way, remoteAddress: socket.remoteAddress ?? '', secure }
    const options: RequestOptions = {
      method,
      headers: requestHeaders(headers, visit),
      agent: false,
      timeout: this.#silenceMs,
    }
    const outgoing =
      target.protocol === 'https:'
        ? httpsRequest(target, { ...options, ...(this.#trust && clientOptions(this.#trust)) })
        : httpRequest(target, options)
    outgoing.once('timeout', () => {
      this.#silent = true
      outgoing.destroy(new Error('no answer'))
    })
    const leave = (): void => void outgoing.destroy()
    this.#response.once('close', leave)
    try {
      const answered = answerOf(outgoing)
      // One that fails ends `outgoing`, and so the wait for the answer; which may come before all of it is read.
      void this.#sendBody(outgoing).catch(() => {})
      await this.#passAnswer(await answered, target, way.below)
    } finally {
      this.#response.off('close', leave)
      outgoing.destroy()
    }
  }

  /** @returns what `plain` makes the visitor's answer of */
  failure(id: string, { message, code }: NodeJS.ErrnoException): [status: number, reason: string] {
    if (this.#silent) return [504, `${id} did not answer within ${this.#silenceMs} ms`]
    const advice = untrusted.test(code ?? '')
      ? '; spark.ssl.standalone.trustStore of the master names who vouches for it'
      : ''
    return [502, `${id} can't be reached: ${message}${advice}`]
  }

  async #sendBody(outgoing: ClientRequest): Promise<void> {
    if (reads.includes(this.#request.method ?? 'GET')) return void outgoing.end()
    await pipeline(this.#request, atMost(requestBodyBytesMax), outgoing)
  }

  async #passAnswer(answer: IncomingMessage, target: URL, below: string): Promise<void> {
    const headers = answerHeaders(answer.headers)
    const { location } = answer.headers
    if (location !== undefined) headers['location'] = proxiedLocation(location, target, below)
    this.#response.writeHead(answer.statusCode ?? 502, headers)
    await pipeline(answer, this.#response)
  }
}

/** Cuts a longer body off, whose length nobody has said. */
function atMost(bytesMax: number) {
  return async function* (source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    let bytes = 0
    for await (const chunk of source) {
      bytes += chunk.length
      if (bytes > bytesMax) throw new Error(`a request body may have ${bytesMax} bytes`)
      yield chunk
    }
  }
}

function answerOf(outgoing: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    outgoing.once('response', resolve)
    outgoing.on('error', reject)
    outgoing.once('close', () => reject(new Error('it hung up')))
  })
}
