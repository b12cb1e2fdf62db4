/** HTTP on the Spark port: finding the control link. */
import { once } from 'node:events'
import { get, request, type IncomingMessage, type RequestOptions } from 'node:http'

import { describe, expect, onTestFinished, test, vi } from 'vitest'

import { InboxKind } from '../../src/control/records.js'
import { RestHandler } from '../../src/rest/handler.js'
import {
  DriverState,
  DriverStatusResponseT,
  ReplyT,
  RequestDriverStatusT,
  RequestSubmitDriverT,
} from '../../src/schema/magneto.js'
import { DiscoveryServer } from '../../src/spark/gateway-http.js'
import { leadershipStatus } from '../control/leadership.js'
import { captured, GatewayHarness, LogLines, MASTER_URL, WEB_UI_URL } from './gateway-harness.js'

async function start(
  rest = false,
): Promise<{ harness: GatewayHarness; discovery: DiscoveryServer }> {
  let masterUrl: string | null = null
  const handler = new RestHandler({
    configuredPort: 6066,
    maxBodyBytes: 8 * 2 ** 20,
    allowedAppResources: [],
    useDriverIdAsAppName: false,
    tokens: null,
    masterUrl: () => masterUrl,
    leaderUrl: () => null,
    restPorts: () => [6066],
    ask: (make) => harness.gateway.ask(make),
    audit: () => {},
    environment: {},
    onFault: (error) => expect.fail(error.message),
  })
  const discovery = new DiscoveryServer(new LogLines().logger, rest ? handler : null)
  const harness: GatewayHarness = await GatewayHarness.start({
    http: (socket) => discovery.accept(socket),
  })
  masterUrl = MASTER_URL
  return { harness, discovery }
}

async function ask(options: RequestOptions, body = ''): Promise<{ status: number; text: string }> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request({ host: '127.0.0.1', agent: false, ...options }, resolve)
      .on('error', reject)
      .end(body)
  })
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  return { status: response.statusCode!, text: Buffer.concat(chunks).toString() }
}

test('GET /control names the control port once the master is up', async () => {
  const { harness, discovery } = await start()
  await using _ = harness
  const early = await ask({ port: harness.port, path: '/control' })
  expect(early).toEqual({ status: 503, text: 'The master is starting; try again.\n' })
  discovery.ready(4321, MASTER_URL, WEB_UI_URL)
  const { status, text } = await ask({ port: harness.port, path: '/control?from=test' })
  expect(status).toBe(200)
  expect(JSON.parse(text)).toEqual({
    protocol: 1,
    port: 4321,
    path: '/control/v1',
    masterUrl: MASTER_URL,
    webUiUrl: WEB_UI_URL,
  })
})

test('GET /masters says who leads, once that is known', async () => {
  const { harness, discovery } = await start()
  await using _ = harness
  const path = '/masters'
  const early = await ask({ port: harness.port, path })
  expect(early).toEqual({ status: 503, text: 'The master is starting; try again.\n' })
  for (const status of [leadershipStatus(), leadershipStatus({ role: 'leader', elections: 1 })]) {
    discovery.leadership(status)
    const answer = await ask({ port: harness.port, path })
    expect(answer.status).toBe(200)
    expect(JSON.parse(answer.text)).toEqual(status)
  }
  expect((await ask({ port: harness.port, path, method: 'POST' })).status).toBe(405)
})

test('anything else is explained in one line', async () => {
  const { harness, discovery } = await start()
  await using _ = harness
  discovery.ready(4321, MASTER_URL, WEB_UI_URL)
  const { status, text } = await ask({ port: harness.port, path: '/' })
  expect(status).toBe(404)
  expect(text).toBe(
    'This is the Spark RPC port; over HTTP it answers GET /control, GET /masters and /v1/submissions/ only.\n',
  )
  const post = await ask({ port: harness.port, path: '/control', method: 'POST' })
  expect(post.status).toBe(405)
})

test('C23, P24: without REST a submission gets no answer, so that spark-submit falls back to RPC; the rest is told', async () => {
  const { harness } = await start()
  await using _ = harness
  const create = ask({ port: harness.port, path: '/v1/submissions/create', method: 'POST' })
  await expect(create).rejects.toThrow('socket hang up')
  const { text } = await ask({ port: harness.port, path: '/v1/submissions/status/driver-1' })
  expect(JSON.parse(text)).toMatchObject({
    action: 'ErrorResponse',
    message: expect.stringContaining('spark.master.rest.enabled'),
  })
})

test('a request cut into single bytes is answered', async () => {
  const { harness, discovery } = await start()
  await using _ = harness
  discovery.ready(4321, MASTER_URL, WEB_UI_URL)
  const peer = harness.connect()
  peer.socket.removeAllListeners('data')
  const bytes = Buffer.from('GET /control HTTP/1.1\r\nHost: x\r\n\r\n')
  const answer: Buffer[] = []
  peer.socket.on('data', (chunk) => answer.push(chunk))
  await peer.write(
    bytes,
    Array.from(bytes, (_byte, index) => index),
  )
  await peer.closed
  expect(Buffer.concat(answer).toString()).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*"port":4321/)
})

test.each([
  ['what is no HTTP', 'GARBAGE\r\n\r\n'],
  ['headers over the limit', `GET /control HTTP/1.1\r\nX: ${'x'.repeat(9000)}\r\n\r\n`],
])('%s is refused, and the connection ends', async (_what, text) => {
  const { harness } = await start()
  await using _ = harness
  const peer = harness.connect()
  peer.socket.removeAllListeners('data')
  const answer: Buffer[] = []
  peer.socket.on('data', (chunk) => answer.push(chunk))
  await peer.write(Buffer.from(text))
  await peer.closed
  expect(Buffer.concat(answer).toString()).toMatch(/^HTTP\/1\.1 4\d\d /)
})

