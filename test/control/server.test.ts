import { connect } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { ControlServer, type ControlServerOptions } from '../../src/control/server.js'
import { loadUws } from '../../src/control/uws.js'
import { Recorder, recordingLog } from './recorder.js'

type Event =
  | { kind: 'connected'; session: number; address: string }
  | { kind: 'message'; session: number; bytes: number[] }
  | { kind: 'disconnected'; session: number; reason: string }

const transports = loadUws() instanceof Error ? (['ws'] as const) : (['uws', 'ws'] as const)

describe.each(transports)('control server on %s', (transport) => {
  const stops: (() => Promise<void> | void)[] = []
  afterEach(async () => {
    for (const stop of stops.splice(0).toReversed()) await stop()
  })

  async function start(options: Partial<ControlServerOptions> = {}) {
    const seen = new Recorder<Event>()
    const lines: string[] = []
    const server = new ControlServer({
      log: recordingLog(lines),
      transport,
      onConnected: (session, address) => seen.add({ kind: 'connected', session, address }),
      onMessage: (session, bytes) => seen.add({ kind: 'message', session, bytes: [...bytes] }),
      onDisconnected: (session, reason) => seen.add({ kind: 'disconnected', session, reason }),
      ...options,
    })
    const port = await server.listen('127.0.0.1', 0)
    stops.push(() => server.stop('test ends'))
    return { server, port, seen, lines }
  }

  async function dial(port: number, path = '/control/v1'): Promise<WebSocket> {
    const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, { perMessageDeflate: false })
    stops.push(() => socket.terminate())
    await new Promise((resolve, reject) => {
      socket.once('open', resolve)
      socket.once('error', reject)
    })
    socket.on('error', () => {})
    return socket
  }

  const closed = (socket: WebSocket): Promise<{ code: number; reason: string }> =>
    new Promise((resolve) => {
      socket.once('close', (code, reason) => resolve({ code, reason: reason.toString() }))
    })
  const gone = (event: Event): boolean => event.kind === 'disconnected'

  test('messages go both ways, sessions count from 1', async () => {
    const { server, port, seen } = await start()
    const socket = await dial(port)
    const answer = new Promise<Buffer>((resolve) => {
      socket.once('message', (data: Buffer) => resolve(data))
    })
    socket.send(Uint8Array.of(1, 2, 3))
    await seen.next((event) => event.kind === 'message')
    server.send(1, Uint8Array.of(4, 5))
    expect([...(await answer)]).toEqual([4, 5])
    socket.close()
    await seen.next(gone)
    expect(seen.events.map(({ kind, session }) => [kind, session])).toEqual([
      ['connected', 1],
      ['message', 1],
      ['disconnected', 1],
    ])
    expect(seen.events[0]).toMatchObject({ address: '127.0.0.1' })
  })

  test('what is sent together arrives in order, also when it is more than a buffer holds', async () => {
    const { server, port, seen } = await start()
    const socket = await dial(port)
    await seen.next((event) => event.kind === 'connected')
    const got: number[] = []
    const end = closed(socket)
    socket.on('message', (data: Buffer) => got.push(data.byteLength))
    const sizes = [1, 100_000, 0, 5, 300_000, 7]
    server.sendAll(
      1,
      sizes.map((size) => new Uint8Array(size)),
    )
    server.sendAll(2, [Uint8Array.of(1)])
    server.close(1, 'done')
    await end
    expect(got).toEqual(sizes)
  })

  test('our close tells the reason, after what was sent, and disconnects once', async () => {
    const { server, port, seen } = await start()
    const socket = await dial(port)
    await seen.next((event) => event.kind === 'connected')
    const got: number[] = []
    socket.on('message', (data: Buffer) => got.push(data[0]!))
    const end = closed(socket)
    server.send(1, Uint8Array.of(9))
    server.close(1, `no room for you: ${'ä'.repeat(100)}`)
    server.close(1, 'again')
    server.send(1, Uint8Array.of(10))
    const { code, reason } = await end
    expect(code).toBe(1008)
    expect(reason).toMatch(/^no room for you: ä+$/)
    expect(got).toEqual([9])
    await server.stop('test')
    expect(seen.events.filter(gone)).toHaveLength(1)
    expect(seen.events.find(gone)).toMatchObject({ reason: expect.stringMatching(/^no room/) })
  })

  test('a message over the limit costs the connection', async () => {
    const { port, seen } = await start({ maxMessageBytes: 1000 })
    const socket = await dial(port)
    const end = closed(socket)
    socket.send(new Uint8Array(1000))
    socket.send(new Uint8Array(1001))
    await end
    await seen.next(gone)
    const received = seen.events.filter((event) => event.kind === 'message')
    expect(received.map((event) => event.bytes.length)).toEqual([1000])
  })

  test('text costs the connection, with a logged reason', async () => {
    const { port, seen, lines } = await start()
    const socket = await dial(port)
    const end = closed(socket)
    socket.send('hello')
    expect((await end).code).toBe(1003)
    await seen.next(gone)
    expect(seen.events.some((event) => event.kind === 'message')).toBe(false)
    expect(lines.join('\n')).toContain('text messages are not served')
  })

  test('a malformed frame costs that connection alone', async () => {
    const { port, seen } = await start()
    const other = await dial(port)
    const raw = connect(port, '127.0.0.1')
    stops.push(() => void raw.destroy())
    const ended = new Promise((resolve) => raw.once('close', resolve))
    raw.on('error', () => {})
    raw.resume()
    raw.write(
      'GET /control/v1 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n',
    )
    await seen.next((event) => event.kind === 'connected' && event.session === 2)
    // Reserved bits set, unmasked, reserved opcode.
    raw.write(Buffer.from([0xff, 0x05, 1, 2, 3, 4, 5]))
    await ended
    await seen.next((event) => gone(event) && event.session === 2)
    other.send(Uint8Array.of(1))
    await seen.next((event) => event.kind === 'message' && event.session === 1)
  })

  test('a peer that does not read is closed when its buffer is full', async () => {
    const { server, port, seen, lines } = await start({ maxBufferedBytes: 100_000 })
    const socket = await dial(port)
    await seen.next((event) => event.kind === 'connected')
    socket.pause()
    const part = new Uint8Array(1_000_000)
    // The kernel's buffers take some megabytes first.
    for (let sent = 0; sent < 200 && !seen.events.some(gone); sent += 1) server.send(1, part)
    expect(seen.events.find(gone)).toMatchObject({
      reason: expect.stringMatching(/does not read: over 100000 bytes/),
    })
    expect(lines.join('\n')).toContain('does not read')
    socket.resume()
  })

  test('beyond the session limit and on other paths there is no session', async () => {
    const { port, seen } = await start({ maxSessions: 1 })
    await expect(dial(port, '/other')).rejects.toThrow(/40[04]/)
    await dial(port)
    await expect(dial(port)).rejects.toThrow('503')
    expect(seen.events.filter((event) => event.kind === 'connected')).toHaveLength(1)
  })

  test('a port that is taken is refused', async () => {
    const { port } = await start()
    const second = new ControlServer({
      log: recordingLog(),
      transport,
      onConnected: () => {},
      onMessage: () => {},
      onDisconnected: () => {},
    })
    await expect(second.listen('127.0.0.1', port)).rejects.toThrow(/can't listen on 127\.0\.0\.1/)
    await second.stop('test')
  })

  test('stop says goodbye and gives the port back', async () => {
    const { server, port, seen } = await start()
    const socket = await dial(port)
    await seen.next((event) => event.kind === 'connected')
    const end = closed(socket)
    await server.stop('the master stops')
    expect(await end).toEqual({ code: 1001, reason: 'the master stops' })
    await expect(dial(port)).rejects.toThrow(/ECONNREFUSED/)
  })
})
