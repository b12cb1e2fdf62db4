import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { readJavaStream } from '../../src/spark/java/reader.js'
import { JavaObject, JavaString } from '../../src/spark/java/tree.js'
import { fieldOf, objectOf } from '../../src/spark/java/values.js'
import { writeJavaStream } from '../../src/spark/java/writer.js'
import {
  PeerDialect,
  SPARK_VERSIONS,
  UnsupportedPeerError,
  decodeMessage,
} from '../../src/spark/messages.js'
import type { OutgoingMessage } from '../../src/spark/messages.js'
import { capture, sample } from './golden-vectors.js'
import type { Release } from './golden-vectors.js'

const REGISTERED: OutgoingMessage = {
  kind: 'RegisteredApplication',
  appId: 'app-1',
  master: { host: '127.0.0.1', port: 27077 },
}

function after(...messages: Uint8Array[]): PeerDialect {
  const dialect = new PeerDialect()
  for (const bytes of messages) dialect.learn(decodeMessage(bytes))
  return dialect
}

/** A RegisterApplication whose driver gives its executors these options too. */
function registration(release: Release, ...options: string[]): Uint8Array {
  const { root } = readJavaStream(sample(release, 'msg/RegisterApplication'))
  const description = objectOf(fieldOf(objectOf(root), 'appDescription'))
  const javaOpts = objectOf(fieldOf(objectOf(fieldOf(description, 'command')), 'javaOpts'))
  const items = javaOpts.data.at(-1)!.custom!
  items.splice(-1, 0, ...options.map((option) => new JavaString(option)))
  return writeJavaStream(root)
}

/** The same stream with another serialVersionUID of one class. */
function renumbered(bytes: Uint8Array, className: string, suid: bigint): Uint8Array {
  const changed = Buffer.from(bytes)
  const name = Buffer.from(`\0${String.fromCharCode(className.length)}${className}`)
  const at = changed.indexOf(name)
  expect(at).toBeGreaterThan(0)
  changed.writeBigInt64BE(suid, at + name.length)
  return changed
}

const DIRECT_HANDLE = '-Djdk.reflect.useDirectMethodHandle=false'
const UNSAFE = '--sun-misc-unsafe-memory-access=allow'
const POOLED = '-Dio.netty.allocator.type=pooled'

describe('a version shows in what the peer sends (WIRE 5)', () => {
  it.each<[string, Release, readonly string[]]>([
    ['rpc/CheckExistence', '3.5.9', ['3.5']],
    ['rpc/CheckExistence', '4.0.1', ['4.0', '4.1', '4.2', '4.3']],
    ['msg/RegisterWorker', '4.0.1', ['4.0']],
    ['msg/RegisterWorker', '4.3.0', ['4.1', '4.2', '4.3']],
    ['msg/RegisterApplication', '4.1.4', ['4.1', '4.2']],
    ['msg/RegisterApplication', '4.3.0', ['4.3']],
    ['msg/RequestSubmitDriver', '4.3.0', ['4.0', '4.1', '4.2', '4.3']],
  ])('%s of %s', (name, release, expected) => {
    expect(after(sample(release, name)).candidates).toEqual(expected)
  })

  it.each<[Release, string[], string]>([
    ['4.1.4', [DIRECT_HANDLE, POOLED], '4.1'],
    ['4.2.1', [UNSAFE, POOLED], '4.2'],
  ])('options of executors tell %s', (release, options, expected) => {
    expect(after(registration(release, ...options)).requireVersion()).toBe(expected)
  })

  const SPARKS_OWN = ['-Djava.net.preferIPv6Addresses=false', '-XX:+IgnoreUnrecognizedVMOptions']

  it.each<[Release, string[], string]>([
    ['4.1.4', [UNSAFE, ...SPARKS_OWN, DIRECT_HANDLE, POOLED], '4.1'],
    ['4.1.4', [...SPARKS_OWN, DIRECT_HANDLE, POOLED, UNSAFE], '4.1'],
    ['4.2.1', [DIRECT_HANDLE, ...SPARKS_OWN, POOLED, UNSAFE], '4.2'],
    ['4.2.1', [...SPARKS_OWN, POOLED, UNSAFE, DIRECT_HANDLE], '4.2'],
  ])("the user's options do not mislead: %s with %j", (release, options, expected) => {
    expect(after(registration(release, ...options)).requireVersion()).toBe(expected)
  })

  it('options that the user gave do not outweigh class numbers', () => {
    expect(after(registration('4.0.1', UNSAFE, POOLED)).requireVersion()).toBe('4.0')
  })

  it.each(['3.5.9', '4.0.1', '4.3.0'])('real drivers of %s', (release) => {
    const sent = capture(`b-client-app-${release}`).filter(({ direction }) => direction === 'c2s')
    expect(after(...sent.map(({ bytes }) => bytes)).requireVersion()).toBe(release.slice(0, 3))
  })

  it('without telling options 4.1 and 4.2 are not guessed', () => {
    const dialect = after(sample('4.2.1', 'msg/RegisterApplication'))
    expect(dialect.version).toBeNull()
    expect(() => dialect.requireVersion()).toThrow(UnsupportedPeerError)
    expect(() => dialect.requireVersion()).toThrow(/may be 4.1 or 4.2.*defaultJavaOptions/)
  })
})

