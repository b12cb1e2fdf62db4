/** Which headers pass a proxy (RFC 9110, 7.6). Pure. */
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http'

/** Of one connection, not of the message. */
const HOP_BY_HOP = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]

/** Between the visitor and the master, or whoever stands before it: no peer's business. */
const OF_THE_VISITOR = ['authorization', 'cookie', 'host', 'expect']
const FORWARDED = [
  'forwarded',
  'x-forwarded-context',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-forwarded-server',
]

export interface Visit {
  readonly remoteAddress: string
  /** The path under which the peer is shown. */
  readonly below: string
  /** Who we are in Via. */
  readonly pseudonym: string
  /** Whether the visitor came over TLS. */
  readonly secure: boolean
  /** What the peer is told of who asks, instead of what the visitor says; null: nothing. */
  readonly authorization: string | null
}

export function requestHeaders(headers: IncomingHttpHeaders, visit: Visit): OutgoingHttpHeaders {
  const { remoteAddress, below, pseudonym, secure, authorization } = visit
  const passed = without(headers, [...HOP_BY_HOP, ...OF_THE_VISITOR, ...FORWARDED])
  const before = headers['x-forwarded-for']
  return {
    ...passed,
    'x-forwarded-for': before === undefined ? remoteAddress : `${String(before)}, ${remoteAddress}`,
    'x-forwarded-host': headers['x-forwarded-host'] ?? headers.host ?? '',
    'x-forwarded-proto': headers['x-forwarded-proto'] ?? (secure ? 'https' : 'http'),
    'x-forwarded-context': below,
    via: [headers.via, `1.1 ${pseudonym}`].filter(Boolean).join(', '),
    ...(authorization === null ? {} : { authorization }),
  }
}

/** Location is left to the caller. */
export function answerHeaders(headers: IncomingHttpHeaders): OutgoingHttpHeaders {
  return without(headers, [...HOP_BY_HOP, 'set-cookie', 'set-cookie2', 'server', 'x-powered-by'])
}

/** Whether a request has come through this very proxy before. */
export function comesRound(headers: IncomingHttpHeaders, pseudonym: string): boolean {
  return (headers.via ?? '').split(',').some((hop) => hop.trim().split(/\s+/)[1] === pseudonym)
}

function without(headers: IncomingHttpHeaders, dropped: readonly string[]): OutgoingHttpHeaders {
  const named = (headers.connection ?? '').split(',').map((name) => name.trim().toLowerCase())
  const gone = new Set([...dropped, ...named])
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !gone.has(name)))
}
