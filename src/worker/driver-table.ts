/** The drivers that this worker hosts, and the last ones that ended. */
import type { ResourceT } from '../schema/magneto.js'
import { assert } from './executor-table.js'
import { FinishedNames } from './finished-names.js'

/** A driver that lives, from its order until its end: fetching, running, or waiting for its next attempt. */
export interface Driver {
  readonly driverId: string
  /** The addresses that it was given. */
  readonly resources: readonly ResourceT[]
  killing: boolean
}

export const MAX_DRIVERS = 1024
/** Ended drivers that are remembered, to tell duplicates (P37). */
export const MAX_FINISHED_DRIVERS = 1000

export class DriverTable {
  readonly #drivers = new Map<string, Driver>()
  readonly #finished = new FinishedNames(MAX_FINISHED_DRIVERS)

  get size(): number {
    return this.#drivers.size
  }

  values(): Driver[] {
    return [...this.#drivers.values()]
  }

  get(driverId: string): Driver | undefined {
    return this.#drivers.get(driverId)
  }

  /** Whether it lives, or has ended not long ago. */
  knows(driverId: string): boolean {
    return this.#drivers.has(driverId) || this.#finished.has(driverId)
  }

  add(driverId: string, resources: readonly ResourceT[]): void {
    this.#drivers.set(driverId, { driverId, resources, killing: false })
  }

  /** It has ended; from now on it is only remembered. */
  end(driverId: string): void {
    this.#drivers.delete(driverId)
    this.#finished.add(driverId)
  }

  /** @throws Error naming the first broken invariant */
  check(): void {
    assert(this.#drivers.size <= MAX_DRIVERS, 'too many drivers')
    assert(this.#finished.size <= MAX_FINISHED_DRIVERS, 'too many ended drivers')
    for (const driverId of this.#drivers.keys()) {
      assert(!this.#finished.has(driverId), `${driverId} lives and has ended`)
    }
  }
}
