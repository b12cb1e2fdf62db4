/** The whole master with the real core: a worker and an application meet. */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import { Configuration } from '../../src/conf/configuration.js'
import { encodeApplication, type BodyT } from '../../src/control/codec.js'
import { MasterLink } from '../../src/control/link.js'
import type * as Main from '../../src/master/main.js'
import {
  ApplicationDescriptionT,
  Command,
  LaunchExecutorT,
  MasterChangedT,
  NodeCommandT,
  RegisterApplicationT,
  RegisterWorkerT,
  ResourceProfileT,
  WorkerRegisteredT,
} from '../../src/schema/magneto.js'
import { SingleRecovery } from '../../src/election/single.js'
import { Recorder, recordingLog } from '../control/recorder.js'
import { anyPorts } from '../built-daemons.js'
import { freePort } from '../free-port.js'
import { FakePlace } from '../election/fake-place.js'

const root = join(import.meta.dirname, '../..')

function link(masterUrl: string) {
  const seen = new Recorder<BodyT | 'open'>()
  const made = new MasterLink({
    masterUrl,
    log: recordingLog(),
    onOpen: () => seen.add('open'),
    onMessage: (body) => seen.add(body),
    onClose: () => {},
  })
  return { link: made, seen }
}

const { startMaster } = (await import(
  pathToFileURL(join(root, 'dist/src/master/main.js')).href
)) as typeof Main

const start = (parts: Main.MasterParts = {}, entries: [string, string][] = []) =>
  startMaster(
    {
      ...anyPorts,
      confDir: join(root, 'conf'),
      configuration: new Configuration([['spark.master.rest.port', '0'], ...entries]),
    },
    parts,
  )

const workerOf = (id: string, port: number) =>
  new RegisterWorkerT(id, 'h', port, 4, 4096, 'http://w', [], ['node'])

test('a worker registers and gets the executor of an application', async () => {
  const master = await start()
  const worker = link(master.masterUrl)
  const application = link(master.masterUrl)
  try {
    await worker.seen.next((event) => event === 'open')
    worker.link.send(workerOf('worker-1', 1000))
    await worker.seen.next((event) => event instanceof WorkerRegisteredT)
    const description = new ApplicationDescriptionT(
      'pi',
      'me',
      null,
      2,
      null,
      new ResourceProfileT(0, 2, 1024, []),
      Command.NodeCommand,
      new NodeCommandT('/pi.js', [], [], []),
      'node',
    )
    await application.seen.next((event) => event === 'open')
    application.link.send(new RegisterApplicationT(encodeApplication(description), ''))
    expect(await worker.seen.next((event) => event instanceof LaunchExecutorT)).toMatchObject({
      cores: 2,
      memoryMb: 1024,
      masterUrl: master.masterUrl,
    })
  } finally {
    worker.link.close()
    application.link.close()
    await master.stop()
  }
  expect(await master.stopped).toBe(0)
})

test('S9: a store that fails costs the mandate, not the process; with room again the master leads as before', async () => {
  const place = new FakePlace()
  const log = recordingLog()
  const recovery = new SingleRecovery({
    mode: 'CUSTOM',
    log,
    createEngine: () => place.engine(),
    retryDelayMs: () => 20,
  })
  const master = await start({ recovery })
  const running = link(master.masterUrl)
  try {
    await running.seen.next((event) => event === 'open')
    running.link.send(workerOf('worker-1', 1000))
    await running.seen.next((event) => event instanceof WorkerRegisteredT)
    place.full = true
    const late = link(master.masterUrl)
    await late.seen.next((event) => event === 'open')
    late.link.send(workerOf('worker-2', 1001))
    // Everybody loses the connection, and finds a standby in its place.
    await late.seen.next((event) => event === 'open', late.seen.events.length)
    expect(late.seen.events.some((event) => event instanceof WorkerRegisteredT)).toBe(false)
    late.link.close()
    const opens = () => running.seen.events.filter((event) => event === 'open').length
    await expect.poll(opens).toBe(2)
    place.full = false
    await running.seen.next((event) => event instanceof MasterChangedT)
  } finally {
    running.link.close()
    await master.stop()
  }
  expect(await master.stopped).toBe(0)
  expect(place.users).toBe(0)
  expect([...place.records.keys()].filter((key) => key.startsWith('worker_'))).toEqual([
    'worker_worker-1',
  ])
})

test('R2, R8 to R12, P24, P25: a driver is submitted, asked for and killed over HTTP', async () => {
  const port = await freePort()
  const master = await start({}, [['spark.master.rest.port', String(port)]])
  const ask = async (method: string, path: string, body: string | null = null) => {
    const got = await fetch(`http://127.0.0.1:${port}/v1/submissions/${path}`, { method, body })
    return (await got.json()) as Record<string, unknown>
  }
  try {
    expect(await ask('GET', 'readyz')).toMatchObject({ success: true })
    const submission = {
      action: 'CreateSubmissionRequest',
      appArgs: [],
      appResource: 'file:/app.jar',
      clientSparkVersion: '4.3.0',
      environmentVariables: {},
      mainClass: 'Main',
      sparkProperties: { 'spark.app.name': 'a', 'spark.master': `spark://127.0.0.1:${port}` },
    }
    const created = await ask('POST', 'create', JSON.stringify(submission))
    const id = String(created['submissionId'])
    expect(created).toEqual({
      action: 'CreateSubmissionResponse',
      message: `Driver successfully submitted as ${id}`,
      serverSparkVersion: '4.3.0',
      submissionId: id,
      success: true,
    })
    const status = `status/${id}`
    expect(await ask('GET', status)).toMatchObject({ driverState: 'SUBMITTED', success: true })
    expect(await ask('POST', `kill/${id}`)).toMatchObject({ submissionId: id, success: true })
    expect(await ask('GET', status)).toMatchObject({ driverState: 'KILLED', success: true })
    expect(await ask('POST', 'killall')).toMatchObject({ success: true })
    expect(await ask('POST', 'clear')).toMatchObject({ success: true })
    expect(await ask('GET', status)).toMatchObject({ success: false })
  } finally {
    await master.stop()
  }
})

test('P24: with spark.master.rest.enabled=false nothing listens', async () => {
  const port = await freePort()
  const master = await start({}, [
    ['spark.master.rest.port', String(port)],
    ['spark.master.rest.enabled', 'false'],
  ])
  await expect(fetch(`http://127.0.0.1:${port}/v1/submissions/readyz`)).rejects.toThrow()
  await master.stop()
})
