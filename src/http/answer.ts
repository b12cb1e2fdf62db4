/** What a request gets back, as a value; and the headers that every answer carries (spec P51, U19). */
import { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { prettyJson, prettyJsonPieces, type Json, type JsonItems } from './json-text.js'
import { inParts, sendParts } from './parts.js'
import {
  answerHeaders,
  redirectLocation,
  usualHeaders,
  type HeaderRules,
} from './security-headers.js'
import { singleLine } from './single-line.js'

export interface Answer {
  readonly status: number
  readonly type: string
  /** Bytes are sent as they are; parts one after the other, without a length (parts.ts). */
  readonly body: string | Buffer | AsyncIterable<string>
  readonly headers?: Readonly<Record<string, string>>
  /** The body compressed with gzip, of an answer that many get; absent: it is compressed for each. */
  readonly packed?: () => Promise<Buffer>
}

// Below this a compressed answer is hardly smaller.
const gzipFromBytes = 1024
const compress = promisify(gzip)

export function page(body: string): Answer {
  return { status: 200, type: 'text/html;charset=utf-8', body }
}

export function json(value: Json): Answer {
  return { status: 200, type: 'text/json;charset=utf-8', body: prettyJson(value) }
}

/** As `json` of an object with these fields, however many items their lists have. */
export function longJson(fields: Iterable<readonly [string, Json | JsonItems]>): Answer {
  return { status: 200, type: 'text/json;charset=utf-8', body: inParts(prettyJsonPieces(fields)) }
}

/** Of Magneto's own interface: laid out as Spark's, and a whole line for terminals. */
export function jsonAnswer(status: number, value: Json): Answer {
  return { status, type: 'application/json', body: `${prettyJson(value)}\n` }
}

export function text(body: string | Buffer): Answer {
  return { status: 200, type: 'text/plain;charset=utf-8', body }
}

/** @param reason one line; may carry what peers sent */
export function plain(
  status: number,
  reason: string,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  const body = `${status} ${STATUS_CODES[status] ?? ''}: ${singleLine(reason)}\n`
  return { status, type: 'text/plain;charset=utf-8', body, headers }
}

export function redirect(status: 301 | 302, location: string): Answer {
  return { status, type: 'text/plain;charset=utf-8', body: '', headers: { Location: location } }
}

function acceptsGzip(request: IncomingMessage): boolean {
  const accepted = request.headers['accept-encoding'] ?? ''
  return /(?:^|,)\s*gzip\s*(?:;\s*q=(?!0(?:\.0*)?\s*(?:,|$))[\d.]+\s*)?(?:,|$)/i.test(accepted)
}

/** Whether it came over TLS to us, whatever a proxy says. */
export function isSecure({ socket }: IncomingMessage): boolean {
  return 'encrypted' in socket
}

/** Writes the answer; HEAD gets its headers only. @throws BrokeOff when it failed in its midst */
export async function send(
  request: IncomingMessage,
  response: ServerResponse,
  answer: Answer,
  rules: HeaderRules = usualHeaders,
): Promise<void> {
  const secure = isSecure(request)
  const headers: Record<string, string> = { ...answerHeaders(answer.headers ?? {}, rules, secure) }
  const { Location: location } = headers
  if (location !== undefined)
    headers['Location'] = redirectLocation(location, rules, request.headers)
  headers['Content-Type'] = answer.type
  headers['Vary'] = 'Accept, Accept-Encoding'
  if (typeof answer.body !== 'string' && !Buffer.isBuffer(answer.body)) {
    const compressed = acceptsGzip(request)
    if (compressed) headers['Content-Encoding'] = 'gzip'
    if (response.destroyed) return
    response.writeHead(answer.status, headers)
    if (request.method === 'HEAD') response.end()
    else await sendParts(response, answer.body, compressed)
    return
  }
  let body = typeof answer.body === 'string' ? Buffer.from(answer.body) : answer.body
  if (body.byteLength >= gzipFromBytes && acceptsGzip(request)) {
    body = await (answer.packed?.() ?? compress(body))
    headers['Content-Encoding'] = 'gzip'
  }
  // Of what was not modified it would have to be the length of what the peer has.
  if (answer.status !== 304) headers['Content-Length'] = String(body.byteLength)
  // The peer may have left while the body was made.
  if (response.destroyed) return
  response.writeHead(answer.status, headers)
  response.end(request.method === 'HEAD' ? undefined : body)
}
