/** Between the effects and the store: one commit at a time, everything that came meanwhile in the next one. */
import type { CommitFigures } from './commit-figures.js'
import type { StoreChange } from '../store/engine.js'

export interface PersistenceOptions {
  /** @throws Error when the changes may not be on disk: nothing is written after that */
  commit(changes: readonly StoreChange[]): Promise<void>
  onStored(sequence: number): void
  readonly figures?: CommitFigures
}

export class Persistence {
  readonly #options: PersistenceOptions
  #pending: StoreChange[] = []
  #sequence = 0
  #running: Promise<void> | null = null
  #ended = false
  #pendingBytes = 0

  constructor(options: PersistenceOptions) {
    this.#options = options
  }

  /** @param sequence of this change; grows by the call */
  add(change: StoreChange, sequence: number): void {
    if (this.#ended) return
    this.#pending.push(change)
    this.#pendingBytes += change.key.length + (change.record?.byteLength ?? 0)
    this.#sequence = sequence
    this.#running ??= this.#write()
  }

  /** Of changes that no commit has begun to write. */
  get pendingBytes(): number {
    return this.#pendingBytes
  }

  /** Writes nothing more, whatever still waits. */
  end(): void {
    this.#ended = true
    this.#pending = []
    this.#pendingBytes = 0
  }

  /** Settles when everything that was added is on disk or has failed. */
  async drained(): Promise<void> {
    await this.#running
  }

  async #write(): Promise<void> {
    // The rest of the batch that holds the first change joins it.
    await Promise.resolve()
    while (this.#pending.length > 0 && !this.#ended) {
      const changes = this.#pending
      const sequence = this.#sequence
      this.#pending = []
      this.#pendingBytes = 0
      const beganMs = performance.now()
      try {
        await this.#options.commit(changes)
      } catch {
        // Why is told by whoever commits: the mandate is over.
        this.#options.figures?.failed()
        this.end()
        break
      }
      this.#options.figures?.committed(changes.length, performance.now() - beganMs)
      if (!this.#ended) this.#options.onStored(sequence)
    }
    this.#running = null
  }
}
