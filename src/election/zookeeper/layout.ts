/** Where things are in ZooKeeper, and how they are written there: Spark's nodes, our values. */
import { Buffer } from 'node:buffer'
import { crc32 } from 'node:zlib'

import type { Leader, MasterIdentity } from '../../control/leadership.js'

export interface Layout {
  /** Persistent nodes by key (spec H5). */
  readonly records: string
  /** Parts of values that one node can't hold. */
  readonly parts: string
  /** One ephemeral node for each master, as Curator's LeaderLatch has them. */
  readonly latches: string
  /** Who leads; its version is what every write checks. */
  readonly epoch: string
  /** The number of the last commit. */
  readonly commits: string
  readonly heartbeat: string
}

/** @param dir spark.deploy.zookeeper.dir @throws TypeError when no node can have that name */
export function layoutOf(dir: string): Layout {
  const base = dir.replace(/\/+$/, '')
  const legal = base
    .split('/')
    .slice(1)
    .every((name) => name !== '' && name !== '.' && name !== '..' && !/\p{Cc}/u.test(name))
  if ((base !== '' && !base.startsWith('/')) || !legal || base === '/zookeeper')
    throw new TypeError(`"${dir}" is no node: expected an absolute path such as /spark`)
  return {
    records: `${base}/master_status`,
    parts: `${base}/master_status_parts`,
    latches: `${base}/leader_election`,
    epoch: `${base}/epoch`,
    commits: `${base}/commits`,
    heartbeat: `${base}/heartbeat`,
  }
}

/** Every node above, and itself, from the top. */
export function lineage(path: string): string[] {
  const names = path.split('/').slice(1)
  return names.map((_, at) => `/${names.slice(0, at + 1).join('/')}`)
}

