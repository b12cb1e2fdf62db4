/** The gateway's thread as the master starts it: its whole life over the port. */
import { once } from 'node:events'
import { get } from 'node:http'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'

import { expect, test } from 'vitest'

import { decode, encode } from '../../src/control/codec.js'
import { BatchWriter, InboxKind, OutboxKind, records } from '../../src/control/records.js'
import type {
  FromGatewayThread,
  GatewayThreadData,
  ToGatewayThread,
} from '../../src/control/thread-messages.js'
import {
  ApplicationRegisteredT,
  ReplyT,
  type RequestKillDriverT,
  type RequestReadyzT,
} from '../../src/schema/magneto.js'
import { encodeRpcRequest } from '../../src/spark/frame.js'
import { OWN_PEER } from '../../src/spark/gateway.js'
import { leadershipStatus } from '../control/leadership.js'
import { SparkProcess, TO_MASTER, workerRecord } from './called-process.js'
import { captured, MASTER_URL, Peer, Queue } from './gateway-harness.js'
import { sample } from './golden-vectors.js'

const entry = join(import.meta.dirname, '..', '..', 'dist', 'src', 'spark', 'gateway-thread.js')

class Thread {
  readonly messages = new Queue<FromGatewayThread>()
  readonly #worker: Worker
  #own = 0
  readonly exited: Promise<unknown[]>

  constructor(data: Partial<GatewayThreadData>) {
    const workerData = { host: '127.0.0.1', port: 0, maxRetries: 0, controlPort: 4321, ...data }
    this.#worker = new Worker(entry, { workerData, stderr: true })
    this.#worker.on('message', (message: FromGatewayThread) => {
      if (!this.#isOwn(message)) this.messages.add(message)
    })
    this.exited = once(this.#worker, 'exit')
  }

