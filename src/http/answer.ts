/** What a request gets back, as a value; and the headers that every answer carries (spec P51, U19). */
import { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { prettyJson, type Json } from './json-text.js'
import { singleLine } from './single-line.js'
import { styleHash } from './style.js'

export interface Answer {
  readonly status: number
  readonly type: string
  /** Bytes are sent as they are. */
  readonly body: string | Buffer
  readonly headers?: Readonly<Record<string, string>>
}

// Below this a compressed answer is hardly smaller.
const gzipFromBytes = 1024
const compress = promisify(gzip)

/** P51 with Spark's defaults; the content policy is stricter than Spark's because there is no script. */
const securityHeaders: Readonly<Record<string, string>> = {
  'X-Frame-Options': 'SAMEORIGIN',
  'X-XSS-Protection': '1; mode=block',
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'same-origin',
  'Content-Security-Policy':
    `default-src 'none'; style-src '${styleHash}'; form-action 'self'; ` +
    `base-uri 'none'; frame-ancestors 'self'`,
  'Cache-Control': 'no-cache, no-store, must-revalidate',
}

export function page(body: string): Answer {
  return { status: 200, type: 'text/html;charset=utf-8', body }
}

export function json(value: Json): Answer {
  return { status: 200, type: 'text/json;charset=utf-8', body: prettyJson(value) }
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

/** Writes the answer; HEAD gets its headers only. */
export async function send(
  request: IncomingMessage,
  response: ServerResponse,
  answer: Answer,
): Promise<void> {
  let body = typeof answer.body === 'string' ? Buffer.from(answer.body) : answer.body
  const headers: Record<string, string> = { ...securityHeaders, ...answer.headers }
  headers['Content-Type'] = answer.type
  headers['Vary'] = 'Accept, Accept-Encoding'
  if (body.byteLength >= gzipFromBytes && acceptsGzip(request)) {
    body = await compress(body)
    headers['Content-Encoding'] = 'gzip'
  }
  headers['Content-Length'] = String(body.byteLength)
  // The peer may have left while the body was made.
  if (response.destroyed) return
  response.writeHead(answer.status, headers)
  response.end(request.method === 'HEAD' ? undefined : body)
}
