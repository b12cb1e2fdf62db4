/** The whole master, with its real threads from dist and a core that a test plays. */
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { Configuration } from '../../src/conf/configuration.js'
import type { MasterOptions } from '../../src/conf/options.js'
import { decode, encode } from '../../src/control/codec.js'
import { MasterLink } from '../../src/control/link.js'
import { BatchWriter, InboxKind, OutboxKind, records } from '../../src/control/records.js'
import type { MasterCore } from '../../src/core/native.js'
import type * as Main from '../../src/master/main.js'
import { RegisterWorkerT, WorkerRegisteredT } from '../../src/schema/magneto.js'
import { Recorder, recordingLog } from '../control/recorder.js'

const root = join(import.meta.dirname, '../..')
const entry = join(root, 'dist/src/master/main.js')
let startMaster: typeof Main.startMaster
beforeAll(async () => {
  if (!existsSync(entry)) throw new Error('dist is not built; run npm run build')
  ;({ startMaster } = (await import(pathToFileURL(entry).href)) as typeof Main)
})

const stops: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).toReversed()) await stop()
})

/** Answers every registration; breaks when a worker is called so. */
class PlayedCore implements MasterCore {
  readonly seen = new Recorder<{ kind: InboxKind; session: number }>()
  readonly #out = new BatchWriter()

  step(_nowMs: number, _utcOffsetMinutes: number, inbox: Uint8Array): Uint8Array {
    this.#out.reset()
    for (const { kind, session, payload } of records(inbox)) {
      this.seen.add({ kind, session })
      const event: InboxKind = kind
      if (event !== InboxKind.MESSAGE) continue
      const body = decode(payload.slice()) as RegisterWorkerT
      if (body.workerId === 'breaks') throw new Error('sums differ')
      this.#out.add(OutboxKind.SEND, session, encode(new WorkerRegisteredT('spark://m:1')))
    }
    return this.#out.view()
  }

  view(): Uint8Array {
    return new Uint8Array(8)
  }

  check(): void {}
}

function options(entries: [string, string][] = []): MasterOptions {
  return {
    host: '127.0.0.1',
    port: 0,
    webUiPort: 0,
    webUiHost: '127.0.0.1',
    publicHost: '127.0.0.1',
    home: root,
    confDir: join(root, 'conf'),
    configuration: new Configuration([['spark.master.rest.port', '0'], ...entries]),
  }
}

async function start(entries: [string, string][] = [], parts: Main.MasterParts = {}) {
  const core = new PlayedCore()
  const master = await startMaster(options(entries), { createCore: () => core, ...parts })
  stops.push(() => master.stop())
  return { core, master }
}

const worker = (id: string): RegisterWorkerT =>
  new RegisterWorkerT(id, 'h', 1, 1, 1024, null, [], ['node'])

function link(masterUrl: string) {
  const seen = new Recorder<string>()
  const made = new MasterLink({
    masterUrl,
    log: recordingLog(),
    onOpen: () => seen.add('open'),
    onMessage: (body) => seen.add(body.constructor.name),
    onClose: (reason) => seen.add(`closed: ${reason}`),
  })
  stops.push(() => made.close())
  return { link: made, seen }
}

describe('a master', () => {
  test('is found through its own URL, answers, and leaves nothing when it stops', async () => {
    const { core, master } = await start()
    expect(master.masterUrl).toMatch(/^spark:\/\/127\.0\.0\.1:\d+$/)
    const peer = link(master.masterUrl)
    await peer.seen.next((event) => event === 'open')
    peer.link.send(worker('w'))
    await peer.seen.next((event) => event === 'WorkerRegisteredT')
    expect(core.seen.events.map(({ kind }) => kind)).toEqual([
      InboxKind.TIMER,
      InboxKind.ELECTED,
      InboxKind.CONNECTED,
      InboxKind.MESSAGE,
    ])
    await master.stop()
    await peer.seen.next((event) => event === 'closed: the master stops')
    peer.link.close()
    expect(await master.stopped).toBe(0)
    const ports = [master.controlPort, master.masterUrl, master.webUiUrl].map((at) =>
      Number(/\d+$/.exec(String(at))![0]),
    )
    for (const port of ports)
      await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow('fetch failed')
  })

  test('whose core breaks stops with status 70', async () => {
    const { master } = await start()
    const peer = link(master.masterUrl)
    await peer.seen.next((event) => event === 'open')
    peer.link.send(worker('breaks'))
    expect(await master.stopped).toBe(70)
  })

  test('whose gateway can not start says why and leaves no port', async () => {
    const failing = new URL(
      `data:text/javascript,import{parentPort}from'node:worker_threads';parentPort.postMessage({kind:'failed',message:'port 7077 is taken'});parentPort.close()`,
    )
    await expect(start([], { gatewayEntry: failing })).rejects.toThrow(
      "the gateway thread can't start: port 7077 is taken",
    )
  })

  test('whose thread dies again and again stops with status 70', async () => {
    const dying = new URL(
      `data:text/javascript,import{parentPort}from'node:worker_threads';parentPort.postMessage({kind:'listening',port:1});parentPort.on('message',()=>{throw new Error('boom')})`,
    )
    const { master } = await start([], { gatewayEntry: dying, restartDelayMs: () => 0 })
    expect(await master.stopped).toBe(70)
  })

  test.each(['ZOOKEEPER', 'ROCKSDB', 'CUSTOM'])('P1: refuses recovery mode %s', async (mode) => {
    await expect(start([['spark.deploy.recoveryMode', mode]])).rejects.toThrow(
      /is not served by this release/,
    )
  })

  test('P1, P3: keeps records under FILESYSTEM, which needs a folder', async () => {
    const mode: [string, string] = ['spark.deploy.recoveryMode', 'FILESYSTEM']
    await expect(start([mode])).rejects.toThrow(/needs spark\.deploy\.recoveryDirectory/)
    const folder = await mkdtemp(join(tmpdir(), 'magneto-store-'))
    stops.push(() => rm(folder, { recursive: true }))
    const { master } = await start([mode, ['spark.deploy.recoveryDirectory', folder]])
    await expect(start([mode, ['spark.deploy.recoveryDirectory', folder]])).rejects.toThrow(/held/)
    expect((await readFile(join(folder, 'journal'))).byteLength).toBeGreaterThan(0)
    await master.stop()
  })
})
