/** What the filter org.apache.spark.ui.JWSFilter goes by (spec P49, R17), in front of REST or of a web UI. */
import type { ConfKey, Configuration } from '../conf/configuration.js'
import { UsageError } from '../conf/errors.js'
import { keys } from '../conf/keys.js'
import type { TokenRules } from './signed-token.js'

/** Of the key of HS256, the weakest that is taken. */
const MIN_SECRET_BYTES = 32

const BASE64URL = /^[A-Za-z0-9_-]+={0,2}$/

/**
 * @param filters the key that lists them; those of other names are refused when the settings are read
 * @returns null when it lists none
 * @throws UsageError when tokens can't be checked as asked
 */
export function tokenRules(
  configuration: Configuration,
  filters: ConfKey<string[]>,
): TokenRules | null {
  if (configuration.read(filters).length === 0) return null
  const older = new Map(
    configuration.read(keys.tokenParameters).map((entry): [string, string] => {
      const at = entry.indexOf('=')
      return [entry.slice(0, Math.max(0, at)).trim(), entry.slice(at + 1).trim()]
    }),
  )
  const text = configuration.read(keys.tokenSecretKey) ?? older.get('secretKey') ?? ''
  const bytes = BASE64URL.test(text) ? Buffer.from(text, 'base64url') : Buffer.alloc(0)
  // The text itself is a secret and is not shown.
  if (bytes.byteLength < MIN_SECRET_BYTES) {
    throw new UsageError(
      `${filters.name} needs ${keys.tokenSecretKey.name}: expected at least ${MIN_SECRET_BYTES} bytes ` +
        `in BASE64URL, ${text === '' ? 'but it is not set' : `got ${bytes.byteLength}`}`,
    )
  }
  return {
    secretKey: new Uint8Array(bytes),
    requireExpiration: configuration.has(keys.tokenRequireExpiration)
      ? configuration.read(keys.tokenRequireExpiration)
      : older.get('requireExpiration')?.toLowerCase() === 'true',
  }
}
