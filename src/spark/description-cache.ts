/**
 * Descriptions of applications, as what goes out to Apache Workers with each executor: its driver has just sent it, or it was
 * read for the executor before.
 */
import { crc32 } from 'node:zlib'

import { readJavaStream } from './java/reader.js'
import type { JavaObject } from './java/tree.js'
import { objectOf } from './java/values.js'

const MAX_DESCRIPTIONS = 64
/** Of all that are kept, as Java streams. */
const MAX_BYTES = 4 * 1024 * 1024

interface Description {
  readonly bytes: Buffer
  readonly tree: JavaObject
}

export class DescriptionCache {
  /** By the checksum of their bytes; the one that was kept last comes last. */
  readonly #byChecksum = new Map<number, Description>()
  #bytes = 0
  /** Executors of one application come one after the other, with the very same array. */
  #last: { readonly description: Uint8Array; readonly tree: JavaObject } | null = null

  /**
   * @returns the same tree for the same bytes, as long as it is kept; not to be changed
   * @throws JavaStreamError JavaShapeError when the description can't be read
   */
  read(description: Uint8Array): JavaObject {
    if (this.#last?.description === description) return this.#last.tree
    let tree = this.#kept(description)
    if (tree === null) {
      tree = objectOf(readJavaStream(description).root)
      this.keep(description, tree)
    }
    this.#last = { description, tree }
    return tree
  }

  /**
   * @param tree what `description` was written of; not to be changed any more
   * @returns what it is forgotten by
   */
  keep(description: Uint8Array, tree: JavaObject): number {
    const checksum = crc32(description)
    if (description.byteLength > MAX_BYTES) return checksum
    this.forget(checksum)
    this.#byChecksum.set(checksum, { bytes: Buffer.from(description), tree })
    this.#bytes += description.byteLength
    for (const oldest of this.#byChecksum.keys()) {
      if (this.#byChecksum.size <= MAX_DESCRIPTIONS && this.#bytes <= MAX_BYTES) break
      this.forget(oldest)
    }
    return checksum
  }

  #kept(description: Uint8Array): JavaObject | null {
    const known = this.#byChecksum.get(crc32(description))
    return known?.bytes.equals(description) === true ? known.tree : null
  }

  /** Nobody is likely to want it again; a tree that is kept for longer than it is used is dear to collect. */
  forget(checksum: number): void {
    this.#last = null
    this.#bytes -= this.#byChecksum.get(checksum)?.bytes.length ?? 0
    this.#byChecksum.delete(checksum)
  }
}

/** Of all drivers and workers of this thread. */
export const applicationDescriptions = new DescriptionCache()
