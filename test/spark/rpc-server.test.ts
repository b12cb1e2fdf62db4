/** The RPC server on real sockets: look-ups, refusals and bounds (N4 to N7, M44, C16). */
import { createServer, type AddressInfo } from 'node:net'

import { describe, expect, test } from 'vitest'

import { encodeOneWay, encodeRpcRequest, FrameDecoder, FrameType } from '../../src/spark/frame.js'
import type { RpcConnection } from '../../src/spark/rpc-connection.js'
import { portOfAttempt } from '../../src/spark/rpc-port.js'
import { decodeRequest, encodeRequestHeader } from '../../src/spark/rpc-request.js'
import { RpcServer, type Endpoint, type RpcServerOptions } from '../../src/spark/rpc-server.js'
import { captured, LogLines, Peer, Queue } from './gateway-harness.js'

class Harness {
  readonly log = new LogLines()
  readonly gone = new Queue<{ connection: RpcConnection; reason: string }>()
  readonly server: RpcServer
  port = 0

  private constructor(options: Partial<RpcServerOptions>) {
    this.server = new RpcServer({
      host: '127.0.0.1',
      port: 0,
      maxRetries: 0,
      log: this.log.logger,
      endpoints: new Map([['Worker', refusing]]),
      onClosed: (connection, reason) => this.gone.add({ connection, reason }),
      ...options,
    })
  }

  static async start(options: Partial<RpcServerOptions> = {}): Promise<Harness> {
    const harness = new Harness(options)
    harness.port = await harness.server.listen()
    return harness
  }

  connect(): Peer {
    return new Peer(this.port)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.close()
  }
}

const refusing: Endpoint = {
  receive({ reply, message }) {
    reply?.failure(`no ${message.kind} here`)
  },
}

const lookUpMaster = captured('errors-4.3.0').find(({ reqId }) => reqId === '1001')!.bytes
/** The Java stream of CheckExistence("Master"). */
const checkExistence = lookUpMaster.subarray(lookUpMaster.indexOf(Buffer.from('aced0005', 'hex')))

function headerFor(endpoint: string): Buffer {
  return encodeRequestHeader({ sender: null, receiver: null, endpoint })
}

describe("N4, N7: executors' watchers of real Spark", () => {
  test.each(['3.5.9', '4.0.1', '4.3.0'])('Spark %s gets the answer of Apache', async (release) => {
    await using harness = await Harness.start()
    const frames = captured(`watcher-${release}`)
    for (const name of new Set(frames.map(({ connection }) => connection))) {
      const peer = harness.connect()
      for (const { direction, bytes } of captured(`watcher-${release}`, name)) {
        if (direction === 'c2s') await peer.write(bytes, [3, 9, 50])
        else {
          await peer.frames.next()
          expect(peer.received).toEqual(bytes)
        }
      }
      peer.socket.resetAndDestroy()
      await harness.gone.next()
    }
  })

  test('they lose the connection when the server closes', async () => {
    const harness = await Harness.start()
    const peer = harness.connect()
    await peer.write(lookUpMaster)
    await peer.frames.next()
    await harness.server.close('the worker stops')
    await peer.closed
    expect((await harness.gone.next()).reason).toBe('the worker stops')
  })
})

describe('M44, N4: what is not there', () => {
  test('a look-up of an unknown endpoint is answered with false', async () => {
    await using harness = await Harness.start()
    const peer = harness.connect()
    await peer.write(lookUpMaster)
    const answer = await peer.frames.next()
    expect(answer).toMatchObject({ type: FrameType.RPC_RESPONSE, requestId: 1001n })
    expect((answer as { body: Buffer }).body.at(-1)).toBe(0)
  })

  test('an ask of an unknown endpoint fails as with Apache', async () => {
    await using harness = await Harness.start()
    const peer = harness.connect()
    await peer.write(encodeRpcRequest(-5n, headerFor('Nope'), checkExistence))
    expect(await peer.frames.next()).toEqual({
      type: FrameType.RPC_FAILURE,
      requestId: -5n,
      error: 'org.apache.spark.SparkException: Could not find Nope.',
    })
  })

  test('a one-way message to an unknown endpoint is only logged', async () => {
    await using harness = await Harness.start()
    const peer = harness.connect()
    await peer.write(encodeOneWay(headerFor('No\npe'), checkExistence))
    expect(await harness.log.until('message dropped')).toMatch(/Could not find "No\\npe"\.$/)
    await peer.write(lookUpMaster)
    await peer.frames.next()
  })

  test('a stream is not found', async () => {
    await using harness = await Harness.start()
    const peer = harness.connect()
    const bytes = captured('errors-3.5.9').find(({ type }) => type === 'StreamRequest')!.bytes
    await peer.write(bytes)
    const answer = captured('errors-3.5.9').find(({ type }) => type === 'StreamFailure')!.bytes
    await peer.frames.next()
    expect(peer.received.toString()).toBe(answer.toString())
  })
})

