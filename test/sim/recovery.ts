/**
 * What keeps a simulated master's records and says whether it leads: as `Recovery` of src/election/agent.ts, but it calls back
 * where that one settles promises, since a simulation has no turns of an event loop.
 */
import type { RecoveryEvents } from '../../src/election/agent.js'
import type { StoreChange } from '../../src/store/engine.js'
import type { Life } from './life.js'
import type { Random } from './random.js'
import type { Disk } from './store.js'

export interface SimulatedRecovery {
  start(events: RecoveryEvents): void
  /** @param settled null: all of them are on disk; else they may not be, and `stepDown` comes or has come */
  commit(changes: readonly StoreChange[], settled: (error: Error | null) => void): void
  certain(): boolean
}

const openMaxMs = 20
const reopenMaxMs = 5_000
const syncMaxMs = 40

export interface SingleParts {
  readonly life: Life
  readonly random: Random
  readonly disk: Disk
  /** Epochs of this disk so far. */
  readonly nextEpoch: () => number
  /** How long it takes until somebody says that it leads, in ms. */
  readonly electionMs: number
  /** It says that all is on disk before it is, to show that the simulator notices. */
  readonly early: boolean
}

/** FILESYSTEM and its like: the only master of its folder leads as soon as that can be read (H3). */
export class SingleRecovery implements SimulatedRecovery {
  readonly #parts: SingleParts
  #events: RecoveryEvents | null = null
  /** Counts mandates: what settles late belongs to an earlier one. */
  #mandate = 0

  constructor(parts: SingleParts) {
    this.#parts = parts
  }

  start(events: RecoveryEvents): void {
    this.#events = events
    this.#openAfter(this.#parts.electionMs)
  }

  commit(changes: readonly StoreChange[], settled: (error: Error | null) => void): void {
    const { life, random, disk, early } = this.#parts
    const mandate = this.#mandate
    disk.write(changes)
    if (early) life.after(0, () => settled(null))
    life.after(random.between(0, syncMaxMs), () => {
      if (mandate !== this.#mandate) return
      const error = disk.sync()
      if (!early) settled(error)
      if (error === null) return
      this.#mandate += 1
      this.#events?.stepDown(`the store failed: ${error.message}`)
      this.#openAfter(random.between(0, reopenMaxMs))
    })
  }

  certain(): boolean {
    return true
  }

  #openAfter(delayMs: number): void {
    const { life, random, disk, nextEpoch } = this.#parts
    life.after(delayMs + random.between(0, openMaxMs), () => {
      const opened = disk.full ? null : disk.open()
      if (opened === null) return this.#openAfter(random.between(100, reopenMaxMs))
      this.#mandate += 1
      this.#events?.lead({ epoch: nextEpoch(), ...opened })
    })
  }
}
