/**
 * A recovery mode as the master sees it (spec H1 to H8): one object that keeps the records and knows who leads. What is
 * kept and who leads belong together, since every promise is written under the epoch of the leader that makes it.
 */
import type { Follower, Leader, MasterIdentity } from '../control/leadership.js'
import type { DamagedPart, StoreChange, StoredRecord } from '../store/engine.js'
import type { CheckedRecords } from '../store/records.js'

/** What a master leads with. */
export interface Mandate {
  readonly epoch: number
  /** The last record of every key, as the leaders before left them. Keys that start with `damaged_` are not among them. */
  readonly records: readonly StoredRecord[]
  readonly damaged: readonly DamagedPart[]
  /** What the check of `records` has found, where there was time for it before; absent: whoever leads checks them. */
  readonly checked?: CheckedRecords
}

/**
 * What a recovery tells its master, in turns of its own, never from within a call to it. A master starts as a standby.
 * After `lead` come `suspend` and `resume` in pairs, or `stepDown`, which ends the mandate; it may lead again after that.
 */
export interface RecoveryEvents {
  lead(mandate: Mandate): void
  /** It may not lead any more: whatever it decides from now on reaches nobody. `commit` has failed or will. */
  stepDown(reason: string): void
  /** It is not sure that it leads: nothing may be decided and nothing sent until `resume`. */
  suspend(reason: string): void
  resume(): void
  /** Of a standby: who leads, as far as it knows; null: nobody. */
  follow(leader: Leader | null): void
}

export interface RecoveryStatus {
  readonly followers: readonly Follower[]
  readonly behind: { readonly commits: number; readonly ms: number } | null
  /** What keeps it from leading or from its store; empty: nothing. */
  readonly reason: string
}

export interface Recovery {
  /** spark.deploy.recoveryMode */
  readonly mode: string
  /** Nothing outlives the process: what is decided waits for no commit. Absent: it does. */
  readonly keepsNothing?: boolean
  /** Begins with what takes long and needs no name, while the master opens its ports. What goes wrong is said by `start`. */
  prepare?(): void
  /**
   * Joins. Settles when it takes part, whoever leads.
   *
   * @throws StoreError when it can't ever: a wrong setting, a folder that another master uses
   */
  start(self: MasterIdentity, events: RecoveryEvents): Promise<void>
  /**
   * Writes the changes, in their order and all or nothing where the store can, if this master still leads. One call at a
   * time, only between `lead` and `stepDown`.
   *
   * @throws StoreError when they may not be on disk; `stepDown` has come or comes then
   */
  commit(changes: readonly StoreChange[]): Promise<void>
  /** Whether decisions taken now count; asked before every step, so that a process that was stopped finds out. */
  certain(): boolean
  status(): RecoveryStatus
  /** Leaves: another may lead at once. Everything that was committed stays. */
  close(): Promise<void>
}
