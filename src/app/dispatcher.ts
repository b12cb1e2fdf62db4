/** Which executor gets which task, and what becomes of the tasks of one that is lost. No sockets in here. */
import { EventEmitter } from 'node:events'

import { ExecutorLostError } from './errors.js'
import {
  AVERAGE_WEIGHT,
  MAX_BATCH_TASKS,
  MAX_PREFETCH_PER_CORE,
  PREFETCH_BYTES,
  PREFETCH_WORK_MS,
  BATCH_BYTES,
} from './limits.js'
import { payloadBytes } from './payload.js'
import type { DriverMessage, WireResult } from './protocol.js'
import { type PoolTask, TaskQueue } from './task-queue.js'

/** How the dispatcher reaches an executor; the driver's server has the real one. */
export interface ExecutorPort {
  /** False while its socket holds more than it should. */
  readonly writable: boolean
  send(message: DriverMessage): void
  /** Drops the connection, if it is still there. */
  disconnect(): void
}

export interface ExecutorIdentity {
  readonly appId: string
  readonly id: string
  readonly host: string
  readonly cores: number
}

export class ConnectedExecutor {
  readonly identity: ExecutorIdentity
  readonly port: ExecutorPort
  /**
   * In the order in which they were sent; so the first `cores` of them are the ones that run. Among tiny ones some may be done
   * already, their results under way.
   */
  readonly inFlight = new Map<number, PoolTask>()
  inFlightBytes = 0
  completed = 0
  recalling = false
  /** Its worker leaves: it finishes what runs and gets nothing more (D3). */
  decommissioned = false
  /** It was told to stop. */
  dismissed = false
  /** Moving average of a task's run time; null before the first result. */
  averageMs: number | null = null

  constructor(identity: ExecutorIdentity, port: ExecutorPort) {
    this.identity = identity
    this.port = port
  }

  /** How many tasks it may hold now: long tasks are never prefetched, so that none waits behind another. */
  get room(): number {
    const { cores } = this.identity
    if (this.averageMs === null || this.inFlightBytes >= PREFETCH_BYTES) return cores
    const perCore = Math.floor(PREFETCH_WORK_MS / Math.max(this.averageMs, 0.001))
    return cores * (1 + Math.min(perCore, MAX_PREFETCH_PER_CORE))
  }

  /** Tiny tasks are topped up when half are done: a message for each would cost more than they do. */
  get hungry(): boolean {
    if (this.decommissioned) return false
    const { size } = this.inFlight
    return size < this.identity.cores || size <= this.room / 2
  }

  take(task: PoolTask): void {
    this.inFlight.set(task.id, task)
    this.inFlightBytes += payloadBytes(task.payload)
  }

  drop(id: number): PoolTask | null {
    const task = this.inFlight.get(id) ?? null
    if (task !== null) {
      this.inFlight.delete(id)
      this.inFlightBytes -= payloadBytes(task.payload)
    }
    return task
  }
}