/** A key as the name of a node: what is no plain character goes as %XX, byte by byte. */
export function nodeName(key: string): string {
  const plain = /[A-Za-z0-9_.\-:@+=~,;()!$&'* ]/
  let name = ''
  for (const byte of Buffer.from(key)) {
    const character = String.fromCodePoint(byte)
    name += plain.test(character)
      ? character
      : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return name === '.' || name === '..' ? name.replaceAll('.', '%2E') : name
}

/** null: no key is written so. */
export function keyOf(name: string): string | null {
  try {
    const key = decodeURIComponent(name)
    return nodeName(key) === name ? key : null
  } catch {
    return null
  }
}

/** Curator's protected sequential nodes. @param id unique to the session that creates it */
export function latchPrefix(id: string): string {
  return `_c_${id}-latch-`
}

/** In the order in which they were made. */
export function inOrder(latches: readonly string[]): string[] {
  return [...latches].toSorted((one, other) => sequenceOf(one) - sequenceOf(other))
}

function sequenceOf(name: string): number {
  return Number(/(\d{10})$/.exec(name)?.[1] ?? Infinity)
}

/** The data of the epoch's node. */
export interface EpochRecord {
  readonly epoch: number
  /** null: the leader has left. */
  readonly leader: MasterIdentity | null
  /** The leader's latch when it began. */
  readonly latch: string
}

export function encodeEpoch(record: EpochRecord): Uint8Array {
  return Buffer.from(JSON.stringify(record))
}

/** @throws Error when it is not what `encodeEpoch` makes */
export function decodeEpoch(data: Uint8Array): EpochRecord {
  const record = JSON.parse(Buffer.from(data).toString()) as Partial<EpochRecord> | null
  const leader = record?.leader
  const whole =
    typeof record?.latch === 'string' &&
    Number.isSafeInteger(record.epoch) &&
    (leader === null || (typeof leader === 'object' && isIdentity(leader)))
  if (!whole) throw new Error('the epoch is not written as Magneto writes it')
  return record as EpochRecord
}

export function isIdentity(value: Partial<MasterIdentity>): boolean {
  const { masterUrl, webUiUrl, controlAddress } = value
  return [masterUrl, webUiUrl, controlAddress].every((part) => typeof part === 'string')
}

export function leaderOf({ epoch, leader }: EpochRecord): Leader | null {
  return leader === null ? null : { ...leader, epoch }
}

/** The leader's latch may change with its session while its epoch stays. */
export function encodeHeartbeat(epoch: number, latch: string): Uint8Array {
  return Buffer.from(`${epoch} ${latch}`)
}

/** @returns the latch of that epoch's leader; null: the heartbeat is of another */
export function latchOfHeartbeat(data: Uint8Array, epoch: number): string | null {
  const [of, latch] = Buffer.from(data).toString().split(' ')
  return of === String(epoch) && latch !== undefined ? latch : null
}

export function encodeNumber(number: number): Uint8Array {
  return Buffer.from(String(number))
}

/** @throws Error when it is no whole number */
export function decodeNumber(data: Uint8Array): number {
  const digits = Buffer.from(data).toString()
  if (!/^\d{1,15}$/.test(digits)) throw new Error(`"${digits}" is no number of a commit`)
  return Number(digits)
}

/**
 * Value: 'M' 'G', version, form and codec (low and high half of a byte), CRC-32 of the payload (little endian), payload.
 * A compressed payload begins with its size before, four bytes, little endian.
 */
const MAGIC = [0x4d, 0x47]
const VERSION = 1
const PLAIN = 0
/** The payload says which part nodes hold the value, itself a whole value. */
const PARTS = 1
const NO_CODEC = 0
export const VALUE_HEADER_BYTES = 8
const SIZE_BYTES = 4
const MAX_RECORD_BYTES = 256 * 2 ** 20

export interface Manifest {
  /** Part i is the node `<id>.<i>` of `Layout.parts`. */
  readonly id: string
  readonly parts: number
}

/** What of a codec of `store/codec` is needed. */
export interface ValueCodec {
  readonly id: number
  compress(input: Uint8Array): Uint8Array
  decompress(input: Uint8Array, size: number): Uint8Array
}

function sealed(form: number, codec: number, payload: Uint8Array): Uint8Array {
  const value = Buffer.alloc(VALUE_HEADER_BYTES + payload.byteLength)
  value.set([...MAGIC, VERSION, form | (codec << 4)])
  value.writeUInt32LE(crc32(payload), 4)
  value.set(payload, VALUE_HEADER_BYTES)
  return value
}

/** @param codec null: it is written as it is; so is what becomes no smaller */
export function sealRecord(record: Uint8Array, codec: ValueCodec | null): Uint8Array {
  const packed = codec?.compress(record)
  if (codec === null || packed === undefined || packed.byteLength >= record.byteLength)
    return sealed(PLAIN, NO_CODEC, record)
  const payload = Buffer.alloc(SIZE_BYTES + packed.byteLength)
  payload.writeUInt32LE(record.byteLength)
  payload.set(packed, SIZE_BYTES)
  return sealed(PLAIN, codec.id, payload)
}

export function sealManifest(manifest: Manifest): Uint8Array {
  return sealed(PARTS, NO_CODEC, Buffer.from(JSON.stringify(manifest)))
}

export interface OpenedValue {
  /** null: the value itself is in parts. */
  readonly manifest: Manifest | null
  /** 0: none. */
  readonly codec: number
  readonly payload: Uint8Array
}

/** @throws Error with what is wrong with it */
export function openValue(data: Uint8Array): OpenedValue {
  if (data.byteLength < VALUE_HEADER_BYTES || MAGIC.some((byte, at) => data[at] !== byte))
    throw new Error('the value is not of Magneto')
  if (data[2] !== VERSION) throw new Error(`the value is of version ${data[2]}`)
  const payload = data.subarray(VALUE_HEADER_BYTES)
  if (crc32(payload) !== new DataView(data.buffer, data.byteOffset).getUint32(4, true))
    throw new Error('the checksum is wrong')
  const form = (data[3] ?? 0) & 0xf
  const codec = (data[3] ?? 0) >> 4
  if (form === PLAIN) return { manifest: null, codec, payload }
  if (form !== PARTS) throw new Error(`the value has form ${form}`)
  return { manifest: JSON.parse(Buffer.from(payload).toString()) as Manifest, codec, payload }
}

/** @throws Error when it is not what the codec makes */
export function unpack(payload: Uint8Array, codec: ValueCodec): Uint8Array {
  if (payload.byteLength < SIZE_BYTES) throw new Error('the value ends inside its size')
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength)
  const size = view.getUint32(0, true)
  if (size > MAX_RECORD_BYTES) throw new Error(`the value claims ${size} bytes`)
  return codec.decompress(payload.subarray(SIZE_BYTES), size)
}
