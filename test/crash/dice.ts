/** Chance from a seed: the same choices, though not the same instants. */
import { Random } from '../sim/random.js'

export class Dice {
  readonly #random: Random

  constructor(seed: number) {
    this.#random = new Random(seed)
  }

  /** A whole number from 0 to below `limit`. */
  below(limit: number): number {
    return this.#random.between(0, Math.max(0, limit - 1))
  }

  between(from: number, to: number): number {
    return this.#random.between(from, to)
  }

  chance(probability: number): boolean {
    return this.#random.chance(probability)
  }

  pick<T>(list: readonly T[]): T {
    return this.#random.pick(list)
  }
}
