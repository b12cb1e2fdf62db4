/** Connections over the addon, each with Node's own socket at the other end. */
import { on, once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { Worker } from 'node:worker_threads'

import { afterEach, describe, expect, test } from 'vitest'

import { TcpStreams, type StreamUser, type TcpStream } from '../../src/spark/tcp/streams.js'

const DIAL = { timeoutMs: 10_000, signal: new AbortController().signal }

/** What one stream was told, with its bytes copied. */
class Heard implements StreamUser {
  readonly closed: Promise<string | null>
  isNeeded = false
  #bytes: Buffer[] = []
  #close!: (error: string | null) => void

  constructor(readonly stream: TcpStream) {
    this.closed = new Promise((resolve) => {
      this.#close = resolve
    })
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#bytes)
  }

  receive(slab: Buffer, from: number, to: number): boolean {
    this.#bytes.push(Buffer.from(slab.subarray(from, to)))
    return this.isNeeded
  }

  onEnd(): void {
    this.stream.end()
  }

  onClosed(error: string | null): void {
    this.#close(error)
  }
}

/** A listener, and whoever it has accepted, in order. */
class Harness {
  readonly heard: Heard[] = []
  readonly streams: TcpStreams
  port = 0

  constructor(user: (stream: TcpStream) => StreamUser = (stream) => this.hear(stream)) {
    this.streams = new TcpStreams({ accept: user, onFault: (message) => expect.fail(message) })
  }

  hear(stream: TcpStream): Heard {
    const heard = new Heard(stream)
    this.heard.push(heard)
    return heard
  }

  async listen(): Promise<void> {
    this.port = await this.streams.listen('127.0.0.1', 0)
  }

  async accept(): Promise<{ heard: Heard; socket: Socket }> {
    const count = this.heard.length
    const socket = connect({ host: '127.0.0.1', port: this.port })
    socket.on('error', () => {})
    await expect.poll(() => this.heard.length).toBeGreaterThan(count)
    return { heard: this.heard[count]!, socket }
  }
}

const open: (Harness | Server)[] = []

async function harness(user?: (stream: TcpStream) => StreamUser): Promise<Harness> {
  const made = new Harness(user)
  await made.listen()
  open.push(made)
  return made
}

async function nodeServer(onSocket: (socket: Socket) => void): Promise<number> {
  const server = createServer(onSocket).listen(0, '127.0.0.1')
  await once(server, 'listening')
  open.push(server)
  return (server.address() as AddressInfo).port
}

afterEach(async () => {
  for (const one of open.splice(0)) {
    if (!(one instanceof Harness)) {
      one.close()
      continue
    }
    for (const { stream } of one.heard) stream.destroy()
    await one.streams.close()
  }
})

/** However it ends. */
function endOf(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once('close', () => resolve())
  })
}

/** Mulberry32: the same numbers for the same seed. */
function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

describe('what a peer sends', () => {
  test('comes to its stream alone, whole and in order, from many at once', async () => {
    const server = await harness()
    const pairs = []
    for (let count = 0; count < 50; count++) pairs.push(await server.accept())
    const draw = random(1)
    const sent = pairs.map(() => [] as Buffer[])
    for (let round = 0; round < 40; round++)
      for (const [index, { socket }] of pairs.entries()) {
        const piece = Buffer.alloc(1 + Math.floor(draw() ** 4 * 100_000), index + 1)
        piece[0] = round
        sent[index]!.push(piece)
        socket.write(piece)
      }
    for (const [index, { heard }] of pairs.entries()) {
      const whole = Buffer.concat(sent[index]!)
      await expect.poll(() => heard.bytes.length).toBe(whole.length)
      expect(heard.bytes.equals(whole)).toBe(true)
    }
  })

  test('stays where it is while somebody needs it, and is overwritten when nobody does', async () => {
    const views: Buffer[] = []
    let isNeeded = true
    const server = await harness((stream) => {
      const heard = server.hear(stream)
      return {
        receive(slab, from, to) {
          views.push(slab.subarray(from, to))
          return isNeeded
        },
        onEnd: () => heard.onEnd(),
        onClosed: (error) => heard.onClosed(error),
      }
    })
    const { socket } = await server.accept()
    const bytes = (): number => views.reduce((sum, view) => sum + view.length, 0)
    // More than a slab, so that there are several.
    for (let round = 0; round < 20; round++) {
      const before = bytes()
      socket.write(Buffer.alloc(50_000, round))
      await expect.poll(() => bytes()).toBe(before + 50_000)
    }
    const kept = Buffer.concat(views)
    for (let round = 0; round < 20; round++)
      expect(
        kept.subarray(round * 50_000, (round + 1) * 50_000).every((byte) => byte === round),
      ).toBe(true)
    isNeeded = false
    views.length = 0
    for (const text of ['a', 'b']) {
      const before = views.length
      socket.write(text)
      await expect.poll(() => views.length).toBe(before + 1)
    }
    expect(views.map(String)).toEqual(['b', 'b'])
  })

  test('a fault of who hears it costs no other stream what it was told', async () => {
    const failures: Error[] = []
    const listeners = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    process.on('uncaughtException', (error) => failures.push(error))
    try {
      const server = await harness((stream) => {
        const heard = server.hear(stream)
        if (server.heard.length > 1) return heard
        heard.receive = () => {
          throw new Error('a fault')
        }
        return heard
      })
      const pairs = [await server.accept(), await server.accept()]
      for (const { socket } of pairs) socket.write('hello')
      await expect.poll(() => pairs[1]!.heard.bytes.toString()).toBe('hello')
      await expect.poll(() => failures.map(String)).toEqual(['Error: a fault'])
    } finally {
      process.removeAllListeners('uncaughtException')
      for (const listener of listeners) process.on('uncaughtException', listener)
    }
  })
})

