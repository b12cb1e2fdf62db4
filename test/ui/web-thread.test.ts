/** The built thread against a main thread that is played here. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { afterEach, expect, test } from 'vitest'
import { encode } from '../../src/control/codec.js'
import { BatchWriter, InboxKind, OutboxKind, records } from '../../src/control/records.js'
import type {
  FromWebThread,
  ToWebThread,
  WebThreadData,
} from '../../src/control/thread-messages.js'
import { ReplyT } from '../../src/schema/magneto.js'
import { clusterView, viewBytes } from './views.js'

const threads: Worker[] = []

afterEach(async () => {
  await Promise.all(threads.splice(0).map((thread) => thread.terminate()))
})

function start(workerData: WebThreadData) {
  const url = new URL('../../dist/src/ui/web-thread.js', import.meta.url)
  const thread = new Worker(url, { workerData })
  threads.push(thread)
  return {
    thread,
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
    send: (message: ToWebThread) => thread.postMessage(message),
    next: async () => (await once(thread, 'message'))[0] as FromWebThread,
  }
}

const local = { host: '127.0.0.1', port: 0, maxRetries: 16, publicHost: '127.0.0.1' }

async function listening(options: WebThreadData = local) {
  const started = start(options)
  const first = await started.next()
  if (first.kind !== 'listening') throw new Error(`expected listening, got ${first.kind}`)
  const url = `http://127.0.0.1:${first.port}`
  started.send({ kind: 'ready', masterUrl: 'spark://master:7077', webUiUrl: url })
  return { ...started, url, port: first.port }
}

test('a page costs one view of the main thread, twenty at once too', async () => {
  const { thread, send, url } = await listening()
  let asked = 0
  thread.on('message', (message: FromWebThread) => {
    if (message.kind !== 'view') return
    asked += 1
    send({ kind: 'view', id: message.id, bytes: viewBytes(clusterView()) })
  })
  const pages = await Promise.all(Array.from({ length: 20 }, () => fetch(`${url}/json/`)))
  const documents = await Promise.all(pages.map((page) => page.json()))
  expect(new Set(documents.map((document) => JSON.stringify(document))).size).toBe(1)
  expect(documents[0]).toMatchObject({ status: 'ALIVE' })
  expect(asked).toBeLessThan(20)
})

test('U13: a kill becomes a command, its reply the answer', async () => {
  const { send, next, url } = await listening()
  const answer = fetch(`${url}/app/kill/?id=app-1&terminate=true`, {
    method: 'POST',
    redirect: 'manual',
  })
  const message = await next()
  if (message.kind !== 'batch') throw new Error(`expected a batch, got ${message.kind}`)
  const [connected, command] = records(message.bytes)
  expect([connected?.kind, command?.kind]).toEqual([InboxKind.CONNECTED, InboxKind.MESSAGE])
  const batch = new BatchWriter()
  batch.add(OutboxKind.SEND, command?.session ?? 0, encode(new ReplyT(1, true, null)))
  send({ kind: 'batch', bytes: batch.take() })
  expect((await answer).status).toBe(302)
})

test('C16: a port that can not be had is told, and the thread ends', async () => {
  const { port } = await listening()
  const second = start({ ...local, port, maxRetries: 0 })
  const exit = once(second.thread, 'exit')
  expect(await second.next()).toMatchObject({ kind: 'failed' })
  expect(await exit).toEqual([0])
})

test('stop closes the socket and ends the thread with status 0', async () => {
  const { thread, send, url } = await listening()
  const exit = once(thread, 'exit')
  send({ kind: 'stop' })
  expect(await exit).toEqual([0])
  await expect(fetch(url)).rejects.toThrow('fetch failed')
})