test('Spark and HTTP share the port', async () => {
  const { harness, discovery } = await start()
  await using _ = harness
  discovery.ready(4321, MASTER_URL, WEB_UI_URL)
  const peer = harness.connect()
  await peer.write(captured('client-app-4.3.0')[0]!.bytes)
  await peer.frames.next()
  await new Promise<void>((resolve) => {
    get({ host: '127.0.0.1', port: harness.port, path: '/control', agent: false }, (response) => {
      expect(response.statusCode).toBe(200)
      response.resume()
      response.once('end', resolve)
    })
  })
  expect(peer.socket.destroyed).toBe(false)
  peer.socket.destroy()
})

describe('C22: submissions on this port, where REST is on', () => {
  const base = '/v1/submissions'
  const submission = JSON.stringify({
    action: 'CreateSubmissionRequest',
    appResource: 'file:/app.jar',
    clientSparkVersion: '4.3.0',
    mainClass: 'Main',
    // As long as a long class path makes it.
    sparkProperties: { 'spark.jars': 'x'.repeat(4 * 2 ** 20) },
  })

  test('R2, R10: they reach the core through one session, and its answers come back', async () => {
    const { harness } = await start(true)
    await using _ = harness
    const creating = ask({ port: harness.port, path: `${base}/create`, method: 'POST' }, submission)
    const { kind, session, text: peer } = await harness.inbox.next()
    expect([kind, peer]).toEqual([InboxKind.CONNECTED, 'HTTP'])
    const submitted = (await harness.inbox.next()).body as RequestSubmitDriverT
    expect(submitted).toBeInstanceOf(RequestSubmitDriverT)
    harness.send(session, new ReplyT(submitted.requestId, true, 'submitted', 'driver-1'))
    const created = await creating
    expect([created.status, JSON.parse(created.text)]).toEqual([
      200,
      {
        action: 'CreateSubmissionResponse',
        message: 'submitted',
        serverSparkVersion: '4.3.0',
        submissionId: 'driver-1',
        success: true,
      },
    ])

    const telling = ask({ port: harness.port, path: `${base}/status/driver-1` })
    const asked = await harness.inbox.next()
    expect([asked.session, asked.body]).toEqual([session, new RequestDriverStatusT(2, 'driver-1')])
    harness.send(session, new DriverStatusResponseT(2, true, DriverState.RUNNING, 'w-1', 'h:1'))
    expect(JSON.parse((await telling).text)).toMatchObject({
      driverState: 'RUNNING',
      workerId: 'w-1',
      success: true,
    })
  })

  test('R13: paths and versions are judged as on the port of REST', async () => {
    const { harness } = await start(true)
    await using _ = harness
    const other = await ask({ port: harness.port, path: '/v2/submissions/create', method: 'POST' })
    expect(other.status).toBe(468)
    expect((await ask({ port: harness.port, path: `${base}/create` })).status).toBe(405)
    expect((await ask({ port: harness.port, path: '/v1' })).status).toBe(400)
    expect((await ask({ port: harness.port, path: '/version' })).status).toBe(404)
  })

  test('a session that the core ends is opened anew; sessions of Spark are others', async () => {
    const { harness } = await start(true)
    await using _ = harness
    const first = ask({ port: harness.port, path: `${base}/status/x` })
    const { session } = await harness.inbox.next()
    await harness.inbox.next()
    harness.close(session, 'the session is over')
    expect(await first).toMatchObject({
      status: 503,
      text: expect.stringContaining('the session is over'),
    })
    expect(await harness.inbox.next()).toMatchObject({ kind: InboxKind.DISCONNECTED, session })
    const second = ask({ port: harness.port, path: `${base}/status/x` })
    const again = await harness.inbox.next()
    expect(again.kind).toBe(InboxKind.CONNECTED)
    expect(again.session).not.toBe(session)
    const { body } = await harness.inbox.next()
    const { requestId } = body as RequestDriverStatusT
    harness.send(again.session, new DriverStatusResponseT(requestId, false))
    expect(JSON.parse((await second).text)).toMatchObject({ success: false, submissionId: 'x' })
  })

  test('V5: a long body has its time, anything else has not', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const { harness } = await start(true)
    await using _ = harness
    const opened = async (head: string) => {
      const peer = harness.connect()
      peer.socket.removeAllListeners('data')
      await peer.write(Buffer.from(head))
      return peer
    }
    const submitting = await opened(
      `POST ${base}/create HTTP/1.1\r\nHost: m\r\nContent-Length: 9\r\n\r\n`,
    )
    const dawdling = await opened('GET /control HTTP/1.1\r\nHost: m\r\n')
    // Both have arrived when another request that came later has been answered.
    expect((await ask({ port: harness.port, path: '/none' })).status).toBe(404)
    vi.advanceTimersByTime(10_001)
    await dawdling.closed
    expect(submitting.socket.closed).toBe(false)
    const answer = once(submitting.socket, 'data')
    await submitting.write(Buffer.from('{"a": 1 }'))
    expect(String((await answer)[0])).toMatch(/^HTTP\/1\.1 400 [^]*Action field not found in JSON/)

    const silent = await opened(
      `POST ${base}/create HTTP/1.1\r\nHost: m\r\nContent-Length: 9\r\n\r\n`,
    )
    expect((await ask({ port: harness.port, path: '/none' })).status).toBe(404)
    vi.advanceTimersByTime(45_001)
    await silent.closed
  })
})
