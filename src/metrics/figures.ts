/**
 * What is counted, in memory that threads share: the main thread adds, the web thread reads, and nobody sends anything.
 * Both build the same layout from the same families. To record is to add to a few numbers: nothing is allocated, and no
 * lock is taken; a reader may see a histogram between its count and its sum, which the next scrape puts right. Each
 * number is one aligned double, which the machines that this runs on write whole.
 */
import { labels, type HistogramValue, type RecordedFamily, type Sampled } from './family.js'

interface Place {
  readonly family: RecordedFamily
  readonly at: number
  /** Numbers of one label value: 1, or the buckets of a histogram, what is above them, and the sum. */
  readonly width: number
}

function placesOf(families: readonly RecordedFamily[]): Map<string, Place> {
  const places = new Map<string, Place>()
  let at = 0
  for (const family of families) {
    const width = family.bounds === undefined ? 1 : family.bounds.length + 2
    places.set(family.name, { family, at, width })
    at += width * (family.label?.values.length ?? 1)
  }
  return places
}

export class Figures {
  readonly #places: ReadonlyMap<string, Place>
  readonly #values: Float64Array
  readonly buffer: SharedArrayBuffer

  /** @param buffer of other Figures of the same families; absent: a new one, all zero */
  constructor(families: readonly RecordedFamily[], buffer?: SharedArrayBuffer) {
    this.#places = placesOf(families)
    let length = 0
    for (const { at, width, family } of this.#places.values())
      length = at + width * (family.label?.values.length ?? 1)
    this.buffer = buffer ?? new SharedArrayBuffer(length * Float64Array.BYTES_PER_ELEMENT)
    this.#values = new Float64Array(this.buffer)
    if (this.#values.length !== length)
      throw new RangeError(`figures of ${this.#values.length} numbers, not of ${length}`)
  }

  counter(name: string): Counter {
    return new Counter(this.#values, this.#place(name).at)
  }

  histogram(name: string): Histogram {
    const { at, family } = this.#place(name)
    if (family.bounds === undefined) throw new RangeError(`${name} has no buckets`)
    return new Histogram(this.#values, at, family.bounds)
  }

  /** @returns by the values of its label */
  histograms(name: string): Map<string, Histogram> {
    const { at, width, family } = this.#place(name)
    const { bounds, label } = family
    if (bounds === undefined || label === undefined)
      throw new RangeError(`${name} has no buckets, or no label`)
    return new Map(
      label.values.map((value, index) => [
        value,
        new Histogram(this.#values, at + index * width, bounds),
      ]),
    )
  }

  /** What a histogram without a label has observed so far. */
  observed(name: string): HistogramValue {
    const place = this.#place(name)
    if (place.family.bounds === undefined) throw new RangeError(`${name} has no buckets`)
    return this.#histogram(place.family.bounds, place)
  }

  samples(): Sampled[] {
    return [...this.#places.values()].map((place) => {
      const { family, at, width } = place
      const { label } = family
      if (label === undefined) return { family, samples: [['', this.#read(place, at)]] }
      return {
        family,
        samples: label.values.map((value, index) => [
          labels({ [label.name]: value }),
          this.#read(place, at + index * width),
        ]),
      }
    })
  }

  #read({ family: { bounds }, width }: Place, at: number): number | HistogramValue {
    return bounds === undefined ? this.#values[at]! : this.#histogram(bounds, { at, width })
  }

  #histogram(
    bounds: readonly number[],
    { at, width }: { readonly at: number; readonly width: number },
  ): HistogramValue {
    const counts = [...this.#values.subarray(at, at + width - 1)]
    return { bounds, counts, sum: this.#values[at + width - 1]! }
  }

  #place(name: string): Place {
    const place = this.#places.get(name)
    if (place === undefined) throw new RangeError(`there is no family ${name}`)
    return place
  }
}

export class Counter {
  readonly #values: Float64Array
  readonly #at: number

  constructor(values: Float64Array, at: number) {
    this.#values = values
    this.#at = at
  }

  /** @param label index of its value in the family */
  add(amount = 1, label = 0): void {
    this.#values[this.#at + label]! += amount
  }
}

export class Histogram {
  readonly #values: Float64Array
  readonly #bounds: Float64Array
  readonly #at: number

  constructor(values: Float64Array, at: number, bounds: readonly number[]) {
    this.#values = values
    this.#at = at
    this.#bounds = Float64Array.from(bounds)
  }

  /** @param value in the family's unit; what is below 0, as a clock that was set back makes it, counts as 0 */
  observe(value: number): void {
    const bounds = this.#bounds
    let bucket = 0
    while (bucket < bounds.length && value > bounds[bucket]!) bucket += 1
    this.#values[this.#at + bucket]! += 1
    if (value > 0) this.#values[this.#at + bounds.length + 1]! += value
  }
}
