/**
 * How long a compressed log is when it is not. gzip's last four bytes say so, but only the length modulo 4 GiB, and
 * only when the file is whole; where they can't be trusted the file is read once, and the length remembered (P38).
 */
import type { BigIntStats } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'

import { READ_FLAGS } from './flags.js'
import { countInflated } from './gzip.js'

/** Header and trailer of an empty file. */
const MIN_GZIP_BYTES = 18
const LENGTH_BYTES = 4
/** Deflate's best: 258 bytes for two bits. */
const MAX_RATIO = 1032
/** No file of up to this size holds 4 GiB. */
const MAX_TRUSTED_BYTES = Math.floor(2 ** 32 / MAX_RATIO)

export class PlainLengths {
  readonly #maxRemembered: number
  /** By what file it is; the one used last is the last. */
  readonly #counted = new Map<string, Promise<number>>()

  /** @param maxRemembered `spark.worker.ui.compressedLogFileLengthCacheSize` */
  constructor(maxRemembered: number) {
    this.#maxRemembered = maxRemembered
  }

  /** @param facts of the file behind the path @throws Error when it can't be read */
  async of(path: string, facts: BigIntStats): Promise<number> {
    const key = keyOf(facts)
    const known = this.#counted.get(key)
    if (known !== undefined) {
      this.#counted.delete(key)
      this.#counted.set(key, known)
      return known
    }
    const size = Number(facts.size)
    if (size < MIN_GZIP_BYTES) return 0
    const file = await open(path, READ_FLAGS)
    try {
      if (size <= MAX_TRUSTED_BYTES) {
        const trailer = Buffer.alloc(LENGTH_BYTES)
        await file.read(trailer, 0, LENGTH_BYTES, size - LENGTH_BYTES)
        const length = trailer.readUInt32LE(0)
        if (length <= size * MAX_RATIO) return length
      }
      return await this.#count(key, file)
    } finally {
      await file.close()
    }
  }

  /** For a file whose own word has turned out wrong. */
  async recount(file: FileHandle): Promise<void> {
    await this.#count(keyOf(await file.stat({ bigint: true })), file)
  }

  #count(key: string, file: FileHandle): Promise<number> {
    const counting = countInflated(file)
    this.#counted.set(key, counting)
    for (const oldest of this.#counted.keys()) {
      // One at least: a recount must be found when the file is read again.
      if (this.#counted.size <= Math.max(this.#maxRemembered, 1)) break
      this.#counted.delete(oldest)
    }
    return counting
  }
}

function keyOf({ dev, ino, size, mtimeNs }: BigIntStats): string {
  return `${dev} ${ino} ${size} ${mtimeNs}`
}
