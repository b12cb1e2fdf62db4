/**
 * The journal's bytes, version 2. A file starts with
 *
 *   8 bytes        magic and version
 *   u32 salt       a random number of this journal; every checksum starts from it
 *   u32 crc32      of the twelve bytes before
 *
 * Then batches follow, one for each commit, which counts as a whole or not at all:
 *
 *   u32 marker     so that reading can go on behind a damaged batch
 *   u32 salt
 *   u32 length     of the entries
 *   u32 count      of the entries
 *   u32 flags      COMPLETE: the file holds all that the files before it held
 *   u32 crc32      of the twenty bytes before
 *
 * and in them entries:
 *
 *   u32 marker     so that reading can go on behind a damaged entry
 *   u32 length     of the payload
 *   u32 crc32      of kind and payload
 *   u8  kind       PUT or FORGET, and in the high four bits the codec
 *   payload        u16 key length, key (UTF-8); for PUT the record's bytes, or where there is a codec u32 its size and
 *                  what the codec made of it
 *
 * All little endian. Version 1 had no salt and no batches: entries follow the magic, with checksums from 0.
 *
 * The salt is there since records hold what strangers wrote: nobody can prepare bytes that are taken for an entry when
 * damage makes the reader look for one.
 */
import { crc32 } from 'node:zlib'
import type { Codec } from './codec/codec.js'
import type { StoreChange } from './engine.js'

export const FILE_HEADER_BYTES = 16
export const BATCH_HEADER_BYTES = 24
export const ENTRY_HEADER_BYTES = 13
/** One record; an application's description may take some MiB. */
export const MAX_ENTRY_BYTES = 64 * 1024 * 1024
export const MAX_KEY_BYTES = 1024
/** Smaller records are not worth packing. */
export const MIN_COMPRESSED_BYTES = 512

export const PUT = 1
export const FORGET = 2
export const COMPLETE = 1

const BATCH_MARKER = 0x3242474d
const ENTRY_MARKER = 0x314a474d
export const BATCH_MARKER_BYTES = Buffer.from('MGB2', 'latin1')
export const ENTRY_MARKER_BYTES = Buffer.from('MGJ1', 'latin1')
export const MAGIC = Buffer.from('MGJRNL', 'latin1')
export const MAGIC_BYTES = 8

export function fileHeader(salt: number): Buffer {
  const header = Buffer.alloc(FILE_HEADER_BYTES)
  MAGIC.copy(header)
  header.writeUInt16LE(2, MAGIC.byteLength)
  header.writeUInt32LE(salt, 8)
  header.writeUInt32LE(crc32(header.subarray(0, 12)), 12)
  return header
}

export function writeBatchHeader(
  into: Buffer,
  at: number,
  batch: { salt: number; bytes: number; count: number; flags: number },
): void {
  into.writeUInt32LE(BATCH_MARKER, at)
  into.writeUInt32LE(batch.salt, at + 4)
  into.writeUInt32LE(batch.bytes, at + 8)
  into.writeUInt32LE(batch.count, at + 12)
  into.writeUInt32LE(batch.flags, at + 16)
  into.writeUInt32LE(crc32(into.subarray(at, at + 20), batch.salt), at + 20)
}

export interface BatchHeader {
  readonly end: number
  readonly count: number
  readonly flags: number
}

/** @returns null when there is no whole header at `at`; its entries may still be damaged or missing */
export function batchHeaderAt(file: Buffer, at: number, salt: number): BatchHeader | null {
  if (at + BATCH_HEADER_BYTES > file.byteLength) return null
  if (file.readUInt32LE(at) !== BATCH_MARKER || file.readUInt32LE(at + 4) !== salt) return null
  if (crc32(file.subarray(at, at + 20), salt) !== file.readUInt32LE(at + 20)) return null
  return {
    end: at + BATCH_HEADER_BYTES + file.readUInt32LE(at + 8),
    count: file.readUInt32LE(at + 12),
    flags: file.readUInt32LE(at + 16),
  }
}

export interface EncodedBatch {
  readonly bytes: Buffer
  /** Of each entry, in order; the first stands behind the batch's header. */
  readonly entryBytes: readonly number[]
}

/** What is written behind the key. */
interface Packed {
  readonly body: Uint8Array
  /** 0: as it is */
  readonly codec: number
}

const NOTHING = new Uint8Array()

function packed(record: Uint8Array | null, codec: Codec | null): Packed {
  if (record === null) return { body: NOTHING, codec: 0 }
  if (codec !== null && record.byteLength >= MIN_COMPRESSED_BYTES) {
    const body = codec.compress(record)
    if (body.byteLength + 4 < record.byteLength) return { body, codec: codec.id }
  }
  return { body: record, codec: 0 }
}

