/** A whole worker in this process: the port of its pages, the logs on them, and its health. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'

import { Configuration } from '../../src/conf/configuration.js'
import type { WorkerOptions } from '../../src/conf/options.js'
import * as schema from '../../src/schema/magneto.js'
import type { RunningWorker } from '../../src/worker/main.js'
import { FakeMaster } from './fake-master.js'

type MainModule = typeof import('../../src/worker/main.js')
const compiled = resolve(import.meta.dirname, '../../dist/src/worker/main.js')

let root = ''
let master: FakeMaster
const workers: RunningWorker[] = []

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'magneto-worker-web-'))
  master = new FakeMaster()
  await master.start()
})
afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.stop()))
  await master.stop()
  await rm(root, { recursive: true, force: true })
})

async function start(settings: [string, string][] = [], changes: Partial<WorkerOptions> = {}) {
  const module = (await import(pathToFileURL(compiled).href)) as MainModule
  const worker = await module.startWorker({
    host: '127.0.0.1',
    port: 0,
    webUiPort: 0,
    publicHost: 'worker.example.org',
    home: join(root, 'home'),
    confDir: join(root, 'home', 'conf'),
    configuration: new Configuration([['spark.local.dir', join(root, 'scratch')], ...settings]),
    masterUrl: master.url,
    cores: 3,
    memoryMb: 2048,
    workDir: join(root, 'work'),
    sparkHomes: [],
    ...changes,
  })
  workers.push(worker)
  return worker
}

test('E7, C9, U25: it registers with the public name of its pages, which show logs and the master', async () => {
  const { workerId } = await start()
  const registration = await master.register()
  expect(registration.webUiUrl).toMatch(/^http:\/\/worker\.example\.org:\d+$/)
  const { port } = new URL(String(registration.webUiUrl))
  await mkdir(join(root, 'work', 'app', '0'), { recursive: true })
  await writeFile(join(root, 'work', 'app', '0', 'stdout'), 'hello')
  const page = async (path: string) => (await fetch(`http://127.0.0.1:${port}${path}`)).text()
  expect(await page('/log?appId=app&executorId=0&logType=stdout')).toMatch(
    /^==== Bytes 0-5 of 5 of .*\/app\/0\/stdout ====\nhello$/,
  )
  await expect.poll(() => page('/')).toContain('<a href="http://ui/">')
  expect(await page('/')).toContain(workerId)
})

test('E8: pages are served where SPARK_LOCAL_IP says', async () => {
  const server = createServer()
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const { port: webUiPort } = server.address() as AddressInfo
  try {
    // Had it any other address it would find the port taken.
    const { workerId } = await start([['spark.port.maxRetries', '0']], {
      webUiHost: '127.0.0.2',
      webUiPort,
    })
    const { webUiUrl } = await master.register()
    expect(new URL(String(webUiUrl)).port).toBe(String(webUiPort))
    const page = await fetch(`http://127.0.0.2:${webUiPort}/`)
    expect([page.status, await page.text()]).toEqual([200, expect.stringContaining(workerId)])
  } finally {
    server.close()
  }
})

test('W1, C16: a worker without a port for its pages does not start, and leaves nothing behind', async () => {
  const server = createServer()
  await new Promise<void>((listening) => server.listen(0, listening))
  const { port: webUiPort } = server.address() as AddressInfo
  const unlucky = start([['spark.port.maxRetries', '0']], { webUiPort })
  await expect(unlucky).rejects.toThrow(
    `the web UI can't listen on 0.0.0.0, port ${webUiPort}: EADDRINUSE; free a port, or set spark.worker.ui.port`,
  )
  // With others to try, two workers find one each.
  await Promise.all([start([], { webUiPort }), start([], { webUiPort })])
  server.close()
})

test('health: a disk that is nearly full is told to each master that takes the worker in', async () => {
  await start([
    ['spark.magneto.worker.minFreeDiskSpace', '4p'],
    ['spark.magneto.worker.diskCheckInterval', '100'],
  ])
  // Named together unless what is free has changed between the two looks.
  const full =
    /work(, |: .* free of .*; )\S*scratch: .* free of .*, below 4 PiB \(spark\.magneto\.worker\.minFree/
  // The first look at the disk may end before or after the first registration.
  const { healthReport } = await master.register()
  expect(healthReport ?? (await master.next(schema.WorkerHealthT)).report).toMatch(full)
  master.hangUp()
  expect((await master.register()).healthReport).toMatch(full)
})

test('health: 0 asks for no guard', async () => {
  await start([
    ['spark.magneto.worker.minFreeDiskSpace', '0'],
    ['spark.magneto.worker.diskCheckInterval', '100'],
  ])
  await master.register()
  await rm(join(root, 'work'), { recursive: true })
  const severalLooks = new Promise((over) => setTimeout(over, 500, 'nothing'))
  expect(await Promise.race([master.next(schema.WorkerHealthT), severalLooks])).toBe('nothing')
})
