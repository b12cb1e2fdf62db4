/** P48, P51: headers and redirects by their settings. */
import { describe, expect, test } from 'vitest'

import * as script from '../../src/http/script.js'
import { secureRedirect } from '../../src/http/secure-redirect.js'
import {
  answerHeaders,
  redirectLocation,
  usualHeaders,
  type HeaderRules,
} from '../../src/http/security-headers.js'

const headers = (
  change: Partial<HeaderRules> = {},
  own: Record<string, string> = {},
  secure = false,
) => answerHeaders(own, { ...usualHeaders, ...change }, secure)
const policy = 'Content-Security-Policy'

describe('P51', () => {
  test("Spark's defaults, and a policy under which no script runs", () => {
    expect(headers()).toMatchObject({
      'X-Frame-Options': 'SAMEORIGIN',
      'X-Content-Type-Options': 'nosniff',
      'Referrer-Policy': 'same-origin',
      'Cache-Control': 'no-cache, no-store, must-revalidate',
      [policy]: expect.stringMatching(/^default-src 'none'; .*; frame-ancestors 'self'$/),
    })
    expect(headers()[policy]).not.toContain('script-src')
  })

  test('who may frame is said by the policy of any page, whatever it is', () => {
    const framed = headers({ frameAncestors: "'self' https://portal.example.com" })
    expect(framed['X-Frame-Options']).toBe('SAMEORIGIN')
    expect(framed[policy]).toMatch(/; frame-ancestors 'self' https:\/\/portal\.example\.com$/)
    const { scriptPolicy } = script
    expect(headers({ frameAncestors: "'none'" }, scriptPolicy)[policy]).toMatch(
      /script-src 'self'.*; frame-ancestors 'none'$/,
    )
  })

  test('a header that is switched off is not there', () => {
    const none = headers({ nosniff: false, contentPolicy: false })
    expect(none['X-Content-Type-Options']).toBeUndefined()
    expect(none[policy]).toBeUndefined()
    expect(headers({ frameAncestors: null })[policy]).not.toContain('frame-ancestors')
    expect(headers({ contentPolicy: false }, { [policy]: 'x' })[policy]).toBeUndefined()
  })

  test('Strict-Transport-Security is said over TLS alone', () => {
    const told = { strictTransportSecurity: 'max-age=1' }
    expect(headers(told)['Strict-Transport-Security']).toBeUndefined()
    expect(headers(told, {}, true)['Strict-Transport-Security']).toBe('max-age=1')
  })

  test('what an answer says of itself beats the rules', () => {
    expect(headers({}, { 'Cache-Control': 'max-age=60' })['Cache-Control']).toBe('max-age=60')
  })
})

describe('P48: a redirect', () => {
  const to = (
    location: string,
    context?: string,
    proxyRedirectUri: string | null = 'https://front:8443/',
  ) =>
    redirectLocation(
      location,
      { proxyRedirectUri },
      context === undefined ? {} : { 'x-forwarded-context': context },
    )

  test('leads to the proxy in front, below the path under which that one shows us', () => {
    expect(to('/')).toBe('https://front:8443/')
    expect(to('/app/?appId=a b')).toBe('https://front:8443/app/?appId=a b')
    expect(to('/json/', '/gateway/spark/')).toBe('https://front:8443/gateway/spark/json/')
    expect(to('/json/', undefined, null)).toBe('/json/')
    expect(to('https://elsewhere/', '/x')).toBe('https://elsewhere/')
  })

  test.each(['@evil.example', '//evil.example', '.evil.example', '/a?b', '/a/../b c', 'x', ''])(
    'a path that is none, %j, is left out',
    (context) => {
      expect(to('/x', context)).toBe('https://front:8443/x')
    },
  )
})

describe('U19: without TLS', () => {
  const lead = (url: string, host?: string, method = 'GET') =>
    secureRedirect({ method, url, headers: host === undefined ? {} : { host } }, 8480)

  test('requests are led to where it is, with their path and query', () => {
    expect(lead('/app/?appId=1%20x', 'h.example:8080')).toMatchObject({
      status: 302,
      headers: { Location: 'https://h.example:8480/app/?appId=1%20x' },
    })
    expect(lead('//evil.example/x', '[::1]')).toMatchObject({
      headers: { Location: 'https://[::1]:8480//evil.example/x' },
    })
  })

  test('who names no host hears where it is; TRACE is refused', () => {
    expect(lead('/', undefined).status).toBe(400)
    expect(lead('/', 'a b').status).toBe(400)
    expect(lead('http://x/', 'h').status).toBe(400)
    expect(lead('/', 'h', 'TRACE').status).toBe(405)
  })
})
