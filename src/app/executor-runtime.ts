/**
 * One executor's work: tasks come in, run on the pool's threads, one a core, and results go back in batches. A thread gets
 * tasks in groups: many when they are tiny, so that a message to it costs little for each; else one.
 */
import { BroadcastChannel } from 'node:worker_threads'
import { Piscina } from 'piscina'

import { recordThrown } from './error-record.js'
import { ProtocolError, ThreadExitedError } from './errors.js'
import { abortChannelName, type ThreadData, type ThreadGroup } from './executor-thread.js'
import { GroupSlot, type TaskResult } from './group-slot.js'
import {
  ABORT_GRACE_MS,
  AVERAGE_WEIGHT,
  BATCH_BYTES,
  GROUP_PATIENCE_MS,
  GROUP_WORK_MS,
  MAX_BATCH_TASKS,
  MAX_EXECUTOR_TASKS,
  MAX_GROUP_TASKS,
  RESULT_BATCH_MS,
  RESULT_BATCH_TASKS,
  TINY_TASK_MS,
} from './limits.js'
import { payloadBytes, toPayload } from './payload.js'
import {
  type DriverMessage,
  type ExecutorMessage,
  ResultStatus,
  type WireResult,
  type WireTask,
} from './protocol.js'
import { TaskAbort } from './task-abort.js'

export interface RuntimeOptions {
  modulePath: string
  executorId: string
  hostname: string
  cores: number
  /** Addresses by the name of the resource. */
  resources: Readonly<Record<string, readonly string[]>>
  send(message: ExecutorMessage): void
}

/** What a thread has at once. */
class Group {
  /** Ends the thread. */
  readonly abort = new TaskAbort()
  readonly startedMs = performance.now()
  /** Results that were taken out of the slot. */
  read = 0

  constructor(
    readonly tasks: WireTask[],
    readonly slot: GroupSlot,
  ) {
    slot.open()
  }

  get message(): ThreadGroup {
    return {
      ids: this.tasks.map(({ id }) => id),
      names: this.tasks.map(({ name }) => name),
      payloads: this.tasks.map(({ payload }) => payload),
      memory: this.slot.memory,
    }
  }

  /** The last one that was started, once the slot is closed. */
  isRunning(id: number): boolean {
    const { tasks, slot } = this
    return slot.done < tasks.length && tasks.at(-1)?.id === id
  }
}

export class ExecutorRuntime {
  readonly #options: RuntimeOptions
  readonly #threads: Piscina<ThreadGroup, TaskResult | null>
  readonly #aborts = new BroadcastChannel(abortChannelName(process.pid))
  /** Tasks that no thread has, oldest first. */
  #waiting = new Map<number, WireTask>()
  /** At most one for each core. */
  readonly #groups = new Set<Group>()
  readonly #freeSlots: GroupSlot[] = []
  /** Moving average of a task's run time; null before the first result. */
  #averageMs: number | null = null
  #results: WireResult[] = []
  #flushSoon: NodeJS.Immediate | null = null
  #flushLater: NodeJS.Timeout | null = null
  #lookingLater = false

