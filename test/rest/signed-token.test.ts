/** R17, X4: who may ask where spark.master.rest.filters names the JWSFilter. */
import { createHmac } from 'node:crypto'
import { afterEach, describe, expect, test } from 'vitest'
import { tokenRefusal } from '../../src/security/signed-token.js'
import { startRest, submission } from './harness.js'

/** RFC 7515, appendix A.1. */
const rfcKey = Buffer.from(
  'AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow',
  'base64url',
)
const rfcToken =
  'eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9' +
  '.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ' +
  '.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'
const rfcEndsMs = 1_300_819_380_000

const nowMs = 1_700_000_000_000
const secretKey = new Uint8Array(64).fill(7)
const rules = { secretKey, requireExpiration: false }

function token(claims: unknown, header: object = { alg: 'HS256' }, key = secretKey): string {
  const text = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const signed = `${text(header)}.${text(claims)}`
  const hash = (header as { alg?: string }).alg?.replace('HS', 'sha') ?? 'sha256'
  const known = ['sha256', 'sha384', 'sha512'].includes(hash) ? hash : 'sha256'
  return `${signed}.${createHmac(known, key).update(signed).digest('base64url')}`
}

const refusal = (bearer: string, change: Partial<typeof rules> = {}) =>
  tokenRefusal(`Bearer ${bearer}`, { ...rules, ...change }, nowMs)

describe('R17, X4: a token', () => {
  test('of the standard itself counts until its end', () => {
    const at = (ms: number) =>
      tokenRefusal(`Bearer ${rfcToken}`, { secretKey: rfcKey, requireExpiration: true }, ms)
    expect(at(rfcEndsMs - 1)).toBeNull()
    expect(at(rfcEndsMs)).toBe('JWT Validate Fail')
  })

  test.each(['HS256', 'HS384', 'HS512'])('signed with %s counts', (alg) => {
    expect(refusal(token({}, { alg }))).toBeNull()
  })

  test.each([
    ['with another key', token({}, { alg: 'HS256' }, new Uint8Array(64).fill(8))],
    ['whose claims were changed', token({ a: 1 }).replace(/\.[^.]+\./, '.e30.')],
    ['without a signature', token({}).replace(/[^.]+$/, '')],
    ['that says it needs none', token({}, { alg: 'none' })],
    ['with an unknown algorithm', token({}, { alg: 'RS256' })],
    ['that names none', token({}, {})],
    ['with a part that must be understood', token({}, { alg: 'HS256', crit: ['b64'] })],
    ['that is packed', token({}, { alg: 'HS256', zip: 'DEF' })],
    ['whose claims are no object', token([1])],
    ['that counts later', token({ nbf: nowMs / 1000 + 1 })],
    ['that has ended', token({ exp: nowMs / 1000 })],
    ['whose end is no number', token({ exp: 'never' })],
    ['that is no token', 'x'],
    ['that is empty', ''],
  ])('%s is refused', (_what, bearer) => {
    expect(refusal(bearer)).toBe('JWT Validate Fail')
  })

  test('needs a key that is long enough for its hash', () => {
    const short = secretKey.subarray(0, 32)
    expect(refusal(token({}, { alg: 'HS256' }, short), { secretKey: short })).toBeNull()
    expect(refusal(token({}, { alg: 'HS384' }, short), { secretKey: short })).not.toBeNull()
  })

  test('must have an end where that is asked for', () => {
    const bound = { requireExpiration: true }
    expect(refusal(token({ exp: nowMs / 1000 + 1 }), bound)).toBeNull()
    expect(refusal(token({}), bound)).toBe(
      'Authorization token does not carry a required expiration.',
    )
  })

  test('comes after the word Bearer, exactly', () => {
    expect(tokenRefusal(undefined, rules, nowMs)).toBe('Authorization header is missing.')
    for (const header of [`bearer ${token({})}`, `Basic ${token({})}`, token({}), ''])
      expect(tokenRefusal(header, rules, nowMs)).toBe('Malformed Authorization header.')
  })
})

describe('R17: the REST server', () => {
  const closes: (() => Promise<void>)[] = []
  afterEach(async () => {
    for (const close of closes.splice(0)) await close()
  })

  test('answers 403 to whoever has no token, and asks the core for nobody else', async () => {
    const { server, ask, asked } = await startRest(undefined, { tokens: rules })
    closes.push(() => server.close())
    const create = (headers: Record<string, string>) =>
      ask('POST', '/v1/submissions/create', submission(), headers)
    const without = await create({})
    expect([without.status, without.json['message']]).toEqual([
      403,
      'Authorization header is missing.',
    ])
    expect((await create({ Authorization: `Bearer ${token({})}x` })).status).toBe(403)
    expect((await ask('GET', '/v1/submissions/readyz')).status).toBe(403)
    expect(asked).toEqual([])
    expect((await create({ Authorization: `Bearer ${token({})}` })).status).toBe(200)
    expect(asked).toHaveLength(1)
  })
})
