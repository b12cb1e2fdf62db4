/** The whole master, with its real threads from dist and a core that a test plays. */
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { BroadcastChannel } from 'node:worker_threads'
import { Builder } from 'flatbuffers'
import { WebSocket } from 'ws'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { Configuration } from '../../src/conf/configuration.js'
import type { MasterOptions } from '../../src/conf/options.js'
import { decode, encode } from '../../src/control/codec.js'
import type { MasterIdentity } from '../../src/control/leadership.js'
import { MasterLink } from '../../src/control/link.js'
import { BatchWriter, InboxKind, OutboxKind, records } from '../../src/control/records.js'
import type { ToGatewayThread } from '../../src/control/thread-messages.js'
import type { MasterCore } from '../../src/core/native.js'
import type * as Main from '../../src/master/main.js'
import type { Recovery, RecoveryEvents } from '../../src/election/agent.js'
import { SingleRecovery } from '../../src/election/single.js'
import {
  RecordT,
  RegisterWorkerT,
  Value,
  WorkerRecordT,
  WorkerRegisteredT,
} from '../../src/schema/magneto.js'
import { Recorder, recordingLog } from '../control/recorder.js'
import { anyPorts } from '../built-daemons.js'
import { FakePlace } from '../election/fake-place.js'

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

  changes(): Uint8Array {
    return new Uint8Array(8)
  }

  explain(): Uint8Array {
    return new Uint8Array(8)
  }

  check(): void {}
}

