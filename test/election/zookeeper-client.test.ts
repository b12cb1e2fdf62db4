/** The client against servers that misbehave; with good ones it is tested in zookeeper.test.ts. */
import { type Server, type Socket, createServer } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'

import { ZooKeeperClient } from '../../src/election/zookeeper/client.js'
import {
  ErrorCode,
  type SessionState,
  ZooKeeperError,
} from '../../src/election/zookeeper/session.js'

const PING = 11

/** Answers as it is told; pings always. */
class FakeServer {
  readonly states: SessionState[] = []
  readonly requests: Buffer[] = []
  client: ZooKeeperClient | null = null
  connections = 0
  /** What the next request is answered with; null: nothing. */
  answer: (xid: number, request: Buffer) => Buffer | null = () => null
  grantMs = 4_000
  /** Whether anybody is let in. */
  silent = false
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  constructor() {
    this.#server = createServer((socket) => {
      this.connections += 1
      this.#sockets.add(socket)
      let welcomed = false
      socket.on('error', () => {})
      socket.on('data', (bytes) => {
        for (let at = 0; at < bytes.length; at += 4 + bytes.readInt32BE(at)) {
          const request = bytes.subarray(at + 4, at + 4 + bytes.readInt32BE(at))
          if (!welcomed) {
            welcomed = true
            if (!this.silent) socket.write(this.#welcome())
          } else if (request.readInt32BE(4) === PING) socket.write(reply(-2, 0))
          else {
            this.requests.push(Buffer.from(request))
            const answer = this.answer(request.readInt32BE(0), request)
            if (answer !== null) socket.write(answer)
          }
        }
      })
    })
  }

  async start(timeoutMs = 4_000): Promise<ZooKeeperClient> {
    await new Promise<void>((done) => this.#server.listen(0, '127.0.0.1', done))
    const { port } = this.#server.address() as { port: number }
    const servers = [{ host: '127.0.0.1', port }]
    this.client = new ZooKeeperClient({ servers, chroot: '/root' }, timeoutMs, {
      onState: (state) => this.states.push(state),
    })
    return this.client
  }

  async state(wanted: SessionState): Promise<void> {
    await expect.poll(() => this.states.at(-1)).toBe(wanted)
  }

  async reconnected(): Promise<void> {
    await expect.poll(() => this.states).toEqual(['connected', 'connecting', 'connected'])
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  async stop(): Promise<void> {
    await this.client?.close()
    this.cut()
    await new Promise((done) => this.#server.close(done))
  }

  #welcome(): Buffer {
    const frame = Buffer.alloc(4 + 4 + 4 + 8 + 4 + 16 + 1)
    frame.writeInt32BE(frame.length - 4, 0)
    frame.writeInt32BE(this.grantMs, 8)
    frame.writeBigInt64BE(77n, 12)
    frame.writeInt32BE(16, 20)
    return frame
  }
}

function reply(xid: number, error: number, body = Buffer.alloc(0)): Buffer {
  const frame = Buffer.alloc(20)
  frame.writeInt32BE(16 + body.length, 0)
  frame.writeInt32BE(xid, 4)
  frame.writeBigInt64BE(9n, 8)
  frame.writeInt32BE(error, 16)
  return Buffer.concat([frame, body])
}

let server: FakeServer

afterEach(() => server.stop())

async function connected(): Promise<ZooKeeperClient> {
  server = new FakeServer()
  const client = await server.start()
  await server.state('connected')
  return client
}

describe('a ZooKeeper client', () => {
  test('S9: version 0 is version 0, and no version is any', async () => {
    const client = await connected()
    server.answer = (xid) => reply(xid, 0, Buffer.from('ffffffff01ffffffff', 'hex'))
    await client.multi([
      { kind: 'check', path: '/epoch', version: 0 },
      { kind: 'delete', path: '/latch' },
    ])
    const [request] = server.requests
    const path = '/root/epoch'
    expect(request?.subarray(8 + 9 + 4, 8 + 9 + 4 + path.length).toString()).toBe(path)
    expect(request?.readInt32BE(8 + 9 + 4 + path.length)).toBe(0)
    expect(request?.subarray(-13).readInt32BE(0)).toBe(-1)
  })

  test('T12: an error that it does not know is an error, and nothing else', async () => {
    const client = await connected()
    server.answer = (xid) => reply(xid, -999)
    const error = await client.get('/a').catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(ZooKeeperError)
    expect(error).toMatchObject({ code: -999, unknownOutcome: false })
    expect(server.states).toEqual(['connected'])
  })

  test('T12: what was under way when the connection broke has an unknown outcome', async () => {
    const client = await connected()
    const asked = client.multi([{ kind: 'set', path: '/a', data: new Uint8Array() }])
    await expect.poll(() => server.requests.length).toBe(1)
    server.cut()
    await expect(asked).rejects.toMatchObject({ code: ErrorCode.CONNECTION_LOSS })
    await server.reconnected()
  })

  test('T12: a request that is never answered ends the connection', async () => {
    const client = await connected()
    await expect(client.get('/a')).rejects.toMatchObject({ code: ErrorCode.CONNECTION_LOSS })
    await server.reconnected()
    expect(server.connections).toBe(2)
  })

  test('T12: a server that takes connections and says nothing is left', async () => {
    server = new FakeServer()
    server.silent = true
    const client = await server.start()
    await expect.poll(() => server.connections).toBeGreaterThan(1)
    expect(client.trouble).toMatch(/no answer within/)
    await expect(client.get('/a')).rejects.toMatchObject({ code: ErrorCode.CONNECTION_LOSS })
  })

  test('T12: a server is not left for what this process itself has slept through', async () => {
    server = new FakeServer()
    await server.start()
    const untilMs = performance.now() + 2_000
    while (performance.now() < untilMs);
    await server.state('connected')
    expect(server.connections).toBe(1)
  })

  test.each([
    ['an answer to what was not asked', reply(4711, 0)],
    ['a frame of a length below zero', Buffer.from('ffffffff', 'hex')],
    ['a frame that is too long', Buffer.from('7fffffff', 'hex')],
    ['a frame that ends inside its header', Buffer.from('0000000400000001', 'hex')],
  ])('%s ends the connection', async (_, bytes) => {
    const client = await connected()
    server.answer = () => bytes
    await expect(client.get('/a')).rejects.toMatchObject({ code: ErrorCode.CONNECTION_LOSS })
    server.answer = (xid) => reply(xid, ErrorCode.NO_NODE)
    await server.reconnected()
    expect(await client.get('/a')).toBeNull()
  })

  test('an answer that ends too early fails its request alone', async () => {
    const client = await connected()
    server.answer = (xid) => reply(xid, 0, Buffer.from('000000ff', 'hex'))
    await expect(client.get('/a')).rejects.toThrow(RangeError)
    server.answer = (xid) => reply(xid, ErrorCode.NO_NODE)
    expect(await client.get('/a')).toBeNull()
  })

  test('T12: a session that expired is over, with what was asked of it', async () => {
    const client = await connected()
    server.grantMs = 0
    const asked = client.get('/a')
    await expect.poll(() => server.requests.length).toBe(1)
    server.cut()
    await expect(asked).rejects.toMatchObject({ code: ErrorCode.CONNECTION_LOSS })
    await server.state('expired')
    await expect(client.get('/a')).rejects.toMatchObject({ code: ErrorCode.SESSION_EXPIRED })
  })
})
