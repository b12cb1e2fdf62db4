/**
 * What a leader and the standbys that follow it say to each other: batches of records (control/records.ts), one batch a
 * message. The follower speaks first: FOLLOW. The leader answers WELCOME, then the image: all records as of a commit, in
 * messages that the follower confirms one by one (GOT). Commits come at any time after WELCOME, each in one message before
 * it is written, and COMMITTED when it is; the follower confirms them with ACK.
 */
import { Buffer } from 'node:buffer'

import type { Leader } from '../../control/leadership.js'
import { type BatchRecord, BatchWriter, records } from '../../control/records.js'
import type { StoreChange } from '../../store/engine.js'
import { isIdentity } from './layout.js'

export const REPLICA_PROTOCOL = 1

/** `argument` is the number of a commit where nothing else is said. */
export enum ReplicaKind {
  /** payload: JSON of Follow. */
  FOLLOW = 1,
  /** payload: JSON of Leader; `argument`: the last commit that is written. */
  WELCOME = 2,
  /** payload: a key and its record. Of an image; of the COMMIT that came before it in the same message. */
  PUT = 3,
  /** payload: a key. */
  FORGET = 4,
  /** One message of an image ends; `argument`: its number, from 1. */
  CHUNK = 5,
  /** The image is whole. */
  IMAGE = 6,
  COMMIT = 7,
  COMMITTED = 8,
  /** Follower: has heard of this commit. */
  ACK = 9,
  /** Follower: has taken up this chunk. */
  GOT = 10,
}

export interface Follow {
  readonly protocol: number
  readonly masterUrl: string
}

function json(kind: ReplicaKind, value: object, argument = 0): Uint8Array<ArrayBuffer> {
  const writer = new BatchWriter(512)
  writer.add(kind, 0, JSON.stringify(value), argument)
  return writer.take()
}

export function followMessage(masterUrl: string): Uint8Array<ArrayBuffer> {
  return json(ReplicaKind.FOLLOW, { protocol: REPLICA_PROTOCOL, masterUrl } satisfies Follow)
}

export function welcomeMessage(leader: Leader, last: number): Uint8Array<ArrayBuffer> {
  return json(ReplicaKind.WELCOME, leader, last)
}

export function numberMessage(kind: ReplicaKind, number: number): Uint8Array<ArrayBuffer> {
  const writer = new BatchWriter(64)
  writer.add(kind, 0, '', number)
  return writer.take()
}

export function addChange(writer: BatchWriter, { key, record }: StoreChange): void {
  const name = Buffer.from(key)
  if (record === null) {
    writer.add(ReplicaKind.FORGET, 0, name)
    return
  }
  const payload = Buffer.allocUnsafe(4 + name.byteLength + record.byteLength)
  payload.writeUInt32LE(name.byteLength)
  payload.set(name, 4)
  payload.set(record, 4 + name.byteLength)
  writer.add(ReplicaKind.PUT, 0, payload)
}

export function commitMessage(
  number: number,
  changes: readonly StoreChange[],
): Uint8Array<ArrayBuffer> {
  const writer = new BatchWriter(1024)
  writer.add(ReplicaKind.COMMIT, 0, '', number)
  for (const change of changes) addChange(writer, change)
  return writer.take()
}

/** @throws RangeError when it is neither PUT nor FORGET, or not whole */
export function changeOf({ kind, payload }: BatchRecord): StoreChange {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)
  const change: ReplicaKind = kind
  if (change === ReplicaKind.FORGET) return { key: bytes.toString(), record: null }
  if (change !== ReplicaKind.PUT)
    throw new RangeError(`a message of kind ${kind} where a change is due`)
  const end = 4 + bytes.readUInt32LE(0)
  if (end > bytes.byteLength) throw new RangeError('a change ends inside its key')
  return { key: bytes.subarray(4, end).toString(), record: new Uint8Array(bytes.subarray(end)) }
}

/** @throws Error when it makes no sense */
export function followOf(message: Uint8Array): Follow {
  const [first] = records(message)
  if (first?.kind !== ReplicaKind.FOLLOW) throw new Error('its first message is no FOLLOW')
  const follow = parsed(first) as Partial<Follow>
  if (follow.protocol !== REPLICA_PROTOCOL || typeof follow.masterUrl !== 'string')
    throw new Error(`it follows by protocol ${follow.protocol}, not ${REPLICA_PROTOCOL}`)
  return follow as Follow
}

/** @throws Error when it makes no sense */
export function leaderOfWelcome(record: BatchRecord): Leader {
  const leader = parsed(record) as Partial<Leader>
  if (!isIdentity(leader) || !Number.isSafeInteger(leader.epoch))
    throw new Error('the leader does not say who it is')
  return leader as Leader
}

function parsed({ payload }: BatchRecord): unknown {
  const value: unknown = JSON.parse(Buffer.from(payload).toString())
  if (typeof value !== 'object' || value === null) throw new Error('not an object')
  return value
}
