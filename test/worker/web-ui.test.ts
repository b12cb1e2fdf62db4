/** C9, C16, E8, W1: the worker's web thread, built, and what becomes of it. */
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'

import { createLogger } from '../../src/log/logger.js'
import { WebUi, type WebUiOptions } from '../../src/worker/web/web-ui.js'

const log = createLogger('test')
const entry = new URL('../../dist/src/worker/web/web-thread.js', import.meta.url)
let root = ''
const running: WebUi[] = []
const taken: Server[] = []

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'magneto-web-ui-'))
})
afterEach(async () => {
  await Promise.all(running.splice(0).map((ui) => ui.stop()))
  for (const server of taken.splice(0)) server.close()
  await rm(root, { recursive: true, force: true })
})

function options(changes: Partial<WebUiOptions> = {}): WebUiOptions {
  return {
    host: '127.0.0.1',
    port: 0,
    maxRetries: 16,
    worker: { workerId: 'worker-1', address: 'h:1', cores: 2, memoryMb: 512, resources: [] },
    reverseProxy: false,
    work: () => ({ executors: [], drivers: [], finishedExecutors: [], finishedDrivers: [] }),
    workDir: root,
    logDir: root,
    headerBytesMax: 8192,
    rememberedLengths: 100,
    log,
    entry,
    ...changes,
  }
}

async function start(changes: Partial<WebUiOptions> = {}): Promise<WebUi> {
  const ui = await WebUi.start(options(changes))
  running.push(ui)
  return ui
}

async function page(ui: WebUi, path = '/'): Promise<string> {
  return (await fetch(`http://127.0.0.1:${ui.port}${path}`)).text()
}

/** A port that somebody else listens on. */
async function takePort(): Promise<number> {
  const server = createServer((socket) => socket.destroy())
  taken.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

test('U21 U25: pages and logs over the socket, with the headers of every page', async () => {
  await mkdir(join(root, 'app-1', '0'), { recursive: true })
  await writeFile(join(root, 'app-1', '0', 'stdout'), 'hello')
  const ui = await start()
  expect(await page(ui)).toContain('worker-1')
  const response = await fetch(
    `http://127.0.0.1:${ui.port}/log?appId=app-1&executorId=0&logType=stdout`,
  )
  const path = join(root, 'app-1', '0', 'stdout')
  expect(await response.text()).toBe(`==== Bytes 0-5 of 5 of ${path} ====\nhello`)
  expect(response.headers.get('x-content-type-options')).toBe('nosniff')
  expect(response.headers.get('content-security-policy')).toContain("default-src 'none'")
})

test('U21: the master is named as soon as it is known', async () => {
  const ui = await start()
  expect(await page(ui)).toContain('none yet')
  ui.showMaster('spark://m:7077', 'http://m:8080')
  await expect.poll(() => page(ui)).toContain('<a href="http://m:8080/">spark://m:7077</a>')
})

test('C16: workers of one machine find ports beside each other', async () => {
  const port = await takePort()
  const uis = await Promise.all(Array.from({ length: 4 }, () => start({ port })))
  const ports = uis.map((ui) => ui.port)
  expect(new Set([port, ...ports]).size).toBe(5)
  for (const each of ports) expect(each).toBeLessThanOrEqual(port + 16)
})

test('W1 C16: a port that can not be had is a clear error, and nothing is left', async () => {
  const port = await takePort()
  await expect(start({ port, maxRetries: 0 })).rejects.toThrow(
    `the web UI can't listen on 127.0.0.1, port ${port}: EADDRINUSE; free a port, or set spark.worker.ui.port or spark.port.maxRetries`,
  )
  await expect(start({ host: '203.0.113.1' })).rejects.toThrow('EADDRNOTAVAIL')
})

/** A thread that ends when it is asked for a page named /die. */
async function mortal(): Promise<URL> {
  const path = join(root, 'mortal.mjs')
  await writeFile(
    path,
    `import { createServer } from 'node:http'
     import { parentPort, workerData } from 'node:worker_threads'
     let master = 'nobody'
     const server = createServer((request, response) => {
       if (request.url === '/die') throw new Error('asked to die')
       response.end(master)
     })
     server.on('error', (error) => { throw error })
     server.listen(workerData.port, workerData.host, () =>
       parentPort.postMessage({ kind: 'listening', port: server.address().port }))
     parentPort.on('message', (message) => {
       if (message.kind === 'master') master = message.url
       else { server.closeAllConnections(); server.close(); parentPort.close() }
     })`,
  )
  return new URL(`file://${path}`)
}

test('U21: a thread that dies is started again on its port, and told what the other knew', async () => {
  const delays: number[] = []
  const restartDelayMs = (deaths: number) => {
    delays.push(deaths)
    return 1
  }
  const ui = await start({ entry: await mortal(), restartDelayMs })
  ui.showMaster('spark://m:7077', 'http://m:8080')
  for (const death of [1, 2]) {
    await expect(page(ui, '/die')).rejects.toThrow('fetch failed')
    await expect.poll(() => page(ui).catch(() => '')).toBe('spark://m:7077')
    expect(delays).toEqual(Array.from({ length: death }, (_, at) => at + 1))
  }
})

test('U21: one that can not have its port again is tried until it can', async () => {
  let port = 0
  const delays: number[] = []
  const restartDelayMs = (deaths: number) => {
    delays.push(deaths)
    if (deaths === 1) {
      const server = createServer((socket) => socket.destroy())
      taken.push(server)
      server.listen(port, '127.0.0.1')
    }
    if (deaths === 3) taken.pop()?.close()
    return 20
  }
  const ui = await start({ entry: await mortal(), restartDelayMs })
  port = ui.port
  await expect(page(ui, '/die')).rejects.toThrow('fetch failed')
  await expect.poll(() => page(ui).catch(() => '')).toBe('nobody')
  expect(delays.length).toBeGreaterThanOrEqual(3)
})

test('U21: stopping ends a thread that is about to be started again', async () => {
  const ui = await start({ entry: await mortal(), restartDelayMs: () => 1 })
  await expect(page(ui, '/die')).rejects.toThrow('fetch failed')
  await ui.stop()
  await expect(page(ui)).rejects.toThrow('fetch failed')
})

test('U21: stopping waits for a thread that is just being started again', async () => {
  const path = join(root, 'slow.mjs')
  // The first listens at once, the second when it is told to.
  await writeFile(
    path,
    `import { existsSync, writeFileSync } from 'node:fs'
     import { createServer } from 'node:http'
     import { parentPort, workerData } from 'node:worker_threads'
     const again = existsSync(${JSON.stringify(join(root, 'first'))})
     writeFileSync(${JSON.stringify(root)} + (again ? '/second' : '/first'), '')
     while (again && !existsSync(${JSON.stringify(join(root, 'go'))}));
     const server = createServer(() => { throw new Error('asked to die') })
     server.listen(workerData.port, workerData.host, () =>
       parentPort.postMessage({ kind: 'listening', port: server.address().port }))
     parentPort.on('message', ({ kind }) => {
       if (kind !== 'stop') return
       server.close()
       parentPort.close()
       if (again) writeFileSync(${JSON.stringify(join(root, 'ended'))}, '')
     })`,
  )
  const ui = await start({ entry: new URL(`file://${path}`), restartDelayMs: () => 1 })
  await expect(page(ui)).rejects.toThrow('fetch failed')
  await expect.poll(() => readdir(root)).toContain('second')
  const stopped = ui.stop()
  await writeFile(join(root, 'go'), '')
  await stopped
  expect(await readdir(root)).toContain('ended')
})
