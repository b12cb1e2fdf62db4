import { describe, expect, it } from 'vitest'
import { readJavaStream } from '../../src/spark/java/reader.js'
import { fieldOf, objectOf } from '../../src/spark/java/values.js'
import { writeJavaStream } from '../../src/spark/java/writer.js'
import { PeerDialect, UnsupportedPeerError, decodeMessage } from '../../src/spark/messages.js'
import type { OutgoingMessage, RpcAddress, SparkVersion } from '../../src/spark/messages.js'
import { capture, captureNames } from './golden-vectors.js'
import type { Captured } from './golden-vectors.js'
import { exceptionText, expectSame, resources } from './same-message.js'

type Fields = Readonly<Record<string, unknown>>

// JSON of the capture is what it is: every caller says what it expects.
function some(value: unknown): unknown {
  return value === null ? null : (value as { Some: unknown }).Some
}

function exceptionMessage(value: unknown): string | null {
  if (value === null) return null
  const { _, detailMessage, file } = value as { _: string; detailMessage: string; file: string }
  return exceptionText(_, detailMessage ?? file)
}

function address(value: unknown): RpcAddress {
  const text = typeof value === 'string' ? value : (value as { ref: string }).ref
  const [, host, port] = /[@:](.*):(\d+)$/.exec(text)!
  return { host: host!, port: Number(port) }
}

function part(bytes: Uint8Array, field: string): Uint8Array {
  return writeJavaStream(objectOf(fieldOf(objectOf(readJavaStream(bytes).root), field)))
}

/** The message that Apache's Master sent, as our types say it; null: not one that a Master sends. */
function outgoing({ message, fields, value, bytes }: Captured): unknown {
  if (message === undefined) {
    const kind = typeof value === 'boolean' ? 'BooleanReply' : 'IntegerReply'
    return { kind, value }
  }
  const kind = message.replace(/^.*\$/, '')
  const build = BUILDERS[kind]
  return build === undefined ? null : { kind, ...fields, ...build(fields, bytes) }
}

const withMaster = (fields: Fields): Fields => ({ master: address(fields['master']) })
const asItIs = (): Fields => ({})

const BUILDERS: Record<string, (fields: Fields, bytes: Uint8Array) => Fields> = {
  RegisteredApplication: withMaster,
  MasterChanged: withMaster,
  RegisteredWorker: (fields) => ({
    ...withMaster(fields),
    masterAddress: address(fields['masterAddress']),
  }),
  ExecutorAdded: (fields) => ({ memoryMb: fields['memory'] }),
  ExecutorUpdated: (fields) => ({
    state: (fields['state'] as { name: string }).name,
    message: some(fields['message']),
    exitStatus: some(fields['exitStatus']),
    workerHost: some(fields['workerHost']),
  }),
  LaunchExecutor: (fields, bytes) => ({
    memoryMb: fields['memory'],
    appDescription: part(bytes, 'appDesc'),
    resources: resources(fields['resources']),
  }),
  LaunchDriver: (fields, bytes) => ({
    driverDescription: part(bytes, 'driverDesc'),
    resources: resources(fields['resources']),
  }),
  SubmitDriverResponse: (fields) => ({ driverId: some(fields['driverId']) }),
  KillDriverResponse: asItIs,
  DriverStatusResponse: (fields) => ({
    state: (some(fields['state']) as { name: string } | null)?.name ?? null,
    workerId: some(fields['workerId']),
    workerHostPort: some(fields['workerHostPort']),
    exceptionMessage: exceptionMessage(some(fields['exception'])),
  }),
  BoundPortsResponse: (fields) => ({
    webUiPort: fields['webUIPort'],
    restPort: some(fields['restPort']),
  }),
  KillExecutor: asItIs,
  KillDriver: asItIs,
  ApplicationFinished: asItIs,
  RegisterWorkerFailed: asItIs,
  MasterInStandby: asItIs,
  DecommissionWorker: asItIs,
}

/** @returns 1 when the peer is refused: the probes of one scenario send a number that no Spark has */
function learn(dialect: PeerDialect, bytes: Uint8Array): number {
  const decoded = decodeMessage(bytes)
  if (decoded.kind === 'Unknown') return 0
  try {
    dialect.learn(decoded)
    return 0
  } catch (error) {
    expect(error).toBeInstanceOf(UnsupportedPeerError)
    return 1
  }
}

describe('N8, M2 to M4, M13 to M19, M23, M25, M26, M34, M35, M37, M41, M42: we write what Apache wrote, byte for byte', () => {
  it.each(captureNames())('in capture %s', (name) => {
    const version = /(\d+\.\d+)\.\d+$/.exec(name)![1] as SparkVersion
    const dialects = new Map<string, PeerDialect>()
    const kinds = new Set<string>()
    let refused = 0
    for (const captured of capture(name)) {
      const { connection, bytes, direction } = captured
      // Who is dialled by the Master has not spoken before.
      const dialled = name.startsWith('h-recovery') ? version : null
      const dialect = dialects.get(connection) ?? new PeerDialect(dialled)
      dialects.set(connection, dialect)
      const message = outgoing(captured) as OutgoingMessage | null
      if (message === null || (name.startsWith('e-') && direction === 'c2s')) {
        refused += learn(dialect, bytes)
        continue
      }
      kinds.add(message.kind)
      expectSame(message.kind, dialect.encode(message), captured, version)
    }
    expect(kinds.size).toBeGreaterThan(0)
    expect(refused).toBe(name.startsWith('e-') ? 2 : 0)
  })
})
