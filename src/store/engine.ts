/** What every store can do (spec H1 to H7). One caller, one call at a time. */

export interface StoreChange {
  readonly key: string
  /** A finished store Record, or null to forget the key. */
  readonly record: Uint8Array | null
}

export interface StoredRecord {
  readonly key: string
  readonly record: Uint8Array
}

/** Bytes that were no valid record; they are kept in a file of their own and never stop the start (spec Y10). */
export interface DamagedPart {
  readonly file: string
  readonly reason: string
}

export interface OpenedStore {
  /** The last record of every key that was not forgotten, oldest first. */
  readonly records: readonly StoredRecord[]
  readonly damaged: readonly DamagedPart[]
}

export interface StoreEngine {
  /** @throws StoreError when the place can't be used or another master uses it */
  open(): Promise<OpenedStore>
  /**
   * Writes the changes in their order and returns when all of them are on disk.
   *
   * @throws StoreError when they can't be; the engine takes no more changes after that, since what the disk
   *   holds is then unknown
   */
  commit(changes: readonly StoreChange[]): Promise<void>
  close(): Promise<void>
}

/** The store can't do what was asked; the message says which file, what went wrong and what to do. */
export class StoreError extends Error {
  override readonly name = 'StoreError'
}
