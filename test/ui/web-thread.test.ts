/** The built thread against a main thread that is played here. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { afterEach, expect, test } from 'vitest'
import { decode, encode } from '../../src/control/codec.js'
import { BatchWriter, InboxKind, OutboxKind, records } from '../../src/control/records.js'
import type {
  FromWebThread,
  ThreadListening,
  ToWebThread,
  WebThreadData,
} from '../../src/control/thread-messages.js'
import {
  DecommissionWorkersOnHostsT,
  KillApplicationT,
  ReplyT,
  RequestKillDriverT,
} from '../../src/schema/magneto.js'
import type { EventsAnswer, HistoryAnswer } from '../../src/ui/api/shapes.js'
import { leadershipStatus } from '../control/leadership.js'
import { applicationView, changesBytes, changesOf, clusterView } from './views.js'

const threads: Worker[] = []

afterEach(async () => {
  await Promise.all(threads.splice(0).map((thread) => thread.terminate()))
})

function start(workerData: WebThreadData) {
  const url = new URL('../../dist/src/ui/web-thread.js', import.meta.url)
  const thread = new Worker(url, { workerData })
  threads.push(thread)
  // It asks for changes by itself too, once a second.
  const questions = mailbox()
  const others = mailbox()
  thread.on('message', (message: FromWebThread) =>
    (message.kind === 'changes' ? questions : others).put(message),
  )
  return {
    thread,
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
    send: (message: ToWebThread) => thread.postMessage(message),
    question: questions.take,
    next: others.take,
  }
}

/** What has come waits for who takes it, and the other way round. */
function mailbox() {
  const there: FromWebThread[] = []
  const waiting: ((message: FromWebThread) => void)[] = []
  return {
    put: (message: FromWebThread) => {
      const reader = waiting.shift()
      if (reader === undefined) there.push(message)
      else reader(message)
    },
    take: () =>
      new Promise<FromWebThread>((resolve) => {
        const message = there.shift()
        if (message === undefined) waiting.push(resolve)
        else resolve(message)
      }),
  }
}

function answerQuestions({ thread, send }: Pick<ReturnType<typeof start>, 'thread' | 'send'>) {
  thread.on('message', ({ kind }: FromWebThread) => {
    if (kind === 'changes') send({ kind, bytes: changesBytes(changesOf(clusterView())) })
  })
}

const local = { host: '127.0.0.1', port: 0, maxRetries: 16, publicHost: '127.0.0.1' }

async function listening(options: WebThreadData = local) {
  const started = start(options)
  const first = await started.next()
  if (first.kind !== 'listening') throw new Error(`expected listening, got ${first.kind}`)
  const url = `http://127.0.0.1:${first.port}`
  started.send({ kind: 'ready', masterUrl: 'spark://master:7077', webUiUrl: url, restPort: null })
  return { ...started, url, port: first.port }
}

test('Y12: twenty pages at once cost the main thread fewer questions', async () => {
  const { thread, send, url } = await listening()
  let asked = 0
  thread.on('message', (message: FromWebThread) => {
    if (message.kind !== 'changes') return
    asked += 1
    send({ kind: 'changes', bytes: changesBytes(changesOf(clusterView())) })
  })
  const pages = await Promise.all(Array.from({ length: 20 }, () => fetch(`${url}/json/`)))
  const documents = await Promise.all(pages.map((page) => page.json()))
  expect(new Set(documents.map((document) => JSON.stringify(document))).size).toBe(1)
  expect(documents[0]).toMatchObject({ status: 'ALIVE' })
  expect(asked).toBeLessThan(20)
})

test('U16: a page finds its scripts beside it, and there is nothing else', async () => {
  const started = await listening()
  answerQuestions(started)
  const { url } = started
  const asked = await fetch(url)
  const scripts = [...(await asked.text()).matchAll(/<script[^>]* src="([^"]+)"/g)]
  expect(scripts.length).toBeGreaterThan(0)
  const imported = /from '(\.\/[^']+)'/g
  for (const [, source = ''] of scripts) {
    const script = await fetch(new URL(source, asked.url))
    expect(script.headers.get('content-type')).toBe('text/javascript;charset=utf-8')
    for (const [, other = ''] of (await script.text()).matchAll(imported))
      expect((await fetch(new URL(other, script.url))).status).toBe(200)
  }
  for (const path of [
    'nothing.js',
    'live-page.ts',
    '../src/ui/web-thread.js',
    '%2e%2e/ui/web-thread.js',
    '',
  ])
    expect((await fetch(`${url}/static/${path}`)).status, path).toBe(404)
})

