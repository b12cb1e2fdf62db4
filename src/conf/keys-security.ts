/** Keys of who may see and do what, of headers, and of TLS (spec P48 to P58, X5). Both daemons read them. */
import type { ConfKey } from './configuration.js'
import {
  boolean,
  frameSource,
  headerText,
  headerUrl,
  list,
  oneOf,
  orNull,
  port,
  text,
  type Parser,
} from './parsers.js'

function key<T>(entry: Omit<ConfKey<T>, 'readBy'>): ConfKey<T> {
  return { ...entry, readBy: 'both' }
}

/** Of the filter that takes signed tokens, the only one that is known here. */
export const TOKEN_FILTER = 'org.apache.spark.ui.JWSFilter'

/** The only one that is known here: `id -Gn`. */
export const SHELL_GROUPS = 'org.apache.spark.security.ShellBasedGroupsMappingProvider'

export const securityKeys = {
  authenticate: key<boolean>({
    name: 'spark.authenticate',
    default: false,
    parse: boolean,
    doc: 'Whether peers must know the shared secret.',
    spec: 'P57',
  }),
  authenticateSecret: key<string | null>({
    name: 'spark.authenticate.secret',
    default: null,
    parse: orNull(text),
    doc: 'The shared secret. It guards no submissions over REST, so a master with both refuses to start.',
    spec: 'P57',
  }),
  networkCryptoEnabled: key<boolean>({
    name: 'spark.network.crypto.enabled',
    default: false,
    parse: boolean,
    doc: 'Whether connections between peers are encrypted with AES.',
    spec: 'P58',
  }),
  rpcSslEnabled: key<boolean>({
    name: 'spark.ssl.rpc.enabled',
    default: false,
    parse: boolean,
    doc: 'Whether connections between peers use TLS.',
    spec: 'P56',
  }),
  uiFilters: key<string[]>({
    name: 'spark.ui.filters',
    default: [],
    parse: list(','),
    doc: `Filters in front of both web UIs: ${TOKEN_FILTER}, which takes requests with a signed token only.`,
    spec: 'P49',
  }),
  tokenSecretKey: key<string | null>({
    name: `spark.${TOKEN_FILTER}.param.secretKey`,
    default: null,
    parse: orNull(text),
    doc: 'What tokens are signed with: at least 32 bytes in BASE64URL.',
    spec: 'R17',
  }),
  tokenRequireExpiration: key<boolean>({
    name: `spark.${TOKEN_FILTER}.param.requireExpiration`,
    default: false,
    parse: boolean,
    doc: 'Whether a token without an end of its validity is refused.',
    spec: 'R17',
  }),
  tokenParameters: key<string[]>({
    name: `spark.${TOKEN_FILTER}.params`,
    default: [],
    parse: list(','),
    doc: 'The same parameters in their older form, `secretKey=...,requireExpiration=true`; those above beat it.',
    spec: 'P49',
  }),
}

function names(name: string, doc: string): ConfKey<string[]> {
  return key<string[]>({ name, default: [], parse: list(','), doc, spec: 'P50' })
}

export const aclKeys = {
  aclsEnable: key<boolean>({
    name: 'spark.acls.enable',
    default: false,
    parse: boolean,
    doc: 'Whether who may see and change what is checked. Who asks is the `sub` of the token that spark.ui.filters checks.',
    differs: 'In Spark that filter names no user, and who has no name may do everything.',
    spec: 'P50',
  }),
  viewAcls: names('spark.ui.view.acls', 'Users who may see the web UIs; * is all.'),
  viewAclsGroups: names('spark.ui.view.acls.groups', 'Groups whose members may see them.'),
  modifyAcls: names(
    'spark.modify.acls',
    'Users who may kill and decommission in the web UI; * is all.',
  ),
  modifyAclsGroups: names('spark.modify.acls.groups', 'Groups whose members may do so.'),
  adminAcls: names(
    'spark.admin.acls',
    'Users who may see and change everything, and ask as others (`doAs`); * is all.',
  ),
  adminAclsGroups: names('spark.admin.acls.groups', 'Groups whose members may do so.'),
  userGroupsMapping: key<string>({
    name: 'spark.user.groups.mapping',
    default: SHELL_GROUPS,
    parse: oneOf(SHELL_GROUPS, ''),
    doc: 'Who belongs to which group: what `id -Gn` says, or, when empty, nobody to any.',
    spec: 'P50',
  }),
}