  constructor(options: RuntimeOptions) {
    const { modulePath, executorId, hostname, cores, resources } = options
    this.#options = options
    this.#threads = new Piscina<ThreadGroup, TaskResult | null>({
      filename: new URL('executor-thread.js', import.meta.url).href,
      minThreads: cores,
      maxThreads: cores,
      workerData: { modulePath, executorId, hostname, resources } satisfies ThreadData,
      // Threads go on serving what modules keep open, such as a database's connection, between tasks.
      atomics: 'disabled',
    })
    // A thread that died between tasks is replaced; what killed it belongs into the executor's stderr.
    this.#threads.on('error', (error) => console.error('a thread of the executor ended:', error))
  }

  /** @throws ProtocolError when the driver sends more than an executor holds */
  receive(message: DriverMessage): void {
    switch (message.kind) {
      case 'tasks':
        for (const task of message.tasks) this.#waiting.set(task.id, task)
        if (this.#waiting.size > MAX_EXECUTOR_TASKS)
          throw new ProtocolError(`the driver sent more than ${MAX_EXECUTOR_TASKS} tasks`)
        this.#start()
        return
      case 'abort':
        for (const id of message.ids) this.#abort(id)
        this.#start()
        return
      case 'recall': {
        for (const group of this.#groups) this.#takeBack(group)
        const ids = message.count > 0 ? [...this.#waiting.keys()].slice(-message.count) : []
        for (const id of ids) this.#waiting.delete(id)
        this.#options.send({ kind: 'returned', ids })
        this.#start()
        return
      }
      case 'stop':
        return
    }
  }

  #start(): void {
    while (this.#waiting.size > 0 && this.#groups.size < this.#options.cores)
      void this.#run(this.#nextGroup())
  }

  #nextGroup(): Group {
    const free = this.#options.cores - this.#groups.size
    const share = Math.ceil(this.#waiting.size / free)
    const work = this.#averageMs === null ? 1 : Math.floor(GROUP_WORK_MS / this.#averageMs)
    const size = Math.max(1, Math.min(share, work, MAX_GROUP_TASKS))
    const tasks: WireTask[] = []
    for (const [id, task] of this.#waiting) {
      this.#waiting.delete(id)
      if (tasks.push(task) >= size) break
    }
    return new Group(tasks, this.#freeSlots.pop() ?? new GroupSlot())
  }

  async #run(group: Group): Promise<void> {
    this.#groups.add(group)
    if (group.tasks.length > 1) this.#lookLater()
    try {
      const large = await this.#threads.run(group.message, { signal: group.abort })
      this.#harvest(group)
      if (large !== null) this.#answer(group.tasks[group.read++]!, large)
      this.#takeBack(group)
      this.#freeSlots.push(group.slot)
    } catch (error) {
      // The thread may still write to the slot, which is left to it.
      this.#failed(group, error)
    }
    this.#groups.delete(group)
    this.#start()
  }

  /** The thread of the group ended: by the task that ran, or the first where none did, which would be tried for ever. */
  #failed(group: Group, error: unknown): void {
    const claimed = group.slot.close()
    this.#harvest(group)
    const left = group.tasks.splice(group.read)
    const ended = group.read < Math.max(claimed, 1) ? left.shift() : undefined
    if (ended !== undefined) this.#answer(ended, this.#endOf(group, ended, error))
    this.#waitAgain(left)
  }

  /** Sends what the group's thread has done so far. */
  #harvest(group: Group): void {
    const { done } = group.slot
    while (group.read < done) {
      const result = group.slot.read(group.read)
      const average = this.#averageMs ?? result.runMs
      this.#averageMs = average + (result.runMs - average) * AVERAGE_WEIGHT
      this.#answer(group.tasks[group.read++]!, result)
    }
  }

  /** What the thread has not started waits again. */
  #takeBack(group: Group): void {
    this.#waitAgain(group.tasks.splice(group.slot.close()))
  }

  /** Before all others. */
  #waitAgain(tasks: readonly WireTask[]): void {
    if (tasks.length === 0) return
    this.#waiting = new Map([...tasks.map((task) => [task.id, task] as const), ...this.#waiting])
  }

  #lookLater(): void {
    if (this.#lookingLater) return
    this.#lookingLater = true
    setTimeout(() => {
      this.#lookingLater = false
      this.#lookAfterGroups()
    }, GROUP_PATIENCE_MS)
  }

  /** What is done is sent, and what has not started goes to whoever is idle, once a group takes long. */
  #lookAfterGroups(): void {
    const now = performance.now()
    for (const group of this.#groups) {
      if (group.tasks.length === 1) continue
      if (now - group.startedMs < GROUP_PATIENCE_MS) this.#lookLater()
      else {
        this.#harvest(group)
        this.#takeBack(group)
      }
    }
    this.#start()
  }

  /** The result of a task whose thread ended. */
  #endOf({ abort, startedMs }: Group, task: WireTask, error: unknown): TaskResult {
    const runMs = performance.now() - startedMs
    if (abort.aborted) return { status: ResultStatus.ABORTED, runMs, payload: '' }
    const { executorId, hostname } = this.#options
    const reason = error instanceof Error ? error.message : String(error)
    const lost = new ThreadExitedError(
      `the task ${task.name} ended its thread on executor ${executorId} (${hostname}): ${reason}`,
      { cause: error },
    )
    const payload = toPayload(recordThrown(lost), 'the error of the task')
    return { status: ResultStatus.THREW, runMs, payload }
  }

  #abort(id: number): void {
    for (const group of this.#groups) {
      if (!group.tasks.some((task) => task.id === id)) continue
      this.#takeBack(group)
      if (group.isRunning(id)) this.#abortRunning(group, id)
    }
    const task = this.#waiting.get(id)
    if (task === undefined) return
    this.#waiting.delete(id)
    this.#answer(task, { status: ResultStatus.ABORTED, runMs: 0, payload: '' })
  }

  #abortRunning(group: Group, id: number): void {
    // oxlint-disable-next-line require-post-message-target-origin -- a channel between threads
    this.#aborts.postMessage(id)
    setTimeout(() => {
      if (this.#groups.has(group) && group.isRunning(id)) group.abort.abort()
    }, ABORT_GRACE_MS).unref()
  }

  #answer({ id }: WireTask, { status, runMs, payload }: TaskResult): void {
    this.#results.push({ id, status, runMs, payload })
    // While more tasks wait here, nobody is idle for want of these results: few large messages do.
    const patient = runMs < TINY_TASK_MS && this.#waiting.size > 0
    if (patient && this.#results.length < RESULT_BATCH_TASKS)
      this.#flushLater ??= setTimeout(() => this.#flush(), RESULT_BATCH_MS)
    else this.#flushSoon ??= setImmediate(() => this.#flush())
  }

  #flush(): void {
    if (this.#flushSoon !== null) clearImmediate(this.#flushSoon)
    if (this.#flushLater !== null) clearTimeout(this.#flushLater)
    this.#flushSoon = null
    this.#flushLater = null
    const results = this.#results
    this.#results = []
    let batch: WireResult[] = []
    let bytes = 0
    for (const result of results) {
      if (
        batch.length >= MAX_BATCH_TASKS ||
        (batch.length > 0 && bytes + payloadBytes(result.payload) > BATCH_BYTES)
      ) {
        this.#options.send({ kind: 'results', results: batch })
        batch = []
        bytes = 0
      }
      batch.push(result)
      bytes += payloadBytes(result.payload)
    }
    if (batch.length > 0) this.#options.send({ kind: 'results', results: batch })
  }
}
