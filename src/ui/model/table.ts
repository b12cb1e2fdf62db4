/**
 * Rows of one kind, and orders of them: which of them a reader wants and how sorted. An order is kept and brought up
 * to date by what has changed since it was asked for last, so that fifty readers of one cost what one costs, and
 * none costs a sort of everything.
 */

/** Never changed in what orders and filters go by: what changes is replaced by another row of its number. */
export interface Row {
  readonly number: number
  /** It was replaced or has gone. */
  stale: boolean
}

export interface Order<R> {
  /** Names the filter and the comparison: two orders of one key are the same. */
  readonly key: string
  /** Absent: all of them. */
  readonly keeps?: (row: R) => boolean
  /** Of two different rows never 0. */
  readonly compare: (a: R, b: R) => number
}

interface Kept<R> {
  rows: readonly R[]
  /** How many changes of the table it has seen. */
  changes: number
}

/** Of a table; those that were asked for longest ago go. Fifty readers may want fifty of them. */
export const ordersMax = 128
/** Rows in all orders of a table together, at 8 bytes each. */
export const orderedRowsMax = 4_000_000
/** What an order may have missed before it is made anew; small beside what it would cost to keep. */
const changesKeptMin = 4096

export class Table<R extends Row> {
  readonly #rows = new Map<number, R>()
  readonly #orders = new Map<string, Kept<R>>()
  #orderedRows = 0
  /** The last changes: the row that came, or null where one went. */
  #log: (R | null)[] = []
  /** How many changes there were before the log. */
  #before = 0

  get size(): number {
    return this.#rows.size
  }

  get(number: number): R | undefined {
    return this.#rows.get(number)
  }

  values(): IterableIterator<R> {
    return this.#rows.values()
  }

  /** @returns what it replaces */
  put(row: R): R | undefined {
    const old = this.#rows.get(row.number)
    if (old !== undefined) old.stale = true
    this.#rows.set(row.number, row)
    this.#changed(row)
    return old
  }

  /** @returns what has gone */
  remove(number: number): R | undefined {
    const old = this.#rows.get(number)
    if (old === undefined) return undefined
    old.stale = true
    this.#rows.delete(number)
    this.#changed(null)
    return old
  }

  clear(): void {
    for (const row of this.#rows.values()) row.stale = true
    this.#rows.clear()
    this.#orders.clear()
    this.#orderedRows = 0
    this.#log = []
    this.#before = 0
  }

  /** @returns valid until the next change of the table */
  ordered(order: Order<R>): readonly R[] {
    const changes = this.#before + this.#log.length
    const kept = this.#orders.get(order.key)
    this.#forget(order.key)
    const rows =
      kept === undefined || kept.changes < this.#before
        ? this.#sorted(order)
        : kept.changes === changes
          ? kept.rows
          : this.#repaired(kept, order)
    this.#orders.set(order.key, { rows, changes })
    this.#orderedRows += rows.length
    for (const oldest of this.#orders.keys()) {
      if (this.#orders.size <= ordersMax && this.#orderedRows <= orderedRowsMax) break
      this.#forget(oldest)
    }
    return rows
  }

  #forget(key: string): void {
    this.#orderedRows -= this.#orders.get(key)?.rows.length ?? 0
    this.#orders.delete(key)
  }

  #changed(row: R | null): void {
    this.#log.push(row)
    if (this.#log.length <= 2 * Math.max(changesKeptMin, this.#rows.size)) return
    const dropped = this.#log.length / 2
    this.#log = this.#log.slice(dropped)
    this.#before += Math.floor(dropped)
  }

  #sorted({ keeps, compare }: Order<R>): R[] {
    const rows = keeps === undefined ? [...this.#rows.values()] : []
    if (keeps !== undefined) for (const row of this.#rows.values()) if (keeps(row)) rows.push(row)
    return rows.sort(compare)
  }

  #repaired({ rows, changes }: Kept<R>, { keeps, compare }: Order<R>): readonly R[] {
    const came: R[] = []
    for (let at = changes - this.#before; at < this.#log.length; ++at) {
      const row = this.#log[at]
      if (row && !row.stale && (keeps === undefined || keeps(row))) came.push(row)
    }
    came.sort(compare)
    const merged: R[] = []
    let next = 0
    for (const row of rows) {
      if (row.stale) continue
      while (next < came.length && compare(came[next]!, row) < 0) merged.push(came[next++]!)
      merged.push(row)
    }
    while (next < came.length) merged.push(came[next++]!)
    return merged
  }
}