export const headerKeys = {
  allowFramingFrom: key<string>({
    name: 'spark.ui.allowFramingFrom',
    default: 'SAMEORIGIN',
    parse: frameSource,
    doc: 'Whose pages may show ours in a frame: nobody, our own, or also those of a URL (frame-ancestors).',
    spec: 'P51',
  }),
  xXssProtection: key<string>({
    name: 'spark.ui.xXssProtection',
    default: '0',
    parse: headerText,
    doc: 'The header X-XSS-Protection; before Spark 4.3 its default was `1; mode=block`.',
    spec: 'P51',
  }),
  xContentTypeOptions: key<boolean>({
    name: 'spark.ui.xContentTypeOptions.enabled',
    default: true,
    parse: boolean,
    doc: 'Whether X-Content-Type-Options is nosniff.',
    spec: 'P51',
  }),
  strictTransportSecurity: key<string | null>({
    name: 'spark.ui.strictTransportSecurity',
    default: null,
    parse: orNull(headerText),
    doc: 'The header Strict-Transport-Security, of answers over TLS.',
    spec: 'P51',
  }),
  contentSecurityPolicy: key<boolean>({
    name: 'spark.ui.contentSecurityPolicy.enabled',
    default: true,
    parse: boolean,
    doc: 'Whether pages carry a Content-Security-Policy.',
    spec: 'P51',
  }),
  frameAncestors: key<boolean>({
    name: 'spark.ui.contentSecurityPolicy.frameAncestors.enabled',
    default: true,
    parse: boolean,
    doc: 'Whether that policy says who may show pages in a frame.',
    spec: 'P51',
  }),
  showErrorStacks: key<boolean>({
    name: 'spark.ui.showErrorStacks',
    default: true,
    parse: boolean,
    doc: 'Whether a page that fails shows where in the program it did.',
    spec: 'P53',
  }),
  proxyRedirectUri: key<string | null>({
    name: 'spark.ui.proxyRedirectUri',
    default: null,
    parse: orNull(headerUrl),
    doc: 'The address of a proxy in front, which redirects lead to; with the path of its X-Forwarded-Context behind it.',
    spec: 'P48',
  }),
  sniHostCheck: key<boolean>({
    name: 'spark.ui.jetty.sniHostCheckEnabled',
    default: false,
    parse: boolean,
    doc: 'Whether a request over TLS must name a host of the certificate.',
    spec: 'P56',
  }),
}

/** For the web UIs of the daemons alone, else for all that use TLS. */
function tls<T>(name: string, from: { default: T; parse: Parser<T>; doc: string }): ConfKey<T> {
  const alternatives = [`spark.ssl.${name}`]
  return key<T>({ ...from, name: `spark.ssl.standalone.${name}`, alternatives, spec: 'P56' })
}

function tlsText(name: string, doc: string): ConfKey<string | null> {
  return tls<string | null>(name, { default: null, parse: orNull(text), doc })
}

export const tlsKeys = {
  tlsEnabled: tls<boolean>('enabled', {
    default: false,
    parse: boolean,
    doc: 'Whether the web UI is served over TLS.',
  }),
  tlsPort: key<number | null>({
    name: 'spark.ssl.standalone.port',
    default: null,
    parse: orNull(port),
    doc: 'The port for that; not set: 400 above the port of the web UI, which then leads there.',
    spec: 'P56',
  }),
  tlsKeyStore: tlsText('keyStore', 'The file of the key and its certificates: PKCS12 or PEM.'),
  tlsKeyStorePassword: tlsText('keyStorePassword', 'Its password.'),
  tlsKeyPassword: tlsText('keyPassword', "The key's own password, if it is another one."),
  tlsPrivateKey: tlsText('privateKey', 'The file of the key in PEM, instead of a key store.'),
  tlsPrivateKeyPassword: tlsText('privateKeyPassword', 'Its password.'),
  tlsCertChain: tlsText('certChain', 'The file of its certificates in PEM, its own one first.'),
  tlsTrustStore: tlsText(
    'trustStore',
    'The file of certificates in PEM that vouch for others: for clients under needClientAuth, and for workers that the master asks.',
  ),
  tlsProtocol: tlsText(
    'protocol',
    'TLSv1.2 or TLSv1.3, which then is the only one (a JVM takes TLSv1.2 besides TLSv1.3); TLS or not set: both.',
  ),
  tlsEnabledAlgorithms: tls<string[]>('enabledAlgorithms', {
    default: [],
    parse: list(','),
    doc: "Names of ciphers, as a JVM has them; none: Node's own choice.",
  }),
  tlsNeedClientAuth: tls<boolean>('needClientAuth', {
    default: false,
    parse: boolean,
    doc: 'Whether visitors must show a certificate that the trust store vouches for.',
  }),
}