  /** It asks whether this master leads still, which depends on how long all took. */
  #isOwn(message: FromGatewayThread): boolean {
    if (message.kind !== 'batch') return false
    const inbox = [...records(message.bytes)]
    const [first] = inbox
    if (new TextDecoder().decode(first!.payload) === OWN_PEER) this.#own = first!.session
    if (first!.session !== this.#own) return false
    const { requestId } = decode(inbox.at(-1)!.payload) as RequestReadyzT
    const writer = new BatchWriter()
    writer.add(OutboxKind.SEND, this.#own, encode(new ReplyT(requestId, true)))
    this.post({ kind: 'batch', bytes: writer.take() })
    return true
  }

  post(message: ToGatewayThread): void {
    this.#worker.postMessage(message, [])
  }

  async listening(): Promise<number> {
    const message = await this.messages.next()
    if (message.kind !== 'listening') throw new Error(`the thread says ${message.kind}`)
    return message.port
  }
}

test('listens, is ready, translates both ways, stops', async () => {
  const thread = new Thread({})
  const port = await thread.listening()
  thread.post({
    kind: 'ready',
    masterUrl: MASTER_URL,
    webUiUrl: 'http://127.0.0.1:8080',
    restPort: null,
  })

  const peer = new Peer(port)
  for (const { direction, endpoint, bytes } of captured('client-app-4.3.0'))
    if (direction === 'c2s' && endpoint !== 'Master') await peer.write(bytes)
  await peer.frames.next()
  await peer.write(
    captured('client-app-4.3.0').find(({ endpoint }) => endpoint === 'Master')!.bytes,
  )
  const batch = await thread.messages.next()
  if (batch.kind !== 'batch') throw new Error(`the thread says ${batch.kind}`)
  const inbox = [...records(batch.bytes)]
  expect(inbox.map(({ kind }) => kind)).toEqual([InboxKind.CONNECTED, InboxKind.MESSAGE])

  const writer = new BatchWriter()
  writer.add(
    OutboxKind.SEND,
    inbox[0]!.session,
    encode(new ApplicationRegisteredT('app-7', MASTER_URL)),
  )
  thread.post({ kind: 'batch', bytes: writer.take() })
  await peer.frames.next()
  expect(peer.received.includes('app-7')).toBe(true)

  const response = await new Promise<string>((resolve) => {
    get({ host: '127.0.0.1', port, path: '/control', agent: false }, (answer) => {
      answer.once('data', (chunk: Buffer) => resolve(chunk.toString()))
    })
  })
  expect(JSON.parse(response)).toMatchObject({ port: 4321, masterUrl: MASTER_URL })

  thread.post({ kind: 'stop' })
  await peer.closed
  expect(await thread.exited).toEqual([0])
})

test('C22: takes submissions over HTTP where REST is on, once it is ready', async () => {
  const rest = {
    configuredPort: 6066,
    maxBodyBytes: 1000,
    allowedAppResources: [],
    useDriverIdAsAppName: false,
    tokens: null,
  }
  const thread = new Thread({ rest })
  const port = await thread.listening()
  const url = `http://127.0.0.1:${port}/v1/submissions/kill/driver-1`
  expect((await fetch(url, { method: 'POST' })).status).toBe(503)
  thread.post({ kind: 'ready', masterUrl: MASTER_URL, webUiUrl: 'http://m:1', restPort: null })
  const killing = fetch(url, { method: 'POST' })
  const batch = await thread.messages.next()
  if (batch.kind !== 'batch') throw new Error(`the thread says ${batch.kind}`)
  const [, asked] = [...records(batch.bytes)]
  const { requestId } = decode(asked!.payload) as RequestKillDriverT
  const writer = new BatchWriter()
  writer.add(OutboxKind.SEND, asked!.session, encode(new ReplyT(requestId, true, 'killed')))
  thread.post({ kind: 'batch', bytes: writer.take() })
  expect(await (await killing).json()).toMatchObject({ success: true, message: 'killed' })
  thread.post({ kind: 'stop' })
  expect(await thread.exited).toEqual([0])
})

test('M18, S9: leads, calls whom its records name, tells who leads, steps down', async () => {
  const worker = await SparkProcess.start()
  const thread = new Thread({ recoveryTimeoutMs: 60_000 })
  const port = await thread.listening()
  thread.post({ kind: 'ready', masterUrl: MASTER_URL, webUiUrl: 'http://m:1', restPort: null })
  thread.post({ kind: 'leadership', status: leadershipStatus({ role: 'leader' }) })
  thread.post({ kind: 'lead', epoch: 7, records: [workerRecord('worker-1', worker.port)] })
  const call = await worker.calls.next()
  expect((await call.next()).kind).toBe('MasterChanged')

  const masters = await fetch(`http://127.0.0.1:${port}/masters`)
  expect(await masters.json()).toMatchObject({ role: 'leader', leader: { epoch: 7 } })

  const peer = new Peer(port)
  await peer.write(encodeRpcRequest(1n, TO_MASTER, sample('4.3.0', 'msg/RequestKillDriver')))
  const batch = await thread.messages.next()
  if (batch.kind !== 'batch') throw new Error(`the thread says ${batch.kind}`)
  const inbox = [...records(batch.bytes)]
  expect(inbox.map(({ kind }) => kind)).toEqual([InboxKind.CONNECTED, InboxKind.MESSAGE])
  thread.post({ kind: 'stepDown', reason: 'deposed' })
  const [end] = await Promise.all([thread.messages.next(), call.closed, peer.closed])
  if (end.kind !== 'batch') throw new Error(`the thread says ${end.kind}`)
  expect([...records(end.bytes)][0]).toMatchObject({
    kind: InboxKind.DISCONNECTED,
    session: inbox[0]!.session,
  })
  thread.post({ kind: 'stop' })
  expect(await thread.exited).toEqual([0])
  worker.stop()
})

test('says why it can not listen, and ends', async () => {
  const other = createServer()
  await new Promise<void>((resolve) => {
    other.listen(0, '127.0.0.1', resolve)
  })
  const { port } = other.address() as AddressInfo
  const thread = new Thread({ port })
  expect(await thread.messages.next()).toEqual({
    kind: 'failed',
    message: expect.stringContaining(`ports ${port} to ${port} are taken`),
  })
  expect(await thread.exited).toEqual([0])
  other.close()
})
