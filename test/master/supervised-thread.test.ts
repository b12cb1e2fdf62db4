/** A dead gateway or web thread costs its own peers only, and comes back on its port. */
import { afterEach, describe, expect, test } from 'vitest'

import { InboxKind, SessionSource, records, sessionOf } from '../../src/control/records.js'
import { MAX_THREAD_DEATHS } from '../../src/master/limits.js'
import { SupervisedThread } from '../../src/master/supervised-thread.js'
import { Recorder, recordingLog } from '../control/recorder.js'

const stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})

type Event =
  | { kind: 'record'; record: InboxKind; session: number; text: string }
  | { kind: 'lost'; sessions: number[]; reason: string }
  | { kind: 'broken'; message: string }

/** A thread that opens session 7 by its first message, tells its port, and does what a SEND says. */
const PLAYED = `
import { createServer } from 'node:net'
import { parentPort, workerData } from 'node:worker_threads'
import { BatchPort } from ${JSON.stringify(new URL('../../dist/src/control/batch-port.js', import.meta.url))}
const batches = BatchPort.ofThread(parentPort, workerData.rings)
const record = (kind, session, text) => {
  const body = new TextEncoder().encode(text)
  const bytes = new Uint8Array((32 + body.length + 7) & ~7)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, bytes.length, true)
  view.setUint32(4, body.length, true)
  view.setUint32(8, kind, true)
  view.setFloat64(16, session, true)
  bytes.set(body, 32)
  return bytes
}
const session = 2 * 2 ** 32 + 7
const post = (bytes) => batches.post(bytes)
const server = createServer()
server.on('error', (error) => parentPort.postMessage({ kind: 'failed', message: error.message }))
server.listen(workerData.port, workerData.host, () =>
  parentPort.postMessage({ kind: 'listening', port: server.address().port, again: workerData.kept && { kept: 2 } }))
parentPort.on('message', (message) => {
  if (message.kind === 'stop') { server.close(); parentPort.close() }
  if (message.kind === 'ready') {
    post(record(1, session, message.masterUrl + ' ' + workerData.port + ' ' + workerData.maxRetries + (workerData.kept ?? '')))
    if (workerData.diesWhenReady) throw new Error('boom')
  }
  if (typeof message !== 'number') return
  const order = Buffer.from(batches.receive(message).subarray(32)).toString()
  if (order.startsWith('die')) { post(record(2, session, 'last words')); throw new Error('boom') }
  if (order.startsWith('break')) post(new Uint8Array(9))
  if (order.startsWith('drop')) post(record(3, session, 'left'))
})
`

const session = sessionOf(SessionSource.GATEWAY, 7)
const text = new TextDecoder()

async function start(extra: object = {}) {
  const seen = new Recorder<Event>()
  const thread = new SupervisedThread({
    name: 'gateway thread',
    entry: new URL(`data:text/javascript,${encodeURIComponent(PLAYED)}`),
    data: { host: '127.0.0.1', port: 0, maxRetries: 16, ...extra },
    log: recordingLog(),
    onBatch: (bytes) => {
      for (const { kind, session: of, payload } of records(bytes))
        seen.add({ kind: 'record', record: kind, session: of, text: text.decode(payload) })
    },
    onView: () => {},
    onLost: (sessions, reason) => seen.add({ kind: 'lost', sessions: [...sessions], reason }),
    onBroken: ({ message }) => seen.add({ kind: 'broken', message }),
    restartDelayMs: () => 0,
  })
  stops.push(() => thread.stop())
  const { port } = await thread.listening()
  thread.ready({ kind: 'ready', masterUrl: 'spark://m:1', webUiUrl: '', restPort: null })
  await seen.next(isConnected)
  return { thread, seen, port }
}

const isConnected = (event: Event): boolean =>
  event.kind === 'record' && event.record === InboxKind.CONNECTED
const isLost = (event: Event): boolean => event.kind === 'lost'

describe('a thread', () => {
  test('that dies loses its sessions, after its last words, and comes back on its port', async () => {
    const { thread, seen, port } = await start()
    thread.send(session, new TextEncoder().encode('die'), null)
    thread.flush()
    await seen.next(isConnected, 1)
    expect(seen.events.slice(1)).toEqual([
      { kind: 'record', record: InboxKind.MESSAGE, session, text: 'last words' },
      { kind: 'lost', sessions: [session], reason: 'the gateway thread died: boom' },
      { kind: 'record', record: InboxKind.CONNECTED, session, text: `spark://m:1 ${port} 0` },
    ])
  })

  test('that has further ports keeps them too', async () => {
    const { thread, seen, port } = await start({ kept: 1 })
    thread.send(session, new TextEncoder().encode('die'), null)
    thread.flush()
    await seen.next(isConnected, 1)
    expect(seen.events.at(-1)).toMatchObject({ text: `spark://m:1 ${port} 02` })
  })

  test('whose batch is broken is ended like one that died', async () => {
    const { thread, seen } = await start()
    thread.send(session, new TextEncoder().encode('break'), null)
    thread.flush()
    await seen.next(isConnected, 1)
    expect(seen.events[1]).toMatchObject({ kind: 'lost', sessions: [session] })
    expect(seen.events).toHaveLength(3)
  })

  test('loses none of the sessions that ended before', async () => {
    const { thread, seen } = await start()
    thread.send(session, new TextEncoder().encode('drop'), null)
    thread.flush()
    await seen.next((event) => event.kind === 'record' && event.record === InboxKind.DISCONNECTED)
    thread.send(session, new TextEncoder().encode('die'), null)
    thread.flush()
    expect(await seen.next(isLost)).toMatchObject({ sessions: [] })
  })

  test('that dies too often in a row is not started again', async () => {
    const { seen } = await start({ diesWhenReady: true })
    expect(await seen.next(({ kind }) => kind === 'broken')).toEqual({
      kind: 'broken',
      message: `the gateway thread died ${MAX_THREAD_DEATHS + 1} times in a row, at last: the gateway thread died: boom`,
    })
    expect(seen.events.filter(isLost)).toHaveLength(MAX_THREAD_DEATHS + 1)
  })
})
