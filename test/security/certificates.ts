/** Certificates for tests, made by openssl in a folder of the test. */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Whether there is an openssl to make some. Where there is none, tests of TLS are left out, and say so. */
export const canMakeCertificates = spawnSync('openssl', ['version']).status === 0
if (!canMakeCertificates) console.warn('no openssl: the tests of TLS are LEFT OUT')

export interface Certificates {
  readonly folder: string
  /** Vouches for the others. */
  readonly authority: string
  /** Key without a password, and the certificates, of 127.0.0.1 and localhost. */
  readonly key: string
  readonly chain: string
  /** The same key, whose password is `geheim`. */
  readonly lockedKey: string
  /** PKCS12 of both, whose password is `changeit`. */
  readonly pkcs12: string
  /** A key that belongs to none of the certificates. */
  readonly otherKey: string
  /** What stands in the files of key, chain and authority. */
  texts(): Promise<{ readonly key: string; readonly cert: string; readonly ca: string }>
  remove(): Promise<void>
}

export async function makeCertificates(): Promise<Certificates> {
  const folder = await mkdtemp(join(tmpdir(), 'magneto-certificates-'))
  const at = (name: string): string => join(folder, name)
  /** @param line words without blanks in them, but for those of the folder */
  const openssl = (line: string): void => {
    const words = line.split(' ').map((word) => (word.startsWith('@') ? at(word.slice(1)) : word))
    execFileSync('openssl', words, { stdio: 'pipe' })
  }
  for (const name of ['ca.key', 'server.key', 'other.key'])
    openssl(`ecparam -genkey -name prime256v1 -noout -out @${name}`)
  openssl('req -x509 -new -key @ca.key -days 2 -out @ca.pem -subj /CN=test-authority')
  openssl('req -new -key @server.key -out @server.csr -subj /CN=localhost')
  await writeFile(at('names'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n')
  openssl(
    'x509 -req -in @server.csr -CA @ca.pem -CAkey @ca.key -CAcreateserial -days 2 -extfile @names -out @server.pem',
  )
  openssl('pkcs8 -topk8 -in @server.key -out @locked.key -passout pass:geheim')
  openssl(
    'pkcs12 -export -inkey @server.key -in @server.pem -certfile @ca.pem -out @server.p12 -passout pass:changeit',
  )
  return {
    folder,
    authority: at('ca.pem'),
    key: at('server.key'),
    chain: at('server.pem'),
    lockedKey: at('locked.key'),
    pkcs12: at('server.p12'),
    otherKey: at('other.key'),
    texts: async () => ({
      key: await readFile(at('server.key'), 'utf8'),
      cert: await readFile(at('server.pem'), 'utf8'),
      ca: await readFile(at('ca.pem'), 'utf8'),
    }),
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}
