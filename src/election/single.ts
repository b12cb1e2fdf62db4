/**
 * A master alone with its store (NONE, FILESYSTEM, ROCKSDB, CUSTOM; spec H3, H4, H6, H7): who has the store leads. A store
 * that fails ends the mandate, since nobody knows what the disk holds; it is opened anew, again and again until that
 * works, and the master leads again with what is really there.
 */
import type { MasterIdentity } from '../control/leadership.js'
import type { Logger } from '../log/logger.js'
import {
  StoreError,
  type StoreChange,
  type StoreEngine,
  type StoredRecord,
} from '../store/engine.js'
import { checkRecords, separateDamaged } from '../store/records.js'
import type { Mandate, Recovery, RecoveryEvents, RecoveryStatus } from './agent.js'
import { EPOCH_KEY, nextEpoch, readEpoch, writeEpoch } from './epoch.js'
import { MANDATE_PROVEN_MS, MAX_RETRY_DELAY_MS, MIN_RETRY_DELAY_MS } from './limits.js'

export interface SingleOptions {
  /** spark.deploy.recoveryMode */
  readonly mode: string
  readonly log: Logger
  /** A store that was never opened, in the same place each time. */
  createEngine(): StoreEngine
  /** Wall clock, ms since 1970. */
  readonly nowMs?: () => number
  /** @param failures in a row, from 1 @returns ms until the store is opened again; for tests */
  readonly retryDelayMs?: (failures: number) => number
}

function growingDelayMs(failures: number): number {
  return Math.min(MAX_RETRY_DELAY_MS, MIN_RETRY_DELAY_MS * 2 ** Math.min(failures - 1, 10))
}

/** The store, open and writable. */
interface Opened {
  readonly engine: StoreEngine
  readonly mandate: Mandate
}

const nextTurn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))

export class SingleRecovery implements Recovery {
  readonly #options: SingleOptions
  readonly #nowMs: () => number
  #events: RecoveryEvents | null = null
  /** null: it does not lead. */
  #engine: StoreEngine | null = null
  #epoch = 0
  #reason = ''
  /** The failure that was logged last; it is not said again while it lasts. */
  #told = ''
  #failures = 0
  #ledSinceMs = 0
  #retry: NodeJS.Timeout | null = null
  /** What goes on with a store that does not lead: it is opened or closed. */
  #busy: Promise<void> | null = null
  #committing: Promise<void> | null = null
  /** The store that is being opened before anybody leads with it. */
  #prepared: Promise<Opened> | null = null
  #closed = false

  constructor(options: SingleOptions) {
    this.#options = options
    this.#nowMs = options.nowMs ?? Date.now
  }

  get mode(): string {
    return this.#options.mode
  }

  get keepsNothing(): boolean {
    return this.#options.mode === 'NONE'
  }

  prepare(): void {
    this.#prepared = this.#opened()
    this.#prepared.catch(() => {})
  }

  /**
   * Settles when it leads, or when its store can be read but not written: then it leads as soon as that works.
   *
   * @throws StoreError when the store can't be read or another master uses it
   */
  async start(_self: MasterIdentity, events: RecoveryEvents): Promise<void> {
    this.#events = events
    try {
      const opening = this.#prepared ?? this.#opened()
      this.#prepared = null
      await this.#lead(await opening)
    } catch (error) {
      if (!(error instanceof NotWritable)) throw error
      this.#openLater(error)
    }
  }

  async commit(changes: readonly StoreChange[]): Promise<void> {
    const engine = this.#engine
    if (engine === null) throw new StoreError(`this master does not lead: ${this.#reason}`)
    const written = engine.commit(changes)
    this.#committing = written.catch(() => {})
    try {
      await written
    } catch (error) {
      this.#busy = this.#stepDown(engine, error as Error)
      throw error
    }
  }

  certain(): boolean {
    return this.#engine !== null
  }

  status(): RecoveryStatus {
    return { followers: [], behind: null, reason: this.#reason }
  }

  async close(): Promise<void> {
    this.#closed = true
    if (this.#retry !== null) clearTimeout(this.#retry)
    await this.#busy
    await this.#committing
    const unused = await this.#prepared?.catch(() => null)
    if (unused) await this.#closeEngine(unused.engine)
    const engine = this.#engine
    this.#engine = null
    await engine?.close()
  }

  /** @throws StoreError when it can't be read @throws NotWritable */
  async #opened(): Promise<Opened> {
    const engine = this.#options.createEngine()
    try {
      const { records, damaged } = await engine.open()
      const { live, prune } = separateDamaged(records)
      const epoch = nextEpoch(this.#lastEpoch(live), this.#nowMs())
      await engine
        .commit([...prune, { key: EPOCH_KEY, record: writeEpoch(epoch) }])
        .catch((error: unknown) => {
          throw new NotWritable((error as Error).message, { cause: error })
        })
      const kept = live.filter(({ key }) => key !== EPOCH_KEY)
      return { engine, mandate: { epoch, records: kept, damaged, checked: checkRecords(kept) } }
    } catch (error) {
      await this.#closeEngine(engine)
      throw error
    }
  }

  #lastEpoch(records: readonly StoredRecord[]): number {
    const stored = records.find(({ key }) => key === EPOCH_KEY)
    const last = stored === undefined ? 0 : readEpoch(stored.record)
    if (typeof last === 'number') return Math.max(last, this.#epoch)
    this.#options.log.warn(`the epoch in the recovery store can't be read: ${last}; it counts anew`)
    return this.#epoch
  }

  async #lead({ engine, mandate }: Opened): Promise<void> {
    // Never from within a call of the master.
    await nextTurn()
    if (this.#closed) return this.#closeEngine(engine)
    this.#engine = engine
    this.#epoch = mandate.epoch
    this.#reason = ''
    this.#told = ''
    this.#ledSinceMs = performance.now()
    this.#events?.lead(mandate)
  }

  async #stepDown(engine: StoreEngine, error: Error): Promise<void> {
    if (performance.now() - this.#ledSinceMs >= MANDATE_PROVEN_MS) this.#failures = 0
    this.#engine = null
    this.#reason = error.message
    await nextTurn()
    if (!this.#closed) this.#events?.stepDown(error.message)
    await this.#closeEngine(engine)
    this.#openLater(error)
  }

  #openLater(error: Error): void {
    if (this.#closed) return
    const { log, retryDelayMs = growingDelayMs } = this.#options
    if (error.message !== this.#told)
      log.error(`the recovery store can't be used: ${error.message}`)
    this.#told = error.message
    this.#reason = error.message
    this.#failures += 1
    this.#retry = setTimeout(() => {
      this.#busy = this.#openAgain()
    }, retryDelayMs(this.#failures))
  }

  async #openAgain(): Promise<void> {
    try {
      await this.#lead(await this.#opened())
    } catch (error) {
      this.#openLater(error as Error)
    }
  }

  async #closeEngine(engine: StoreEngine): Promise<void> {
    await engine.close().catch((error: unknown) => {
      this.#options.log.warn(`while closing the recovery store: ${String(error)}`)
    })
  }
}

/** The store could be read; so there is one, and it is ours. */
class NotWritable extends StoreError {}
