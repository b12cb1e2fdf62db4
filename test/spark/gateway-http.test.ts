/** HTTP on the Spark port: finding the control link. */
import { get, request, type IncomingMessage, type RequestOptions } from 'node:http'

import { expect, test } from 'vitest'

import { DiscoveryServer } from '../../src/spark/gateway-http.js'
import { captured, GatewayHarness, LogLines, MASTER_URL } from './gateway-harness.js'

async function start(): Promise<{ harness: GatewayHarness; discovery: DiscoveryServer }> {
  const discovery = new DiscoveryServer(new LogLines().logger)
  const harness = await GatewayHarness.start({ http: (socket) => discovery.accept(socket) })
  return { harness, discovery }
}

async function ask(options: RequestOptions): Promise<{ status: number; text: string }> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request({ host: '127.0.0.1', agent: false, ...options }, resolve)
      .on('error', reject)
      .end()
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
  discovery.ready(4321, MASTER_URL)
  const { status, text } = await ask({ port: harness.port, path: '/control?from=test' })
  expect(status).toBe(200)
  expect(JSON.parse(text)).toEqual({
    protocol: 1,
    port: 4321,
    path: '/control/v1',
    masterUrl: MASTER_URL,
  })
})

test('anything else is explained in one line', async () => {
  const { harness, discovery } = await start()
  await using _ = harness
  discovery.ready(4321, MASTER_URL)
  const { status, text } = await ask({ port: harness.port, path: '/' })
  expect(status).toBe(404)
  expect(text).toBe('This is the Spark RPC port; over HTTP it answers GET /control only.\n')
  const post = await ask({ port: harness.port, path: '/control', method: 'POST' })
  expect(post.status).toBe(405)
})

test('REST: a submission gets no answer, so that spark-submit falls back to RPC; the rest is told', async () => {
  const { harness } = await start()
  await using _ = harness
  const create = ask({ port: harness.port, path: '/v1/submissions/create', method: 'POST' })
  await expect(create).rejects.toThrow('socket hang up')
  const { text } = await ask({ port: harness.port, path: '/v1/submissions/status/driver-1' })
  expect(JSON.parse(text)).toMatchObject({
    action: 'ErrorResponse',
    message: expect.stringContaining('spark.master.rest.port'),
  })
})

test('a request cut into single bytes is answered', async () => {
  const { harness, discovery } = await start()
  await using _ = harness
  discovery.ready(4321, MASTER_URL)
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
  discovery.ready(4321, MASTER_URL)
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
