import type { ClassDescriptor } from '../java/tree.js'

const MAX_KEYS = 256
const MAX_LISTS_OF_KEY = 4

/**
 * Gives the classes of streams that describe the same ones as one array, by which a `PeerKnowledge` knows again what it has
 * learnt of them: what differs between messages of one Spark is mostly their values.
 */
export class SeenClassLists {
  /** By the name of the first class and how many there are; the last seen first. */
  readonly #byKey = new Map<string, (readonly ClassDescriptor[])[]>()

  /** @returns an array with equal classes in the same order */
  same(descriptors: readonly ClassDescriptor[]): readonly ClassDescriptor[] {
    const [first] = descriptors
    if (first === undefined) return descriptors
    const key = `${descriptors.length} ${first.name}`
    const lists = this.#byKey.get(key)
    if (lists === undefined) {
      if (this.#byKey.size >= MAX_KEYS) this.#byKey.clear()
      this.#byKey.set(key, [descriptors])
      return descriptors
    }
    const index = lists.findIndex((list) => list.every((one, at) => one.equals(descriptors[at]!)))
    const [found] = index === -1 ? [descriptors] : lists.splice(index, 1)
    lists.unshift(found!)
    if (lists.length > MAX_LISTS_OF_KEY) lists.pop()
    return found!
  }
}
