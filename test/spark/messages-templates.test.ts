import { describe, expect, it, vi } from 'vitest'
import { readJavaStream } from '../../src/spark/java/reader.js'
import type { JavaString, JavaValue } from '../../src/spark/java/tree.js'
import { fieldOf, objectOf } from '../../src/spark/java/values.js'
import { writeJavaStream } from '../../src/spark/java/writer.js'
import {
  decodeMessage,
  PeerDialect,
  type OutgoingMessage,
  type RpcAddress,
} from '../../src/spark/messages.js'
import { DescriptionReader, streamOf } from '../../src/spark/messages/descriptions.js'
import { Templates } from '../../src/spark/messages/templates.js'
import { listedDescriptor } from '../../src/spark/tables/class-table.js'
import { RELEASES, sample } from './golden-vectors.js'

const master = { host: 'master.example', port: 7077 }
const long = 'x'.repeat(70_000)

function launch(execId: number, appId: string, app: Uint8Array): OutgoingMessage {
  const masterUrl = 'spark://master.example:7077'
  const base = { kind: 'LaunchExecutor', masterUrl, appId, execId, rpId: 0 } as const
  return { ...base, appDescription: app, cores: execId + 1, memoryMb: 1024, resources: [] }
}

/** @param masterAddress what the worker calls the master, an object of this message alone or not */
function registered(masterAddress: RpcAddress): OutgoingMessage {
  const masterWebUiUrl = 'http://master.example:8080'
  return { kind: 'RegisteredWorker', master, masterWebUiUrl, masterAddress, duplicate: false }
}

/** The same structure with other values: every text, and every number that has a place of its own. */
function varied(stream: Uint8Array, text: string, number: number): Uint8Array {
  const strings: JavaString[] = []
  const fields: { type: string; values: JavaValue[]; index: number }[] = []
  const { root } = readJavaStream(stream, undefined, {
    string: (node) => strings.push(node),
    primitive: (type, _at, values) =>
      fields.push({ type: String.fromCharCode(type), values, index: values.length }),
    referenced: () => {},
  })
  for (const [index, node] of strings.entries()) {
    const kept = (number + index) % 4 === 0
    if (!kept) (node as { value: string }).value = `${node.value}${text}${index}`.slice(number)
  }
  for (const { type, values, index } of fields) {
    if (type === 'I') values[index] = number - 3
    else if (type === 'J') values[index] = BigInt(number) * 2n ** 40n - 1n
    else if (type === 'Z') values[index] = number % 2 === 0
  }
  return writeJavaStream(root)
}

/** Each again and again, with other values, among them the marks of the templates. */
function messages(app: Uint8Array): OutgoingMessage[] {
  const updated = { kind: 'ExecutorUpdated', state: 'RUNNING' } as const
  const texts = ['app-1', '', 'Wörker 二\0', '\0appId', '\0workerId', long, 'app-1']
  return texts.flatMap((text, index): OutgoingMessage[] => [
    { kind: 'BooleanReply', value: index % 2 === 0 },
    { kind: 'RegisteredApplication', appId: text, master },
    {
      kind: 'ExecutorAdded',
      id: index,
      workerId: text,
      hostPort: 'h:1',
      cores: -index,
      memoryMb: 0x5350_4b00 + index,
    },
    { ...updated, id: index, message: null, exitStatus: null, workerHost: null },
    { ...updated, id: index, message: text, exitStatus: index, workerHost: null },
    {
      ...updated,
      state: 'LOST',
      id: index,
      message: text,
      exitStatus: 0x5350_4b01,
      workerHost: text,
    },
    launch(index, text, index % 3 === 0 ? app : varied(app, text.slice(0, 1000), index)),
    { kind: 'ApplicationFinished', id: text },
    registered({ ...master }),
    registered(master),
    registered({ host: 'alias.example', port: 7077 + (index % 2) }),
    { kind: 'SubmitDriverResponse', success: true, driverId: text, message: '' },
    { kind: 'SubmitDriverResponse', success: false, driverId: null, message: text },
    { kind: 'BoundPortsResponse', rpcEndpointPort: index, webUiPort: 1, restPort: null },
    { kind: 'BoundPortsResponse', rpcEndpointPort: 7, webUiPort: 1, restPort: 6066 },
  ])
}

