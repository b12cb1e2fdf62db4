/** Keeps other sites from pressing our buttons through a visitor's browser. Pure. */
import type { IncomingHttpHeaders } from 'node:http'

function hostOf(url: string): string | null {
  return URL.canParse(url) ? new URL(url).host : null
}

/**
 * Browsers say where a request comes from: Sec-Fetch-Site, and Origin or Referer in older ones. Tools such
 * as curl say nothing and are let through, as nobody can make them act from a foreign page.
 *
 * @returns null when the request may act, otherwise why not
 */
export function crossSiteReason(headers: IncomingHttpHeaders): string | null {
  const site = headers['sec-fetch-site']
  if (site !== undefined && site !== 'same-origin' && site !== 'none') {
    return `the request comes from another site (Sec-Fetch-Site: ${site})`
  }
  const from = headers.origin ?? headers.referer
  if (from === undefined || site !== undefined) return null
  const ownHost = headers.host ?? ''
  // Both sides are normalised, so that a default port may be left out on one of them.
  const same = hostOf(from) !== null && hostOf(from) === hostOf(`http://${ownHost}`)
  return same ? null : `the request comes from another site than ${ownHost}`
}
