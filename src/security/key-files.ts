/** Reads the files that TLS is made of. What is wrong with one is said with what would be right (spec P56, X5). */
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'

import { quoted, UsageError } from '../conf/errors.js'
import { contextOptions, type TlsIdentity } from '../http/tls.js'

/** A key store or a list of authorities is a few hundred KiB at most. */
const FILE_BYTES_MAX = 8 * 2 ** 20

/** A file as a setting names it. */
export interface NamedFile {
  /** The key that names it. */
  readonly setting: string
  readonly path: string
}

export type KeyMaterial = Pick<TlsIdentity, 'key' | 'cert' | 'pfx' | 'passphrase'>

type Kind = 'JKS' | 'JCEKS' | 'PKCS12' | 'PEM'

/** By their first bytes: what a setting says of their type is often that of another file. */
function kindOf(bytes: Buffer): Kind | null {
  if (bytes.subarray(0, 4).toString('hex') === 'feedfeed') return 'JKS'
  if (bytes.subarray(0, 4).toString('hex') === 'cececece') return 'JCEKS'
  if (bytes.includes('-----BEGIN ')) return 'PEM'
  // A SEQUENCE in DER.
  return bytes[0] === 0x30 ? 'PKCS12' : null
}

function wrong({ setting, path }: NamedFile, what: string, cause?: unknown): UsageError {
  return new UsageError(`${setting} names ${quoted(path)}, ${what}`, { cause })
}

function read(file: NamedFile): Buffer {
  let bytes: Buffer
  try {
    bytes = readFileSync(file.path)
  } catch (error) {
    throw wrong(file, `which can't be read: ${(error as NodeJS.ErrnoException).code}`, error)
  }
  if (bytes.byteLength === 0) throw wrong(file, 'which is empty')
  if (bytes.byteLength <= FILE_BYTES_MAX) return bytes
  throw wrong(file, `which has more than ${FILE_BYTES_MAX} bytes`)
}

/** What of a shell's command is a file's name. */
function word(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", String.raw`'\''`)}'`
}

/**
 * Key and certificates of one file, PKCS12 or PEM.
 *
 * @param passwords of the file, and of the key in it; null: none
 */
export function keyStore(
  file: NamedFile,
  passwords: { readonly store: string | null; readonly key: string | null },
): KeyMaterial {
  const bytes = read(file)
  const kind = kindOf(bytes)
  const { store, key } = passwords
  if (kind === 'PEM') {
    const text = pemOf(file, bytes, 'PRIVATE KEY')
    pemOf(file, bytes, 'CERTIFICATE')
    const passphrase = key ?? store
    return { key: text, cert: text, ...(passphrase === null ? {} : { passphrase }) }
  }
  if (kind === 'PKCS12') {
    if (key === null || key === store)
      return { pfx: new Uint8Array(bytes), ...(store === null ? {} : { passphrase: store }) }
    throw wrong(file, 'whose key has a password of its own: PKCS12 has one for both')
  }
  if (kind === null) throw wrong(file, 'which is no key store: expected PKCS12 or PEM')
  throw wrong(
    file,
    `which is of type ${kind}, that only a JVM reads: convert it with ` +
      `keytool -importkeystore -srckeystore ${word(file.path)} -destkeystore ${word(`${file.path}.p12`)} -deststoretype PKCS12, ` +
      'and name the new file',
  )
}

/** Key and certificates of two files in PEM. @param password of the key; null: none */
export function pemFiles(key: NamedFile, chain: NamedFile, password: string | null): KeyMaterial {
  return {
    key: pemOf(key, read(key), 'PRIVATE KEY'),
    cert: pemOf(chain, read(chain), 'CERTIFICATE'),
    ...(password === null ? {} : { passphrase: password }),
  }
}

/** @returns its text, in which there is such a part */
function pemOf(file: NamedFile, bytes: Buffer, part: 'PRIVATE KEY' | 'CERTIFICATE'): string {
  if (kindOf(bytes) !== 'PEM') throw wrong(file, 'which is not in PEM')
  const text = bytes.toString('utf8')
  if (new RegExp(`-----BEGIN [A-Z ]*${part}-----`).test(text)) return text
  throw wrong(file, `which has no ${part.toLowerCase()} in it`)
}

/** @returns each certificate of a file in PEM, however much stands between them */
export function authorities(file: NamedFile): string[] {
  const bytes = read(file)
  const kind = kindOf(bytes)
  if (kind !== 'PEM') {
    throw wrong(
      file,
      `which is ${kind === null ? 'not in PEM' : `of type ${kind}`}: expected certificates in PEM, as ` +
        `keytool -list -rfc -keystore ${word(file.path)} prints them`,
    )
  }
  const found =
    bytes
      .toString('utf8')
      .match(
        /-----BEGIN (?:TRUSTED )?CERTIFICATE-----[^-]+-----END (?:TRUSTED )?CERTIFICATE-----/g,
      ) ?? []
  if (found.length === 0) throw wrong(file, 'which has no certificate in it')
  for (const [at, one] of found.entries()) {
    try {
      void new X509Certificate(one)
    } catch (error) {
      throw wrong(file, `whose certificate number ${at + 1} can't be read`, error)
    }
  }
  return [...found]
}

/** By what OpenSSL says of it. */
const FAULTS: readonly (readonly [pattern: RegExp, what: string])[] = [
  [
    /mac verify failure|bad decrypt|password|interrupted or cancelled|processing error/i,
    'whose password is another one',
  ],
  [
    /key values mismatch/i,
    "whose key is not that of the first certificate: expected the key's own certificate first",
  ],
  [/unable to load private key/i, 'which has no key in it'],
  [/too small|too weak/i, 'whose key or certificate is too weak'],
  [
    /unsupported|unknown cipher/i,
    'which is damaged, or encrypted as is no longer done: write it anew with keytool of Java 17 or openssl pkcs12 -export',
  ],
]

/** @param file the one that is blamed @throws UsageError when no server could be made of it */
export function checkIdentity(identity: TlsIdentity, file: NamedFile): void {
  try {
    createSecureContext(contextOptions(identity))
  } catch (error) {
    const { message } = error as Error
    const fault = FAULTS.find(([pattern]) => pattern.test(message))
    throw wrong(file, fault?.[1] ?? `which can't be used: ${message}`, error)
  }
}
