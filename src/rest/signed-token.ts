/**
 * Who may ask: requests carry `Authorization: Bearer <JWS>` (spec R17, X4), as org.apache.spark.ui.JWSFilter
 * has it. A token is signed with the key that the master was given; what it claims decides nothing but when it
 * counts. Pure.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { TokenRules } from '../control/thread-messages.js'

/** By the name in a token's header: the hash, and how many bytes a key for it has at least. */
const ALGORITHMS: ReadonlyMap<unknown, { hash: string; keyBytesMin: number }> = new Map([
  ['HS256', { hash: 'sha256', keyBytesMin: 32 }],
  ['HS384', { hash: 'sha384', keyBytesMin: 48 }],
  ['HS512', { hash: 'sha512', keyBytesMin: 64 }],
])

const invalid = 'JWT Validate Fail'

type Fields = Readonly<Record<string, unknown>>

/** @returns null when it is no JSON object in BASE64URL */
function fieldsOf(part: string): Fields | null {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'))
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Fields)
      : null
  } catch {
    return null
  }
}

/** @returns what a token with a good signature claims, or null for any other text */
function claimsOf(token: string, secretKey: Uint8Array): Fields | null {
  const parts = /^([\w-]+)\.([\w-]+)\.([\w-]+)$/.exec(token)
  if (parts === null) return null
  const [, head = '', payload = '', signature = ''] = parts
  const header = fieldsOf(head)
  const algorithm = ALGORITHMS.get(header?.['alg'])
  // What a header marks critical, or how a payload is packed, would have to be understood.
  const extended = header?.['crit'] !== undefined || header?.['zip'] !== undefined
  if (algorithm === undefined || extended || secretKey.byteLength < algorithm.keyBytesMin)
    return null
  const expected = createHmac(algorithm.hash, secretKey).update(`${head}.${payload}`).digest()
  const given = Buffer.from(signature, 'base64url')
  if (given.byteLength !== expected.byteLength || !timingSafeEqual(given, expected)) return null
  return fieldsOf(payload)
}

/** @param seconds since the epoch, as a claim has it; one that is absent holds */
function holds(seconds: unknown, test: (timeMs: number) => boolean): boolean {
  if (seconds === undefined || seconds === null) return true
  return typeof seconds === 'number' && test(seconds * 1000)
}

/** @param nowMs since the epoch @returns null when the request may be answered, otherwise why it gets 403 */
export function tokenRefusal(
  authorization: string | undefined,
  { secretKey, requireExpiration }: TokenRules,
  nowMs: number,
): string | null {
  if (authorization === undefined) return 'Authorization header is missing.'
  const token = /^Bearer (.*)$/.exec(authorization)?.[1]
  if (token === undefined) return 'Malformed Authorization header.'
  const claims = claimsOf(token, secretKey)
  if (claims === null) return invalid
  const { exp, nbf } = claims
  const counts = holds(exp, (end) => nowMs < end) && holds(nbf, (from) => nowMs >= from)
  if (!counts) return invalid
  if (requireExpiration && (exp === undefined || exp === null)) {
    return 'Authorization token does not carry a required expiration.'
  }
  return null
}
