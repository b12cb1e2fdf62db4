import { describe, expect, it, vi } from 'vitest'
import { DescriptionCache } from '../../src/spark/description-cache.js'
import { readJavaStream } from '../../src/spark/java/reader.js'
import { JavaString } from '../../src/spark/java/tree.js'
import { objectOf } from '../../src/spark/java/values.js'
import { writeJavaStream } from '../../src/spark/java/writer.js'
import {
  decodeMessage,
  PeerDialect,
  type OutgoingMessage,
  type RpcAddress,
} from '../../src/spark/messages.js'
import { Templates } from '../../src/spark/messages/templates.js'
import { listedDescriptor } from '../../src/spark/tables/class-table.js'
import { RELEASES, sample } from './golden-vectors.js'

const master = { host: 'master.example', port: 7077 }
const long = 'x'.repeat(70_000)

function launch(execId: number, appId: string, app: ReturnType<typeof objectOf>): OutgoingMessage {
  const masterUrl = 'spark://master.example:7077'
  const base = { kind: 'LaunchExecutor', masterUrl, appId, execId, rpId: 0 } as const
  return { ...base, appDescription: app, cores: execId + 1, memoryMb: 1024, resources: [] }
}

/** @param masterAddress what the worker calls the master, an object of this message alone or not */
function registered(masterAddress: RpcAddress): OutgoingMessage {
  const masterWebUiUrl = 'http://master.example:8080'
  return { kind: 'RegisteredWorker', master, masterWebUiUrl, masterAddress, duplicate: false }
}

/** Each again and again, with other values, among them the marks of the templates. */
function messages(app: ReturnType<typeof objectOf>): OutgoingMessage[] {
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
    launch(index, text, app),
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
    const { tree } = message.appDescription
    const dialect = fresh(registration)
    for (let round = 0; round < 3; round++) {
      for (const one of messages(tree)) {
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

describe('descriptions of applications', () => {
  const streams = RELEASES.map((release) =>
    writeJavaStream(readJavaStream(sample(release, 'msg/RegisterApplication')).root),
  )
  const [description] = streams

  it('are read once for all executors', () => {
    const cache = new DescriptionCache()
    const tree = cache.read(description!)
    expect(cache.read(Buffer.from(description!))).toBe(tree)
    for (const stream of streams) expect(writeJavaStream(cache.read(stream))).toEqual(stream)
  })

  it.each(RELEASES)('go out as the driver wrote them, read again or not: %s', (release) => {
    const registration = sample(release, 'msg/RegisterApplication')
    const message = decodeMessage(registration)
    if (message.kind !== 'RegisterApplication') throw new Error(message.kind)
    const { tree } = message.appDescription
    const bytes = writeJavaStream(tree)
    const cache = new DescriptionCache()
    cache.keep(bytes, tree)
    expect(cache.read(Buffer.from(bytes))).toBe(tree)
    const again = new DescriptionCache().read(bytes)
    const launched = [tree, again].map((app) =>
      Buffer.from(fresh(registration).encode(launch(1, 'app-1', app))),
    )
    expect(launched[0]).toEqual(launched[1])
  })

  it('are forgotten by what keeping them returned', () => {
    const cache = new DescriptionCache()
    const tree = new DescriptionCache().read(description!)
    const kept = cache.keep(description!, tree)
    expect(cache.read(description!)).toBe(tree)
    cache.forget(kept)
    expect(cache.read(description!)).not.toBe(tree)
  })

  it('are forgotten, the oldest first, when there are many', () => {
    const cache = new DescriptionCache()
    const first = cache.read(description!)
    for (let index = 1; index < 100; index++)
      cache.keep(writeJavaStream(new JavaString(`description ${index}`)), first)
    expect(cache.read(description!)).not.toBe(first)
    expect(cache.read(description!)).toBe(cache.read(description!))
  })
})