test('P20, P21: pages know the title and the history server of the operator', async () => {
  const historyServerUrl = 'http://history:18080'
  const { thread, send, url } = await listening({ ...local, title: 'Lab', historyServerUrl })
  const ended = applicationView('app-9', { endedMs: 5n })
  const bytes = () => changesBytes(changesOf(clusterView({ completedApplications: [ended] })))
  thread.on('message', (message: FromWebThread) => {
    if (message.kind === 'changes') send({ kind: 'changes', bytes: bytes() })
  })
  const first = await (await fetch(url)).text()
  expect(first).toContain('<h1>Lab</h1>')
  expect(first).toContain('href="http://history:18080/history/app-9"')
  const one = await (await fetch(`${url}/app/?appId=app-9`)).text()
  expect(one).toContain('href="http://history:18080/history/app-9"')
})

test.each([
  [2048, 431],
  [undefined, 404],
])('P52: headers over %s bytes are refused: %d', async (headerBytesMax, status) => {
  const { url } = await listening({ ...local, ...(headerBytesMax && { headerBytesMax }) })
  const headers = { cookie: 'x'.repeat(3000) }
  expect((await fetch(`${url}/nothing-is-here`, { headers })).status).toBe(status)
})

/** Answers the one command of a batch. @returns what it was */
async function answerCommand(
  { next, send }: Pick<Awaited<ReturnType<typeof listening>>, 'next' | 'send'>,
  reply: ReplyT,
) {
  const message = await next()
  if (message.kind !== 'batch') throw new Error(`expected a batch, got ${message.kind}`)
  const [connected, command] = records(message.bytes)
  expect([connected?.kind, command?.kind]).toEqual([InboxKind.CONNECTED, InboxKind.MESSAGE])
  const batch = new BatchWriter()
  batch.add(OutboxKind.SEND, command?.session ?? 0, encode(reply))
  send({ kind: 'batch', bytes: batch.take() })
  return decode(command?.payload ?? new Uint8Array())
}

test.each([
  ['U13', '/app/kill/?id=app-1&terminate=true', new KillApplicationT(1, 'app-1')],
  ['U14', '/driver/kill/?id=driver-1&terminate=true', new RequestKillDriverT(1, 'driver-1')],
])('%s: a POST of %s becomes a command, its reply the answer', async (_spec, path, command) => {
  const thread = await listening()
  const answer = fetch(thread.url + path, { method: 'POST', redirect: 'manual' })
  expect(await answerCommand(thread, new ReplyT(1, true))).toEqual(command)
  expect((await answer).status).toBe(302)
})

test('U15: workers leave where the master says so, and only there', async () => {
  const thread = await listening({ ...local, decommissionAllowMode: 'LOCAL' })
  const answer = fetch(`${thread.url}/workers/kill/?host=a&host=b`, { method: 'POST' })
  const reply = new ReplyT(1, true, null, null, 1)
  expect(await answerCommand(thread, reply)).toEqual(new DecommissionWorkersOnHostsT(1, ['a', 'b']))
  expect((await answer).status).toBe(200)
  const { url } = await listening()
  expect((await fetch(`${url}/workers/kill/?host=a`, { method: 'POST' })).status).toBe(404)
})

test('C16: a port that can not be had is told, and the thread ends', async () => {
  const { port } = await listening()
  const second = start({ ...local, port, maxRetries: 0 })
  const exit = once(second.thread, 'exit')
  expect(await second.next()).toMatchObject({ kind: 'failed' })
  expect(await exit).toEqual([0])
})

