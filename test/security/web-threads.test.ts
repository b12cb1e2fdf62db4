/** P56: the web threads of both daemons, built, over TLS; and what one is told that is started in place of another. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { Configuration } from '../../src/conf/configuration.js'
import type { FromWebThread, WebThreadData } from '../../src/control/thread-messages.js'
import { createLogger } from '../../src/log/logger.js'
import { webSecurity, type WebSecurity } from '../../src/security/web-security.js'
import { WebUi } from '../../src/worker/web/web-ui.js'
import { canMakeCertificates, makeCertificates, type Certificates } from './certificates.js'

const built = (path: string): URL => new URL(`../../dist/src/${path}`, import.meta.url)

describe.skipIf(!canMakeCertificates)('P56: a web thread', () => {
  let made: Certificates
  let ca = ''
  let folder = ''
  let security: WebSecurity
  const ends: (() => Promise<unknown>)[] = []

  beforeAll(async () => {
    made = await makeCertificates()
    ca = await readFile(made.authority, 'utf8')
    folder = await mkdtemp(join(tmpdir(), 'magneto-web-threads-'))
    const entries: [string, string][] = [
      ['spark.ssl.enabled', 'true'],
      ['spark.ssl.keyStore', made.pkcs12],
      ['spark.ssl.keyStorePassword', 'changeit'],
    ]
    ;({ security } = webSecurity(new Configuration(entries), 'worker'))
  })
  afterAll(async () => {
    for (const end of ends.splice(0)) await end()
    await made.remove()
    await rm(folder, { recursive: true, force: true })
  })

  function status(port: number, path: string): Promise<number | undefined> {
    return new Promise((done, fail) => {
      const asked = request({ host: '127.0.0.1', port, path, ca, agent: false }, (response) => {
        response.resume()
        done(response.statusCode)
      })
      asked.on('error', fail)
      asked.end()
    })
  }

  test('of the master says where both ports are, and has the next one take the same', async () => {
    const workerData: WebThreadData = {
      host: '127.0.0.1',
      port: 0,
      maxRetries: 0,
      publicHost: '127.0.0.1',
      security,
    }
    const start = async (data: WebThreadData) => {
      const thread = new Worker(built('ui/web-thread.js'), { workerData: data })
      const gone = new Promise((resolve) => thread.once('exit', resolve))
      const first = await new Promise<FromWebThread>((resolve) => thread.once('message', resolve))
      if (first.kind !== 'listening') throw new Error(JSON.stringify(first))
      const end = async (): Promise<void> => {
        thread.postMessage({ kind: 'stop' }, [])
        await gone
      }
      return { first, end }
    }
    const { first, end } = await start(workerData)
    expect(await status(first.securePort!, '/nowhere')).toBe(404)
    await end()
    const next = await start({ ...workerData, port: first.port, ...first.again })
    ends.push(next.end)
    expect([next.first.port, next.first.securePort]).toEqual([first.port, first.securePort])
    expect(await status(first.securePort!, '/nowhere')).toBe(404)
  })

  test('of a worker is found over TLS', async () => {
    const ui = await WebUi.start({
      host: '127.0.0.1',
      port: 0,
      maxRetries: 0,
      headerBytesMax: 8192,
      security,
      worker: { workerId: 'worker-1', address: 'h:1', cores: 1, memoryMb: 1, resources: [] },
      work: () => ({ executors: [], drivers: [], finishedExecutors: [], finishedDrivers: [] }),
      workDir: folder,
      logDir: folder,
      rememberedLengths: 1,
      reverseProxy: false,
      log: createLogger('test'),
      entry: built('worker/web/web-thread.js'),
    })
    ends.push(() => ui.stop())
    expect(ui.urlOn('worker.example')).toBe(`https://worker.example:${ui.securePort}`)
    expect(await status(ui.securePort!, '/')).toBe(200)
  })
})
