/**
 * What every store can do (spec H1 to H7), and all there is to implement for one of your own (recoveryMode CUSTOM, H6;
 * `custom.ts`, examples/custom-recovery). A store keeps the last record of each key; what a record means is none of its
 * business: keys are text of up to 1 KiB (well-formed Unicode, any character, slashes too), records are bytes, from none at
 * all up to 16 MiB at least.
 *
 * Life: `open`, then `commit`s, then `close`; after `close`, or after an `open` that failed, it may be opened again. The
 * caller waits for each call before the next, except that `close` may come at any time. `test/store/conformance.ts`
 * is this contract as tests; a store that passes them will do.
 */

export interface StoreChange {
  readonly key: string
  /** The bytes to keep, or null to forget the key. They don't change while the call lasts. */
  readonly record: Uint8Array | null
}

export interface StoredRecord {
  readonly key: string
  readonly record: Uint8Array
}

/** Bytes that were no valid record; they are kept in a file of their own and never stop the start (spec Y10). */
export interface DamagedPart {
  /** Where they are now. */
  readonly file: string
  readonly reason: string
}

export interface OpenedStore {
  /** The last record of every key that was not forgotten. A store that knows the order gives the oldest first. */
  readonly records: readonly StoredRecord[]
  readonly damaged: readonly DamagedPart[]
}

export interface StoreEngine {
  /**
   * Makes the place its own and reads what is there: everything that was ever committed and acknowledged. A place that
   * can be read but not written may open; its first `commit` then fails.
   *
   * @throws StoreError when the place can't be read or another master uses it; nothing is held then
   */
  open(): Promise<OpenedStore>
  /**
   * Writes the changes in their order and returns when all of them are where a crash of this process, and one of the
   * machine, leaves them. A crash before that leaves all of the changes or none; a store that can't promise that must at
   * least leave the first few of them, in order.
   *
   * @throws StoreError when they may not be there, or when another master has taken the place over; the engine takes no
   *   more changes until it was closed and opened again, since what is on disk is then unknown
   */
  commit(changes: readonly StoreChange[]): Promise<void>
  /** Gives the place back. Never throws for a store that is closed or broken. What was committed stays. */
  close(): Promise<void>
}

/** The store can't do what was asked; the message says which file, what went wrong and what to do. */
export class StoreError extends Error {
  override readonly name = 'StoreError'
}
