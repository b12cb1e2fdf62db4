/**
 * What a driver and its executors say to each other, over one WebSocket that the executor opens. The request
 * that opens it carries the headers below; the secret among them is the application's, so only its own
 * executors get as far as a message. Each message is one object, a batch in columns, as JSON or as V8 serializes it:
 * their first bytes tell them apart. Payloads are serialized values of their own, and only the thread that runs the
 * task opens them.
 */
import { deserialize, serialize } from 'node:v8'

import { ProtocolError } from './errors.js'
import { JSON_BATCH_TASKS, MAX_BATCH_TASKS } from './limits.js'
import type { Payload } from './payload.js'

export const PROTOCOL_VERSION = 3

export const header = {
  protocol: 'magneto-protocol',
  token: 'authorization',
  appId: 'magneto-app',
  executorId: 'magneto-executor',
  hostname: 'magneto-hostname',
  cores: 'magneto-cores',
} as const

/** The variable that holds the application's secret in an executor's environment. */
export const TOKEN_VARIABLE = 'MAGNETO_APP_TOKEN'

export enum ResultStatus {
  DONE = 0,
  /** The payload is a ThrownRecord. */
  THREW = 1,
  /** It was aborted and is over; nobody waits for it. */
  ABORTED = 2,
}

export interface WireTask {
  readonly id: number
  readonly name: string
  readonly payload: Payload
}

export interface WireResult {
  readonly id: number
  readonly status: ResultStatus
  /** How long the task ran, ms. */
  readonly runMs: number
  readonly payload: Payload
}

export type DriverMessage =
  | { kind: 'tasks'; tasks: WireTask[] }
  | { kind: 'abort'; ids: number[] }
  /** Give back up to `count` tasks that have not started, the last ones first. */
  | { kind: 'recall'; count: number }
  | { kind: 'stop' }

export type ExecutorMessage =
  | { kind: 'results'; results: WireResult[] }
  /** The answer to each recall, also when nothing can be given back. */
  | { kind: 'returned'; ids: number[] }

/** What V8 serializes starts with it, and no text does. */
const V8_FIRST_BYTE = 0xff

const asText = (message: object): Buffer => Buffer.from(JSON.stringify(message))

/** A V8 serializer costs several times more than a small batch, a large one's text more than V8's copies of it. */
function encodeBatch(batch: { kind: string; ids: number[]; payloads: Payload[] }): Buffer {
  const { ids, payloads } = batch
  const isSmallText =
    ids.length <= JSON_BATCH_TASKS && payloads.every((payload) => typeof payload === 'string')
  return isSmallText ? asText(batch) : serialize(batch)
}

export function encodeDriverMessage(message: DriverMessage): Buffer {
  if (message.kind !== 'tasks') return asText(message)
  const batch = {
    kind: 'tasks',
    ids: message.tasks.map((task) => task.id),
    names: message.tasks.map((task) => task.name),
    payloads: message.tasks.map((task) => task.payload),
  }
  return encodeBatch(batch)
}

export function encodeExecutorMessage(message: ExecutorMessage): Buffer {
  if (message.kind !== 'results') return asText(message)
  const batch = {
    kind: 'results',
    ids: message.results.map((result) => result.id),
    statuses: message.results.map((result) => result.status),
    runMs: message.results.map((result) => result.runMs),
    payloads: message.results.map((result) => result.payload),
  }
  return encodeBatch(batch)
}

type Fields = Record<string, unknown>

function open(bytes: Buffer): Fields {
  let value: unknown
  try {
    value = bytes[0] === V8_FIRST_BYTE ? deserialize(bytes) : JSON.parse(bytes.toString())
  } catch (error) {
    throw new ProtocolError('a message is neither JSON nor a value as V8 serializes it', {
      cause: error,
    })
  }
  if (typeof value !== 'object' || value === null)
    throw new ProtocolError(`a message is a ${typeof value}; expected an object`)
  return value as Fields
}

function list<T>(fields: Fields, key: string, fits: (value: unknown) => value is T): T[] {
  const value = fields[key]
  if (!Array.isArray(value) || value.length > MAX_BATCH_TASKS || !value.every(fits))
    throw new ProtocolError(
      `${key} of a message is not a list of at most ${MAX_BATCH_TASKS} fitting values`,
    )
  return value
}

const isId = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0
const isText = (value: unknown): value is string => typeof value === 'string'
const isDuration = (value: unknown): value is number => typeof value === 'number' && value >= 0
const isStatus = (value: unknown): value is ResultStatus =>
  value === 0 || value === 1 || value === 2

const isPayload = (value: unknown): value is Payload =>
  typeof value === 'string' || value instanceof Uint8Array

function sameLength(...columns: readonly unknown[][]): void {
  if (columns.some(({ length }) => length !== columns[0]!.length))
    throw new ProtocolError('the columns of a batch differ in length')
}

/** With memory of its own, where it would be a window that keeps the whole message alive. */
const owned = (payload: Payload): Payload =>
  typeof payload === 'string' ? payload : Uint8Array.from(payload)

/** @throws ProtocolError when it is none */
export function decodeDriverMessage(bytes: Buffer): DriverMessage {
  const fields = open(bytes)
  switch (fields['kind']) {
    case 'tasks': {
      const ids = list(fields, 'ids', isId)
      const names = list(fields, 'names', isText)
      const payloads = list(fields, 'payloads', isPayload)
      sameLength(ids, names, payloads)
      const tasks = ids.map((id, at) => ({ id, name: names[at]!, payload: owned(payloads[at]!) }))
      return { kind: 'tasks', tasks }
    }
    case 'abort':
      return { kind: 'abort', ids: list(fields, 'ids', isId) }
    case 'recall':
      if (!isId(fields['count'])) throw new ProtocolError('a recall has no count')
      return { kind: 'recall', count: fields['count'] }
    case 'stop':
      return { kind: 'stop' }
    default:
      throw new ProtocolError(`a driver's message has the unknown kind ${String(fields['kind'])}`)
  }
}

/** @throws ProtocolError when it is none */
export function decodeExecutorMessage(bytes: Buffer): ExecutorMessage {
  const fields = open(bytes)
  switch (fields['kind']) {
    case 'results': {
      const ids = list(fields, 'ids', isId)
      const statuses = list(fields, 'statuses', isStatus)
      const runMs = list(fields, 'runMs', isDuration)
      const payloads = list(fields, 'payloads', isPayload)
      sameLength(ids, statuses, runMs, payloads)
      const results = ids.map((id, at) => ({
        id,
        status: statuses[at]!,
        runMs: runMs[at]!,
        payload: payloads[at]!,
      }))
      return { kind: 'results', results }
    }
    case 'returned':
      return { kind: 'returned', ids: list(fields, 'ids', isId) }
    default:
      throw new ProtocolError(
        `an executor's message has the unknown kind ${String(fields['kind'])}`,
      )
  }
}