describe('what an endpoint gets', () => {
  test('asks may be answered later, out of order', async () => {
    const calls: (() => void)[] = []
    const endpoint: Endpoint = {
      receive({ reply }) {
        calls.push(() => reply!.value({ kind: 'BooleanReply', value: true }))
        if (calls.length === 2) for (const call of calls.toReversed()) call()
      },
    }
    await using harness = await Harness.start({ endpoints: new Map([['Master', endpoint]]) })
    const peer = harness.connect()
    for (const id of [7n, 8n])
      await peer.write(encodeRpcRequest(id, headerFor('Master'), checkExistence))
    expect(await peer.frames.next()).toMatchObject({ requestId: 8n })
    expect(await peer.frames.next()).toMatchObject({ requestId: 7n })
  })

  test('an ask that can not be decoded fails with what is wrong with it', async () => {
    await using harness = await Harness.start()
    const peer = harness.connect()
    const cut = checkExistence.subarray(0, -4)
    await peer.write(encodeRpcRequest(1n, headerFor('Worker'), cut))
    const { error } = (await peer.frames.next()) as { error: string }
    expect(error).toMatch(/^org\.apache\.spark\.SparkException: bad Java serialization stream/)
  })

  test('an authentication attempt is told that it is not served', async () => {
    await using harness = await Harness.start()
    const peer = harness.connect()
    await peer.write(captured('sasl-4.3.0')[0]!.bytes)
    const { error } = (await peer.frames.next()) as { error: string }
    expect(error).toMatch(/set spark\.authenticate=false/)
  })

  test('a fault of ours costs the connection that brought it out, and no other', async () => {
    const endpoint: Endpoint = {
      receive() {
        throw new TypeError('a fault')
      },
    }
    await using harness = await Harness.start({ endpoints: new Map([['Master', endpoint]]) })
    const [peer, other] = [harness.connect(), harness.connect()]
    await peer.write(encodeRpcRequest(1n, headerFor('Master'), checkExistence))
    expect(await peer.frames.next()).toMatchObject({ type: FrameType.RPC_FAILURE })
    await peer.closed
    expect(await harness.log.until('could not be handled')).toMatch(/a fault/)
    await other.write(lookUpMaster)
    await other.frames.next()
  })
})

