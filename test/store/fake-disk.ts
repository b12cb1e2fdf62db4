/** A disk that keeps what its engines write, and can be full, slow or unreadable. */
import {
  StoreError,
  type OpenedStore,
  type StoreChange,
  type StoreEngine,
} from '../../src/store/engine.js'

export class FakeDisk {
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
  readonly #disk: FakeDisk
  #open = false

  constructor(disk: FakeDisk) {
    this.#disk = disk
  }

  async open(): Promise<OpenedStore> {
    const disk = this.#disk
    if (disk.unreadable) throw new StoreError('input/output error')
    if (disk.users > 0) throw new StoreError('held by another master')
    this.#open = true
    disk.users += 1
    disk.opened += 1
    const records = [...disk.records].map(([key, record]) => ({ key, record }))
    return { records, damaged: [] }
  }

  async commit(changes: readonly StoreChange[]): Promise<void> {
    const disk = this.#disk
    if (!this.#open) throw new StoreError('not open')
    if (disk.full) throw new StoreError('no space left')
    disk.commits += 1
    for (const { key, record } of changes) {
      disk.records.delete(key)
      if (record !== null) disk.records.set(key, record.slice())
    }
  }

  async close(): Promise<void> {
    if (this.#open) this.#disk.users -= 1
    this.#open = false
  }
}
