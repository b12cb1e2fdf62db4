/** Whatever a peer sends to the driver's port: a stranger gets nowhere, a broken executor costs its connection. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { serialize } from 'node:v8'
import fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'

import { DriverServer } from '../../src/app/driver-server.js'
import { ProtocolError } from '../../src/app/errors.js'
import {
  decodeDriverMessage,
  decodeExecutorMessage,
  encodeDriverMessage,
  encodeExecutorMessage,
  header,
  PROTOCOL_VERSION,
} from '../../src/app/protocol.js'

const token = 'the secret'
const servers: DriverServer[] = []
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close()
})

async function listening() {
  const server = new DriverServer(token)
  servers.push(server)
  return { server, port: await server.listen('127.0.0.1', 0) }
}

async function executor(port: number, id: string): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}`, {
    headers: {
      [header.token]: `Bearer ${token}`,
      [header.protocol]: String(PROTOCOL_VERSION),
      [header.appId]: 'app-1',
      [header.executorId]: id,
      [header.hostname]: 'h',
      [header.cores]: '1',
    },
  })
  await once(socket, 'open')
  return socket
}

const payload = fc.oneof(fc.uint8Array({ maxLength: 64 }), fc.string())
const id = fc.nat()
const results = fc.record({
  id,
  status: fc.constantFrom(0 as const, 1 as const, 2 as const),
  runMs: fc.double({ min: 0, max: 1e9, noNaN: true }),
  payload,
})
const valid = fc.oneof(
  fc
    .array(results, { maxLength: 8 })
    .map((each) => encodeExecutorMessage({ kind: 'results', results: each })),
  fc.array(id, { maxLength: 8 }).map((ids) => encodeExecutorMessage({ kind: 'returned', ids })),
  fc
    .array(fc.record({ id, name: fc.string(), payload }), { maxLength: 8 })
    .map((tasks) => encodeDriverMessage({ kind: 'tasks', tasks })),
)
/** A real message of which some bytes changed, or whose end is missing. */
const mutated = fc
  .tuple(valid, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }), fc.nat())
  .map(([bytes, changes, cut]) => {
    const copy = Buffer.from(bytes)
    for (const [at, value] of changes) copy[at % copy.length] = value
    return copy.subarray(0, cut % 4 === 0 ? cut % copy.length : copy.length)
  })
/** A well formed value that is no message: fields of the wrong types and lengths. */
const misshapen = fc
  .record(
    {
      kind: fc.constantFrom('results', 'returned', 'tasks', 'abort', 'recall', 'stop', 7),
      ids: fc.anything(),
      statuses: fc.anything(),
      runMs: fc.anything(),
      names: fc.anything(),
      payloads: fc.oneof(fc.array(payload, { maxLength: 4 }), fc.anything()),
      count: fc.anything(),
    },
    { requiredKeys: ['kind'] },
  )
  .map((fields) => {
    try {
      return serialize(fields)
    } catch {
      return serialize(fields.kind)
    }
  })
const text = fc.oneof(fc.json(), fc.string()).map((value) => Buffer.from(value))
const noise = fc.uint8Array({ maxLength: 256 }).map((bytes) => Buffer.from(bytes))
const hostile = fc.oneof(noise, text, mutated, misshapen)

const V8_FIRST_BYTE = 0xff

