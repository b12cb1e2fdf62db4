/**
 * The journal's bytes. A file starts with eight bytes of magic and version; then entries follow:
 *
 *   u32 marker     so that reading can go on behind a damaged entry
 *   u32 length     of the payload
 *   u32 crc32      of kind and payload
 *   u8  kind       PUT or FORGET
 *   payload        u16 key length, key (UTF-8), record bytes (none for FORGET)
 *
 * All little endian.
 */
import { crc32 } from 'node:zlib'
import type { StoreChange } from './engine.js'

export const JOURNAL_MAGIC = Buffer.from('MGJRNL\u0001\u0000', 'latin1')
export const ENTRY_HEADER_BYTES = 13
/** One record; an application's description may take some MiB. */
export const MAX_ENTRY_BYTES = 64 * 1024 * 1024
export const MAX_KEY_BYTES = 1024

const marker = 0x314a474d
const markerBytes = Buffer.from([0x4d, 0x47, 0x4a, 0x31])
const put = 1
const forget = 2

export function encodeEntry(change: StoreChange): Buffer {
  const key = Buffer.from(change.key)
  const record = change.record ?? new Uint8Array()
  const length = 2 + key.byteLength + record.byteLength
  if (key.byteLength > MAX_KEY_BYTES || length > MAX_ENTRY_BYTES) {
    throw new RangeError(
      `record '${change.key.slice(0, 80)}' of ${length} bytes is too large for the journal; the limit is ${MAX_ENTRY_BYTES}`,
    )
  }
  const entry = Buffer.allocUnsafe(ENTRY_HEADER_BYTES + length)
  entry.writeUInt32LE(marker, 0)
  entry.writeUInt32LE(length, 4)
  entry.writeUInt8(change.record === null ? forget : put, 12)
  entry.writeUInt16LE(key.byteLength, 13)
  key.copy(entry, 15)
  entry.set(record, 15 + key.byteLength)
  entry.writeUInt32LE(crc32(entry.subarray(12)), 8)
  return entry
}

export interface FoundEntry {
  readonly change: StoreChange
  readonly offset: number
  readonly bytes: number
}

export interface DamagedBytes {
  readonly offset: number
  readonly bytes: Buffer
  readonly reason: string
}

export interface ScannedJournal {
  readonly entries: readonly FoundEntry[]
  /** Bytes between valid entries. */
  readonly damaged: readonly DamagedBytes[]
  /** Where the valid part ends; what follows is a write that a crash cut off. */
  readonly validBytes: number
}

/** @returns the entry at `at`, or why there is none */
function entryAt(file: Buffer, at: number): FoundEntry | string {
  if (at + ENTRY_HEADER_BYTES > file.byteLength) return 'ends inside an entry header'
  if (file.readUInt32LE(at) !== marker) return 'no entry marker'
  const length = file.readUInt32LE(at + 4)
  if (length < 2 || length > MAX_ENTRY_BYTES) return `impossible length ${length}`
  const end = at + ENTRY_HEADER_BYTES + length
  if (end > file.byteLength) return 'ends inside an entry'
  if (crc32(file.subarray(at + 12, end)) !== file.readUInt32LE(at + 8)) return 'checksum mismatch'
  const kind = file.readUInt8(at + 12)
  const keyEnd = at + 15 + file.readUInt16LE(at + 13)
  if (keyEnd > end || (kind !== put && kind !== forget)) return `impossible entry of kind ${kind}`
  const key = file.toString('utf8', at + 15, keyEnd)
  const record = kind === put ? new Uint8Array(file.subarray(keyEnd, end)) : null
  return { change: { key, record }, offset: at, bytes: end - at }
}

/** Reads a whole journal; damage is skipped and reported, a cut-off tail is left out. */
export function scanJournal(file: Buffer): ScannedJournal {
  const entries: FoundEntry[] = []
  const damaged: DamagedBytes[] = []
  let at = JOURNAL_MAGIC.byteLength
  let validBytes = at
  while (at < file.byteLength) {
    const found = entryAt(file, at)
    if (typeof found !== 'string') {
      entries.push(found)
      at += found.bytes
      validBytes = at
      continue
    }
    let next = file.indexOf(markerBytes, at + 1)
    while (next >= 0 && typeof entryAt(file, next) === 'string') {
      next = file.indexOf(markerBytes, next + 1)
    }
    if (next < 0) break
    damaged.push({ offset: at, bytes: file.subarray(at, next), reason: `${found} at ${at}` })
    at = next
  }
  return { entries, damaged, validBytes }
}
