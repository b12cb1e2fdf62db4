import { describe, expect, it } from 'vitest'
import { readJavaStream } from '../../src/spark/java/reader.js'
import { JavaArray, JavaEnum, JavaObject, JavaString } from '../../src/spark/java/tree.js'
import type { JavaValue } from '../../src/spark/java/tree.js'
import { classNameOf, fieldOf, moduleName, objectOf } from '../../src/spark/java/values.js'
import { PeerDialect, UnsupportedPeerError, decodeMessage } from '../../src/spark/messages.js'
import type { OutgoingMessage, RpcAddress, SparkVersion } from '../../src/spark/messages.js'
import { capture, captureNames } from './golden-vectors.js'
import type { Captured } from './golden-vectors.js'

type Fields = Readonly<Record<string, unknown>>

// JSON of the capture is what it is: every caller says what it expects.
function some(value: unknown): unknown {
  return value === null ? null : (value as { Some: unknown }).Some
}

function exceptionMessage(value: unknown): string | null {
  return value === null ? null : ((value as { detailMessage: string | null }).detailMessage ?? '')
}

function address(value: unknown): RpcAddress {
  const text = typeof value === 'string' ? value : (value as { ref: string }).ref
  const [, host, port] = /[@:](.*):(\d+)$/.exec(text)!
  return { host: host!, port: Number(port) }
}

function resources(value: unknown): { name: string; addresses: string[] }[] {
  const entries = (value as { Map?: [string, { name: string; addresses: string[] }][] }).Map ?? []
  return entries.map(([, { name, addresses }]) => ({ name, addresses }))
}

function subtree(bytes: Uint8Array, field: string): JavaObject {
  return objectOf(fieldOf(objectOf(readJavaStream(bytes).root), field))
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
    appDescription: subtree(bytes, 'appDesc'),
    resources: resources(fields['resources']),
  }),
  LaunchDriver: (fields, bytes) => ({
    driverDescription: subtree(bytes, 'driverDesc'),
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

/** What a value says to its reader: without the sharing of nodes and what readers don't look at. */
function meaning(value: JavaValue | Uint8Array): unknown {
  if (value instanceof JavaString) return value.value
  if (value instanceof JavaEnum) return value.name.value
  if (value instanceof JavaArray)
    return [value.descriptor.name, ...[...value.elements].map(meaning)]
  if (!(value instanceof JavaObject)) return value
  const name = value.descriptor.name
  if (moduleName(value) !== null) return moduleName(value)
  if (name === 'scala.Enumeration$Val') {
    return [classNameOf(objectOf(fieldOf(value, '$outer'))), fieldOf(value, 'i')]
  }
  if (name.endsWith('Exception')) return meaning(fieldOf(value, 'detailMessage')) ?? ''
  const parts: Record<string, unknown> = { class: name, suid: value.descriptor.serialVersionUid }
  for (const [index, owner] of value.descriptor.lineage.entries()) {
    for (const [field, { name: fieldName }] of owner.fields.entries()) {
      parts[fieldName] = meaning(value.data[index]!.values[field]!)
    }
  }
  return parts
}

/**
 * Why we write other bytes than Apache's Master. What is listed must differ, all else must not.
 * - submit clients never send a master ref, so that the version of its class isn't known: they get null
 * - Scala 2.12 writes an enumeration's whole content along with a value; we write it empty
 * - exceptions come without the stack trace of a JVM
 * - the JVM happens to have the name of an assigned resource as one object in two places
 */
function reasonToDiffer(kind: string, version: string, fields: Fields): string | null {
  if (kind === 'SubmitDriverResponse' || kind === 'KillDriverResponse') return 'null master'
  if (kind === 'DriverStatusResponse' && fields['exception'] !== null) return 'stack trace'
  if (kind === 'LaunchExecutor' && resources(fields['resources']).length > 0) return 'shared name'
  if (version !== '3.5') return null
  const hasState = kind === 'ExecutorUpdated' || kind === 'DriverStatusResponse'
  return hasState && fields['state'] !== null ? 'enumeration content' : null
}

function expectSame(kind: string, written: Uint8Array, captured: Captured, version: string): void {
  const theirs = Buffer.from(captured.bytes).toString('latin1')
  const ours = Buffer.from(written).toString('latin1')
  const reason = reasonToDiffer(kind, version, captured.fields)
  if (reason === null) {
    expect(ours).toBe(theirs)
    return
  }
  expect(ours, `${kind}: ${reason}`).not.toBe(theirs)
  const expected = meaning(readJavaStream(captured.bytes).root)
  if (reason === 'null master') (expected as Record<string, unknown>)['master'] = null
  expect(meaning(readJavaStream(written).root)).toEqual(expected)
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

describe('we write what Apache wrote to the same peer, byte for byte', () => {
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
