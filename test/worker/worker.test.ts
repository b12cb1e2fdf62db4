/** A whole worker in this process, with compiled launcher threads, against a master's end of the link. */
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { once } from 'node:events'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import { Configuration } from '../../src/conf/configuration.js'
import type { WorkerOptions } from '../../src/conf/options.js'
import { encodeApplication } from '../../src/control/codec.js'
import * as schema from '../../src/schema/magneto.js'
import type { RunningWorker } from '../../src/worker/main.js'
import { FakeMaster } from './fake-master.js'

type MainModule = typeof import('../../src/worker/main.js')
const compiled = resolve(import.meta.dirname, '../../dist/src/worker/main.js')
const { RUNNING, KILLED, EXITED, FAILED } = schema.ExecutorState

let root = ''
let master: FakeMaster
let worker: RunningWorker | null = null

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'magneto-worker-'))
  await mkdir(join(root, 'spark', 'jars'), { recursive: true })
  await mkdir(join(root, 'jvm', 'bin'), { recursive: true })
  await writeFile(join(root, 'spark', 'jars', 'spark-core_2.13-4.3.0.jar'), '')
  master = new FakeMaster()
  await master.start()
})
afterEach(async () => {
  await worker?.stop()
  worker = null
  await master.stop()
  await rm(root, { recursive: true, force: true })
})

async function start(settings: [string, string][] = [], changes: Partial<WorkerOptions> = {}) {
  const module = (await import(pathToFileURL(compiled).href)) as MainModule
  worker = await module.startWorker({
    host: '127.0.0.1',
    port: 0,
    webUiPort: 0,
    publicHost: '127.0.0.1',
    home: join(root, 'home'),
    confDir: join(root, 'home', 'conf'),
    configuration: new Configuration([['spark.local.dir', join(root, 'scratch')], ...settings]),
    masterUrl: master.url,
    cores: 3,
    memoryMb: 2048,
    workDir: join(root, 'work'),
    sparkHomes: [join(root, 'spark')],
    ...changes,
  })
  return worker
}

/** Orders an executor whose java is `script`. */
async function launch(executorId: number, script: string): Promise<void> {
  const java = join(root, 'jvm', 'bin', 'java')
  const text = `#!/bin/sh\n${script}\n`
  // A shell that has only just started may still be reading the same text.
  if ((await readFile(java, 'utf8').catch(() => '')) !== text) await writeFile(java, text)
  await chmod(java, 0o755)
  const command = new schema.JvmCommandT('Main', ['{{WORKER_URL}}'])
  command.environment = [new schema.PropertyT('JAVA_HOME', join(root, 'jvm'))]
  const description = new schema.ApplicationDescriptionT('a', 'u', '')
  description.defaultProfile = new schema.ResourceProfileT()
  description.commandType = schema.Command.JvmCommand
  description.command = command
  description.runtime = 'spark-4.3'
  const order = new schema.LaunchExecutorT(master.url, 'app', executorId, 0, 1, 256, [])
  order.application = encodeApplication(description)
  master.send(order)
}

const stays = 'exec sleep 600'

