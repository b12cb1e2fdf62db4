/** Between the effects and the store: one commit at a time, everything that came meanwhile in the next one. */
import type { StoreChange, StoreEngine } from '../store/engine.js'

export interface PersistenceOptions {
  readonly engine: StoreEngine
  onStored(sequence: number): void
  /** Comes at most once; nothing is written after it. */
  onFailed(error: Error): void
}

export class Persistence {
  readonly #options: PersistenceOptions
  #pending: StoreChange[] = []
  #sequence = 0
  #running: Promise<void> | null = null
  #failed = false

  constructor(options: PersistenceOptions) {
    this.#options = options
  }

  /** @param sequence of this change; grows by the call */
  add(change: StoreChange, sequence: number): void {
    if (this.#failed) return
    this.#pending.push(change)
    this.#sequence = sequence
    this.#running ??= this.#write()
  }

  /** Settles when everything that was added is on disk or has failed. */
  async drained(): Promise<void> {
    await this.#running
  }

  async #write(): Promise<void> {
    // The rest of the batch that holds the first change joins it.
    await Promise.resolve()
    while (this.#pending.length > 0 && !this.#failed) {
      const changes = this.#pending
      const sequence = this.#sequence
      this.#pending = []
      try {
        await this.#options.engine.commit(changes)
        this.#options.onStored(sequence)
      } catch (error) {
        this.#failed = true
        this.#options.onFailed(error as Error)
      }
    }
    this.#running = null
  }
}
