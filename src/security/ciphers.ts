/** Ciphers by the names of a JVM, which are those of the standards, as OpenSSL has them. Pure. */
import { getCiphers } from 'node:tls'

const AVAILABLE = new Set(getCiphers())

/** How keys are agreed on: what stands between TLS_ and _WITH_. */
const KEY_EXCHANGES: ReadonlyMap<string, string> = new Map([
  ['ECDHE_ECDSA', 'ECDHE-ECDSA-'],
  ['ECDHE_RSA', 'ECDHE-RSA-'],
  ['DHE_RSA', 'DHE-RSA-'],
  ['RSA', ''],
])

/** @returns the name for OpenSSL, or null when there is none, here or at all */
function openSslName(name: string): string | null {
  // Those of TLS 1.3 have one name.
  if (AVAILABLE.has(name.toLowerCase())) return name
  const [, exchange = '', cipher = ''] = /^TLS_([A-Z_]+)_WITH_([A-Z0-9_]+)$/.exec(name) ?? []
  const prefix = KEY_EXCHANGES.get(exchange)
  if (prefix === undefined) return null
  const suffix = cipher
    .replace(/^AES_(128|256)_CBC_/, 'AES$1-')
    .replace(/^AES_(128|256)_GCM_/, 'AES$1-GCM-')
    .replace(/^CHACHA20_POLY1305_SHA256$/, 'CHACHA20-POLY1305')
  const found = prefix + suffix
  return AVAILABLE.has(found.toLowerCase()) ? found : null
}

/** @returns what OpenSSL has of them, in their order, and the others */
export function openSslCiphers(names: readonly string[]): { known: string[]; unknown: string[] } {
  const found = names.map((name) => ({ name, openSsl: openSslName(name) }))
  return {
    known: found.flatMap(({ openSsl }) => openSsl ?? []),
    unknown: found.filter(({ openSsl }) => openSsl === null).map(({ name }) => name),
  }
}
