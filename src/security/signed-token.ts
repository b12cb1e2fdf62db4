/**
 * Who may ask: requests carry `Authorization: Bearer <JWS>` (spec R17, X4), as org.apache.spark.ui.JWSFilter
 * has it. A token is signed with the key that the daemon was given. Pure.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'

export interface TokenRules {
  /** What tokens are signed with; at least 32 bytes. */
  readonly secretKey: Uint8Array
  readonly requireExpiration: boolean
  /** Whether those count that a master has made for a worker's pages; absent: they don't. */
  readonly takesHandedOn?: boolean
}

export type TokenVerdict =
  /** `user`: whom the token is of; null: it names nobody. */
  | { readonly refusal: null; readonly user: string | null }
  /** Why the request gets 403. */
  | { readonly refusal: string }

/** By the name in a token's header: the hash, and how many bytes a key for it has at least. */
const ALGORITHMS: ReadonlyMap<unknown, { hash: string; keyBytesMin: number }> = new Map([
  ['HS256', { hash: 'sha256', keyBytesMin: 32 }],
  ['HS384', { hash: 'sha384', keyBytesMin: 48 }],
  ['HS512', { hash: 'sha512', keyBytesMin: 64 }],
])

const invalid = 'JWT Validate Fail'

/**
 * What a master makes for a worker's pages is good for nothing else: whoever registers as a worker gets to see it, and must
 * not be able to kill with it.
 */
const workerAudience = 'magneto-worker-pages'
const handedOnForSeconds = 60

type Fields = Readonly<Record<string, unknown>>

function partOf(fields: Fields): string {
  return Buffer.from(JSON.stringify(fields)).toString('base64url')
}

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

/** @param nowMs since the epoch */
export function judgeToken(
  authorization: string | undefined,
  { secretKey, requireExpiration, takesHandedOn = false }: TokenRules,
  nowMs: number,
): TokenVerdict {
  if (authorization === undefined) return { refusal: 'Authorization header is missing.' }
  const token = /^Bearer (.*)$/.exec(authorization)?.[1]
  if (token === undefined) return { refusal: 'Malformed Authorization header.' }
  const claims = claimsOf(token, secretKey)
  if (claims === null) return { refusal: invalid }
  const { exp, nbf, sub, aud } = claims
  const counts = holds(exp, (end) => nowMs < end) && holds(nbf, (from) => nowMs >= from)
  if (!counts || (aud === workerAudience && !takesHandedOn)) return { refusal: invalid }
  if (requireExpiration && (exp === undefined || exp === null)) {
    return { refusal: 'Authorization token does not carry a required expiration.' }
  }
  return { refusal: null, user: typeof sub === 'string' && sub !== '' ? sub : null }
}

/** @param nowMs since the epoch @returns null when the request may be answered, otherwise why it gets 403 */
export function tokenRefusal(
  authorization: string | undefined,
  rules: TokenRules,
  nowMs: number,
): string | null {
  return judgeToken(authorization, rules, nowMs).refusal
}

/**
 * For a request that is handed on to a worker's pages, in the name of who asked; it counts for a minute.
 *
 * @returns the value of Authorization
 */
export function handedOn(
  user: string | null,
  { secretKey }: Pick<TokenRules, 'secretKey'>,
  nowMs: number,
): string {
  const now = Math.floor(nowMs / 1000)
  const signed = `${partOf({ alg: 'HS256' })}.${partOf({
    ...(user === null ? {} : { sub: user }),
    aud: workerAudience,
    // Clocks of machines differ a little.
    nbf: now - handedOnForSeconds,
    exp: now + handedOnForSeconds,
  })}`
  const signature = createHmac('sha256', secretKey).update(signed).digest('base64url')
  return `Bearer ${signed}.${signature}`
}
