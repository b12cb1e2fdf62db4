/**
 * Fake storage. A disk keeps what was synced; of a commit that was not, a crash leaves all, nothing, or a torn part, which
 * whoever opens it sets aside (spec Y10).
 */
import type { DamagedPart, StoreChange, StoredRecord } from '../../src/store/engine.js'
import type { Coverage } from './coverage.js'
import type { Random } from './random.js'
import type { StoreFault } from './simulator.js'

/** Records by key, and which keys ever were among them. */
export class Shelf {
  readonly #records = new Map<string, Uint8Array>()
  readonly #known = new Set<string>()

  keys(): string[] {
    return [...this.#records.keys()].sort()
  }

  hasHeld(key: string): boolean {
    return this.#known.has(key)
  }

  put({ key, record }: StoreChange): void {
    // The last record of a key comes last, as in a journal.
    this.#records.delete(key)
    if (record === null) return
    this.#records.set(key, record)
    this.#known.add(key)
  }

  records(): StoredRecord[] {
    return [...this.#records].map(([key, record]) => ({ key, record }))
  }
}

export interface DiskTrouble {
  /** How often a sync fails. */
  readonly syncFailureRate: number
  readonly readErrorRate: number
}

export const noTrouble: DiskTrouble = { syncFailureRate: 0, readErrorRate: 0 }

export class Disk {
  readonly shelf = new Shelf()
  readonly #random: Random
  readonly #coverage: Coverage
  readonly #trouble: DiskTrouble
  readonly #fault: StoreFault | undefined
  /** Written and not synced yet. */
  #unsynced: readonly StoreChange[] = []
  #torn: DamagedPart[] = []
  full = false
  /** No faults from now on. */
  calm = false

  constructor(random: Random, coverage: Coverage, trouble: DiskTrouble, fault?: StoreFault) {
    this.#random = random
    this.#coverage = coverage
    this.#trouble = trouble
    this.#fault = fault
  }

  /** @returns what a start finds; null: it can't be read now */
  open(): { records: StoredRecord[]; damaged: DamagedPart[] } | null {
    if (this.#fails(this.#trouble.readErrorRate)) {
      this.#coverage.happened('a store can not be read')
      return null
    }
    const damaged = this.#torn
    this.#torn = []
    const records = this.shelf.records().filter(({ key }) => !this.#forgets(key))
    return { records, damaged }
  }

  write(changes: readonly StoreChange[]): void {
    this.#unsynced = changes
  }

  /** @returns null: everything that was written is safe; else why nobody knows what is */
  sync(): Error | null {
    if (this.full) {
      this.#coverage.happened('the disk is full')
      this.lose()
      return new Error('ENOSPC: no space left on device')
    }
    if (this.#fails(this.#trouble.syncFailureRate)) {
      this.#coverage.happened('a sync fails')
      this.lose()
      return new Error('EIO: i/o error, fdatasync')
    }
    for (const change of this.#unsynced) this.shelf.put(change)
    this.#unsynced = []
    return null
  }

  /** A commit that was not synced is there as a whole or not at all: what is left of a torn one is set aside. */
  lose(): void {
    const lost = this.#unsynced
    this.#unsynced = []
    if (lost.length === 0) return
    const left = this.#random.pick(['all', 'all', 'nothing', 'a torn part'])
    if (left === 'all') {
      this.#coverage.happened('a commit that nobody waited for is on disk')
      for (const change of lost) this.shelf.put(change)
    } else if (left === 'a torn part') {
      this.#coverage.happened('a torn write is set aside')
      this.#torn.push({ file: 'journal', reason: `${lost[0]?.key} is torn` })
    }
  }

  #forgets(key: string): boolean {
    if (this.#fault === 'forgets what was asked for') return key.startsWith('targets_')
    return this.#fault === 'forgets some records' && this.#random.chance(0.2)
  }

  #fails(rate: number): boolean {
    return !this.calm && this.#random.chance(rate)
  }
}
