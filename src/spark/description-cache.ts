/** Descriptions of applications that were read to be sent to Apache Workers: the same one goes out with each executor. */
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
  /** By application; the one that was read last comes last. */
  readonly #byApp = new Map<string, Description>()
  #bytes = 0

  /**
   * @returns the same tree for the same bytes, as long as it is kept; not to be changed
   * @throws JavaStreamError JavaShapeError when the description can't be read
   */
  read(appId: string, description: Uint8Array): JavaObject {
    const known = this.#byApp.get(appId)
    if (known?.bytes.equals(description) === true) return known.tree
    const tree = objectOf(readJavaStream(description).root)
    this.#forget(appId)
    if (description.byteLength <= MAX_BYTES) {
      this.#byApp.set(appId, { bytes: Buffer.from(description), tree })
      this.#bytes += description.byteLength
    }
    for (const oldest of this.#byApp.keys()) {
      if (this.#byApp.size <= MAX_DESCRIPTIONS && this.#bytes <= MAX_BYTES) break
      this.#forget(oldest)
    }
    return tree
  }

  #forget(appId: string): void {
    this.#bytes -= this.#byApp.get(appId)?.bytes.length ?? 0
    this.#byApp.delete(appId)
  }
}
