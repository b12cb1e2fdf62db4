/** A standby's side of the leader's log: holds what the leader holds, so that taking over loads nothing. */
import type { Leader } from '../../control/leadership.js'
import { type BatchRecord, records } from '../../control/records.js'
import type { Logger } from '../../log/logger.js'
import type { StoreChange, StoredRecord } from '../../store/engine.js'
import type { Clock } from './clock.js'
import * as limits from './limits.js'
import {
  ReplicaKind,
  changeOf,
  followMessage,
  leaderOfWelcome,
  numberMessage,
} from './replica-format.js'
import type { FollowerConnection, ReplicaTransport } from './replica-transport.js'

interface Commit {
  readonly number: number
  readonly changes: readonly StoreChange[]
  readonly bytes: number
  readonly heardMs: number
}

/** What was heard of one leader, over one connection. */
interface Log {
  readonly epoch: number
  readonly records: Map<string, Uint8Array>
  whole: boolean
  /** The last commit that `records` has, once it is whole. */
  applied: number
  /** The last that the leader has told to be written. */
  written: number
  /** After `applied`, without gaps. */
  waiting: Commit[]
  waitingBytes: number
}

export interface FollowingEvents {
  /** The leader has welcomed this master. */
  onFollowed(leader: Leader): void
  /** The connection to this leader broke. */
  onBroken(leader: Leader): void
  /** Nothing listens any more where this leader was connected to before. */
  onRefused(leader: Leader): void
}

export interface FollowingOptions {
  readonly masterUrl: string
  readonly transport: ReplicaTransport
  readonly clock: Clock
  readonly log: Logger
  readonly events: FollowingEvents
}

export class Following {
  readonly #options: FollowingOptions
  #leader: Leader | null = null
  #connection: FollowerConnection | null = null
  #log: Log | null = null
  /** The epoch whose leader has welcomed us. */
  #welcomed = -1
  #attempts = 0
  #retry: (() => void) | null = null
  #trouble = ''

  constructor(options: FollowingOptions) {
    this.#options = options
  }

  /** @param leader null: none. What was heard of the one before stays until the next one is heard. */
  follow(leader: Leader | null): void {
    const same =
      leader?.epoch === this.#leader?.epoch &&
      leader?.controlAddress === this.#leader?.controlAddress
    if (same) return
    this.stop()
    this.#leader = leader
    if (leader !== null) this.#connect(leader)
  }

  stop(): void {
    this.#leader = null
    this.#retry?.()
    this.#retry = null
    this.#attempts = 0
    this.#trouble = ''
    const connection = this.#connection
    this.#connection = null
    connection?.close()
  }

  /** @returns all records as of this commit of that epoch's leader; null: something is missing */
  upTo(epoch: number, number: number): StoredRecord[] | null {
    const log = this.#log
    if (log === null || log.epoch !== epoch || !log.whole || log.applied > number) return null
    const missing = number - log.applied
    if (missing > log.waiting.length) return null
    this.#apply(log, log.waiting.slice(0, missing))
    return Array.from(log.records, ([key, record]) => ({ key, record }))
  }

  /** Gives the memory back. */
  forget(): void {
    this.#log = null
  }

  /** Why the leader is not followed now; empty: it is, or there is none. */
  get trouble(): string {
    return this.#trouble
  }