/** Of a peer that nobody has written to yet: its first message is the builder's. */
function fresh(registration: Uint8Array): PeerDialect {
  const dialect = new PeerDialect()
  dialect.learn(decodeMessage(Buffer.from(registration)))
  return dialect
}

describe('messages that are written from templates', () => {
  it.each(RELEASES)('are those of the builder, byte for byte, for %s', (release) => {
    const registration = sample(release, 'msg/RegisterApplication')
    const message = decodeMessage(registration)
    if (message.kind !== 'RegisterApplication') throw new Error(message.kind)
    const { javaStream } = message.appDescription
    const dialect = fresh(registration)
    for (let round = 0; round < 3; round++) {
      for (const one of messages(javaStream)) {
        const builder = fresh(registration).encode(one)
        expect(Buffer.from(dialect.encode(one)).equals(builder)).toBe(true)
      }
    }
  })

  it('serve all workers that call the master the same, each in an object of its own', () => {
    const templates = new Templates()
    const find = vi.fn((name: string) => listedDescriptor(name, '4.3')!)
    const source = { descriptor: find, has: () => true }
    const [, , made] = [1, 2, 3].map(() => templates.write(registered({ ...master }), source))
    find.mockClear()
    expect(templates.write(registered({ ...master }), source)).toEqual(made)
    expect(find).not.toHaveBeenCalled()
    templates.write(registered({ ...master, port: 7078 }), source)
    expect(find).toHaveBeenCalled()
  })

  it('belong to the classes of one peer: another version gets its own', () => {
    const added: OutgoingMessage = { kind: 'ApplicationFinished', id: 'app-1' }
    const [old, now] = (['3.5.9', '4.3.0'] as const).map((release) => {
      const dialect = fresh(sample(release, 'msg/RegisterApplication'))
      for (let count = 0; count < 3; count++) dialect.encode(added)
      return Buffer.from(dialect.encode(added)).toString('hex')
    })
    expect(old).not.toBe(now)
  })
})

