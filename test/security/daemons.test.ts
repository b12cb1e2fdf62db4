/** P49, P50, P56, U18: a master and a worker as they run, over TLS, with tokens and lists of who may do what. */
import { createHmac } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import type { IncomingHttpHeaders } from 'node:http'
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'

import { Configuration } from '../../src/conf/configuration.js'
import type { RunningMaster } from '../../src/master/main.js'
import type { RunningWorker } from '../../src/worker/main.js'
import { anyPorts, builtDaemons } from '../built-daemons.js'
import { freePort } from '../free-port.js'
import { canMakeCertificates, makeCertificates, type Certificates } from './certificates.js'

/** Two daemons start, on a machine that may be busy. */

const secretKey = Buffer.alloc(32, 5)
const filter = 'org.apache.spark.ui.JWSFilter'

function tokenOf(sub: string): string {
  const text = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const signed = `${text({ alg: 'HS256' })}.${text({ sub })}`
  return `${signed}.${createHmac('sha256', secretKey).update(signed).digest('base64url')}`
}

interface Got {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

describe.skipIf(!canMakeCertificates)('a cluster over TLS with tokens', () => {
  let made: Certificates
  let ca = ''
  let folder = ''
  /** Of the master's pages, without TLS. */
  let plainPort = 0
  let master: RunningMaster
  let worker: RunningWorker

  function ask(url: string, user: string | null = null, method = 'GET'): Promise<Got> {
    return new Promise((done, fail) => {
      const headers = user === null ? {} : { Authorization: `Bearer ${tokenOf(user)}` }
      const start = url.startsWith('https:') ? httpsRequest : httpRequest
      const request = start(url, { method, headers, ca, agent: false }, (response) => {
        let body = ''
        response.setEncoding('utf8')
        response.on('data', (part: string) => (body += part))
        response.on('error', fail)
        response.on('end', () =>
          done({ status: response.statusCode ?? 0, headers: response.headers, body }),
        )
      })
      request.on('error', fail)
      request.end()
    })
  }

  interface Document {
    readonly workers: readonly { id: string; webuiaddress: string; state: string }[]
  }
  const document = async (): Promise<Document> =>
    JSON.parse((await ask(`${master.webUiUrl}/json/`, 'ann')).body) as Document

  beforeAll(async () => {
    made = await makeCertificates()
    ca = await readFile(made.authority, 'utf8')
    folder = await mkdtemp(join(tmpdir(), 'magneto-secure-'))
    const { startMaster, startWorker } = await builtDaemons()
    const configuration = new Configuration([
      ['spark.master.rest.port', '0'],
      ['spark.local.dir', join(folder, 'scratch')],
      ['spark.ui.reverseProxy', 'true'],
      ['spark.decommission.enabled', 'true'],
      ['spark.ui.filters', filter],
      [`spark.${filter}.param.secretKey`, secretKey.toString('base64url')],
      ['spark.acls.enable', 'true'],
      ['spark.ui.view.acls', 'ann,mod'],
      ['spark.modify.acls', 'mod'],
      ['spark.admin.acls', 'root'],
      ['spark.ssl.enabled', 'true'],
      ['spark.ssl.keyStore', made.pkcs12],
      ['spark.ssl.keyStorePassword', 'changeit'],
      ['spark.ssl.trustStore', made.authority],
      ['spark.ui.strictTransportSecurity', 'max-age=60'],
    ])
    const confDir = join(folder, 'none')
    plainPort = await freePort()
    master = await startMaster({ ...anyPorts, webUiPort: plainPort, confDir, configuration })
    worker = await startWorker({
      ...anyPorts,
      confDir,
      configuration,
      masterUrl: master.masterUrl,
      cores: 1,
      memoryMb: 1024,
      workDir: join(folder, 'work'),
      sparkHomes: [],
    })
    const registered = async (): Promise<void> =>
      expect((await document()).workers).toMatchObject([{ state: 'ALIVE' }])
    await vi.waitFor(registered, { timeout: 45_000 })
  })

  afterAll(async () => {
    await worker?.stop()
    await master?.stop()
    await made?.remove()
    await rm(folder, { recursive: true, force: true })
  })

  test('P56: both announce where they are over TLS', async () => {
    expect(master.webUiUrl).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/)
    const [found] = (await document()).workers
    expect(found?.webuiaddress).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/)
    const page = await ask(`${String(found?.webuiaddress)}/`, 'ann')
    expect(page.status).toBe(200)
    expect(page.headers['strict-transport-security']).toBe('max-age=60')
    // Links of the worker lead back to the master where it is.
    expect(page.body).toContain(`href="${master.webUiUrl}/"`)
  })

  test('P49, P50: who has no token, or is on no list, sees nothing of either', async () => {
    const [found] = (await document()).workers
    for (const base of [master.webUiUrl, String(found?.webuiaddress)]) {
      for (const path of ['/', '/json/', '/metrics/json', '/static/log-viewer.js', '/nowhere']) {
        expect((await ask(base + path)).body).toContain('Authorization header is missing.')
        const other = await ask(base + path, 'eve')
        expect([other.status, other.body]).toEqual([
          403,
          '403 Forbidden: User eve is not authorized to access this page.\n',
        ])
      }
    }
  })

  test('X3: an admin sees as another does', async () => {
    expect((await ask(`${master.webUiUrl}/?doAs=ann`, 'root')).status).toBe(200)
    expect((await ask(`${master.webUiUrl}/?doAs=eve`, 'root')).status).toBe(403)
    expect((await ask(`${master.webUiUrl}/?doAs=root`, 'ann')).body).toContain('impersonate')
  })

  test('U13, U14, U15: only who may modify kills and decommissions', async () => {
    const paths = [
      '/app/kill/?id=app-1&terminate=true',
      '/driver/kill/?id=driver-1&terminate=true',
      '/workers/kill/?host=nowhere.example',
    ]
    for (const path of paths) {
      const refused = await ask(master.webUiUrl + path, 'ann', 'POST')
      expect([refused.status, refused.body]).toEqual([
        403,
        '403 Forbidden: User ann may not change what runs here (spark.modify.acls)\n',
      ])
      // They may, but there is no such thing.
      for (const user of ['root', 'mod'])
        expect((await ask(master.webUiUrl + path, user, 'POST')).status).toBe(404)
    }
  })

  test('U18: the pages of a worker come through the master, in the name of who asks', async () => {
    const [found] = (await document()).workers
    const below = `${master.webUiUrl}/proxy/${String(found?.id)}`
    const page = await ask(`${below}/json/`, 'ann')
    expect(page.status).toBe(200)
    expect(JSON.parse(page.body)).toMatchObject({ id: found?.id })
    expect((await ask(`${below}/json/`, 'eve')).status).toBe(403)
    expect((await ask(`${below}/json/`)).status).toBe(403)
  })

  test('U19: without TLS there is nothing but the way to it', async () => {
    const led = await ask(`http://127.0.0.1:${plainPort}/app/?appId=1`)
    expect([led.status, led.headers.location, led.body]).toEqual([
      302,
      `${master.webUiUrl}/app/?appId=1`,
      '',
    ])
  })
})
