/** A whole worker with two masters: what it runs stays, whichever of them leads. */
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'

import { Configuration } from '../../src/conf/configuration.js'
import { encodeApplication } from '../../src/control/codec.js'
import * as schema from '../../src/schema/magneto.js'
import type { RunningWorker } from '../../src/worker/main.js'
import { FakeMaster } from './fake-master.js'

type MainModule = typeof import('../../src/worker/main.js')
const compiled = resolve(import.meta.dirname, '../../dist/src/worker/main.js')
const { RUNNING, KILLED, EXITED } = schema.ExecutorState

let root = ''
let worker: RunningWorker | null = null
let [first, second] = [new FakeMaster(), new FakeMaster()]

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'magneto-worker-'))
  await mkdir(join(root, 'spark', 'jars'), { recursive: true })
  await mkdir(join(root, 'jvm', 'bin'), { recursive: true })
  await writeFile(join(root, 'spark', 'jars', 'spark-core_2.13-4.3.0.jar'), '')
  ;[first, second] = [new FakeMaster(), new FakeMaster()]
  await first.start()
  await second.start()
})
afterEach(async () => {
  await worker?.stop()
  worker = null
  await first.stop()
  await second.stop()
  await rm(root, { recursive: true, force: true })
})

/** A worker that the first master has taken in, and that runs one executor, `script`. */
async function start(script: string): Promise<string> {
  const module = (await import(pathToFileURL(compiled).href)) as MainModule
  worker = await module.startWorker({
    host: '127.0.0.1',
    port: 0,
    webUiPort: 0,
    publicHost: '127.0.0.1',
    home: join(root, 'home'),
    confDir: join(root, 'home', 'conf'),
    configuration: new Configuration([['spark.local.dir', join(root, 'scratch')]]),
    masterUrl: `${first.url},${second.url.slice('spark://'.length)}`,
    cores: 3,
    memoryMb: 2048,
    workDir: join(root, 'work'),
    sparkHomes: [join(root, 'spark')],
  })
  second.standsBy = true
  await first.register()
  await second.connected()
  const java = join(root, 'jvm', 'bin', 'java')
  await writeFile(java, `#!/bin/sh\necho $$\n${script}\n`)
  await chmod(java, 0o755)
  const command = new schema.JvmCommandT('Main', [])
  command.environment = [new schema.PropertyT('JAVA_HOME', join(root, 'jvm'))]
  const description = new schema.ApplicationDescriptionT('a', 'u', '')
  description.defaultProfile = new schema.ResourceProfileT()
  description.commandType = schema.Command.JvmCommand
  description.command = command
  description.runtime = 'spark-4.3'
  const order = new schema.LaunchExecutorT(first.url, 'app', 0, 0, 1, 256, [])
  order.application = encodeApplication(description)
  first.send(order)
  expect(await first.report()).toMatchObject({ executorId: 0, state: RUNNING })
  return worker.workerId
}

const executorsOf = (body: schema.WorkerSchedulerStateResponseT) =>
  body.executors.map(({ description }) => description)

test('M18, H14: the leader dies, the standby says that it leads, and is told what runs', async () => {
  const workerId = await start('exec sleep 600')
  const pid = await pidOfExecutor()
  await first.stop()
  const state = await second.takeOver(2)
  expect(state.workerId).toBe(workerId)
  expect(executorsOf(state)).toMatchObject([{ appId: 'app', executorId: 0, state: RUNNING }])
  await second.next(schema.WorkerLatestStateT)
  // The same process, and under the new leader's orders.
  expect(process.kill(pid, 0)).toBe(true)
  second.send(new schema.KillExecutorT(second.url, 'app', 0))
  expect(await second.report()).toMatchObject({ executorId: 0, state: KILLED })
})

test('an old leader that wakes up after that orders nothing', async () => {
  await start('exec sleep 600')
  expect(executorsOf(await second.takeOver(2))).toHaveLength(1)
  await second.next(schema.WorkerLatestStateT)
  // The worker has left it, and keeps a spare line to it.
  await first.connected(2)
  first.send(new schema.KillExecutorT(first.url, 'app', 0))
  first.send(new schema.MasterChangedT(first.url, null, 1))
  first.hangUp()
  await first.connected(3)
  const [executor] = executorsOf(await second.takeOver(2))
  expect(executor).toMatchObject({ executorId: 0, state: RUNNING })
})

test('M8, M11: what ended while nobody led is told to the next leader, and reported until it answers', async () => {
  await start(`while [ ! -e "$0.go" ]; do sleep 0.02; done; exit 3`)
  const pid = await pidOfExecutor()
  await first.stop()
  await writeFile(join(root, 'jvm', 'bin', 'java.go'), '')
  while (isAlive(pid)) await new Promise((done) => setTimeout(done, 5))
  // Its worker notices a moment later.
  for (let epoch = 2; ; epoch += 1) {
    const [executor] = executorsOf(await second.takeOver(epoch))
    if (executor?.state === EXITED) break
    expect(executor).toMatchObject({ executorId: 0, state: RUNNING })
  }
  expect(await second.report()).toMatchObject({ executorId: 0, state: EXITED, exitStatus: 3 })
})

/** Once it has come to its script. */
async function pidOfExecutor(): Promise<number> {
  for (;;) {
    const text = await readFile(join(root, 'work', 'app', '0', 'stdout'), 'utf8')
    if (text.endsWith('\n')) return Number(text)
    await new Promise((done) => setTimeout(done, 5))
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
