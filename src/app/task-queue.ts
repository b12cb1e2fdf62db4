/** Tasks that wait for an executor: first in, first out, but tasks of lost executors come first. */
import { type Payload, payloadBytes } from './payload.js'

export interface PoolTask {
  readonly id: number
  readonly name: string
  readonly payload: Payload
  /** How often an executor was lost while it ran. */
  losses: number
  /** Nobody waits for it any more; an executor may still be busy with it. */
  settled: boolean
  readonly resolve: (value: unknown) => void
  readonly reject: (reason: unknown) => void
  /** Stops listening to the signal that would abort it. */
  forgetSignal: (() => void) | null
}

/** Below so many taken entries an array is not worth compacting. */
const COMPACT_AT = 1024

class Fifo {
  #tasks: (PoolTask | undefined)[] = []
  #head = 0

  push(task: PoolTask): void {
    this.#tasks.push(task)
  }

  /** Settled tasks are left out: that is how a queued task is removed in constant time. */
  peek(): PoolTask | null {
    while (this.#head < this.#tasks.length) {
      const task = this.#tasks[this.#head]!
      if (!task.settled) return task
      this.#skip()
    }
    return null
  }

  shift(): PoolTask | null {
    const task = this.peek()
    if (task !== null) this.#skip()
    return task
  }

  *[Symbol.iterator](): Generator<PoolTask> {
    for (let at = this.#head; at < this.#tasks.length; at++) {
      const task = this.#tasks[at]!
      if (!task.settled) yield task
    }
  }

  clear(): void {
    this.#tasks = []
    this.#head = 0
  }

  #skip(): void {
    this.#tasks[this.#head] = undefined
    this.#head++
    if (this.#head >= COMPACT_AT && this.#head * 2 >= this.#tasks.length) {
      this.#tasks = this.#tasks.slice(this.#head)
      this.#head = 0
    }
  }
}

export class TaskQueue {
  readonly #fresh = new Fifo()
  readonly #retried = new Fifo()
  #size = 0
  #bytes = 0

  get size(): number {
    return this.#size
  }

  /** Serialized bytes of all that wait. */
  get bytes(): number {
    return this.#bytes
  }

  push(task: PoolTask): void {
    this.#fresh.push(task)
    this.#count(task, 1)
  }

  pushRetried(task: PoolTask): void {
    this.#retried.push(task)
    this.#count(task, 1)
  }

  /** A retried task may only go where it starts at once: see Dispatcher. */
  get nextIsRetried(): boolean {
    return this.#retried.peek() !== null
  }

  shift(): PoolTask | null {
    const task = this.#retried.shift() ?? this.#fresh.shift()
    if (task !== null) this.#count(task, -1)
    return task
  }

  /** Call once, when a waiting task was settled. */
  forget(task: PoolTask): void {
    this.#count(task, -1)
  }

  /** Empties the queue. */
  drain(): PoolTask[] {
    const tasks = [...this.#retried, ...this.#fresh]
    this.#retried.clear()
    this.#fresh.clear()
    this.#size = 0
    this.#bytes = 0
    return tasks
  }

  #count(task: PoolTask, by: 1 | -1): void {
    this.#size += by
    this.#bytes += by * payloadBytes(task.payload)
  }
}