describe('what is written', () => {
  test('waits for a peer that does not read, and then arrives whole', async () => {
    const server = await harness()
    const { heard, socket } = await server.accept()
    socket.pause()
    const piece = Buffer.alloc(64 * 1024, 7)
    for (let count = 0; count < 300; count++) heard.stream.write(piece)
    expect(heard.stream.unsent).toBeGreaterThan(0)
    let received = 0
    socket.on('data', (chunk) => {
      received += chunk.length
    })
    heard.stream.end()
    socket.resume()
    await once(socket, 'end')
    expect(received).toBe(300 * piece.length)
    expect(await heard.closed).toBeNull()
    expect(heard.stream.unsent).toBe(0)
  })

  test('to one that is gone is dropped', async () => {
    const server = await harness()
    const { heard, socket } = await server.accept()
    socket.resetAndDestroy()
    expect(await heard.closed).toBe('ECONNRESET: connection reset by peer')
    heard.stream.write(Buffer.from('late'))
    heard.stream.end()
    heard.stream.keepAlive(1)
    expect([heard.stream.unsent, heard.stream.peer()]).toEqual([0, null])
  })
})

describe('the end of a stream', () => {
  test('is told once, when both sides have ended it', async () => {
    const server = await harness()
    const { heard, socket } = await server.accept()
    socket.resume()
    socket.end('bye')
    expect(await heard.closed).toBeNull()
    expect(heard.bytes.toString()).toBe('bye')
    expect(server.streams.open).toBe(0)
  })

  test('comes at once for who destroys it, while bytes of it are under way', async () => {
    const server = await harness()
    const { heard, socket } = await server.accept()
    const closed = endOf(socket)
    heard.receive = () => {
      heard.stream.destroy()
      return false
    }
    socket.write(Buffer.alloc(1024 * 1024))
    expect(await heard.closed).toBeNull()
    await closed
  })

  test('of all: nobody is accepted, and what is under way goes out first', async () => {
    const server = await harness()
    const { heard, socket } = await server.accept()
    heard.stream.write(Buffer.from('last words'))
    heard.stream.end()
    const closing = server.streams.close()
    const [last] = (await once(socket, 'data')) as [Buffer]
    expect(last.toString()).toBe('last words')
    await closing
    const late = connect({ host: '127.0.0.1', port: server.port })
    const [error] = (await once(late, 'error')) as [NodeJS.ErrnoException]
    expect(error.code).toBe('ECONNREFUSED')
  })
})

test('who comes in the same moment in which all is closed is turned away', async () => {
  for (let round = 0; round < 20; round++) {
    const server = await harness()
    const sockets = Array.from({ length: 5 }, () =>
      connect({ host: '127.0.0.1', port: server.port }),
    )
    for (const socket of sockets) socket.on('error', () => {})
    const gone = sockets.map(endOf)
    await once(sockets[0]!, 'connect')
    for (const { stream } of server.heard) stream.destroy()
    await server.streams.close()
    await Promise.all(gone)
  }
})

