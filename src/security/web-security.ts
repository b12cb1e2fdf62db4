/** From the operator's configuration to what a web UI goes by: who may see it, its headers, TLS (spec P48 to P56, X3). */
import { userInfo } from 'node:os'

import type { ConfKey, Configuration } from '../conf/configuration.js'
import { UsageError } from '../conf/errors.js'
import { keys } from '../conf/keys.js'
import { SHELL_GROUPS } from '../conf/keys-security.js'
import type { SecureSite } from '../http/page-server.js'
import type { HeaderRules } from '../http/security-headers.js'
import type { TlsIdentity, TlsTrust } from '../http/tls.js'
import type { AccessRules } from './access.js'
import type { AclRules } from './acl.js'
import { openSslCiphers } from './ciphers.js'
import {
  authorities,
  checkIdentity,
  keyStore,
  pemFiles,
  type KeyMaterial,
  type NamedFile,
} from './key-files.js'
import { tokenRules } from './token-rules.js'

/** A value that may go to another thread. */
export interface WebSecurity {
  readonly access: AccessRules
  readonly headers: HeaderRules
  readonly showErrorStacks: boolean
  /** null: the pages are served without TLS. */
  readonly secure: SecureSite | null
  /** For what the daemon asks of others over TLS. */
  readonly trust: TlsTrust
}

export interface WebSecuritySettings {
  readonly security: WebSecurity
  /** What was asked for and does less than it seems to. */
  readonly warnings: readonly string[]
}

/** @throws UsageError when something that was asked for can't be had */
export function webSecurity(
  configuration: Configuration,
  daemon: 'master' | 'worker',
): WebSecuritySettings {
  const warnings: string[] = []
  const warn = (message: string): void => void warnings.push(message)
  const tokens = tokenRules(configuration, keys.uiFilters)
  const acls = aclRules(configuration)
  if (acls !== null && tokens === null) {
    warn(
      `${keys.aclsEnable.name} refuses nobody: nothing says who asks; ` +
        `set ${keys.uiFilters.name} to check tokens`,
    )
  }
  const trusted = trustStore(configuration, daemon, warn)
  const secure = secureSite(configuration, trusted, warn)
  const handedOn = daemon === 'worker' ? { takesHandedOn: true } : {}
  const security: WebSecurity = {
    access: { tokens: tokens === null ? null : { ...tokens, ...handedOn }, acls },
    headers: headerRules(configuration),
    showErrorStacks: configuration.read(keys.showErrorStacks),
    secure,
    trust: { authorities: trusted, identity: secure?.identity ?? null },
  }
  return { security, warnings }
}

function headerRules(configuration: Configuration): HeaderRules {
  return {
    xssProtection: configuration.read(keys.xXssProtection),
    nosniff: configuration.read(keys.xContentTypeOptions),
    strictTransportSecurity: configuration.read(keys.strictTransportSecurity),
    contentPolicy: configuration.read(keys.contentSecurityPolicy),
    frameAncestors: configuration.read(keys.frameAncestors) ? frameAncestors(configuration) : null,
    proxyRedirectUri: configuration.read(keys.proxyRedirectUri),
  }
}

function frameAncestors(configuration: Configuration): string {
  const from = configuration.read(keys.allowFramingFrom)
  if (from === 'DENY') return "'none'"
  return from === 'SAMEORIGIN' ? "'self'" : `'self' ${from}`
}

/** Who runs this process, and in whose name; a user of a container may have no name. */
function ownUsers(): string[] {
  const users = [process.env['SPARK_USER'] ?? '']
  try {
    users.push(userInfo().username)
  } catch {
    // Then nobody is let in by it.
  }
  return users.filter((user) => user !== '')
}

/** P50: who administers may do all; who runs the daemon may see and change. */
function aclRules(configuration: Configuration): AclRules | null {
  if (!configuration.read(keys.aclsEnable)) return null
  const admin = {
    users: configuration.read(keys.adminAcls),
    groups: configuration.read(keys.adminAclsGroups),
  }
  const withOwn = (users: ConfKey<string[]>, groups: ConfKey<string[]>): AclRules['view'] => ({
    users: [...admin.users, ...ownUsers(), ...configuration.read(users)],
    groups: [...admin.groups, ...configuration.read(groups)],
  })
  return {
    admin,
    view: withOwn(keys.viewAcls, keys.viewAclsGroups),
    modify: withOwn(keys.modifyAcls, keys.modifyAclsGroups),
    groups: configuration.read(keys.userGroupsMapping) === SHELL_GROUPS,
  }
}

