/** The headers that keep browsers from being used against us (spec P51), and where redirects lead (P48). Pure. */
import type { IncomingHttpHeaders } from 'node:http'
import { styleHash } from './style.js'

export interface HeaderRules {
  readonly xssProtection: string
  readonly nosniff: boolean
  /** Of answers over TLS; null: browsers are told nothing. */
  readonly strictTransportSecurity: string | null
  readonly contentPolicy: boolean
  /** Whose pages may show ours in a frame, as that policy has it: `'self'`; null: it says nothing of it. */
  readonly frameAncestors: string | null
  /** Of the proxy in front; null: redirects stay paths. */
  readonly proxyRedirectUri: string | null
}

/** The defaults of Spark 4.3. */
export const usualHeaders: HeaderRules = {
  xssProtection: '0',
  nosniff: true,
  strictTransportSecurity: null,
  contentPolicy: true,
  frameAncestors: "'self'",
  proxyRedirectUri: null,
}

/** Stricter than Spark's: a page without a script runs none. */
const noScripts =
  `default-src 'none'; style-src '${styleHash}'; form-action 'self'; ` +
  `base-uri 'none'; frame-ancestors 'self'`

const policyName = 'Content-Security-Policy'
/** As pages write it. */
const ownFrames = "; frame-ancestors 'self'"

type Headers = Readonly<Record<string, string>>

/**
 * All of an answer.
 *
 * @param own of this answer; they beat the usual ones
 * @param secure whether the request came over TLS
 */
export function answerHeaders(own: Headers, rules: HeaderRules, secure: boolean): Headers {
  const { xssProtection, nosniff, strictTransportSecurity } = rules
  const policy = contentPolicy(own[policyName] ?? noScripts, rules)
  const { [policyName]: _policy, ...others } = own
  return {
    // Who knows the policy goes by that instead.
    'X-Frame-Options': 'SAMEORIGIN',
    'X-XSS-Protection': xssProtection,
    ...(nosniff ? { 'X-Content-Type-Options': 'nosniff' } : {}),
    ...(secure && strictTransportSecurity !== null
      ? { 'Strict-Transport-Security': strictTransportSecurity }
      : {}),
    'Referrer-Policy': 'same-origin',
    'Cache-Control': 'no-cache, no-store, must-revalidate',
    ...others,
    ...(policy === null ? {} : { [policyName]: policy }),
  }
}

function contentPolicy(policy: string, rules: HeaderRules): string | null {
  if (!rules.contentPolicy) return null
  const { frameAncestors } = rules
  const frames = frameAncestors === null ? '' : `; frame-ancestors ${frameAncestors}`
  return policy.replace(ownFrames, () => frames)
}

/** A path that nothing but a path can come of: no host, no query. */
const CONTEXT = /^(\/[\w.~%-]+)+\/?$/

/**
 * @param location of a redirect of ours
 * @returns the same behind the proxy in front, and below the path under which that one shows us
 */
export function redirectLocation(
  location: string,
  { proxyRedirectUri }: Pick<HeaderRules, 'proxyRedirectUri'>,
  headers: IncomingHttpHeaders,
): string {
  if (proxyRedirectUri === null || !location.startsWith('/')) return location
  const given = String(headers['x-forwarded-context'] ?? '')
  const context = CONTEXT.test(given) ? given.replace(/\/$/, '') : ''
  return proxyRedirectUri.replace(/\/+$/, '') + context + location
}
