/**
 * Memory that a thread shares with its executor about one group of tasks: which one it has started, and the results so far.
 * So nothing that is done is lost with a thread, and no result waits until a longer task of the same group is done.
 */
import { MAX_GROUP_TASKS, SLOT_RESULT_BYTES } from './limits.js'
import { type Payload, payloadBytes } from './payload.js'
import type { ResultStatus } from './protocol.js'

/** Of the words at the start: tasks that the thread has claimed, and tasks whose results are here. */
const CLAIMED = 0
const DONE = 1
const PROGRESS_BYTES = 8

/** More tasks than any group has: the thread claims no further one. */
const CLOSED = 2 ** 30

/** Marks a kind: the payload is text. The bits below are the status. */
const IS_TEXT = 1 << 7

/** UTF-8 needs no more for a unit of a string. */
const UTF8_BYTES_PER_UNIT = 3

const runMsAt = PROGRESS_BYTES
const endsAt = runMsAt + MAX_GROUP_TASKS * Float64Array.BYTES_PER_ELEMENT
const kindsAt = endsAt + MAX_GROUP_TASKS * Uint32Array.BYTES_PER_ELEMENT
const resultsAt = kindsAt + MAX_GROUP_TASKS
const SLOT_BYTES = resultsAt + SLOT_RESULT_BYTES

export interface TaskResult {
  readonly status: ResultStatus
  /** How long the task ran, ms. */
  readonly runMs: number
  readonly payload: Payload
}

export class GroupSlot {
  readonly memory: SharedArrayBuffer
  readonly #progress: Int32Array
  readonly #runMs: Float64Array
  /** Where each result's payload ends; it starts where the one before it ends. */
  readonly #ends: Uint32Array
  readonly #kinds: Uint8Array
  readonly #results: Buffer

  constructor(memory = new SharedArrayBuffer(SLOT_BYTES)) {
    this.memory = memory
    this.#progress = new Int32Array(memory, 0, 2)
    this.#runMs = new Float64Array(memory, runMsAt, MAX_GROUP_TASKS)
    this.#ends = new Uint32Array(memory, endsAt, MAX_GROUP_TASKS)
    this.#kinds = new Uint8Array(memory, kindsAt, MAX_GROUP_TASKS)
    this.#results = Buffer.from(memory, resultsAt, SLOT_RESULT_BYTES)
  }

  /** The executor's, before a group goes to a thread. */
  open(): void {
    Atomics.store(this.#progress, CLAIMED, 0)
    Atomics.store(this.#progress, DONE, 0)
  }

  /** The thread's: the position of the next task to run; past the group's end when there is none for it. */
  claim(): number {
    return Atomics.add(this.#progress, CLAIMED, 1)
  }

  /** The executor's: the thread starts no further task. @returns how many it has claimed, CLOSED or more when asked again */
  close(): number {
    return Atomics.exchange(this.#progress, CLAIMED, CLOSED)
  }

  /** How many tasks from the first on have their results here. */
  get done(): number {
    return Atomics.load(this.#progress, DONE)
  }

  /** The thread's. @returns false when there is no room for it */
  put(at: number, { status, runMs, payload }: TaskResult): boolean {
    const start = this.#startOf(at)
    const isText = typeof payload === 'string'
    const most = isText ? payload.length * UTF8_BYTES_PER_UNIT : payloadBytes(payload)
    if (start + most > SLOT_RESULT_BYTES) return false
    if (!isText) this.#results.set(payload, start)
    this.#ends[at] = start + (isText ? this.#results.write(payload, start) : most)
    this.#runMs[at] = runMs
    this.#kinds[at] = isText ? status | IS_TEXT : status
    Atomics.store(this.#progress, DONE, at + 1)
    return true
  }

  /** The executor's, of a task that is done. */
  read(at: number): TaskResult {
    const start = this.#startOf(at)
    const end = this.#ends[at]!
    const kind = this.#kinds[at]!
    const isText = (kind & IS_TEXT) !== 0
    return {
      status: kind & ~IS_TEXT,
      runMs: this.#runMs[at]!,
      payload: isText
        ? this.#results.toString('utf8', start, end)
        : Uint8Array.from(this.#results.subarray(start, end)),
    }
  }

  #startOf(at: number): number {
    return at === 0 ? 0 : this.#ends[at - 1]!
  }
}
