/** Virtual time and hosts that halt and die, for protocols under one seed. */
import { Random } from '../sim/random.js'

interface Due {
  readonly atMs: number
  readonly order: number
  readonly run: () => void
}

export class World {
  nowMs = 0
  readonly random: Random
  #order = 0
  #due: Due[] = []

  constructor(seed: number) {
    this.random = new Random(seed)
  }

  /** @returns what calls it off */
  after(ms: number, run: () => void): () => void {
    const due = { atMs: this.nowMs + Math.max(0, ms), order: this.#order, run }
    this.#order += 1
    let low = 0
    let high = this.#due.length
    // Latest first.
    while (low < high) {
      const middle = (low + high) >> 1
      const other = this.#due[middle] as Due
      if (other.atMs > due.atMs || (other.atMs === due.atMs && other.order > due.order))
        low = middle + 1
      else high = middle
    }
    this.#due.splice(low, 0, due)
    return () => {
      const at = this.#due.indexOf(due)
      if (at >= 0) this.#due.splice(at, 1)
    }
  }

  /** Lets everything happen that is due within so long. */
  async run(ms: number): Promise<void> {
    const untilMs = this.nowMs + ms
    for (;;) {
      // What promises lead to belongs to the same instant.
      await new Promise((done) => setImmediate(done))
      const next = this.#due.at(-1)
      if (next === undefined || next.atMs > untilMs) break
      this.#due.pop()
      this.nowMs = Math.max(this.nowMs, next.atMs)
      next.run()
    }
    this.nowMs = untilMs
  }
}

/** One process on a machine of its own. What is due while it is halted happens when it goes on. */
export class Host {
  readonly name: string
  readonly world: World
  alive = true
  #halted = false
  #kept: (() => void)[] = []
  /** Its clock goes faster or slower than the world's. */
  readonly #rate: number

  constructor(name: string, world: World) {
    this.name = name
    this.world = world
    this.#rate = 0.97 + world.random.next() * 0.06
  }

  get halted(): boolean {
    return this.#halted
  }

  nowMs(): number {
    return this.world.nowMs * this.#rate
  }

  after(ms: number, run: () => void): () => void {
    let off = false
    this.world.after(ms / this.#rate, () =>
      this.deliver(() => {
        if (!off) run()
      }),
    )
    return () => (off = true)
  }

  deliver(run: () => void): void {
    if (!this.alive) return
    if (this.#halted) this.#kept.push(run)
    else run()
  }

  halt(): void {
    this.#halted = true
  }

  goOn(): void {
    this.#halted = false
    const kept = this.#kept
    this.#kept = []
    for (const run of kept) this.world.after(0, () => this.deliver(run))
  }

  kill(): void {
    this.alive = false
    this.#kept = []
  }
}
