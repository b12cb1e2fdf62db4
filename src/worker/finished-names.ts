/** Names of executors or drivers that have ended not long ago, to tell duplicates (P37). */
export class FinishedNames {
  readonly #most: number
  /** Oldest first. */
  readonly #names = new Set<string>()

  /** @param most that are remembered */
  constructor(most: number) {
    this.#most = most
  }

  get size(): number {
    return this.#names.size
  }

  has(name: string): boolean {
    return this.#names.has(name)
  }

  /** When they are too many, the oldest tenth is forgotten (W17). */
  add(name: string): void {
    if (this.#names.size >= this.#most) {
      const oldest = [...this.#names].slice(0, this.#most / 10)
      for (const old of oldest) this.#names.delete(old)
    }
    this.#names.add(name)
  }
}
