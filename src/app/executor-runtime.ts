/** One executor's work: tasks come in, run on the pool's threads, one a core, and results go back in batches. */
import { BroadcastChannel } from 'node:worker_threads'
import { Piscina } from 'piscina'

import { recordThrown } from './error-record.js'
import { ProtocolError, ThreadExitedError } from './errors.js'
import {
  abortChannelName,
  type ThreadData,
  type ThreadResult,
  type ThreadTask,
} from './executor-thread.js'
import {
  ABORT_GRACE_MS,
  BATCH_BYTES,
  MAX_BATCH_TASKS,
  MAX_EXECUTOR_TASKS,
  RESULT_BATCH_MS,
  RESULT_BATCH_TASKS,
  TINY_TASK_MS,
} from './limits.js'
import {
  type DriverMessage,
  type ExecutorMessage,
  ResultStatus,
  type WireResult,
  type WireTask,
} from './protocol.js'
import { cloneToBytes } from './structured-clone.js'
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

export class ExecutorRuntime {
  readonly #options: RuntimeOptions
  readonly #threads: Piscina<ThreadTask, ThreadResult>
  readonly #aborts = new BroadcastChannel(abortChannelName(process.pid))
  /** Tasks that have not started, oldest first. */
  readonly #waiting = new Map<number, WireTask>()
  readonly #running = new Map<number, TaskAbort>()
  #results: WireResult[] = []
  #flushSoon: NodeJS.Immediate | null = null
  #flushLater: NodeJS.Timeout | null = null

  constructor(options: RuntimeOptions) {
    this.#options = options
    this.#threads = new Piscina<ThreadTask, ThreadResult>({
      filename: new URL('executor-thread.js', import.meta.url).href,
      minThreads: options.cores,
      maxThreads: options.cores,
      workerData: { resources: options.resources } satisfies ThreadData,
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
        return
      case 'recall': {
        const ids = message.count > 0 ? [...this.#waiting.keys()].slice(-message.count) : []
        for (const id of ids) this.#waiting.delete(id)
        this.#options.send({ kind: 'returned', ids })
        return
      }
      case 'stop':
        return
    }
  }

  #start(): void {
    for (const [id, task] of this.#waiting) {
      if (this.#running.size >= this.#options.cores) return
      this.#waiting.delete(id)
      const abort = new TaskAbort()
      this.#running.set(id, abort)
      void this.#run(task, abort)
    }
  }

  async #run(task: WireTask, abort: TaskAbort): Promise<void> {
    const { modulePath, executorId, hostname } = this.#options
    const startedMs = performance.now()
    let result: WireResult
    try {
      const done = await this.#threads.run(
        { ...task, modulePath, executorId, hostname },
        { signal: abort },
      )
      result = { id: task.id, ...done }
    } catch (error) {
      const runMs = performance.now() - startedMs
      result = abort.aborted
        ? { id: task.id, status: ResultStatus.ABORTED, runMs, payload: new Uint8Array() }
        : {
            id: task.id,
            status: ResultStatus.THREW,
            runMs,
            payload: this.#threadEnded(task, error),
          }
    }
    this.#running.delete(task.id)
    this.#answer(result)
    this.#start()
  }

  #threadEnded(task: WireTask, error: unknown): Uint8Array {
    const { executorId, hostname } = this.#options
    const reason = error instanceof Error ? error.message : String(error)
    const lost = new ThreadExitedError(
      `the task ${task.name} ended its thread on executor ${executorId} (${hostname}): ${reason}`,
      { cause: error },
    )
    return cloneToBytes(recordThrown(lost), 'the error of the task')
  }

  #abort(id: number): void {
    if (this.#waiting.delete(id)) {
      this.#answer({ id, status: ResultStatus.ABORTED, runMs: 0, payload: new Uint8Array() })
      return
    }
    const running = this.#running.get(id)
    if (running === undefined) return
    // oxlint-disable-next-line require-post-message-target-origin -- a channel between threads
    this.#aborts.postMessage(id)
    setTimeout(() => {
      if (this.#running.get(id) === running) running.abort()
    }, ABORT_GRACE_MS).unref()
  }

  #answer(result: WireResult): void {
    this.#results.push(result)
    // While more tasks wait here, nobody is idle for want of these results: few large messages do.
    const patient = result.runMs < TINY_TASK_MS && this.#waiting.size > 0
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
        (batch.length > 0 && bytes + result.payload.byteLength > BATCH_BYTES)
      ) {
        this.#options.send({ kind: 'results', results: batch })
        batch = []
        bytes = 0
      }
      batch.push(result)
      bytes += result.payload.byteLength
    }
    if (batch.length > 0) this.#options.send({ kind: 'results', results: batch })
  }
}
