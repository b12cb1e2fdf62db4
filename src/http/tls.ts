/** What TLS needs, as a value that may go to another thread (spec P56). Pure. */
import type { SecureContextOptions, SecureVersion, TlsOptions } from 'node:tls'

/** Who we are, and by what that is proven. */
export interface TlsIdentity {
  /** PEM; absent: they are in `pfx`. */
  readonly key?: string
  /** PEM, our own certificate first. */
  readonly cert?: string
  /** PKCS12, with both. */
  readonly pfx?: Uint8Array
  /** Of the key or the PKCS12. */
  readonly passphrase?: string
  /** null: what Node takes for safe. */
  readonly versions: {
    readonly minVersion: SecureVersion
    readonly maxVersion: SecureVersion
  } | null
  /** As OpenSSL names them, with colons; null: Node's choice. */
  readonly ciphers: string | null
  /** Who vouches for visitors, in PEM; null: visitors need no certificate. */
  readonly clientAuthorities: readonly string[] | null
}

/** What a client of ours trusts, and shows when it is asked who it is. */
export interface TlsTrust {
  /** PEM; null: the roots that Node comes with, and those of NODE_EXTRA_CA_CERTS. */
  readonly authorities: readonly string[] | null
  readonly identity: TlsIdentity | null
}

/** What a context is made of; whether one can be made of it shows when it is. */
export function contextOptions({
  key,
  cert,
  pfx,
  passphrase,
  versions,
  ciphers,
}: TlsIdentity): SecureContextOptions {
  return {
    ...(key === undefined ? {} : { key }),
    ...(cert === undefined ? {} : { cert }),
    ...(pfx === undefined ? {} : { pfx: Buffer.from(pfx) }),
    ...(passphrase === undefined ? {} : { passphrase }),
    ...versions,
    ...(ciphers === null ? {} : { ciphers, honorCipherOrder: true }),
  }
}

export function serverOptions(identity: TlsIdentity): TlsOptions {
  const { clientAuthorities } = identity
  const clients =
    clientAuthorities === null
      ? {}
      : { ca: [...clientAuthorities], requestCert: true, rejectUnauthorized: true }
  return { ...contextOptions(identity), ...clients }
}

export function clientOptions({ authorities, identity }: TlsTrust): SecureContextOptions {
  const { key, cert, pfx, passphrase } = identity ?? {}
  return {
    ...(key === undefined ? {} : { key }),
    ...(cert === undefined ? {} : { cert }),
    ...(pfx === undefined ? {} : { pfx: Buffer.from(pfx) }),
    ...(passphrase === undefined ? {} : { passphrase }),
    ...(authorities === null ? {} : { ca: [...authorities] }),
  }
}