describe('M5: the heartbeat, which is the same for as long as a worker lives', () => {
  const [beat, other] = ['errors-4.3.0', 'errors-3.5.9'].map(
    (session) => captured(session).find(({ msg }) => msg === 'Heartbeat')!.bytes,
  ) as [Buffer, Buffer]
  const longer = (text: string): Buffer => encodeOneWay(headerFor('Master'), streamOf(text))
  const streamOf = (workerId: string): Buffer => {
    const { body } = oneWay(beat)
    const { stream } = decodeRequest(body)
    const at = stream.indexOf('worker-')
    const length = stream.readUInt16BE(at - 2)
    const size = Buffer.alloc(2)
    size.writeUInt16BE(workerId.length)
    return Buffer.concat([
      stream.subarray(0, at - 2),
      size,
      Buffer.from(workerId),
      stream.subarray(at + length),
    ])
  }

  /** An endpoint that tells whose heartbeats it has heard. */
  async function hearing() {
    const heard = new Queue<string>()
    const endpoint: Endpoint = {
      receive({ message }) {
        if (message.kind !== 'Heartbeat') throw new TypeError(message.kind)
        heard.add(message.workerId)
      },
    }
    const endpoints = new Map([['Master', endpoint]])
    return { heard, harness: await Harness.start({ endpoints }) }
  }

  test('alone, two at once, in pieces or after another: each is heard, once, with its own words', async () => {
    const { heard, harness } = await hearing()
    const peer = harness.connect()
    const [mine, second] = [longer('worker-1'), longer('worker-2')]
    const writes: [Buffer, number[], string[]][] = [
      [mine, [], ['worker-1']],
      [mine, [], ['worker-1']],
      [Buffer.concat([mine, mine]), [], ['worker-1', 'worker-1']],
      [mine, [9], ['worker-1']],
      [second, [], ['worker-2']],
      [mine, [], ['worker-1']],
      [Buffer.concat([mine, second.subarray(0, 30)]), [], ['worker-1']],
      [second.subarray(30), [], ['worker-2']],
      [longer('x'.repeat(5_000)), [], ['x'.repeat(5_000)]],
      [longer('x'.repeat(5_000)), [], ['x'.repeat(5_000)]],
      [mine, [], ['worker-1']],
    ]
    for (const [bytes, cuts, ids] of writes) {
      await peer.write(bytes, cuts)
      for (const id of ids) expect(await heard.next()).toBe(id)
    }
    expect(heard.size).toBe(0)
    await harness[Symbol.asyncDispose]()
  })

  test('what one peer repeats means nothing on the connection of another', async () => {
    const { heard, harness } = await hearing()
    const [one, two] = [harness.connect(), harness.connect()]
    for (const [peer, bytes] of [
      [one, beat],
      [two, other],
      [one, beat],
      [two, other],
    ] as const) {
      await peer.write(bytes)
      await heard.next()
    }
    await two.write(beat)
    await harness.log.until('what this peer sent before is of Spark 3.5')
    expect(heard.size).toBe(0)
    await harness[Symbol.asyncDispose]()
  })

  test('a fault of ours that the second one brings out costs its connection', async () => {
    let heard = 0
    const endpoint: Endpoint = {
      receive() {
        if (++heard === 2) throw new TypeError('a fault')
      },
    }
    await using harness = await Harness.start({ endpoints: new Map([['Master', endpoint]]) })
    const peer = harness.connect()
    await peer.write(beat)
    await expect.poll(() => heard).toBe(1)
    await peer.write(beat)
    await peer.closed
    expect(await harness.log.until('could not be handled')).toMatch(/a fault/)
  })
})

function oneWay(frame: Buffer): { body: Buffer } {
  const bodies: Buffer[] = []
  new FrameDecoder().push(frame, (one) => {
    if (one.type === FrameType.ONE_WAY) bodies.push(one.body)
  })
  return { body: bodies[0]! }
}