describe('patch releases with other numbers', () => {
  const REF = 'org.apache.spark.rpc.RpcEndpointRef'

  it('get their own numbers back', () => {
    const bytes = renumbered(sample('4.3.0', 'msg/RegisterApplication'), REF, 0x1234_5678_9abcn)
    const dialect = after(bytes)
    expect(dialect.requireVersion()).toBe('4.3')
    const answer = readJavaStream(dialect.encode(REGISTERED))
    const written = answer.descriptors.find(({ name }) => name === REF)
    expect(written?.serialVersionUid).toBe(0x1234_5678_9abcn)
  })

  it('are no known version when nothing that tells versions is known', () => {
    const dialect = after(
      renumbered(
        renumbered(sample('3.5.9', 'msg/RegisterApplication'), REF, 1n),
        'org.apache.spark.resource.ResourceProfile',
        2n,
      ),
    )
    expect(() => dialect.requireVersion()).toThrow(
      /ResourceProfile \(serialVersionUID 2\).*RpcEndpointRef \(serialVersionUID 1\), which no.*served are/,
    )
  })
})

describe('who is refused, and how it reads in the log of the peer', () => {
  it('a message that no served version has', () => {
    const name = 'org.apache.spark.deploy.DeployMessages$RegisterApplication'
    const bytes = renumbered(sample('3.5.9', 'msg/RegisterApplication'), name, -7n)
    const message = decodeMessage(bytes)
    expect(() => new PeerDialect().learn(message)).toThrow(
      `${name} (serialVersionUID -7) is of none of the Spark versions known here; ` +
        `served are Spark ${SPARK_VERSIONS.join(', ')}`,
    )
  })

  it('a peer that changes its version', () => {
    const dialect = after(sample('3.5.9', 'rpc/CheckExistence'))
    const message = decodeMessage(sample('4.3.0', 'msg/RegisterApplication'))
    expect(() => dialect.learn(message)).toThrow(/is of Spark 4.*sent before is of Spark 3.5/)
  })

  it('a class whose field we can not fill', () => {
    const bytes = Buffer.from(sample('4.3.0', 'msg/RegisterApplication'))
    const at = bytes.indexOf('rpcAddress')
    bytes.write('rpcAddresz', at)
    const name = 'org.apache.spark.rpc.RpcEndpointAddress'
    const { descriptors } = readJavaStream(bytes)
    expect(descriptors.some((descriptor) => descriptor.name === name)).toBe(true)
    const dialect = new PeerDialect()
    dialect.learn({ kind: 'Unknown', className: name, stream: { descriptors } })
    expect(() => dialect.encode(REGISTERED)).toThrow(/RpcEndpointAddress has a field rpcAddresz/)
  })

  it('nobody knows the version yet', () => {
    expect(() => new PeerDialect().encode(REGISTERED)).toThrow(/may be 3.5 or 4.0 or 4.1/)
    const reply = new PeerDialect().encode({ kind: 'BooleanReply', value: true })
    expect(Buffer.from(reply)).toEqual(Buffer.from(sample('4.3.0', 'value/true')))
  })
})

it('a worker of 4.1 to 4.3 gets an application as its driver described it (WIRE 8.15)', () => {
  const worker = after(sample('4.3.0', 'msg/RegisterWorker'))
  const driver = decodeMessage(sample('4.3.0', 'msg/RegisterApplication-full'))
  if (driver.kind !== 'RegisterApplication') return expect.fail(driver.kind)
  const { javaStream } = driver.appDescription
  const written = worker.encode({
    kind: 'LaunchExecutor',
    masterUrl: 'spark://127.0.0.1:27077',
    appId: 'app-1',
    execId: 0,
    rpId: 0,
    appDescription: javaStream,
    cores: 2,
    memoryMb: 1024,
    resources: [],
  })
  const { root } = readJavaStream(written)
  expect(root).toBeInstanceOf(JavaObject)
  const arrived = objectOf(fieldOf(objectOf(root), 'appDesc'))
  expect(Buffer.from(writeJavaStream(arrived))).toEqual(Buffer.from(javaStream))
  return undefined
})

it('a class that writes its content in another way is refused, not learnt', () => {
  const file = new URL('../fixtures/wire/mutant-class-laid-out-otherwise.hex', import.meta.url)
  const message = decodeMessage(Buffer.from(readFileSync(file, 'utf8'), 'hex'))
  expect(() => new PeerDialect().learn(message)).toThrow(/laid out as in no Spark version known/)
})