describe('connections that we open', () => {
  test('by name, whichever of its addresses listens', async () => {
    const port = await nodeServer((socket) => socket.pipe(socket))
    const server = await harness()
    const heard = await server.streams.dial('localhost', port, DIAL, (stream) => {
      const made = server.hear(stream)
      stream.user = made
      return made
    })
    heard.stream.write(Buffer.from('there and back'))
    await expect.poll(() => heard.bytes.toString()).toBe('there and back')
    expect(heard.stream.peer()).toEqual({ host: '127.0.0.1', port })
  })

  test('nobody listens', async () => {
    const server = await harness()
    const { streams } = new Harness()
    const port = await streams.listen('127.0.0.1', 0)
    await streams.close()
    await expect(
      server.streams.dial('127.0.0.1', port, DIAL, () => expect.fail('nobody is there')),
    ).rejects.toThrow(/^connect ECONNREFUSED: connection refused 127\.0\.0\.1:\d+$/)
    expect(server.streams.open).toBe(0)
  })

  test('given up before, while and after the name is looked up', async () => {
    const port = await nodeServer((socket) => socket.destroy())
    const server = await harness()
    const begin = (): void => expect.fail('it was given up')
    const dial = (signal: AbortSignal): Promise<void> =>
      server.streams.dial('127.0.0.1', port, { timeoutMs: 10_000, signal }, begin)
    await expect(dial(AbortSignal.abort())).rejects.toThrow('not reached in time')
    const abort = new AbortController()
    const dialling = dial(abort.signal)
    abort.abort()
    await expect(dialling).rejects.toThrow('not reached in time')
    // A name that leads nowhere.
    await expect(server.streams.dial('no-such-host.invalid', port, DIAL, begin)).rejects.toThrow(
      /ENOTFOUND|EAI_AGAIN/,
    )
  })

  test('a port that is taken', async () => {
    const server = await harness()
    const other = await harness()
    await expect(other.streams.listen('127.0.0.1', server.port)).rejects.toMatchObject({
      code: 'EADDRINUSE',
      message: `listen EADDRINUSE: address already in use 127.0.0.1:${server.port}`,
    })
  })
})

test('a stream becomes a socket of Node with all that has come, also while it was handed over', async () => {
  const sockets: Socket[] = []
  const server = await harness((stream) => {
    const heard = server.hear(stream)
    heard.receive = (slab, from, to) => {
      stream.handOver(slab.subarray(from, to), (socket) => sockets.push(socket))
      return false
    }
    return heard
  })
  const { socket: peer } = await server.accept()
  const sent = Buffer.from(Array.from({ length: 2_000_000 }, (_, index) => index % 251))
  peer.end(sent)
  await expect.poll(() => sockets).toHaveLength(1)
  const [socket] = sockets
  expect(socket!.remotePort).toBe(peer.localPort)
  const chunks: Buffer[] = []
  for await (const chunk of socket!) chunks.push(chunk as Buffer)
  expect(Buffer.concat(chunks).equals(sent)).toBe(true)
  expect(server.streams.open).toBe(0)
})

test('hundreds come, speak, break off and come again: each hears its own words', async () => {
  const server = await harness((stream) => {
    const heard = server.hear(stream)
    heard.receive = (slab, from, to) => {
      stream.write(slab.subarray(from, to))
      return false
    }
    return heard
  })
  const draw = random(7)
  const echoed = async (number: number): Promise<void> => {
    for (let life = 0; life < 5; life++) {
      const socket = connect({ host: '127.0.0.1', port: server.port })
      const heard: Buffer[] = []
      socket.on('data', (chunk: Buffer) => heard.push(chunk))
      await once(socket, 'connect')
      const words = Buffer.alloc(1 + Math.floor(draw() * 5_000), `${number} ${life} `)
      socket.write(words)
      await expect.poll(() => Buffer.concat(heard).length).toBe(words.length)
      expect(Buffer.concat(heard).equals(words)).toBe(true)
      if (draw() < 0.5) socket.resetAndDestroy()
      else socket.end()
    }
  }
  await Promise.all(Array.from({ length: 200 }, (_, number) => echoed(number)))
  await expect.poll(() => server.streams.open).toBe(0)
})

test('a thread may end with connections open, in the midst of their words', async () => {
  const port = await nodeServer((socket) => {
    socket.on('error', () => {})
    const speaking = setInterval(() => socket.write(Buffer.alloc(10_000)), 1)
    socket.once('close', () => clearInterval(speaking))
  })
  const worker = new Worker(new URL('tcp-thread.mjs', import.meta.url), { workerData: { port } })
  const says = on(worker, 'message')
  const [ownPort] = (await says.next()).value as [number]
  const peer = connect({ host: '127.0.0.1', port: ownPort })
  peer.on('error', () => {})
  const closed = endOf(peer)
  await once(peer, 'connect')
  expect((await says.next()).value).toEqual(['much'])
  expect(await worker.terminate()).toBe(1)
  await closed
})
