/** P49 to P56: what the settings of a web UI become, and which refuse the start. */
import { readFile, writeFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { Configuration } from '../../src/conf/configuration.js'
import { UsageError } from '../../src/conf/errors.js'
import { refuseUnserved } from '../../src/conf/unserved.js'
import { usualHeaders } from '../../src/http/security-headers.js'
import { webSecurity } from '../../src/security/web-security.js'
import { canMakeCertificates, makeCertificates, type Certificates } from './certificates.js'

const secret = Buffer.alloc(32, 7).toString('base64url')
const filter = 'org.apache.spark.ui.JWSFilter'

function read(entries: Record<string, string>, daemon: 'master' | 'worker' = 'master') {
  return webSecurity(new Configuration(Object.entries(entries)), daemon)
}

test('without settings everybody may do everything, with the headers of Spark', () => {
  expect(read({})).toEqual({
    security: {
      access: { tokens: null, acls: null },
      headers: usualHeaders,
      showErrorStacks: true,
      secure: null,
      trust: { authorities: null, identity: null },
    },
    warnings: [],
  })
})

describe('P49: spark.ui.filters', () => {
  test('with the key of the filter', () => {
    const key = `spark.${filter}.param.secretKey`
    const { access } = read({ 'spark.ui.filters': filter, [key]: secret }).security
    expect(access.tokens).toEqual({
      secretKey: new Uint8Array(32).fill(7),
      requireExpiration: false,
    })
    const ofWorker = read({ 'spark.ui.filters': filter, [key]: secret }, 'worker').security
    expect(ofWorker.access.tokens?.takesHandedOn).toBe(true)
  })

  test('with its parameters in their older form, which the newer one beats', () => {
    const entries = {
      'spark.ui.filters': filter,
      [`spark.${filter}.params`]: `secretKey=${secret}, requireExpiration=true`,
    }
    expect(read(entries).security.access.tokens).toMatchObject({ requireExpiration: true })
    const newer = { ...entries, [`spark.${filter}.param.requireExpiration`]: 'false' }
    expect(read(newer).security.access.tokens).toMatchObject({ requireExpiration: false })
  })

  test('without a key, or with one that is too short: not started, and the key is not shown', () => {
    expect(() => read({ 'spark.ui.filters': filter })).toThrow('in BASE64URL, but it is not set')
    const short = { 'spark.ui.filters': filter, [`spark.${filter}.param.secretKey`]: 'c2VjcmV0' }
    expect(() => read(short)).toThrow(/spark\.ui\.filters needs .*, got 6$/)
  })

  test('of another name: not started', () => {
    const other = new Configuration([['spark.ui.filters', 'com.example.Kerberos']])
    for (const daemon of ['master', 'worker'] as const)
      expect(() => refuseUnserved(other, daemon)).toThrow('spark.ui.filters=com.example.Kerberos')
  })
})

describe('P50: lists', () => {
  const own = userInfo().username

  test('of view and modify have the admins and the own user in them', () => {
    const { security, warnings } = read({
      'spark.acls.enable': 'true',
      'spark.admin.acls': 'root, boss',
      'spark.admin.acls.groups': 'wheel',
      'spark.ui.view.acls': 'ann',
      'spark.ui.view.acls.groups': 'readers',
      'spark.modify.acls': '*',
    })
    expect(security.access.acls).toEqual({
      admin: { users: ['root', 'boss'], groups: ['wheel'] },
      view: {
        users: expect.arrayContaining(['root', 'boss', own, 'ann']),
        groups: ['wheel', 'readers'],
      },
      modify: { users: expect.arrayContaining(['root', 'boss', own, '*']), groups: ['wheel'] },
      groups: true,
    })
    expect(warnings).toEqual([expect.stringContaining('spark.acls.enable refuses nobody')])
  })

  test('with a filter there is nothing to warn of; groups may be switched off', () => {
    const { security, warnings } = read({
      'spark.acls.enable': 'true',
      'spark.ui.filters': filter,
      [`spark.${filter}.param.secretKey`]: secret,
      'spark.user.groups.mapping': '',
    })
    expect(warnings).toEqual([])
    expect(security.access.acls?.groups).toBe(false)
  })

  test('with groups from elsewhere: not started', () => {
    expect(() =>
      read({ 'spark.acls.enable': 'true', 'spark.user.groups.mapping': 'com.example.Ldap' }),
    ).toThrow(UsageError)
  })
})

describe('P51: headers', () => {
  test('are as they are set', () => {
    const { headers } = read({
      'spark.ui.allowFramingFrom': 'https://portal.example.com',
      'spark.ui.xXssProtection': '1; mode=block',
      'spark.ui.xContentTypeOptions.enabled': 'false',
      'spark.ui.strictTransportSecurity': 'max-age=31536000',
      'spark.ui.proxyRedirectUri': 'https://front:8443/',
    }).security
    expect(headers).toEqual({
      xssProtection: '1; mode=block',
      nosniff: false,
      strictTransportSecurity: 'max-age=31536000',
      contentPolicy: true,
      frameAncestors: "'self' https://portal.example.com",
      proxyRedirectUri: 'https://front:8443/',
    })
  })

  test('who may frame: nobody, our own pages, also another one, or nothing said', () => {
    const off = 'spark.ui.contentSecurityPolicy.frameAncestors.enabled'
    const frames = (entries: Record<string, string>) =>
      read(entries).security.headers.frameAncestors
    expect(frames({ 'spark.ui.allowFramingFrom': 'deny' })).toBe("'none'")
    expect(frames({ 'spark.ui.allowFramingFrom': 'SAMEORIGIN' })).toBe("'self'")
    expect(frames({ [off]: 'false', 'spark.ui.allowFramingFrom': 'DENY' })).toBeNull()
  })

  test.each([
    ['spark.ui.xXssProtection', '1\r\nX-Evil: 1'],
    ['spark.ui.strictTransportSecurity', 'max-age=1\n'],
    ['spark.ui.allowFramingFrom', 'https://a.example\r\nX: y'],
    ['spark.ui.allowFramingFrom', 'https://a.example; script-src *'],
    ['spark.ui.allowFramingFrom', 'everybody'],
  ])('%s=%j can not be one: not started', (name, value) => {
    expect(() => read({ [name]: value })).toThrow(UsageError)
  })
})

describe('P56, X5: TLS of another place', () => {
  test.each([
    ['spark.ssl.rpc.enabled', 'true'],
    ['spark.ui.jetty.sniHostCheckEnabled', 'true'],
  ])('%s is refused by name', (name, value) => {
    const configuration = new Configuration([[name, value]])
    for (const daemon of ['master', 'worker'] as const)
      expect(() => refuseUnserved(configuration, daemon)).toThrow(name)
  })

  test('of the pages of drivers and of the history server is not ours', () => {
    const entries = { 'spark.ssl.ui.enabled': 'true', 'spark.ssl.historyServer.enabled': 'true' }
    refuseUnserved(new Configuration(Object.entries(entries)), 'master')
    expect(read(entries).security.secure).toBeNull()
  })
})

describe.skipIf(!canMakeCertificates)('P56: key and certificates', () => {
  let made: Certificates
  beforeAll(async () => {
    made = await makeCertificates()
  })
  afterAll(() => made.remove())

  const own = (settings: Record<string, string>, prefix = 'spark.ssl.standalone.') =>
    Object.fromEntries(
      Object.entries({ enabled: 'true', ...settings }).map(([name, value]) => [
        prefix + name,
        value,
      ]),
    )

  test('of a PKCS12 file, whatever its type is said to be', () => {
    const settings = { keyStore: made.pkcs12, keyStorePassword: 'changeit', keyStoreType: 'JKS' }
    const { secure } = read(own({ ...settings, port: '8443' })).security
    expect(secure).toMatchObject({ port: 8443, identity: { passphrase: 'changeit' } })
    const same = { ...settings, keyPassword: 'changeit' }
    expect(read(own(same)).security.secure?.port).toBeNull()
  })

  test('of PEM files, or of one file with both', async () => {
    const files = { privateKey: made.key, certChain: made.chain }
    expect(read(own(files)).security.secure?.identity.cert).toContain('BEGIN CERTIFICATE')
    const locked = { ...files, privateKey: made.lockedKey, privateKeyPassword: 'geheim' }
    expect(read(own(locked)).security.secure?.identity.passphrase).toBe('geheim')
    const both = join(made.folder, 'both.pem')
    await writeFile(both, (await readFile(made.key, 'utf8')) + (await readFile(made.chain, 'utf8')))
    expect(read(own({ keyStore: both })).security.secure?.identity.key).toContain('PRIVATE KEY')
  })

  test('for all of Spark count here too, unless there are own ones', () => {
    const all = own({ privateKey: made.key, certChain: made.chain }, 'spark.ssl.')
    expect(read(all).security.secure).not.toBeNull()
    expect(read({ ...all, 'spark.ssl.standalone.enabled': 'false' }).security.secure).toBeNull()
    const other = { ...all, 'spark.ssl.standalone.privateKey': made.otherKey }
    expect(() => read(other)).toThrow('spark.ssl.standalone.privateKey names')
  })

  /** Changes are made of the certificates. */
  const wrong: [string, (at: Certificates) => Record<string, string>, string | RegExp][] = [
    ['none', () => ({}), /spark\.ssl\.standalone\.enabled is true: expected .*keyStore, or both/],
    ['a key without certificates', (at) => ({ privateKey: at.key }), 'or both'],
    [
      'a file that is not there',
      () => ({ keyStore: '/nowhere.p12' }),
      "which can't be read: ENOENT",
    ],
    [
      'a wrong password',
      (at) => ({ keyStore: at.pkcs12, keyStorePassword: 'x' }),
      'whose password is another one',
    ],
    ['no password', (at) => ({ keyStore: at.pkcs12 }), 'whose password is another one'],
    [
      'a wrong password of a key',
      (at) => ({ privateKey: at.lockedKey, certChain: at.chain, privateKeyPassword: 'x' }),
      'whose password is another one',
    ],
    [
      'no password of a key',
      (at) => ({ privateKey: at.lockedKey, certChain: at.chain }),
      'whose password is another one',
    ],
    [
      'a password of its own in PKCS12',
      (at) => ({ keyStore: at.pkcs12, keyStorePassword: 'changeit', keyPassword: 'x' }),
      'PKCS12 has one for both',
    ],
    [
      'a key of another certificate',
      (at) => ({ privateKey: at.otherKey, certChain: at.chain }),
      'whose key is not that of the first certificate',
    ],
    [
      'files in the wrong places',
      (at) => ({ privateKey: at.chain, certChain: at.key }),
      'which has no private key in it',
    ],
    [
      'an old protocol',
      (at) => ({ privateKey: at.key, certChain: at.chain, protocol: 'TLSv1' }),
      'is "TLSv1": expected TLS, TLSv1.2 or TLSv1.3',
    ],
    [
      'ciphers that nobody has',
      (at) => ({ privateKey: at.key, certChain: at.chain, enabledAlgorithms: 'TLS_NULL, x' }),
      'has no cipher that is known here',
    ],
    [
      'ciphers of another protocol',
      (at) => ({
        privateKey: at.key,
        certChain: at.chain,
        protocol: 'tlsv1.3',
        enabledAlgorithms: 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256',
      }),
      'has no cipher of TLSv1.3, which spark.ssl.standalone.protocol asks for',
    ],
    [
      'ciphers of TLS 1.3 alone for the older one',
      (at) => ({
        privateKey: at.key,
        certChain: at.chain,
        protocol: 'TLSv1.2',
        enabledAlgorithms: 'TLS_AES_256_GCM_SHA384',
      }),
      'has no cipher of TLSv1.2',
    ],
    [
      'client certificates that nobody vouches for',
      (at) => ({ privateKey: at.key, certChain: at.chain, needClientAuth: 'true' }),
      'expected spark.ssl.standalone.trustStore',
    ],
    [
      'a trust store without a certificate',
      (at) => ({
        privateKey: at.key,
        certChain: at.chain,
        needClientAuth: 'true',
        trustStore: at.key,
      }),
      'which has no certificate in it',
    ],
    [
      'a trust store that is PKCS12',
      (at) => ({
        privateKey: at.key,
        certChain: at.chain,
        needClientAuth: 'true',
        trustStore: at.pkcs12,
      }),
      'keytool -list -rfc -keystore',
    ],
  ]
  test.each(wrong)('%s: not started', (_what, settings, reason) => {
    const entries = own(settings(made))
    expect(() => read(entries)).toThrow(UsageError)
    expect(() => read(entries)).toThrow(reason)
  })

  test('of a JKS file: the command that converts it', async () => {
    const path = join(made.folder, "it's.jks")
    await writeFile(path, Buffer.from('feedfeed0000000200000000', 'hex'))
    expect(() => read(own({ keyStore: path, keyStorePassword: 'very secret' }))).toThrow(
      /of type JKS.*keytool -importkeystore -srckeystore '.*it'\\''s\.jks' -destkeystore '.*\.p12' -deststoretype PKCS12/,
    )
    expect(() => read(own({ keyStore: path, keyStorePassword: 'very secret' }))).not.toThrow(
      'very secret',
    )
  })

  test('a trust store that nothing depends on is not read; one of the proxy is left out with a word', () => {
    const trustStore = { 'spark.ssl.trustStore': made.pkcs12 }
    expect(read(trustStore).warnings).toEqual([])
    const proxy = { ...trustStore, 'spark.ui.reverseProxy': 'true' }
    expect(read(proxy, 'worker').warnings).toEqual([])
    const { security, warnings } = read(proxy)
    expect(security.trust.authorities).toBeNull()
    expect(warnings).toEqual([expect.stringContaining('the proxy trusts the roots')])
    const good = { ...proxy, 'spark.ssl.trustStore': made.authority }
    expect(read(good).security.trust.authorities).toHaveLength(1)
  })

  test('ciphers have the names of a JVM; those that are not here are left out with a word', () => {
    const { security, warnings } = read(
      own({
        privateKey: made.key,
        certChain: made.chain,
        protocol: 'TLSv1.2',
        enabledAlgorithms:
          'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_RSA_WITH_AES_256_CBC_SHA256, ' +
          'TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, TLS_AES_128_GCM_SHA256, TLS_KRB5_WITH_RC4_128_SHA',
      }),
    )
    expect(security.secure?.identity).toMatchObject({
      versions: { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' },
      ciphers:
        'ECDHE-ECDSA-AES128-GCM-SHA256:AES256-SHA256:ECDHE-RSA-CHACHA20-POLY1305:TLS_AES_128_GCM_SHA256',
    })
    expect(warnings).toEqual([expect.stringContaining('left out: TLS_KRB5_WITH_RC4_128_SHA')])
  })
})