describe('a batch', () => {
  /** With halves of surrogate pairs, which UTF-8 has no place for. */
  const anyText = fc.string({ unit: 'binary' })
  const anyPayload = fc.oneof(fc.uint8Array({ maxLength: 64 }), anyText)

  test.each(['one', 'many'])('of %s comes back as it was sent', (size) => {
    const length = size === 'one' ? { minLength: 1, maxLength: 1 } : { minLength: 1, maxLength: 64 }
    const tasks = fc.array(fc.record({ id, name: anyText, payload: anyPayload }), length)
    fc.assert(
      fc.property(tasks, (sent) => {
        const message = { kind: 'tasks' as const, tasks: sent }
        expect(decodeDriverMessage(encodeDriverMessage(message))).toEqual(message)
      }),
    )
    fc.assert(
      fc.property(fc.array(results, length), (sent) => {
        const message = { kind: 'results' as const, results: sent }
        expect(decodeExecutorMessage(encodeExecutorMessage(message))).toEqual(message)
      }),
    )
  })

  test.each([
    ['a lone text', 1, '{}', false],
    ['lone bytes', 1, new Uint8Array(2), true],
    ['many texts', 4096, '{}', true],
  ])('of %s needs V8 or does not', (_what, count, each, isV8) => {
    const tasks = Array.from({ length: count }, (_, at) => ({ id: at, name: 'f', payload: each }))
    const bytes = encodeDriverMessage({ kind: 'tasks', tasks })
    expect(bytes[0] === V8_FIRST_BYTE).toBe(isV8)
  })
})

describe('decoding', () => {
  test.each([
    ['an executor', decodeExecutorMessage],
    ['a driver', decodeDriverMessage],
  ] as const)('of what %s sent gives a message or a ProtocolError', (_name, decode) => {
    fc.assert(
      fc.property(hostile, (bytes) => {
        try {
          decode(bytes)
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError)
        }
      }),
      { numRuns: 3000 },
    )
  })
})

describe('the driver port', () => {
  test('survives whatever comes without the secret', async () => {
    const { server, port } = await listening()
    let connected = 0
    server.on('connected', () => connected++)
    server.on('refused', () => {})
    const line = fc.constantFrom('GET / HTTP/1.1\r\n', 'POST /x HTTP/1.0\r\n', '\0', '')
    const fields = fc.array(
      fc.constantFrom(
        'upgrade: websocket\r\nconnection: upgrade\r\n',
        'authorization: Bearer x\r\n',
        'authorization:\r\n',
        'sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\nsec-websocket-version: 13\r\n',
        'content-length: 99999999999\r\n',
        `${header.cores}: -1\r\n`,
      ),
      { maxLength: 6 },
    )
    const rest = fc.uint8Array({ maxLength: 128 })
    await fc.assert(
      fc.asyncProperty(line, fields, rest, async (first, others, bytes) => {
        const socket = connect(port, '127.0.0.1')
        socket.on('error', () => {})
        socket.write(`${first}${others.join('')}\r\n`)
        socket.end(bytes)
        socket.resume()
        // However it ends: `once` of events would take a reset for a failure.
        await new Promise((resolve) => socket.once('close', resolve))
      }),
      { numRuns: 200 },
    )
    expect(connected).toBe(0)
    const good = await executor(port, 'good')
    expect(connected).toBe(1)
    good.close()
  })

  test('closes whatever an executor answers that is told to stop', async () => {
    const { server, port } = await listening()
    const broken = await executor(port, 'broken')
    broken.on('error', () => {})
    broken.once('message', () => broken.send(Buffer.from([0xff]), { binary: false }))
    await server.close()
    await expect(executor(port, 'late')).rejects.toThrow('ECONNREFUSED')
  })

  test('a broken executor loses its connection, and the others keep theirs', async () => {
    const { server, port } = await listening()
    const good = await executor(port, 'good')
    const heard: unknown[] = []
    server.on('message', (_executor, message) => heard.push(message))
    const broken = hostile.filter((bytes) => {
      try {
        decodeExecutorMessage(bytes)
        return false
      } catch {
        return true
      }
    })
    let count = 0
    await fc.assert(
      fc.asyncProperty(broken, fc.boolean(), async (bytes, binary) => {
        const bad = await executor(port, `bad-${count++}`)
        const closed = once(server, 'closed') as Promise<[{ identity: { id: string } }, string]>
        bad.on('error', () => {})
        bad.send(bytes, { binary })
        const [{ identity }] = await closed
        expect(identity.id).toBe(`bad-${count - 1}`)
      }),
      { numRuns: 100 },
    )
    expect(heard).toEqual([])
    const message = once(server, 'message')
    good.send(encodeExecutorMessage({ kind: 'returned', ids: [1] }))
    expect((await message)[1]).toEqual({ kind: 'returned', ids: [1] })
  })
})