describe('a worker', () => {
  test('P40, M1: registers with what it offers', async () => {
    const { workerId } = await start()
    const registration = await master.register()
    expect(registration).toMatchObject({
      workerId,
      host: '127.0.0.1',
      cores: 3,
      memoryMb: 2048,
      runtimes: ['node', 'spark-4.3', 'node-driver', 'spark-4.3-driver'],
    })
    expect(workerId).toMatch(new RegExp(`^worker-\\d{14}-127\\.0\\.0\\.1-${registration.port}$`))
    expect((await master.next(schema.WorkerLatestStateT)).executors).toEqual([])
  })

  test('M13, M11, P74: launches, reports RUNNING and the exit', async () => {
    await start()
    await master.register()
    await launch(0, 'echo "$5"; exit 4')
    expect(await master.report()).toMatchObject({ executorId: 0, state: RUNNING })
    expect(await master.report()).toMatchObject({ state: EXITED, exitStatus: 4 })
  })

  test('trap 17: executors are told a port that listens', async () => {
    await start()
    const { port } = await master.register()
    await launch(0, 'echo "$5"')
    await master.report()
    await master.report()
    const stdout = await readFile(join(root, 'work', 'app', '0', 'stdout'), 'utf8')
    expect(stdout).toBe(`spark://Worker@127.0.0.1:${port}\n`)
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    socket.destroy()
  })

  test('M14: kills on order', async () => {
    await start()
    await master.register()
    await launch(0, stays)
    await master.report()
    master.send(new schema.KillExecutorT(master.url, 'app', 0))
    expect(await master.report()).toMatchObject({ state: KILLED, exitStatus: 143 })
  })

  test('W19, W20: keeps its executors over a lost master and says so to the next', async () => {
    await start()
    await master.register()
    await launch(0, stays)
    await master.report()
    master.hangUp()
    await master.register()
    const { executors } = await master.next(schema.WorkerLatestStateT)
    expect(executors).toMatchObject([{ appId: 'app', executorId: 0, state: RUNNING }])
  })

  test('W18: stops its executors, says so and leaves no scratch folder', async () => {
    const running = await start()
    await master.register()
    await launch(0, stays)
    await master.report()
    await running.stop()
    expect(await running.stopped).toBe(0)
    expect(await master.report()).toMatchObject({ state: FAILED, message: 'Worker shutting down' })
    expect(await readdir(join(root, 'scratch'))).toEqual([])
  })

  test('P31, decision 3: waits for a master that is not up yet', async () => {
    await master.stop()
    await start()
    const port = master.httpPort
    master = new FakeMaster()
    await master.start(port)
    await master.register()
    expect((await master.next(schema.WorkerLatestStateT)).executors).toEqual([])
  })

  test('decision 3, W19: finds a restarted master, on another control port, again and again', async () => {
    await start()
    await master.register()
    await launch(0, stays)
    await master.report()
    for (let restart = 0; restart < 3; restart += 1) {
      const port = master.httpPort
      await master.stop()
      master = new FakeMaster()
      await master.start(port)
      await master.register()
      const { executors } = await master.next(schema.WorkerLatestStateT)
      expect(executors).toMatchObject([{ appId: 'app', executorId: 0, state: RUNNING }])
    }
  })

  test('M4: asks a master that stands by until it serves', async () => {
    await start()
    for (let standby = 0; standby < 2; standby += 1) {
      await master.next(schema.RegisterWorkerT)
      master.send(new schema.MasterInStandbyT())
    }
    await master.register()
    expect((await master.next(schema.WorkerLatestStateT)).driverIds).toEqual([])
  })

  test('T4: a refusal at first ends it with 1', async () => {
    const running = await start()
    await master.next(schema.RegisterWorkerT)
    master.send(new schema.RegisterWorkerFailedT('that address is taken'))
    expect(await running.stopped).toBe(1)
  })
})

describe('G1: custom resources', () => {
  test('are found and offered', async () => {
    const script = join(root, 'gpus')
    await writeFile(script, '#!/bin/sh\necho \'{"name": "gpu", "addresses": ["0", "1"]}\'\n')
    await chmod(script, 0o755)
    await start([
      ['spark.worker.resource.gpu.amount', '2'],
      ['spark.worker.resource.gpu.discoveryScript', script],
    ])
    const { resources } = await master.register()
    expect(resources).toEqual([new schema.ResourceT('gpu', ['0', '1'])])
  })

  test('G3, W1: a worker without those it was told to have does not start', async () => {
    const missing = start([['spark.worker.resource.gpu.amount', '1']])
    await expect(missing).rejects.toThrow(/spark\.worker\.resource\.gpu\.amount is set but/)
    await expect(missing).rejects.toMatchObject({ name: 'UsageError' })
  })
})

