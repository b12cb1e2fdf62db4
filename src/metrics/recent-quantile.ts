/** A quantile of what a histogram has observed since it was asked last: as exact as its buckets are narrow. */
import type { HistogramValue } from './family.js'

export class RecentQuantile {
  readonly #read: () => HistogramValue
  readonly #quantile: number
  #before: readonly number[]

  /** @param quantile above 0, and at most 1 */
  constructor(read: () => HistogramValue, quantile: number) {
    this.#read = read
    this.#quantile = quantile
    this.#before = read().counts
  }

  /** @returns the upper bound of its bucket, the largest one for what is above them all; null: nothing was observed */
  next(): number | null {
    const { bounds, counts } = this.#read()
    const before = this.#before
    this.#before = counts
    const fresh = counts.map((count, bucket) => count - before[bucket]!)
    const total = fresh.reduce((sum, count) => sum + count, 0)
    if (total <= 0) return null
    let seen = 0
    const bucket = fresh.findIndex((count) => (seen += count) >= this.#quantile * total)
    return bounds[Math.min(bucket, bounds.length - 1)]!
  }
}
