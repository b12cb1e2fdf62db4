/**
 * ZooKeeper as masters see it: everything in it happens in one order, and whoever asks may get no answer, not even whether what was
 * asked has happened.
 */
import type { StoreChange } from '../../src/store/engine.js'
import type { Clock } from './clock.js'
import type { Coverage } from './coverage.js'
import type { Life } from './life.js'
import type { Random } from './random.js'
import { Shelf } from './store.js'

const tripMaxMs = 15
/** How long it takes to see that no answer comes. */
const lostMaxMs = 1_000

export class Ensemble {
  readonly shelf = new Shelf()
  readonly #clock: Clock
  readonly #random: Random
  readonly #coverage: Coverage
  /** Whether a commit checks the epoch; false shows that the simulator notices. */
  readonly #fenced: boolean
  #epoch = 0
  #leader: string | null = null
  #heartbeats = 0
  #commits = 0
  #downUntilMs = 0
  #separateUntilMs = 0
  readonly #cutOffUntilMs = new Map<string, number>()

  constructor(clock: Clock, random: Random, coverage: Coverage, fenced: boolean) {
    this.#clock = clock
    this.#random = random
    this.#coverage = coverage
    this.#fenced = fenced
  }

  get epoch(): number {
    return this.#epoch
  }

  cutOff(name: string, forMs: number): void {
    this.#coverage.happened('a master is cut off from ZooKeeper')
    this.#cutOffUntilMs.set(name, this.#clock.nowMs + forMs)
  }

  restart(forMs: number): void {
    this.#coverage.happened('ZooKeeper is away')
    this.#downUntilMs = this.#clock.nowMs + forMs
  }

  /** Masters do not reach each other, and so do not know whose process is gone. */
  separate(forMs: number): void {
    this.#coverage.happened('masters are cut off from each other')
    this.#separateUntilMs = this.#clock.nowMs + forMs
  }

  get separated(): boolean {
    return this.#clock.nowMs < this.#separateUntilMs
  }

  /** @param work happens at once, or never @param settled null: nobody knows whether it has happened */
  ask<T>(name: string, life: Life, work: () => T, settled: (answer: T | null) => void): void {
    const lost = (): void => {
      life.after(this.#random.between(0, lostMaxMs), () => settled(null))
    }
    // What is on its way arrives also where its sender is gone by then.
    this.#clock.after(this.#random.between(0, tripMaxMs), () => {
      if (!this.#reaches(name)) return lost()
      const answer = work()
      life.after(this.#random.between(0, tripMaxMs), () => {
        if (this.#reaches(name)) return settled(answer)
        this.#coverage.happened('an answer of ZooKeeper is lost')
        lost()
      })
    })
  }

  // ---- what is asked for ----

  state(): { epoch: number; leader: string | null; heartbeats: number } {
    return { epoch: this.#epoch, leader: this.#leader, heartbeats: this.#heartbeats }
  }

  /** @returns false: another one leads */
  beat(epoch: number): boolean {
    if (epoch !== this.#epoch) return false
    this.#heartbeats += 1
    return true
  }

  /** @returns false: another was faster */
  /** @param seenHeartbeats the leader lives if it has had another one since; null: it is known to be gone */
  takeOver(name: string, seenEpoch: number, seenHeartbeats: number | null): boolean {
    if (seenEpoch !== this.#epoch) return false
    if (seenHeartbeats !== null && seenHeartbeats !== this.#heartbeats) return false
    this.#epoch += 1
    this.#heartbeats += 1
    this.#leader = name
    this.#commits = 0
    return true
  }

  /** @param number of this commit under its epoch; one that is there already is not written again */
  commit(epoch: number, number: number, changes: readonly StoreChange[]): boolean {
    if (epoch !== this.#epoch) {
      this.#coverage.happened('a commit of a deposed leader is refused')
      if (this.#fenced) return false
    } else {
      if (number <= this.#commits) return true
      this.#commits = number
    }
    for (const change of changes) this.shelf.put(change)
    return true
  }

  #reaches(name: string): boolean {
    const { nowMs } = this.#clock
    return nowMs >= this.#downUntilMs && nowMs >= (this.#cutOffUntilMs.get(name) ?? 0)
  }
}