describe('descriptions of applications and drivers', () => {
  /** A description of that name, each character of which is one byte. */
  function named(name: string): Buffer {
    const message = decodeMessage(sample('4.3.0', 'msg/RegisterApplication'))
    if (message.kind !== 'RegisterApplication') throw new Error(message.kind)
    const bytes = Buffer.from(message.appDescription.javaStream)
    const at = bytes.indexOf('t\0\u0002Pi') + 1
    const length = Buffer.from([name.length >> 8, name.length & 0xff])
    return Buffer.concat([
      bytes.subarray(0, at),
      length,
      Buffer.from(name, 'latin1'),
      bytes.subarray(at + 4),
    ])
  }

  const texts = ['', 'x', 'Wörker 二\0', '\0appId', 'x'.repeat(500)]

  it.each(RELEASES)(
    'are of one shape when they differ in values, which are read: %s',
    (release) => {
      const message = decodeMessage(sample(release, 'msg/RegisterApplication-full'))
      if (message.kind !== 'RegisterApplication') throw new Error(message.kind)
      const reader = new DescriptionReader()
      const first = reader.read(message.appDescription.javaStream)
      for (const [index, text] of texts.entries()) {
        const bytes = varied(message.appDescription.javaStream, text, index)
        expect(reader.read(bytes)).toBe(first)
        expect(reader.read(bytes)).toBe(first)
        expect(Buffer.from(writeJavaStream(first.root))).toEqual(Buffer.from(bytes))
      }
    },
  )

  it.each([
    ['RegisterApplication', 'appDescription'],
    ['RegisterApplication-full', 'appDescription'],
    ['RequestSubmitDriver', 'driverDescription'],
  ])('are taken out of %s as they came, however often', (name, field) => {
    // Applications that wait keep theirs, whatever is read and written in the meantime.
    const taken: { readonly javaStream: Buffer; readonly expected: Uint8Array }[] = []
    for (const release of RELEASES) {
      for (const [index, text] of [...texts, ...texts].entries()) {
        const bytes = varied(sample(release, `msg/${name}`), text, index)
        const part = objectOf(fieldOf(objectOf(readJavaStream(bytes).root), field))
        const message = decodeMessage(bytes) as unknown as Record<string, { javaStream: Buffer }>
        taken.push({ javaStream: message[field]!.javaStream, expected: writeJavaStream(part) })
      }
    }
    for (const { javaStream, expected } of taken) expect(javaStream.equals(expected)).toBe(true)
  })

  it.each(RELEASES)('go out to workers as they came: %s', (release) => {
    const registration = sample(release, 'msg/RegisterApplication')
    const message = decodeMessage(registration)
    const submission = decodeMessage(sample(release, 'msg/RequestSubmitDriver'))
    if (message.kind !== 'RegisterApplication' || submission.kind !== 'RequestSubmitDriver')
      throw new Error(`${message.kind}, ${submission.kind}`)
    const dialect = fresh(registration)
    for (const [index, text] of [...texts, ...texts].entries()) {
      const app = varied(message.appDescription.javaStream, text, index)
      const driver = varied(submission.driverDescription.javaStream, text, index)
      const orders: OutgoingMessage[] = [
        launch(index, text, app),
        { kind: 'LaunchDriver', driverId: text, driverDescription: driver, resources: [] },
      ]
      for (const [order, field, description] of [
        [orders[0]!, 'appDesc', app],
        [orders[1]!, 'driverDesc', driver],
      ] as const) {
        const written = Buffer.from(dialect.encode(order))
        expect(written.equals(fresh(registration).encode(order))).toBe(true)
        const part = objectOf(fieldOf(objectOf(readJavaStream(written).root), field))
        expect(Buffer.from(writeJavaStream(part)).equals(description)).toBe(true)
      }
    }
  })

  it('are not spoilt by one whose text is longer written than read', () => {
    const [first, second, third] = ['Po', 'Pu', 'Pa'].map((name) => named(name))
    // Java reads a NUL of one byte too, and writes two.
    const nuls = named('\0'.repeat(40_000))
    const reader = new DescriptionReader()
    for (const description of [first!, second!, nuls, third!]) {
      const stream = reader.read(description)
      expect(stream.slots.length).toBeGreaterThan(0)
      expect(Buffer.from(streamOf(stream.root, stream))).toEqual(
        Buffer.from(writeJavaStream(objectOf(readJavaStream(description).root))),
      )
    }
    const spoilt = new DescriptionReader()
    const shape = spoilt.read(first!)
    expect(spoilt.read(nuls)).toBe(shape)
    for (const description of [nuls, second!, third!]) {
      const stream = spoilt.read(description)
      expect(Buffer.from(streamOf(stream.root, stream))).toEqual(
        Buffer.from(writeJavaStream(objectOf(readJavaStream(description).root))),
      )
    }
    const dialect = fresh(sample('4.3.0', 'msg/RegisterApplication'))
    for (const description of [first!, nuls, second!, nuls, third!]) {
      const written = objectOf(readJavaStream(dialect.encode(launch(1, 'app-1', description))).root)
      expect(Buffer.from(writeJavaStream(objectOf(fieldOf(written, 'appDesc'))))).toEqual(
        Buffer.from(writeJavaStream(objectOf(readJavaStream(description).root))),
      )
    }
  })

  it('that can’t be read are refused each time', () => {
    const reader = new DescriptionReader()
    const broken = Buffer.from('aced0005', 'hex')
    for (let count = 0; count < 2; count++)
      expect(() => reader.read(broken)).toThrow(/ends where 1 more byte is expected/)
    const text = Buffer.from('aced000574000178', 'hex')
    for (let count = 0; count < 2; count++)
      expect(() => reader.read(text)).toThrow(/an object is expected, not a string/)
  })
})