function options(entries: [string, string][] = []): MasterOptions {
  return {
    ...anyPorts,
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

/** What a gateway thread tells on the channel. */
function listenTo(channel: string) {
  const told = new BroadcastChannel(channel)
  const heard = new Recorder<ToGatewayThread>()
  told.addEventListener('message', (event) =>
    heard.add((event as unknown as { data: ToGatewayThread }).data),
  )
  stops.push(() => told.close())
  const kinds = (): string[] =>
    heard.events.map(({ kind }) => kind).filter((kind) => kind !== 'batch')
  return { heard, kinds }
}

/** Does nothing by itself. */
class PlayedRecovery implements Recovery {
  readonly mode = 'ZOOKEEPER'
  events: RecoveryEvents | null = null

  async start(_self: MasterIdentity, events: RecoveryEvents): Promise<void> {
    this.events = events
  }

  async commit(): Promise<void> {}

  certain(): boolean {
    return true
  }

  status() {
    return { followers: [], behind: null, reason: '' }
  }

  async close(): Promise<void> {}
}

/** A thread that tells on a channel what it is told. @param dies the first one, of `lead` @param asks before it listens */
function telling(channel: string, { dies = false, asks = false } = {}): URL {
  const played = `
    import { parentPort, workerData } from 'node:worker_threads'
    const channel = new BroadcastChannel('${channel}')
    if (${asks}) parentPort.postMessage({ kind: 'changes', anew: true })
    parentPort.postMessage({ kind: 'listening', port: 1 })
    parentPort.on('message', (message) => {
      if (message.kind !== 'stop') channel.postMessage(message)
      if (${dies} && message.kind === 'lead' && workerData.maxRetries > 0) throw new Error('boom')
      if (message.kind !== 'stop') return
      channel.close()
      parentPort.close()
    })`
  return new URL(`data:text/javascript,${encodeURIComponent(played)}`)
}

function sparkWorkerRecord(id: string): Uint8Array {
  const registration = new RegisterWorkerT(id, 'h', 1, 1, 1024, null, [], ['n'], null, 'Worker')
  const builder = new Builder()
  const value = new WorkerRecordT(registration)
  builder.finish(new RecordT(`worker_${id}`, 1, Value.WorkerRecord, value).pack(builder), 'MGS1')
  return builder.asUint8Array().slice()
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

  test.each([
    ['FILESYSTEM', /needs spark\.deploy\.recoveryDirectory/],
    ['ROCKSDB', /needs spark\.deploy\.recoveryDirectory/],
    ['CUSTOM', /needs spark\.deploy\.recoveryMode\.factory/],
    ['ZOOKEEPER', /needs spark\.deploy\.zookeeper\.url/],
  ])('P1, P2, P3, P7: recovery mode %s says what it needs', async (mode, message) => {
    await expect(start([['spark.deploy.recoveryMode', mode]])).rejects.toThrow(message)
  })

  test('H3: refuses a folder that another master uses, and leaves it to that one', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'magneto-store-'))
    stops.push(() => rm(folder, { recursive: true }))
    const entries: [string, string][] = [
      ['spark.deploy.recoveryMode', 'FILESYSTEM'],
      ['spark.deploy.recoveryDirectory', folder],
    ]
    const { master } = await start(entries)
    await expect(start(entries)).rejects.toThrow(/held/)
    await master.stop()
    await start(entries)
  })

  test('tells a gateway that was started again who leads, and whom to call', async () => {
    const { heard, kinds } = listenTo('told')
    const place = new FakePlace()
    const spark = sparkWorkerRecord('w')
    place.records.set('worker_w', spark)
    const { master } = await start([], {
      gatewayEntry: telling('told', { dies: true }),
      recovery: new SingleRecovery({
        mode: 'CUSTOM',
        log: recordingLog(),
        createEngine: () => place.engine(),
      }),
      restartDelayMs: () => 0,
    })
    await heard.next(({ kind }) => kind === 'lead')
    expect(kinds()).toEqual(['ready', 'leadership', 'lead'])
    const [, leadership, lead] = heard.events
    expect(leadership).toMatchObject({
      status: { role: 'leader', leader: { masterUrl: master.masterUrl }, elections: 1, reason: '' },
    })
    expect(lead).toMatchObject({ records: [spark] })
    // It dies of that, and the one in its place hears it all again.
    await expect.poll(kinds).toHaveLength(6)
    expect(kinds().slice(3)).toEqual(['ready', 'leadership', 'lead'])
    expect(heard.events.at(-1)).toEqual(lead)
  })

  test('answers a web thread that asked before there was a core', async () => {
    const { heard } = listenTo('early')
    await start([], { webEntry: telling('early', { asks: true }) })
    await heard.next(({ kind }: { kind: string }) => kind === 'changes')
  })

  test('S1, S9: tells its threads each change of who leads; who steps down ends every session', async () => {
    const { heard, kinds } = listenTo('changes')
    const recovery = new PlayedRecovery()
    const cores: PlayedCore[] = []
    const { master } = await start([], {
      gatewayEntry: telling('changes'),
      recovery,
      createCore: () => {
        const core = new PlayedCore()
        cores.push(core)
        return core
      },
    })
    const events = recovery.events!
    const statuses = (): (string | null | undefined)[][] =>
      heard.events.flatMap((event) => {
        if (event.kind !== 'leadership') return []
        const { role, leader, reason } = event.status
        return [[role, leader?.masterUrl, reason]]
      })
    const other = {
      masterUrl: 'spark://n:1',
      webUiUrl: 'http://n',
      controlAddress: 'n:2',
      epoch: 3,
    }
    events.follow(other)
    events.follow(null)
    events.lead({ epoch: 4, records: [], damaged: [] })
    events.suspend('no heartbeat')
    events.resume()
    // A peer, to see it go. The played gateway has no discovery, so it comes directly.
    const peer = new WebSocket(`ws://127.0.0.1:${master.controlPort}/control/v1`)
    await cores[0]!.seen.next(({ kind }) => kind === InboxKind.CONNECTED)
    const closed = once(peer, 'close')
    events.stepDown('deposed')
    await closed
    await heard.next(({ kind }) => kind === 'stepDown')
    await expect.poll(() => statuses().length).toBe(7)
    const self = master.masterUrl
    expect(statuses()).toEqual([
      ['standby', undefined, ''],
      ['standby', 'spark://n:1', ''],
      ['standby', undefined, ''],
      ['leader', self, ''],
      ['suspended', self, 'no heartbeat'],
      ['leader', self, ''],
      ['standby', undefined, ''],
    ])
    expect(kinds().filter((kind) => kind !== 'leadership')).toEqual(['ready', 'lead', 'stepDown'])
    expect(cores).toHaveLength(2)
    const seen = cores.map((core) => core.seen.events.map(({ kind }) => InboxKind[kind]))
    expect(seen[0]).toEqual(['TIMER', 'LEADER', 'LEADER', 'ELECTED', 'CONNECTED'])
    await expect
      .poll(() => cores[1]?.seen.events.map(({ kind }) => kind))
      .toEqual([InboxKind.TIMER])
  })
})
