/** Drivers on a whole worker in this process, with compiled launcher threads, against a master's end of the link. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'

import { Configuration } from '../../src/conf/configuration.js'
import { encodeDriver } from '../../src/control/codec.js'
import * as schema from '../../src/schema/magneto.js'
import type { RunningWorker } from '../../src/worker/main.js'
import { FakeMaster } from './fake-master.js'

type MainModule = typeof import('../../src/worker/main.js')
const compiled = resolve(import.meta.dirname, '../../dist/src/worker/main.js')
const { FAILED, FINISHED, KILLED } = schema.DriverState

let root = ''
let master: FakeMaster
let worker: RunningWorker | null = null

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'magneto-worker-drivers-'))
  await mkdir(join(root, 'home'))
  master = new FakeMaster()
  await master.start()
  const module = (await import(pathToFileURL(compiled).href)) as MainModule
  worker = await module.startWorker({
    host: '127.0.0.1',
    port: 0,
    webUiPort: 0,
    publicHost: '127.0.0.1',
    home: join(root, 'home'),
    confDir: join(root, 'home', 'conf'),
    configuration: new Configuration([['spark.worker.driverTerminateTimeout', '200ms']]),
    masterUrl: master.url,
    cores: 3,
    memoryMb: 2048,
    workDir: join(root, 'work'),
    sparkHomes: [],
  })
})
afterEach(async () => {
  await worker?.stop()
  worker = null
  await master.stop()
  await rm(root, { recursive: true, force: true })
})

async function launch(driverId: string, script: string): Promise<void> {
  const path = join(root, `${driverId}.mjs`)
  await writeFile(path, script)
  const driver = new schema.DriverDescriptionT(path, 128, 1, false, new schema.JvmCommandT('x'))
  driver.runtimes = ['node-driver']
  driver.nodeCommand = new schema.NodeCommandT(path)
  master.send(new schema.LaunchDriverT(driverId, encodeDriver(driver)))
}

/** @returns what the driver has written, once that is something */
async function output(driverId: string): Promise<string> {
  for (;;) {
    const path = join(root, 'work', driverId, 'stdout')
    const text = await readFile(path, 'utf8').catch(() => '')
    if (text.endsWith('\n')) return text
    await new Promise((later) => setTimeout(later, 10))
  }
}

const report = () => master.next(schema.DriverStateChangedT)

const deaf = `process.on('SIGTERM', () => {}); setInterval(() => {}, 1000); console.log(process.pid)`

test('M12, M7: an end is told until it is confirmed, over lost links', async () => {
  await master.register()
  await launch('d', `console.log(process.env.MAGNETO_MASTER)`)
  const first = await report()
  expect(first).toMatchObject({ driverId: 'd', state: FINISHED, exception: null })
  expect(first.requestId).toBeGreaterThan(0)
  expect(await output('d')).toBe(`${master.url}\n`)
  master.hangUp()
  await master.register()
  expect((await master.next(schema.WorkerLatestStateT)).driverIds).toEqual(['d'])
  expect(await report()).toEqual(first)
  master.send(new schema.ReplyT(first.requestId, true, null))
  await launch('e', `process.exit(3)`)
  const second = await report()
  expect(second).toMatchObject({ driverId: 'e', state: FAILED })
  master.send(new schema.ReplyT(second.requestId, true, null))
  master.hangUp()
  await master.register()
  expect((await master.next(schema.WorkerLatestStateT)).driverIds).toEqual([])
})

test('W19: a driver goes on while there is no master, and is listed to the next', async () => {
  await master.register()
  await launch('d', deaf)
  await output('d')
  master.hangUp()
  await master.register()
  expect((await master.next(schema.WorkerLatestStateT)).driverIds).toEqual(['d'])
})

test('M16, P34: one that ignores TERM is killed after the time that is configured', async () => {
  await master.register()
  await launch('d', deaf)
  await output('d')
  const begunMs = performance.now()
  master.send(new schema.KillDriverT('d'))
  expect(await report()).toMatchObject({ driverId: 'd', state: KILLED, exception: null })
  const tookMs = performance.now() - begunMs
  expect(tookMs).toBeGreaterThanOrEqual(200)
  // What it is where nothing is configured.
  expect(tookMs).toBeLessThan(10_000)
})

test('W18: no driver outlives a worker that is stopped', async () => {
  await master.register()
  await launch('d', deaf)
  const pid = Number(await output('d'))
  expect(() => process.kill(pid, 0)).not.toThrow()
  await worker?.stop()
  worker = null
  expect(() => process.kill(pid, 0)).toThrow(/ESRCH/)
})
