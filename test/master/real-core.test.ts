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
  NodeCommandT,
  RegisterApplicationT,
  RegisterWorkerFailedT,
  RegisterWorkerT,
  ResourceProfileT,
  WorkerRegisteredT,
} from '../../src/schema/magneto.js'
import type { StoreChange, StoreEngine } from '../../src/store/engine.js'
import { Recorder, recordingLog } from '../control/recorder.js'

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

const start = (parts: Main.MasterParts = {}) =>
  startMaster(
    {
      host: '127.0.0.1',
      port: 0,
      webUiPort: 0,
      webUiHost: '127.0.0.1',
      publicHost: '127.0.0.1',
      home: root,
      confDir: join(root, 'conf'),
      configuration: new Configuration(),
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

/** Takes one commit, then no more. */
class FullDisk implements StoreEngine {
  #commits = 0
  open = async () => ({ records: [], damaged: [] })
  close = async () => {}
  async commit(_changes: readonly StoreChange[]): Promise<void> {
    this.#commits += 1
    if (this.#commits > 1) throw new Error('no space left')
  }
}

test('a store that fails costs who waits for it, and nobody else', async () => {
  const master = await start({ engine: new FullDisk() })
  const running = link(master.masterUrl)
  const late = link(master.masterUrl)
  try {
    await running.seen.next((event) => event === 'open')
    running.link.send(workerOf('worker-1', 1000))
    await running.seen.next((event) => event instanceof WorkerRegisteredT)
    await late.seen.next((event) => event === 'open')
    late.link.send(workerOf('worker-2', 1001))
    // Its session is closed; the link opens a new one, which learns why it can't register.
    await late.seen.next((event) => event === 'open', late.seen.events.length)
    late.link.send(workerOf('worker-3', 1002))
    const failed = await late.seen.next((event) => event instanceof RegisterWorkerFailedT)
    expect((failed as RegisterWorkerFailedT).message).toMatch(/store has failed/)
    expect(late.seen.events.some((event) => event instanceof WorkerRegisteredT)).toBe(false)
    running.link.send(workerOf('worker-1', 1000))
    await running.seen.next((event) => event instanceof WorkerRegisteredT && event.duplicate)
    expect(running.seen.events.filter((event) => event === 'open')).toHaveLength(1)
  } finally {
    running.link.close()
    late.link.close()
    await master.stop()
  }
  expect(await master.stopped).toBe(0)
})