describe('D1: decommission', () => {
  const enabled: [string, string] = ['spark.decommission.enabled', 'true']

  test('P39, P62: the signal reaches the master, and the worker stays', async () => {
    await start([enabled])
    await master.register()
    await launch(0, stays)
    await master.report()
    process.kill(process.pid, 'SIGPWR')
    expect(await master.next(schema.WorkerDecommissioningT)).toMatchObject({
      workerId: worker?.workerId,
    })
    await launch(1, stays)
    expect(await master.report()).toMatchObject({ executorId: 1, state: FAILED })
    master.send(new schema.KillExecutorT(master.url, 'app', 0))
    expect(await master.report()).toMatchObject({ executorId: 0, state: KILLED })
  })

  test('P39: another signal can be chosen', async () => {
    await start([enabled, ['spark.worker.decommission.signal', 'usr2']])
    await master.register()
    process.kill(process.pid, 'SIGUSR2')
    await master.next(schema.WorkerDecommissioningT)
  })

  test('P62: where it is not enabled the signal neither decommissions nor ends the worker', async () => {
    await start()
    await master.register()
    process.kill(process.pid, 'SIGPWR')
    await new Promise(setImmediate)
    await launch(0, stays)
    expect(await master.report()).toMatchObject({ state: RUNNING })
  })

  test('Y9, M19: with a deadline the worker ends with 0 when its last executor has ended', async () => {
    const running = await start([['spark.magneto.worker.decommissionDeadline', '1h']])
    await master.register()
    await launch(0, stays)
    await master.report()
    master.send(new schema.DecommissionWorkerT())
    master.send(new schema.KillExecutorT(master.url, 'app', 0))
    expect(await master.report()).toMatchObject({ state: KILLED })
    expect(await running.stopped).toBe(0)
  })
})

describe('what executors leave on the disk', () => {
  const ends = async () => {
    await master.report()
    expect(await master.report()).toMatchObject({ state: EXITED, exitStatus: 0 })
  }

  test('W12, P45: their logs are rolled as the worker is told to', async () => {
    await start([
      ['spark.executor.logs.rolling.strategy', 'size'],
      ['spark.executor.logs.rolling.maxSize', '100000'],
      ['spark.executor.logs.rolling.enableCompression', 'true'],
    ])
    await master.register()
    await launch(0, 'head -c 150000 /dev/zero')
    await ends()
    const names = (await readdir(join(root, 'work', 'app', '0'))).toSorted()
    expect(names).toEqual(['stderr', 'stdout', expect.stringMatching(/^stdout--.*--\d{4}\.gz$/)])
  })

  test('W16, P33: their folders go when their application is over, and not before', async () => {
    await start([
      ['spark.worker.cleanup.interval', '1'],
      ['spark.worker.cleanup.appDataTtl', '0'],
    ])
    await master.register()
    await mkdir(join(root, 'work', 'data'))
    await launch(0, 'exit 0')
    await ends()
    await new Promise((later) => setTimeout(later, 1500))
    expect((await readdir(join(root, 'work'))).toSorted()).toEqual(['app', 'data'])
    master.send(new schema.ApplicationFinishedT('app'))
    while ((await readdir(join(root, 'work'))).includes('app')) {
      await new Promise((later) => setTimeout(later, 20))
    }
    expect(await readdir(join(root, 'work'))).toEqual(['data'])
  })
})

describe('what a worker does not start with', () => {
  test.each([
    ['spark.shuffle.service.enabled', 'true'],
    ['spark.authenticate', 'true'],
  ])('P57, P63: %s=%s', async (name, value) => {
    await expect(start([[name, value]])).rejects.toThrow(new RegExp(`${name}.*not served`))
  })

  test('C12: a work folder that can not be one', async () => {
    await writeFile(join(root, 'file'), '')
    const workDir = join(root, 'file')
    await expect(start([], { workDir })).rejects.toThrow(/work folder .* can't be used/)
  })
})
