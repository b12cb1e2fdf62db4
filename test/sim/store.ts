/** A fake disk: writes in order, synced together after a while. */
import type { Clock } from './clock.js'
import type { Random } from './random.js'

const syncMaxMs = 40

interface Write {
  readonly sequence: number
  readonly key: string
  readonly value: Uint8Array | null
}

export class Store {
  readonly #clock: Clock
  readonly #random: Random
  readonly #stored: (sequence: number) => void
  readonly #waiting: Write[] = []
  readonly #synced = new Map<string, Uint8Array>()
  /** Every key that ever was on disk. */
  readonly #known = new Set<string>()
  #syncing = false
  #lastSequence = 0

  /** @param stored everything up to the sequence is on disk */
  constructor(clock: Clock, random: Random, stored: (sequence: number) => void) {
    this.#clock = clock
    this.#random = random
    this.#stored = stored
  }

  keys(): string[] {
    return [...this.#synced.keys()].sort()
  }

  hasHeld(key: string): boolean {
    return this.#known.has(key)
  }

  /** @param value null: forget */
  write(sequence: number, key: string, value: Uint8Array | null): void {
    if (sequence <= this.#lastSequence) {
      throw new Error(`store sequence ${sequence} after ${this.#lastSequence}: they must grow`)
    }
    this.#lastSequence = sequence
    this.#waiting.push({ sequence, key, value })
    this.#sync()
  }

  #sync(): void {
    if (this.#syncing || this.#waiting.length === 0) return
    this.#syncing = true
    const batch = this.#waiting.splice(0)
    this.#clock.after(this.#random.between(0, syncMaxMs), () => {
      this.#syncing = false
      for (const { key, value } of batch) {
        if (value === null) this.#synced.delete(key)
        else this.#synced.set(key, value)
        this.#known.add(key)
      }
      this.#stored(batch.at(-1)?.sequence ?? 0)
      this.#sync()
    })
  }
}