export class Dispatcher extends EventEmitter<{
  result: [PoolTask, WireResult]
  rejected: [PoolTask, Error]
}> {
  readonly queue = new TaskQueue()
  readonly executors = new Set<ConnectedExecutor>()
  readonly #maxRetries: number
  #running = 0
  #scheduled = false

  constructor(maxRetries: number) {
    super()
    this.#maxRetries = maxRetries
  }

  /** Tasks that executors hold. */
  get inFlight(): number {
    return this.#running
  }

  get cores(): number {
    return [...this.executors].reduce((sum, executor) => sum + executor.identity.cores, 0)
  }

  add(executor: ConnectedExecutor): void {
    this.executors.add(executor)
    this.schedule()
  }

  /** Hands out tasks at the end of this turn: many `run` calls in a row become few messages. */
  schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.#handOut()
    })
  }

  finish(executor: ConnectedExecutor, results: readonly WireResult[]): void {
    for (const result of results) {
      const task = executor.drop(result.id)
      if (task === null) continue
      this.#running--
      executor.completed++
      const average = executor.averageMs ?? result.runMs
      executor.averageMs = average + (result.runMs - average) * AVERAGE_WEIGHT
      if (!task.settled) this.emit('result', task, result)
    }
    dismissIdle(executor)
    this.schedule()
  }

  giveBack(executor: ConnectedExecutor, ids: readonly number[]): void {
    executor.recalling = false
    for (const id of ids) {
      const task = executor.drop(id)
      if (task === null) continue
      this.#running--
      if (!task.settled) this.queue.pushRetried(task)
    }
    // One message holds only so many; and what was asked for before its decommission was not all.
    if (executor.decommissioned && ids.length > 0) recall(executor, MAX_BATCH_TASKS)
    dismissIdle(executor)
    this.schedule()
  }

  /** It keeps what it runs; what only waits there goes to others. With nothing left it is sent home. */
  decommission(executor: ConnectedExecutor): void {
    if (executor.decommissioned) return
    executor.decommissioned = true
    if (!executor.recalling) recall(executor, MAX_BATCH_TASKS)
  }

  /**
   * Tasks that were running are tried again until maxRetries; those that only waited there count no loss.
   *
   * @param reason how it was lost, for the error of a task that has no try left
   */
  lose(executor: ConnectedExecutor, reason: string): void {
    if (!this.executors.delete(executor)) return
    let position = 0
    for (const task of executor.inFlight.values()) {
      this.#running--
      const ran = position++ < executor.identity.cores
      if (task.settled) continue
      // D5: the end of what was told to end is nobody's failure.
      if (ran && !executor.decommissioned) task.losses++
      if (task.losses <= this.#maxRetries) {
        this.queue.pushRetried(task)
        continue
      }
      const { id, host } = executor.identity
      this.emit(
        'rejected',
        task,
        new ExecutorLostError(
          `the task was tried ${task.losses} times (maxRetries is ${this.#maxRetries}) and each time ` +
            `its executor was lost, the last time executor ${id} on ${host}: ${reason}`,
        ),
      )
    }
    executor.inFlight.clear()
    this.schedule()
  }

  /** Empties the queue. @returns all tasks that are not settled, those that executors hold among them */
  drain(): PoolTask[] {
    const tasks: PoolTask[] = []
    for (const { inFlight } of this.executors)
      for (const task of inFlight.values()) if (!task.settled) tasks.push(task)
    return tasks.concat(this.queue.drain())
  }

  /** A task that executors hold was aborted: whoever runs it is told. */
  abort(task: PoolTask): void {
    for (const executor of this.executors) {
      if (executor.inFlight.has(task.id)) executor.port.send({ kind: 'abort', ids: [task.id] })
    }
  }

  #handOut(): void {
    const batches = new Map<ConnectedExecutor, PoolTask[]>()
    const open = new Set(
      [...this.executors].filter((executor) => executor.port.writable && executor.hungry),
    )
    while (this.queue.size > 0 && open.size > 0) {
      // One core's worth each in turn, so that the first tasks spread over all executors.
      for (const executor of open) {
        if (!this.#fill(executor, batches)) open.delete(executor)
      }
    }
    for (const [executor, tasks] of batches) send(executor, tasks)
    if (this.queue.size === 0) this.#recall()
  }

  /** @returns false when the executor takes no more */
  #fill(executor: ConnectedExecutor, batches: Map<ConnectedExecutor, PoolTask[]>): boolean {
    // A retried task may be what killed its executor: alone on a core, only it is to blame for the next loss.
    const { cores } = executor.identity
    for (let count = 0; count < cores; count++) {
      const room = this.queue.nextIsRetried ? cores : executor.room
      if (executor.inFlight.size >= room) return false
      const task = this.queue.shift()
      if (task === null) return false
      executor.take(task)
      this.#running++
      const batch = batches.get(executor)
      if (batch === undefined) batches.set(executor, [task])
      else batch.push(task)
    }
    return true
  }

  /** Nothing waits here and somebody is idle: takes back what waits behind running tasks elsewhere. */
  #recall(): void {
    const idle = [...this.executors].some(
      ({ inFlight, identity, decommissioned }) => !decommissioned && inFlight.size < identity.cores,
    )
    if (!idle) return
    for (const executor of this.executors) {
      const waiting = executor.inFlight.size - executor.identity.cores
      if (waiting <= 0 || executor.recalling) continue
      recall(executor, Math.min(Math.ceil(waiting / 2), MAX_BATCH_TASKS))
    }
  }
}

/** Its worker may wait for just this, to leave (Y9). */
function dismissIdle(executor: ConnectedExecutor): void {
  const { decommissioned, recalling, dismissed, inFlight } = executor
  if (!decommissioned || recalling || dismissed || inFlight.size > 0) return
  executor.dismissed = true
  executor.port.send({ kind: 'stop' })
}

/** Asks for tasks that have not started; `giveBack` is the answer. */
function recall(executor: ConnectedExecutor, count: number): void {
  executor.recalling = true
  executor.port.send({ kind: 'recall', count })
}

function send(executor: ConnectedExecutor, tasks: readonly PoolTask[]): void {
  let batch: PoolTask[] = []
  let bytes = 0
  const flush = () => {
    if (batch.length > 0) executor.port.send({ kind: 'tasks', tasks: batch })
    batch = []
    bytes = 0
  }
  for (const task of tasks) {
    if (batch.length >= MAX_BATCH_TASKS || bytes + payloadBytes(task.payload) > BATCH_BYTES) flush()
    batch.push(task)
    bytes += payloadBytes(task.payload)
  }
  flush()
}