describe('bounds', () => {
  test('a frame over the limit', async () => {
    await using harness = await Harness.start({ limits: { maxFrameBytes: 1000 } })
    const peer = harness.connect()
    await peer.write(encodeOneWay(Buffer.alloc(1000)))
    expect((await harness.gone.next()).reason).toMatch(/over the limit of 1000/)
    await peer.closed
  })

  test('a frame that stops half way', async () => {
    await using harness = await Harness.start({ limits: { frameTimeoutMs: 1 } })
    const peer = harness.connect()
    await peer.write(lookUpMaster)
    await peer.frames.next()
    await peer.write(lookUpMaster.subarray(0, 20))
    expect((await harness.gone.next()).reason).toBe('a frame stopped arriving half way')
  })

  test('unfinished frames of all peers together', async () => {
    await using harness = await Harness.start({ limits: { maxHeldBytes: 10_000 } })
    const first = harness.connect()
    const long = encodeOneWay(headerFor('Nope'), Buffer.alloc(20_000))
    await first.write(long.subarray(0, 6000))
    await first.write(Buffer.concat([long.subarray(6000), long.subarray(0, 6000)]))
    await harness.log.until('message dropped')
    const second = harness.connect()
    await second.write(long.subarray(0, 6000))
    expect((await harness.gone.next()).reason).toMatch(/of all peers take over 10000 bytes/)
    await second.closed
    first.socket.destroy()
    await harness.gone.next()
    const third = harness.connect()
    await third.write(long.subarray(0, 6000))
    await third.write(long.subarray(6000))
    await harness.log.until('message dropped')
  })

  test('asks without an answer', async () => {
    await using harness = await Harness.start({
      limits: { maxOpenAsks: 2 },
      endpoints: new Map([['Master', { receive: () => {} }]]),
    })
    const peer = harness.connect()
    for (const id of [1n, 2n, 3n])
      await peer.write(encodeRpcRequest(id, headerFor('Master'), checkExistence))
    expect(await peer.frames.next()).toEqual({
      type: FrameType.RPC_FAILURE,
      requestId: 3n,
      error: 'over 2 asks of this connection have no answer yet',
    })
  })

  test('log lines', async () => {
    await using harness = await Harness.start({ limits: { maxComplaints: 3 } })
    const peer = harness.connect()
    await peer.write(
      Buffer.concat(Array(5).fill(encodeOneWay(headerFor('Nope'), checkExistence)) as Buffer[]),
    )
    expect((await harness.gone.next()).reason).toMatch(/^3 messages of this peer/)
    expect(harness.log.lines.filter((line) => line.includes('message dropped'))).toHaveLength(3)
  })

  test('a peer that does not read', async () => {
    await using harness = await Harness.start({ limits: { maxUnsentBytes: 1000 } })
    const peer = harness.connect()
    peer.socket.pause()
    const asks = Buffer.concat(Array(2000).fill(lookUpMaster) as Buffer[])
    // Its own kernel buffers hide the first megabytes from us.
    const flood = (): void => {
      if (!peer.socket.destroyed) peer.socket.write(asks, flood)
    }
    flood()
    expect((await harness.gone.next()).reason).toMatch(/the peer does not read: \d+ bytes wait/)
    peer.socket.destroy()
  })
})

describe('the first byte', () => {
  test.each([
    ['TLS', Buffer.from([22, 3, 1]), /TLS \(spark\.ssl\.rpc\.enabled\)/],
    ['HTTP where none is served', Buffer.from('GET / HTTP/1.1\r\n\r\n'), /HTTP, which is not/],
    ['a negative frame length', Buffer.from('fffffffffffffffb03', 'hex'), /first byte is 255/],
  ])('%s is refused with a line in the log', async (_what, bytes, line) => {
    await using harness = await Harness.start()
    const peer = harness.connect()
    await peer.write(bytes)
    await peer.closed
    expect(await harness.log.until('connection closed')).toMatch(line)
  })

  test.each(['04', '06'])("Apache's bad frame %s closes the connection", async (name) => {
    await using harness = await Harness.start()
    const peer = harness.connect()
    await peer.write(captured('errors-4.3.0', name)[0]!.bytes)
    await peer.closed
    expect((await harness.gone.next()).reason).toMatch(/unknown frame type 77|a frame claims/)
  })
})

async function taken(): Promise<{ port: number } & AsyncDisposable> {
  const server = createServer()
  const port = await new Promise<number>((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))
  })
  return {
    port,
    async [Symbol.asyncDispose]() {
      await new Promise((resolve) => {
        server.close(resolve)
      })
    },
  }
}

describe('C16: ports', () => {
  test.each([
    [7077, 0, 7077],
    [7077, 16, 7093],
    [65_535, 1, 1024],
    [65_530, 10, 1028],
    [0, 3, 0],
  ])('port %i, attempt %i: %i', (port, attempt, expected) => {
    expect(portOfAttempt(port, attempt)).toBe(expected)
  })

  test('a taken port: the next free one', async () => {
    await using other = await taken()
    await using harness = await Harness.start({ port: other.port, maxRetries: 16 })
    expect(harness.port).not.toBe(other.port)
    expect(harness.log.lines[0]).toMatch(new RegExp(`^port ${other.port} on 127.0.0.1 is taken`))
  })

  test('no port left: one line that says what to do', async () => {
    await using other = await taken()
    await expect(Harness.start({ port: other.port })).rejects.toThrow(
      `can't listen on 127.0.0.1: ports ${other.port} to ${other.port} are taken; give another port`,
    )
  })

  test('a host of another machine', async () => {
    await expect(Harness.start({ host: '192.0.2.1' })).rejects.toThrow(
      /can't listen on 192\.0\.2\.1:0: .*EADDRNOTAVAIL.*give a host of this machine/,
    )
  })
})
