/** Compressed logs, read from the front: only what is wanted is kept. */
import type { FileHandle } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { constants, createGunzip } from 'node:zlib'

import type { ByteRange } from './range.js'

/** Of one file; what lies behind counts as not there. Some ten seconds of work, whatever a file pretends to be. */
export const MAX_INFLATED_BYTES = 8 * 2 ** 30

const CHUNK_BYTES = 64 * 1024

async function* chunksOf(file: FileHandle): AsyncGenerator<Buffer> {
  for (let at = 0; ;) {
    // A chunk of its own each time: the last one may still be worked on.
    const { bytesRead, buffer } = await file.read(Buffer.alloc(CHUNK_BYTES), 0, CHUNK_BYTES, at)
    if (bytesRead === 0) return
    yield buffer.subarray(0, bytesRead)
    at += bytesRead
  }
}

/** The plain bytes, piece by piece, of a file that was cut off too. @throws Error when it is broken otherwise */
async function* inflated(file: FileHandle): AsyncGenerator<Buffer> {
  const source = Readable.from(chunksOf(file))
  const gunzip = createGunzip({ chunkSize: CHUNK_BYTES, finishFlush: constants.Z_SYNC_FLUSH })
  source.once('error', (error) => gunzip.destroy(error))
  try {
    for await (const chunk of source.pipe(gunzip)) yield chunk as Buffer
  } finally {
    source.destroy()
    gunzip.destroy()
  }
}

/** @returns fewer bytes than asked for where the file is shorter or broken */
export async function readInflated(file: FileHandle, { start, end }: ByteRange): Promise<Buffer> {
  const kept: Buffer[] = []
  let at = 0
  try {
    for await (const chunk of inflated(file)) {
      // A copy: the piece would keep its whole chunk.
      kept.push(Buffer.from(chunk.subarray(Math.max(start - at, 0), Math.max(end - at, 0))))
      at += chunk.length
      if (at >= end) break
    }
  } catch {
    return Buffer.alloc(0)
  }
  return Buffer.concat(kept)
}

/** How many bytes come out of it, MAX_INFLATED_BYTES at most; 0 when it is broken: nothing of it can be relied on. */
export async function countInflated(file: FileHandle): Promise<number> {
  let bytes = 0
  try {
    for await (const chunk of inflated(file)) {
      bytes += chunk.length
      if (bytes >= MAX_INFLATED_BYTES) return MAX_INFLATED_BYTES
    }
  } catch {
    return 0
  }
  return bytes
}
