/** A place for records that keeps what its engines write, and can be full, slow or unreadable. */
import {
  StoreError,
  type OpenedStore,
  type StoreChange,
  type StoreEngine,
} from '../../src/store/engine.js'

export class FakePlace {
  readonly records = new Map<string, Uint8Array>()
  /** Nothing can be written. */
  full = false
  /** Nothing can be read. */
  unreadable = false
  opened = 0
  /** Engines that have it open. */
  users = 0
  commits = 0

  engine(): StoreEngine {
    return new Engine(this)
  }
}

class Engine implements StoreEngine {
  readonly #place: FakePlace
  #open = false

  constructor(place: FakePlace) {
    this.#place = place
  }

  async open(): Promise<OpenedStore> {
    const place = this.#place
    if (place.unreadable) throw new StoreError('input/output error')
    if (place.users > 0) throw new StoreError('held by another master')
    this.#open = true
    place.users += 1
    place.opened += 1
    const records = [...place.records].map(([key, record]) => ({ key, record }))
    return { records, damaged: [] }
  }

  async commit(changes: readonly StoreChange[]): Promise<void> {
    const place = this.#place
    if (!this.#open) throw new StoreError('not open')
    if (place.full) throw new StoreError('no space left')
    place.commits += 1
    for (const { key, record } of changes) {
      place.records.delete(key)
      if (record !== null) place.records.set(key, record.slice())
    }
  }

  async close(): Promise<void> {
    if (this.#open) this.#place.users -= 1
    this.#open = false
  }
}
