/** Leads requests that came without TLS to where it is (spec U19). Pure. */
import type { IncomingMessage } from 'node:http'
import { plain, redirect, type Answer } from './answer.js'

/** @param securePort of the same host */
export function secureRedirect(
  { method, url = '/', headers }: Pick<IncomingMessage, 'method' | 'url' | 'headers'>,
  securePort: number,
): Answer {
  if (method === 'TRACE') return plain(405, 'TRACE is not served', { Allow: 'GET, HEAD, POST' })
  const asked = `http://${headers.host ?? ''}`
  // HTTP/1.0 names no host, and there is nothing then to lead to.
  if (headers.host === undefined || !URL.canParse(asked) || !url.startsWith('/')) {
    return plain(400, `the pages are served over TLS, on port ${securePort}`)
  }
  const target = `https://${new URL(asked).hostname}:${securePort}${url}`
  return URL.canParse(target)
    ? redirect(302, new URL(target).href)
    : plain(400, 'the request target is not a path')
}