function named(configuration: Configuration, key: ConfKey<string | null>): NamedFile | null {
  const path = configuration.read(key)
  return path === null ? null : { setting: configuration.nameOf(key), path }
}

type Warn = (message: string) => void

/**
 * One that nothing here depends on may be of a JVM and is not read; one that only the proxy would look at is left out with a
 * word when it can't be.
 */
function trustStore(
  configuration: Configuration,
  daemon: 'master' | 'worker',
  warn: Warn,
): string[] | null {
  const file = named(configuration, keys.tlsTrustStore)
  if (file === null) return null
  const needed = configuration.read(keys.tlsEnabled) && configuration.read(keys.tlsNeedClientAuth)
  if (needed) return authorities(file)
  if (daemon === 'worker' || !configuration.read(keys.reverseProxy)) return null
  try {
    return authorities(file)
  } catch (error) {
    warn(`${(error as Error).message}; the proxy trusts the roots that Node comes with`)
    return null
  }
}

function secureSite(
  configuration: Configuration,
  trusted: readonly string[] | null,
  warn: Warn,
): SecureSite | null {
  if (!configuration.read(keys.tlsEnabled)) return null
  const { file, material } = keyMaterial(configuration)
  const needClientAuth = configuration.read(keys.tlsNeedClientAuth)
  if (needClientAuth && trusted === null) {
    throw new UsageError(
      `${configuration.nameOf(keys.tlsNeedClientAuth)} is true: expected ${keys.tlsTrustStore.name}, ` +
        'with the certificates that vouch for visitors',
    )
  }
  const identity: TlsIdentity = {
    ...material,
    versions: versions(configuration),
    ciphers: ciphers(configuration, warn),
    clientAuthorities: needClientAuth ? trusted : null,
  }
  checkIdentity(identity, file)
  return { identity, port: configuration.read(keys.tlsPort) }
}

function keyMaterial(configuration: Configuration): { file: NamedFile; material: KeyMaterial } {
  const store = named(configuration, keys.tlsKeyStore)
  const key = named(configuration, keys.tlsPrivateKey)
  const chain = named(configuration, keys.tlsCertChain)
  if (key !== null && chain !== null) {
    const password = configuration.read(keys.tlsPrivateKeyPassword)
    return { file: key, material: pemFiles(key, chain, password) }
  }
  if (store === null || key !== null || chain !== null) {
    throw new UsageError(
      `${configuration.nameOf(keys.tlsEnabled)} is true: expected ${keys.tlsKeyStore.name}, ` +
        `or both ${keys.tlsPrivateKey.name} and ${keys.tlsCertChain.name}`,
    )
  }
  const passwords = {
    store: configuration.read(keys.tlsKeyStorePassword),
    key: configuration.read(keys.tlsKeyPassword),
  }
  return { file: store, material: keyStore(store, passwords) }
}

const PROTOCOLS = ['TLSv1.2', 'TLSv1.3'] as const

function versions(configuration: Configuration): TlsIdentity['versions'] {
  const wanted = configuration.read(keys.tlsProtocol)
  const word = wanted?.toLowerCase() ?? 'tls'
  if (word === 'tls') return null
  const found = PROTOCOLS.find((one) => one.toLowerCase() === word)
  if (found !== undefined) return { minVersion: found, maxVersion: found }
  throw new UsageError(
    `${configuration.nameOf(keys.tlsProtocol)} is ${JSON.stringify(wanted)}: expected TLS, TLSv1.2 or TLSv1.3; older ones are not safe`,
  )
}

function ciphers(configuration: Configuration, warn: Warn): string | null {
  const names = configuration.read(keys.tlsEnabledAlgorithms)
  if (names.length === 0) return null
  const { known, unknown } = openSslCiphers(names)
  const name = configuration.nameOf(keys.tlsEnabledAlgorithms)
  if (known.length === 0) {
    throw new UsageError(
      `${name} has no cipher that is known here: expected some such as TLS_AES_256_GCM_SHA384 or ` +
        'TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384',
    )
  }
  // Else every visitor would be turned away, without a word to the operator.
  const only = versions(configuration)?.minVersion
  const ofOnly = known.filter((cipher) => cipher.startsWith('TLS_') === (only === 'TLSv1.3'))
  if (only !== undefined && ofOnly.length === 0) {
    throw new UsageError(
      `${name} has no cipher of ${only}, which ${configuration.nameOf(keys.tlsProtocol)} asks for`,
    )
  }
  if (unknown.length > 0) warn(`${name}: not known here, and left out: ${unknown.join(', ')}`)
  return known.join(':')
}
