/**
 * When something began, by the hash of its key, in a table of a fixed size: nothing is allocated, whatever peers send. Two
 * keys of one hash are taken for one, and where too many fall together the oldest is forgotten: good enough to measure, not
 * to decide.
 */
const SLOTS = 2 ** 16
const MASK = SLOTS - 1
/** Neighbours that a key may lie at. */
const REACH = 8

export class KeyedTimes {
  readonly #keys = new Uint32Array(SLOTS)
  /** 0: free. */
  readonly #times = new Float64Array(SLOTS)

  /** @param time above 0 @returns the time before, 0: there was none */
  replace(key: number, time: number): number {
    const found = this.#find(key)
    if (found >= 0) {
      const before = this.#times[found]!
      this.#times[found] = time
      return before
    }
    let oldest = key & MASK
    for (let step = 0; step < REACH; step += 1) {
      const at = (key + step) & MASK
      if (this.#times[at]! < this.#times[oldest]!) oldest = at
    }
    this.#keys[oldest] = key
    this.#times[oldest] = time
    return 0
  }

  /** Forgets it. @returns its time; 0: there is none */
  take(key: number): number {
    const found = this.#find(key)
    if (found < 0) return 0
    const time = this.#times[found]!
    this.#times[found] = 0
    return time
  }

  clear(): void {
    this.#times.fill(0)
  }

  #find(key: number): number {
    for (let step = 0; step < REACH; step += 1) {
      const at = (key + step) & MASK
      if (this.#keys[at] === key && this.#times[at]! > 0) return at
    }
    return -1
  }
}
