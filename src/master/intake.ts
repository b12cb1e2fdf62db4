/**
 * Between the peers and the reign. It keeps from a core what belongs to sessions of the core before, and bounds what waits
 * while no step may be taken: then whoever sends more is closed, and comes back or not.
 */
import {
  BatchReader,
  BatchWriter,
  InboxKind,
  RECORD_HEADER_BYTES,
  sourceOf,
  type SessionSource,
} from '../control/records.js'
import type { MasterRecorder } from '../metrics/master-recorder.js'
import { MAX_WAITING_BYTES } from './limits.js'

/** What the intake needs of a reign. */
export interface Intaken {
  readonly waitingBytes: number
  add(kind: InboxKind, session: number, payload: Uint8Array | string): void
  addBatch(bytes: Uint8Array, ended: readonly number[]): void
}

export interface IntakeOptions {
  /** Ends a session of ours, which may tell of its end before it returns. */
  close(session: number, reason: string): void
  readonly maxWaitingBytes?: number
  readonly metrics?: MasterRecorder
}

/** Sessions of one source. */
interface Origin {
  /** The greatest number so far. */
  last: number
  /** Sessions up to here are over. */
  over: number
  /** Closed because too much waits; and whether the core has heard of it, and so has to hear of its end. */
  readonly refused: Map<number, boolean>
}

const STARTING_REASON = 'the master is still starting'
const OVER_REASON = 'the master has stepped down since this session began'
const FULL_REASON = 'this master can decide nothing for now, and too much waits for it'

export class Intake {
  readonly #options: IntakeOptions
  readonly #maxWaitingBytes: number
  readonly #origins = new Map<SessionSource, Origin>()
  #reign: Intaken | null = null

  constructor(options: IntakeOptions) {
    this.#options = options
    this.#maxWaitingBytes = options.maxWaitingBytes ?? MAX_WAITING_BYTES
  }

  /** All sessions so far are over; what comes of others is of this reign. null: the master ends. */
  setReign(reign: Intaken | null): void {
    this.#reign = reign
    for (const origin of this.#origins.values()) {
      origin.over = origin.last
      origin.refused.clear()
    }
  }

  /** A thread has died: the one in its place counts its sessions from 1 again. @param lost its sessions */
  threadLost(source: SessionSource, lost: Iterable<number>, reason: string): void {
    for (const session of lost) this.#take(InboxKind.DISCONNECTED, session, reason)
    this.#origins.delete(source)
  }

  connected(session: number, address: string): void {
    this.#take(InboxKind.CONNECTED, session, address)
  }

  message(session: number, bytes: Uint8Array): void {
    this.#take(InboxKind.MESSAGE, session, bytes)
  }

  disconnected(session: number, reason: string): void {
    this.#take(InboxKind.DISCONNECTED, session, reason)
  }

  /** @param bytes whole inbox records of one thread @param ended sessions that are DISCONNECTED in it */
  batch(bytes: Uint8Array, ended: readonly number[]): void {
    const reign = this.#reign
    if (reign === null) return
    const { metrics } = this.#options
    if (reign.waitingBytes === 0) metrics?.arrives()
    const reader = new BatchReader(bytes)
    let kept: BatchWriter | null = null
    let passed = 0
    while (reader.next()) {
      const { kind, session, argument } = reader
      const passes = this.#passes(reign, kind, session)
      if (passes) metrics?.received(kind, session, bytes, passed + RECORD_HEADER_BYTES)
      if (passes) kept?.add(kind, session, reader.payload, argument)
      else if (kept === null) {
        kept = new BatchWriter(bytes.byteLength)
        kept.addBatch(bytes.subarray(0, passed))
      }
      passed = reader.at
    }
    reign.addBatch(kept === null ? bytes : kept.view(), ended)
  }

  #take(kind: InboxKind, session: number, payload: Uint8Array | string): void {
    const reign = this.#reign
    if (reign === null) {
      if (kind === InboxKind.CONNECTED) this.#options.close(session, STARTING_REASON)
      return
    }
    if (!this.#passes(reign, kind, session)) return
    reign.add(kind, session, payload)
    this.#options.metrics?.received(kind, session, payload)
  }

  /** Whether the reign may have it; whose it is that may not loses its session. */
  #passes(reign: Intaken, kind: InboxKind, session: number): boolean {
    const origin = this.#origin(session)
    origin.last = Math.max(origin.last, session)
    if (session <= origin.over) {
      if (kind === InboxKind.MESSAGE) this.#options.close(session, OVER_REASON)
      return false
    }
    const known = origin.refused.get(session)
    if (kind === InboxKind.DISCONNECTED) origin.refused.delete(session)
    if (known !== undefined) return known && kind === InboxKind.DISCONNECTED
    if (kind === InboxKind.DISCONNECTED || reign.waitingBytes <= this.#maxWaitingBytes) return true
    origin.refused.set(session, kind !== InboxKind.CONNECTED)
    this.#options.close(session, FULL_REASON)
    return false
  }

  #origin(session: number): Origin {
    const source = sourceOf(session)
    let origin = this.#origins.get(source)
    if (origin === undefined) {
      origin = { last: 0, over: 0, refused: new Map() }
      this.#origins.set(source, origin)
    }
    return origin
  }
}
