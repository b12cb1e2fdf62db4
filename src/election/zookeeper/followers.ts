/** A leader's side of its log: keeps all records, and sends them and every commit to the standbys that follow. */
import type { Follower, Leader } from '../../control/leadership.js'
import { BatchWriter, records } from '../../control/records.js'
import type { Logger } from '../../log/logger.js'
import type { StoreChange } from '../../store/engine.js'
import type { Clock } from './clock.js'
import * as limits from './limits.js'
import {
  ReplicaKind,
  addChange,
  commitMessage,
  followOf,
  numberMessage,
  welcomeMessage,
} from './replica-format.js'
import type { ReplicaTransport } from './replica-transport.js'

interface Unconfirmed {
  readonly number: number
  readonly bytes: number
  readonly sentMs: number
}

interface Session {
  readonly address: string
  /** null: it has not said yet who it is. */
  masterUrl: string | null
  /** Emptied when all of it is sent; the records are never changed in place. */
  image: [key: string, record: Uint8Array][]
  imageAt: number
  chunksSent: number
  chunksGot: number
  imageSent: boolean
  unconfirmed: Unconfirmed[]
  unconfirmedBytes: number
}

interface Reign {
  readonly leader: Leader
  readonly records: Map<string, Uint8Array>
  /** The last commit that is written. */
  last: number
  /** The one that is being written. */
  writing: { readonly number: number; readonly changes: readonly StoreChange[] } | null
}

export class Followers {
  readonly #transport: ReplicaTransport
  readonly #clock: Clock
  readonly #log: Logger
  readonly #sessions = new Map<number, Session>()
  #reign: Reign | null = null

  constructor(transport: ReplicaTransport, clock: Clock, log: Logger) {
    this.#transport = transport
    this.#clock = clock
    this.#log = log
    transport.serve({
      onConnected: (session, address) => this.#connected(session, address),
      onMessage: (session, bytes) => this.#heard(session, bytes),
      onDisconnected: (session, reason) => this.#gone(session, reason),
    })
  }

  /** @param found all there is as of commit `last` */
  lead(
    leader: Leader,
    found: Iterable<{ readonly key: string; readonly record: Uint8Array }>,
    last: number,
  ): void {
    const held = new Map<string, Uint8Array>()
    for (const { key, record } of found) held.set(key, record)
    this.#reign = { leader, records: held, last, writing: null }
  }