/** @throws RangeError for a key or a record that is too large */
export function encodeBatch(
  changes: readonly StoreChange[],
  options: { salt: number; codec: Codec | null; flags: number },
): EncodedBatch {
  const entryBytes: number[] = []
  const bodies: Packed[] = []
  let total = BATCH_HEADER_BYTES
  for (const { key, record } of changes) {
    const body = packed(record, options.codec)
    const keyBytes = Buffer.byteLength(key)
    const size = (record?.byteLength ?? 0) + keyBytes
    if (keyBytes > MAX_KEY_BYTES || size > MAX_ENTRY_BYTES) {
      throw new RangeError(
        `record '${key.slice(0, 80)}' of ${size} bytes, ${keyBytes} of them its key, is too large for the journal; ` +
          `the limits are ${MAX_ENTRY_BYTES} and ${MAX_KEY_BYTES}`,
      )
    }
    const head = ENTRY_HEADER_BYTES + 2 + keyBytes + (body.codec === 0 ? 0 : 4)
    bodies.push(body)
    entryBytes.push(head + body.body.byteLength)
    total += head + body.body.byteLength
  }
  const bytes = Buffer.allocUnsafe(total)
  const { salt, flags } = options
  writeBatchHeader(bytes, 0, {
    salt,
    bytes: total - BATCH_HEADER_BYTES,
    count: changes.length,
    flags,
  })
  let at = BATCH_HEADER_BYTES
  for (const [index, change] of changes.entries()) {
    at = writeEntry(bytes, at, change, bodies[index]!, entryBytes[index]!, salt)
  }
  return { bytes, entryBytes }
}

function writeEntry(
  into: Buffer,
  at: number,
  { key, record }: StoreChange,
  { body, codec }: Packed,
  size: number,
  salt: number,
): number {
  into.writeUInt32LE(ENTRY_MARKER, at)
  into.writeUInt32LE(size - ENTRY_HEADER_BYTES, at + 4)
  into.writeUInt8((record === null ? FORGET : PUT) | (codec << 4), at + 12)
  const keyBytes = into.write(key, at + 15)
  into.writeUInt16LE(keyBytes, at + 13)
  let behind = at + 15 + keyBytes
  if (codec !== 0) behind = into.writeUInt32LE(record!.byteLength, behind)
  into.set(body, behind)
  into.writeUInt32LE(crc32(into.subarray(at + 12, at + size), salt), at + 8)
  return at + size
}

/** An entry as it stands in a file. */
export interface FoundEntry {
  readonly key: string
  readonly kind: typeof PUT | typeof FORGET
  /** 0: none */
  readonly codec: number
  /** What the codec made of the record, or the record; a view of the file. */
  readonly body: Buffer
  /** Of the record. */
  readonly size: number
  readonly offset: number
  /** All of it, with its header. */
  readonly raw: Buffer
}

/** @returns the entry at `at`, or why there is none that ends by `limit` */
export function entryAt(
  file: Buffer,
  at: number,
  limit: number,
  salt: number,
): FoundEntry | string {
  if (at + ENTRY_HEADER_BYTES > limit) return 'ends inside an entry header'
  if (file.readUInt32LE(at) !== ENTRY_MARKER) return 'no entry marker'
  const length = file.readUInt32LE(at + 4)
  if (length < 2 || length > MAX_ENTRY_BYTES + 8) return `impossible length ${length}`
  const end = at + ENTRY_HEADER_BYTES + length
  if (end > limit) return 'ends inside an entry'
  if (crc32(file.subarray(at + 12, end), salt) !== file.readUInt32LE(at + 8))
    return 'checksum mismatch'
  const kind = file.readUInt8(at + 12) & 15
  const codec = file.readUInt8(at + 12) >> 4
  const keyEnd = at + 15 + file.readUInt16LE(at + 13)
  const bodyAt = codec === 0 ? keyEnd : keyEnd + 4
  if (bodyAt > end || (kind !== PUT && kind !== FORGET)) return `impossible entry of kind ${kind}`
  const size = codec === 0 ? end - keyEnd : file.readUInt32LE(keyEnd)
  if (size > MAX_ENTRY_BYTES) return `impossible size ${size}`
  const key = file.toString('utf8', at + 15, keyEnd)
  return {
    key,
    kind,
    codec,
    body: file.subarray(bodyAt, end),
    size,
    offset: at,
    raw: file.subarray(at, end),
  }
}
