/**
 * One core with its loop, effects and persistence: a standby first, then for one mandate the leader, and then thrown away.
 * Nothing of it reaches the next one: what outlives a mandate is in the store.
 */
import { Builder } from 'flatbuffers'
import type { Leader } from '../control/leadership.js'
import { BatchWriter, InboxKind, SessionSource } from '../control/records.js'
import type { ViewAnswer, ViewRequest } from '../control/thread-messages.js'
import type { MasterCore } from '../core/native.js'
import type { Recovery } from '../election/agent.js'
import type { Logger } from '../log/logger.js'
import type { MasterRecorder } from '../metrics/master-recorder.js'
import { LeaderT } from '../schema/magneto.js'
import type { StoreChange, StoredRecord } from '../store/engine.js'
import { CallablePeers } from './callable-peers.js'
import type { Clock } from './clock.js'
import type { CommitFigures } from './commit-figures.js'
import { Effects, type SessionSink } from './effects.js'
import { MAX_PENDING_BYTES, VIEW_PART_BYTES } from './limits.js'
import { Loop } from './loop.js'
import { Persistence } from './persistence.js'

export interface ReignOptions {
  readonly log: Logger
  readonly clock: Clock
  /** Of a core that starts in standby. */
  readonly core: MasterCore
  readonly recovery: Pick<Recovery, 'commit' | 'certain' | 'keepsNothing'>
  readonly figures: CommitFigures
  readonly sinks: Readonly<Record<SessionSource, SessionSink>>
  /** An invariant is broken: nothing is stepped any more. */
  onBroken(error: Error): void
  readonly maxPendingBytes?: number
  readonly metrics?: MasterRecorder
}

/** Changes of ours, which the core does not know of and waits for nothing of. */
const NO_SEQUENCE = 0
/** As good as on disk, where nothing is kept. */
const ALL_SEQUENCES = Number.MAX_SAFE_INTEGER

export class Reign {
  readonly #options: ReignOptions
  readonly #loop: Loop
  readonly #effects: Effects
  readonly #persistence: Persistence
  readonly #peers = new CallablePeers()
  #leads = false
  #suspended = false
  #synced = NO_SEQUENCE

  constructor(options: ReignOptions) {
    const { log, clock, core, sinks, recovery, figures } = options
    const { maxPendingBytes = MAX_PENDING_BYTES, metrics } = options
    const metered = metrics === undefined ? {} : { metrics }
    metrics?.newCore()
    this.#options = options
    if (recovery.keepsNothing === true) this.#synced = ALL_SEQUENCES
    this.#effects = new Effects({
      log,
      sinks,
      persist: (change, sequence) => this.#persist(change, sequence),
      setTimer: (dueMs) => this.#loop.setTimer(dueMs),
      ...metered,
    })
    this.#loop = new Loop({
      core,
      clock,
      run: (outbox) => {
        this.#effects.stored(this.#synced)
        this.#effects.run(outbox)
      },
      onBroken: (error) => options.onBroken(error),
      mayStep: () => this.#mayAct() && this.#persistence.pendingBytes <= maxPendingBytes,
      ...metered,
    })
    this.#persistence = new Persistence({
      commit: (changes) => recovery.commit(changes),
      figures,
      onStored: (sequence) => this.#stored(sequence),
    })
    // The first step, so that the core sets its first timer.
    this.#loop.add(InboxKind.TIMER, 0)
  }

  /**
   * Leads, in one step, from here on.
   *
   * @param records what the core takes up @param changes what the check of the records wants to be written
   */
  lead(epoch: number, records: readonly StoredRecord[], changes: readonly StoreChange[]): void {
    this.#leads = true
    for (const change of changes) this.#persistence.add(change, NO_SEQUENCE)
    const batch = new BatchWriter()
    for (const stored of records) {
      this.#peers.note(stored)
      batch.add(InboxKind.RECORD, 0, stored.record)
    }
    batch.add(InboxKind.ELECTED, 0, '', epoch)
    this.#loop.addBatch(batch.view())
    this.#loop.flush()
  }

  /** Takes input, but decides nothing and sends nothing. */
  suspend(): void {
    this.#suspended = true
  }

  resume(): void {
    this.#suspended = false
    this.#release()
    this.#loop.flush()
  }

  /** @param leader who leads instead; null: nobody is known to */
  follow(leader: Leader | null): void {
    if (leader === null) return this.#loop.add(InboxKind.LEADER, 0)
    const builder = new Builder()
    builder.finish(new LeaderT(leader.masterUrl, leader.webUiUrl, leader.epoch).pack(builder))
    this.#loop.add(InboxKind.LEADER, 0, builder.asUint8Array())
  }

  add(kind: InboxKind, session: number, payload: Uint8Array | string): void {
    if (kind === InboxKind.DISCONNECTED) this.#effects.forget(session)
    this.#loop.add(kind, session, payload)
  }

  /** @param ended the sessions that are DISCONNECTED in it */
  addBatch(bytes: Uint8Array, ended: readonly number[]): void {
    for (const session of ended) this.#effects.forget(session)
    this.#loop.addBatch(bytes)
  }

  /** Input that no step has taken yet. */
  get waitingBytes(): number {
    return this.#loop.waitingBytes
  }

  /** Effects that wait for the store. */
  get heldBytes(): number {
    return this.#effects.heldBytes
  }

  /** Records of those that have to be called. */
  callable(): Uint8Array[] {
    return this.#peers.records()
  }

  /** @throws Error when the core can't tell */
  answerView(request: ViewRequest): ViewAnswer {
    const { core, clock } = this.#options
    if (request.kind === 'explain')
      return { kind: 'explain', id: request.id, bytes: core.explain(request.request) }
    const bytes = core.changes(clock.nowMs(), request.anew, VIEW_PART_BYTES)
    return { kind: 'changes', bytes }
  }

  /** Over: no step, no effect, no commit comes after this. Settles when the last commit is done. */
  async end(): Promise<void> {
    this.#loop.end()
    this.#persistence.end()
    await this.#persistence.drained()
  }

  /** For the end of the master: what was decided is written first. */
  async endWritten(): Promise<void> {
    this.#loop.end()
    await this.#persistence.drained()
  }

  #mayAct(): boolean {
    if (!this.#leads) return true
    return !this.#suspended && this.#options.recovery.certain()
  }

  #persist(change: StoreChange, sequence: number): void {
    if (!this.#leads) throw new Error(`a standby wants to write ${change.key}`)
    this.#peers.note(change)
    if (this.#synced < sequence) this.#persistence.add(change, sequence)
  }

  #stored(sequence: number): void {
    if (sequence === NO_SEQUENCE) return
    this.#synced = sequence
    this.#loop.add(InboxKind.STORED, 0, '', sequence)
    this.#release()
  }

  /** Lets go what the store has by now, where that may leave; else it goes before the next step's effects. */
  #release(): void {
    if (this.#mayAct()) this.#effects.stored(this.#synced)
  }
}