test('R1, P24, P25: submissions are taken beside the pages, and stay on their port', async () => {
  const rest = {
    host: '127.0.0.1',
    port: 0,
    configuredPort: 6066,
    maxBodyBytes: 1000,
    allowedAppResources: [/^$/],
    useDriverIdAsAppName: false,
    tokens: null,
  }
  const thread = start({ ...local, rest })
  const first = (await thread.next()) as ThreadListening
  const again = first.again as { rest: typeof rest }
  expect(first.restPort).toBe(again.rest.port)
  expect(again.rest).toEqual({ ...rest, port: expect.any(Number) })
  thread.send({
    kind: 'ready',
    masterUrl: 'spark://m:7077',
    webUiUrl: 'http://m:1',
    restPort: again.rest.port,
  })
  answerQuestions(thread)
  const page = await fetch(`http://127.0.0.1:${first.port}/`)
  expect(await page.text()).toContain(`<dd>spark://m:${again.rest.port} (cluster mode)</dd>`)
  const kill = `http://127.0.0.1:${again.rest.port}/v1/submissions/kill/driver-1`
  const answer = fetch(kill, { method: 'POST' })
  const reply = new ReplyT(1, true, 'kill sent')
  expect(await answerCommand(thread, reply)).toEqual(new RequestKillDriverT(1, 'driver-1'))
  expect(await (await answer).json()).toMatchObject({ message: 'kill sent', success: true })
  const exit = once(thread.thread, 'exit')
  thread.send({ kind: 'stop' })
  expect(await exit).toEqual([0])
  await expect(fetch(kill, { method: 'POST' })).rejects.toThrow('fetch failed')
})

test('C16: a port of REST that can not be had is told, and the thread ends', async () => {
  const { port } = await listening()
  const rest = {
    host: '127.0.0.1',
    port,
    configuredPort: port,
    maxBodyBytes: 1,
    allowedAppResources: [],
    useDriverIdAsAppName: false,
    tokens: null,
  }
  const second = start({ ...local, maxRetries: 0, rest })
  const exit = once(second.thread, 'exit')
  expect(await second.next()).toMatchObject({ message: expect.stringMatching(/^the REST server /) })
  expect(await exit).toEqual([0])
})

test('S9, U20: who leads is on the page; at the end of a mandate its commands are answered', async () => {
  const { thread, send, next, url } = await listening()
  answerQuestions({ thread, send })
  send({ kind: 'leadership', status: leadershipStatus() })
  expect(await (await fetch(url)).text()).toContain('spark://leader:7077')

  const killing = fetch(`${url}/driver/kill/?id=driver-1&terminate=true`, { method: 'POST' })
  const batch = await next()
  if (batch.kind !== 'batch') throw new Error(`expected a batch, got ${batch.kind}`)
  const [connected] = [...records(batch.bytes)]
  send({ kind: 'stepDown', reason: 'deposed' })
  const end = await next()
  if (end.kind !== 'batch') throw new Error(`expected a batch, got ${end.kind}`)
  expect([...records(end.bytes)]).toMatchObject([
    { kind: InboxKind.DISCONNECTED, session: connected!.session },
  ])
  const answer = await killing
  expect([answer.status, await answer.text()]).toEqual([
    503,
    expect.stringContaining('deposed; whether this was done is open'),
  ])
  // The next one is of the next mandate.
  void fetch(`${url}/driver/kill/?id=driver-1&terminate=true`, { method: 'POST' }).catch(() => {})
  const again = await next()
  if (again.kind !== 'batch') throw new Error(`expected a batch, got ${again.kind}`)
  const [opened] = [...records(again.bytes)]
  expect(opened!.session).toBeGreaterThan(connected!.session)
  const exit = once(thread, 'exit')
  send({ kind: 'stop' })
  expect(await exit).toEqual([0])
})

test('history and events are there of a cluster that nobody has looked at', async () => {
  const { send, question, url } = await listening()
  expect(await question()).toEqual({ kind: 'changes', anew: true })
  send({ kind: 'changes', bytes: changesBytes(changesOf(clusterView())) })
  // The next look is taken once that answer is in.
  expect(await question()).toEqual({ kind: 'changes', anew: false })
  const history = (await (await fetch(`${url}/api/v1/history`)).json()) as HistoryAnswer
  expect(history.samples).toMatchObject([{ workersAlive: 1, schedulingP99Us: null }])
  const events = (await (await fetch(`${url}/api/v1/events`)).json()) as EventsAnswer
  expect(events.items.map(({ kind }) => kind)).toEqual(['master-leading'])
})

test('stop closes the socket and ends the thread with status 0', async () => {
  const { thread, send, url } = await listening()
  const exit = once(thread, 'exit')
  send({ kind: 'stop' })
  expect(await exit).toEqual([0])
  await expect(fetch(url)).rejects.toThrow('fetch failed')
})
