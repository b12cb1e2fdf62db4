/**
 * Reads a part of a log while its writer goes on: appends, rolls, compresses and removes old files. The log that is
 * written to is opened first. Should it be rolled while the folder is listed, it appears there once more, and what
 * follows it has come later and is left out; so the stream has neither a gap nor a part twice.
 */
import type { BigIntStats } from 'node:fs'
import { lstat, open, readdir, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'

import { READ_FLAGS } from './flags.js'
import { readInflated } from './gzip.js'
import { rolledNames, type RolledName } from './names.js'
import type { PlainLengths } from './plain-length.js'
import { piecesOf, rangeWithin, type ByteRange, type WantedRange } from './range.js'

export interface LogPart extends ByteRange {
  bytes: Buffer
  /** Of the whole stream. */
  total: number
}

/** It can't be read just now; another try may do. */
export class LogUnavailable extends Error {
  override readonly name = 'LogUnavailable'
}

const MAX_ATTEMPTS = 8
/** Files of one log that are looked at together. */
const LOOKS_AT_ONCE = 32

/** What was listed has changed since. */
class Stale extends Error {}

interface LogFile {
  name: RolledName
  length: number
}

interface Active {
  file: FileHandle
  facts: BigIntStats
}

/**
 * @param active the name of the log that is written to, such as `stdout`
 * @param maxBytes that are read, however much is wanted; absent: MAX_RANGE_BYTES
 * @returns null when there is no such log
 * @throws LogUnavailable @throws Error of the file system
 */
export async function readLog(
  folder: string,
  active: string,
  wanted: WantedRange,
  lengths: PlainLengths,
  maxBytes?: number,
): Promise<LogPart | null> {
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
    try {
      return await attemptToRead(folder, active, wanted, lengths, maxBytes)
    } catch (error) {
      if (!(error instanceof Stale)) throw error
    }
  }
  throw new LogUnavailable(`old logs beside ${active} go faster than they can be read; try again`)
}

async function attemptToRead(
  folder: string,
  active: string,
  wanted: WantedRange,
  lengths: PlainLengths,
  maxBytes?: number,
): Promise<LogPart | null> {
  const current = await openActive(join(folder, active))
  try {
    const names = await readdir(folder).catch(nullWhenMissing)
    if (names === null) return null
    const rolled = await lookAt(folder, rolledNames(names, active), current, lengths)
    if (current === null && rolled.length === 0) return null
    const { size, nlink } = (await current?.file.stat()) ?? { size: 0, nlink: 1 }
    // It was rolled and then compressed or removed, so that it was not recognised above.
    if (nlink === 0) throw new Stale()
    const total = rolled.reduce((sum, { length }) => sum + length, size)
    const range = rangeWithin(total, wanted, maxBytes)
    const parts: Buffer[] = []
    for (const { index, ...piece } of piecesOf([...rolled.map((log) => log.length), size], range)) {
      const log = rolled[index]
      if (log !== undefined) parts.push(await readRolled(folder, log.name, piece, lengths))
      else if (current !== null) parts.push(await readPlain(current.file, piece))
    }
    return { bytes: Buffer.concat(parts), ...range, total }
  } finally {
    await current?.file.close()
  }
}

/** @returns null when it is not there: taken away, or between being rolled and coming anew */
async function openActive(path: string): Promise<Active | null> {
  const file = await openPlainFile(path)
  if (file === null) return null
  return { file, facts: await file.stat({ bigint: true }) }
}

/** @returns the lengths of old logs up to the one that is `current`, which is not among them */
async function lookAt(
  folder: string,
  names: readonly RolledName[],
  current: Active | null,
  lengths: PlainLengths,
): Promise<LogFile[]> {
  const found: LogFile[] = []
  for (let at = 0; at < names.length; at += LOOKS_AT_ONCE) {
    const looks = await Promise.all(
      names.slice(at, at + LOOKS_AT_ONCE).map((name) => lookAtOne(folder, name, current, lengths)),
    )
    for (const look of looks) {
      if (look === 'current') return found
      // Removed since it was listed: the oldest are.
      if (look !== null) found.push(look)
    }
  }
  return found
}

async function lookAtOne(
  folder: string,
  { plain, compressed }: RolledName,
  current: Active | null,
  lengths: PlainLengths,
): Promise<LogFile | 'current' | null> {
  const path = join(folder, plain)
  const facts = compressed ? null : await lookAtPath(path)
  if (facts !== null) {
    const same = facts.dev === current?.facts.dev && facts.ino === current.facts.ino
    return same ? 'current' : { name: { plain, compressed }, length: Number(facts.size) }
  }
  // It may have been compressed since it was listed.
  const compressedFacts = await lookAtPath(`${path}.gz`)
  if (compressedFacts === null) return null
  const length = await lengths.of(`${path}.gz`, compressedFacts).catch(nullWhenMissing)
  return length === null ? null : { name: { plain, compressed: true }, length }
}

/** @returns null when it is not there, or no plain file */
async function lookAtPath(path: string): Promise<BigIntStats | null> {
  const facts = await lstat(path, { bigint: true }).catch(nullWhenMissing)
  return facts?.isFile() === true ? facts : null
}

async function readRolled(
  folder: string,
  name: RolledName,
  piece: ByteRange,
  lengths: PlainLengths,
): Promise<Buffer> {
  const opened = await openRolled(folder, name)
  if (opened === null) throw new Stale()
  const { file, compressed } = opened
  try {
    if (!compressed) return await readPlain(file, piece)
    const bytes = await readInflated(file, piece)
    if (bytes.length === piece.end - piece.start) return bytes
    await lengths.recount(file)
    throw new Stale()
  } finally {
    await file.close()
  }
}

/** @throws Stale when the file has become shorter */
async function readPlain(file: FileHandle, { start, end }: ByteRange): Promise<Buffer> {
  const bytes = Buffer.alloc(end - start)
  for (let at = 0; at < bytes.length;) {
    const { bytesRead } = await file.read(bytes, at, bytes.length - at, start + at)
    if (bytesRead === 0) throw new Stale()
    at += bytesRead
  }
  return bytes
}

/** It may have been compressed since it was looked at. @returns null when it is gone */
async function openRolled(
  folder: string,
  { plain, compressed }: RolledName,
): Promise<{ file: FileHandle; compressed: boolean } | null> {
  if (!compressed) {
    const file = await openPlainFile(join(folder, plain))
    if (file !== null) return { file, compressed: false }
  }
  const file = await openPlainFile(join(folder, `${plain}.gz`))
  return file === null ? null : { file, compressed: true }
}

/** @returns null when it is not there, or is a link, a folder, a pipe */
async function openPlainFile(path: string): Promise<FileHandle | null> {
  const file = await open(path, READ_FLAGS).catch(nullWhenMissing)
  if (file === null || (await file.stat()).isFile()) return file
  await file.close()
  return null
}

function nullWhenMissing(error: NodeJS.ErrnoException): null {
  // ELOOP and EMLINK: a link; ENXIO: a socket, or a device without its driver.
  const missing = ['ENOENT', 'ENOTDIR', 'ELOOP', 'EMLINK', 'ENXIO']
  if (missing.includes(error.code ?? '')) return null
  throw error
}