  /** Nobody may follow any more. */
  end(reason: string): void {
    this.#reign = null
    for (const session of this.#sessions.keys()) this.#cut(session, reason)
  }

  /** How many records there are; 0 where this master does not lead. */
  get recordCount(): number {
    return this.#reign?.records.size ?? 0
  }

  commit(number: number, changes: readonly StoreChange[]): void {
    const reign = this.#reign
    if (reign === null) return
    reign.writing = { number, changes }
    const message = commitMessage(number, changes)
    for (const [session, state] of this.#sessions)
      if (state.masterUrl !== null) this.#sendCommit(session, state, number, message)
  }

  committed(number: number): void {
    const reign = this.#reign
    if (reign?.writing?.number !== number) return
    for (const { key, record } of reign.writing.changes) {
      if (record === null) reign.records.delete(key)
      // The caller's bytes may be part of a batch many times their size.
      else reign.records.set(key, record.slice())
    }
    reign.last = number
    reign.writing = null
    const message = numberMessage(ReplicaKind.COMMITTED, number)
    for (const [session, state] of this.#sessions)
      if (state.masterUrl !== null) this.#transport.send(session, message)
  }

  status(): Follower[] {
    const nowMs = this.#clock.nowMs()
    return [...this.#sessions.values()].flatMap(({ masterUrl, unconfirmed }) => {
      if (masterUrl === null) return []
      const oldest = unconfirmed[0]
      const lagMs = oldest === undefined ? 0 : Math.round(nowMs - oldest.sentMs)
      return [{ masterUrl, lagCommits: unconfirmed.length, lagMs }]
    })
  }

  #connected(session: number, address: string): void {
    if (this.#sessions.size >= limits.MAX_FOLLOWERS) {
      this.#transport.close(session, `over ${limits.MAX_FOLLOWERS} standbys follow already`)
      return
    }
    this.#sessions.set(session, {
      address,
      masterUrl: null,
      image: [],
      imageAt: 0,
      chunksSent: 0,
      chunksGot: 0,
      imageSent: false,
      unconfirmed: [],
      unconfirmedBytes: 0,
    })
    this.#clock.after(limits.FOLLOW_CONNECT_MS, () => {
      if (this.#sessions.get(session)?.masterUrl === null) this.#cut(session, 'it says nothing')
    })
  }

  #gone(session: number, reason: string): void {
    const state = this.#sessions.get(session)
    this.#sessions.delete(session)
    if (state === undefined || state.masterUrl === null) return
    this.#log.info(`standby ${state.masterUrl} follows no more: ${reason}`)
  }

  #cut(session: number, reason: string): void {
    this.#gone(session, reason)
    this.#transport.close(session, reason)
  }

  #heard(session: number, bytes: Uint8Array): void {
    const state = this.#sessions.get(session)
    if (state === undefined) return
    try {
      if (state.masterUrl === null) this.#welcome(session, state, followOf(bytes).masterUrl)
      else this.#confirmed(session, state, bytes)
    } catch (error) {
      this.#log.warn(`a standby at ${state.address}: ${(error as Error).message}`)
      this.#cut(session, (error as Error).message)
    }
  }

  #welcome(session: number, state: Session, masterUrl: string): void {
    const reign = this.#reign
    if (reign === null) {
      this.#cut(session, 'this master does not lead')
      return
    }
    for (const [other, { masterUrl: of }] of this.#sessions)
      if (of === masterUrl) this.#cut(other, 'the same standby follows anew')
    state.masterUrl = masterUrl
    state.image = [...reign.records]
    this.#log.info(`standby ${masterUrl} follows: ${state.image.length} records go to it`)
    this.#transport.send(session, welcomeMessage(reign.leader, reign.last))
    this.#sendImage(session, state)
    if (reign.writing === null) return
    const { number, changes } = reign.writing
    this.#sendCommit(session, state, number, commitMessage(number, changes))
  }

  #confirmed(session: number, state: Session, bytes: Uint8Array): void {
    for (const { kind, argument } of records(bytes)) {
      const said: ReplicaKind = kind
      if (said === ReplicaKind.GOT) {
        if (argument > state.chunksSent) throw new Error('it confirms what was not sent')
        state.chunksGot = argument
        this.#sendImage(session, state)
      } else if (said === ReplicaKind.ACK) {
        const still = state.unconfirmed.filter(({ number }) => number > argument)
        state.unconfirmed = still
        state.unconfirmedBytes = still.reduce((sum, { bytes: each }) => sum + each, 0)
      } else throw new Error(`a message of kind ${kind} is not for a leader`)
    }
  }

  #sendImage(session: number, state: Session): void {
    while (!state.imageSent && state.chunksSent - state.chunksGot < limits.IMAGE_WINDOW) {
      const writer = new BatchWriter(limits.IMAGE_CHUNK_BYTES + 4096)
      while (writer.bytes < limits.IMAGE_CHUNK_BYTES) {
        const next = state.image[state.imageAt]
        if (next === undefined) break
        state.imageAt += 1
        addChange(writer, { key: next[0], record: next[1] })
      }
      state.chunksSent += 1
      state.imageSent = state.imageAt === state.image.length
      if (state.imageSent) state.image = []
      writer.add(state.imageSent ? ReplicaKind.IMAGE : ReplicaKind.CHUNK, 0, '', state.chunksSent)
      this.#transport.send(session, writer.take())
    }
  }

  #sendCommit(session: number, state: Session, number: number, message: Uint8Array): void {
    const bytes = message.byteLength
    state.unconfirmed.push({ number, bytes, sentMs: this.#clock.nowMs() })
    state.unconfirmedBytes += bytes
    if (state.unconfirmedBytes > limits.MAX_UNCONFIRMED_BYTES && state.unconfirmed.length > 1)
      this.#cut(session, `it has not confirmed ${state.unconfirmedBytes} bytes of commits`)
    else this.#transport.send(session, message)
  }
}