  /** null: it follows nobody, or has not got everything yet. */
  behind(): { readonly commits: number; readonly ms: number } | null {
    const log = this.#log
    if (log === null || !log.whole || this.#connection === null) return null
    const oldest = log.waiting[0]
    const ms = oldest === undefined ? 0 : Math.round(this.#options.clock.nowMs() - oldest.heardMs)
    return { commits: log.waiting.length, ms }
  }

  #connect(leader: Leader): void {
    this.#retry = null
    let open = false
    let sound = true
    const connection = this.#options.transport.connect(leader.controlAddress, {
      onOpen: () => {
        open = true
        if (this.#connection === connection) connection.send(followMessage(this.#options.masterUrl))
      },
      onMessage: (bytes) => {
        if (this.#connection === connection && sound) sound = this.#heard(leader, connection, bytes)
      },
      onClose: (reason, refused) => {
        if (this.#connection === connection) this.#closed(leader, reason, refused, open)
      },
    })
    this.#connection = connection
  }

  #closed(leader: Leader, reason: string, refused: boolean, wasOpen: boolean): void {
    this.#connection = null
    const known = this.#welcomed === leader.epoch
    this.#trouble = `the leader ${leader.masterUrl} can't be followed: ${reason}`
    if (wasOpen) this.#options.log.info(this.#trouble)
    const delays = limits.FOLLOW_AGAIN_MS
    const delayMs = delays[Math.min(this.#attempts, delays.length - 1)] as number
    this.#attempts += 1
    this.#retry = this.#options.clock.after(delayMs, () => this.#connect(leader))
    if (known && refused) this.#options.events.onRefused(leader)
    else if (wasOpen) this.#options.events.onBroken(leader)
  }

  /** @returns whether it may go on */
  #heard(leader: Leader, connection: FollowerConnection, bytes: Uint8Array): boolean {
    try {
      this.#take(leader, connection, bytes)
      return true
    } catch (error) {
      this.#options.log.warn(
        `the leader ${leader.masterUrl} is followed anew: ${(error as Error).message}`,
      )
      this.#log = null
      connection.close()
      return false
    }
  }

  #take(leader: Leader, connection: FollowerConnection, bytes: Uint8Array): void {
    const batch = [...records(bytes)]
    const [first] = batch
    const kind: ReplicaKind | undefined = first?.kind
    if (kind === ReplicaKind.WELCOME) {
      this.#welcome(leader, first as BatchRecord)
      return
    }
    const log = this.#log
    if (log === null) throw new Error('it does not begin with a welcome')
    if (kind === ReplicaKind.COMMIT) {
      const number = (first as BatchRecord).argument
      this.#commit(log, number, batch.slice(1).map(changeOf), bytes.byteLength)
      connection.send(numberMessage(ReplicaKind.ACK, number))
    } else if (kind === ReplicaKind.COMMITTED) {
      log.written = (first as BatchRecord).argument
      this.#applyWritten(log)
    } else {
      const end = batch.at(-1) as BatchRecord
      this.#image(log, batch.slice(0, -1), end.kind)
      connection.send(numberMessage(ReplicaKind.GOT, end.argument))
    }
  }

  #welcome(leader: Leader, record: BatchRecord): void {
    const said = leaderOfWelcome(record)
    if (said.epoch !== leader.epoch)
      throw new Error(`it leads under epoch ${said.epoch}, not ${leader.epoch}`)
    this.#welcomed = leader.epoch
    this.#attempts = 0
    this.#trouble = ''
    this.#log = {
      epoch: leader.epoch,
      records: new Map(),
      whole: false,
      applied: record.argument,
      written: record.argument,
      waiting: [],
      waitingBytes: 0,
    }
    this.#options.events.onFollowed(leader)
  }

  #image(log: Log, changes: readonly BatchRecord[], end: number): void {
    if (log.whole) throw new Error('its image is whole already')
    for (const { key, record } of changes.map(changeOf))
      if (record !== null) log.records.set(key, record)
    const ends: ReplicaKind = end
    if (ends !== ReplicaKind.IMAGE && ends !== ReplicaKind.CHUNK)
      throw new Error(`a message of kind ${end} is not for a follower`)
    if (ends === ReplicaKind.CHUNK) return
    log.whole = true
    this.#options.log.info(
      `following ${this.#leader?.masterUrl}: ${log.records.size} records, commit ${log.applied}`,
    )
    this.#applyWritten(log)
  }

  #commit(log: Log, number: number, changes: readonly StoreChange[], bytes: number): void {
    const due = (log.waiting.at(-1)?.number ?? log.applied) + 1
    if (number !== due) throw new Error(`commit ${number} came where ${due} is due`)
    log.waitingBytes += bytes
    if (log.waitingBytes > limits.MAX_WAITING_BYTES)
      throw new Error(`over ${limits.MAX_WAITING_BYTES} bytes of commits wait`)
    log.waiting.push({ number, changes, bytes, heardMs: this.#options.clock.nowMs() })
  }

  #applyWritten(log: Log): void {
    if (!log.whole) return
    const due = log.waiting.findIndex(({ number }) => number > log.written)
    this.#apply(log, due < 0 ? [...log.waiting] : log.waiting.slice(0, due))
  }

  /** @param commits the first of those that wait */
  #apply(log: Log, commits: readonly Commit[]): void {
    for (const { number, changes, bytes } of commits) {
      for (const { key, record } of changes) {
        if (record === null) log.records.delete(key)
        else log.records.set(key, record)
      }
      log.applied = number
      log.waitingBytes -= bytes
    }
    log.waiting.splice(0, commits.length)
  }
}
