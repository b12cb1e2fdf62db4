/**
 * Reads a whole journal, whatever happened to it. What a crash cut off at the end is left out, as a whole commit; damage
 * anywhere else costs the entries it hit and nothing more.
 */
import { crc32 } from 'node:zlib'
import {
  BATCH_HEADER_BYTES,
  BATCH_MARKER_BYTES,
  COMPLETE,
  ENTRY_MARKER_BYTES,
  FILE_HEADER_BYTES,
  MAGIC,
  MAGIC_BYTES,
  batchHeaderAt,
  entryAt,
  fileHeader,
  type FoundEntry,
} from './journal-format.js'

/** A damaged stretch is searched with checksums over at most this many times its length: the rest counts as damaged too. */
const MAX_SEARCH_FACTOR = 16

export interface DamagedBytes {
  readonly offset: number
  readonly bytes: Buffer
  readonly reason: string
}

export interface ScannedJournal {
  readonly version: 1 | 2
  /** 0 in version 1. */
  readonly salt: number
  /** In the order they were written. */
  readonly entries: readonly FoundEntry[]
  readonly damaged: readonly DamagedBytes[]
  /** It holds all that the files before it held. */
  readonly complete: boolean
}

/** Nothing was ever written to it, or not even its header is whole; or it is no journal that this release can read. */
export type Unreadable = 'empty' | 'newer' | 'foreign'

export function scanJournal(file: Buffer): ScannedJournal | Unreadable {
  if (file.byteLength >= MAGIC_BYTES && file.subarray(0, 6).equals(MAGIC)) {
    const version = file.readUInt16LE(6)
    if (version === 1) return scanVersion1(file)
    if (version > 2 && headerIsWhole(file)) return 'newer'
  }
  if (headerIsWhole(file)) return scanVersion2(file, file.readUInt32LE(8), [])
  if (isUnfinished(file)) return 'empty'
  // The header alone is damaged: the first batch says the salt again.
  const salt = file.byteLength < FILE_HEADER_BYTES + 8 ? 0 : file.readUInt32LE(20)
  if (batchHeaderAt(file, FILE_HEADER_BYTES, salt) === null) return 'foreign'
  const header = file.subarray(0, FILE_HEADER_BYTES)
  return scanVersion2(file, salt, [{ offset: 0, bytes: header, reason: 'a damaged file header' }])
}

function headerIsWhole(file: Buffer): boolean {
  if (file.byteLength < FILE_HEADER_BYTES || !file.subarray(0, 6).equals(MAGIC)) return false
  return crc32(file.subarray(0, 12)) === file.readUInt32LE(12)
}

/** A crash cut off the very first write, or left zeros where it was to be. */
function isUnfinished(file: Buffer): boolean {
  if (file.every((byte) => byte === 0)) return true
  if (file.byteLength >= FILE_HEADER_BYTES) return false
  const head = file.subarray(0, MAGIC_BYTES)
  const starts = [fileHeader(0), Buffer.concat([MAGIC, Buffer.from([1, 0])])]
  return starts.some((start) => head.equals(start.subarray(0, head.byteLength)))
}

interface Stretch {
  readonly entries: FoundEntry[]
  readonly damaged: DamagedBytes[]
  /** What follows the last entry. */
  readonly tail: DamagedBytes | null
}

/** Every entry between `from` and `to`; what is between them is damaged. */
function salvage(file: Buffer, from: number, to: number, salt: number): Stretch {
  const entries: FoundEntry[] = []
  const damaged: DamagedBytes[] = []
  let budget = (to - from) * MAX_SEARCH_FACTOR
  let at = from
  let damagedFrom = -1
  let reason = ''
  while (at < to && budget > 0) {
    const found = entryAt(file, at, to, salt)
    if (typeof found !== 'string') {
      if (damagedFrom >= 0) {
        damaged.push({ offset: damagedFrom, bytes: file.subarray(damagedFrom, at), reason })
        damagedFrom = -1
      }
      entries.push(found)
      at += found.raw.byteLength
      continue
    }
    if (damagedFrom < 0) {
      damagedFrom = at
      reason = `${found} at ${at}`
    }
    if (found === 'checksum mismatch') budget -= file.readUInt32LE(at + 4)
    const next = file.indexOf(ENTRY_MARKER_BYTES, at + 1)
    if (next < 0) break
    at = next
  }
  const tail =
    damagedFrom < 0 ? null : { offset: damagedFrom, bytes: file.subarray(damagedFrom, to), reason }
  return { entries, damaged, tail }
}

function scanVersion1(file: Buffer): ScannedJournal {
  const { entries, damaged } = salvage(file, MAGIC_BYTES, file.byteLength, 0)
  return { version: 1, salt: 0, entries, damaged, complete: true }
}

function scanVersion2(file: Buffer, salt: number, header: DamagedBytes[]): ScannedJournal {
  const entries: FoundEntry[] = []
  const damaged = header
  let complete = false
  for (let at = FILE_HEADER_BYTES; at < file.byteLength;) {
    const batch = batchHeaderAt(file, at, salt)
    const whole = batch === null ? null : wholeBatch(file, at, batch, salt)
    if (batch !== null && whole !== null) {
      for (const entry of whole) entries.push(entry)
      if (batch.flags & COMPLETE) complete = true
      at = batch.end
      continue
    }
    const next = nextBatch(file, at + 1, salt)
    if (next < 0) {
      // A cut-off commit was never acknowledged. One of full length may have been: its bytes are kept.
      if (batch !== null && batch.end <= file.byteLength)
        damaged.push({
          offset: at,
          bytes: file.subarray(at, batch.end),
          reason: `the last commit, at ${at}, is damaged or was never finished`,
        })
      break
    }
    if (batch !== null && batch.flags & COMPLETE) complete = true
    const from = batch === null ? at : at + BATCH_HEADER_BYTES
    const found = salvage(file, from, next, salt)
    for (const entry of found.entries) entries.push(entry)
    damaged.push(...found.damaged)
    if (found.tail !== null) damaged.push(found.tail)
    at = next
  }
  return { version: 2, salt, entries, damaged, complete }
}

/** @returns null unless every entry of the batch is whole */
function wholeBatch(
  file: Buffer,
  at: number,
  batch: { end: number; count: number },
  salt: number,
): FoundEntry[] | null {
  if (batch.end > file.byteLength) return null
  const entries: FoundEntry[] = []
  for (let entry = at + BATCH_HEADER_BYTES; entry < batch.end;) {
    const found = entryAt(file, entry, batch.end, salt)
    if (typeof found === 'string') return null
    entries.push(found)
    entry += found.raw.byteLength
  }
  return entries.length === batch.count ? entries : null
}

/** @returns where the next batch with a whole header starts, -1: nowhere */
function nextBatch(file: Buffer, from: number, salt: number): number {
  let at = file.indexOf(BATCH_MARKER_BYTES, from)
  while (at >= 0 && batchHeaderAt(file, at, salt) === null)
    at = file.indexOf(BATCH_MARKER_BYTES, at + 1)
  return at
}
