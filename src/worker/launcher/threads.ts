/**
 * The launcher's threads: they prepare, start, watch and end the children of this worker, so that its main thread never
 * waits for a fork, a file or a folder. Executors and drivers share them. No general pool: a task here costs one message
 * each way, and a thread takes as many at once as come.
 */
import { availableParallelism } from 'node:os'
import {
  MessageChannel,
  receiveMessageOnPort,
  Worker,
  type MessagePort,
  type TransferListItem,
} from 'node:worker_threads'

import type { Logger } from '../../log/logger.js'
import { MAX_DRIVERS } from '../driver-table.js'
import { MAX_EXECUTORS } from '../executor-table.js'
import type { Guardian } from '../guardian.js'
import type {
  ChildNote,
  DriverRequest,
  DriverResult,
  ExecutorRequest,
  ExecutorResult,
  KillNote,
  StartedNote,
} from './request.js'
import type { TaskAnswer, TaskName, TaskOrder } from './thread.js'
import { endGroup } from './watched-process.js'

/** One processor stays free for the child that a thread waits for until its exec. */
const THREADS = Math.min(2, Math.max(1, availableParallelism() - 1))
/** Short tasks about folders, beside the long ones of children. */
const MAX_SHORT_TASKS = 1024
const MAX_TASKS = MAX_EXECUTORS + MAX_DRIVERS + MAX_SHORT_TASKS

/** What threads run for a child, by its kind. */
const LONG_TASKS = { executor: 'runExecutor', driver: 'runDriver' } as const

type ChildKind = keyof typeof LONG_TASKS

export interface LauncherThreadsOptions {
  log: Logger
  /** Takes over when this process is killed. Not closed here. */
  guardian: Guardian
}

interface Waiting {
  resolve: (result: unknown) => void
  reject: (error: unknown) => void
}

/** One thread and the tasks that it runs. */
class LauncherThread {
  readonly worker = new Worker(new URL('./thread.js', import.meta.url))
  readonly #waiting = new Map<number, Waiting>()

  /** @param onGone called once, when it runs no more */
  constructor(onGone: (thread: LauncherThread, error: Error) => void) {
    let broken: Error | null = null
    this.worker.on('message', (answer: TaskAnswer) => this.#answered(answer))
    this.worker.on('error', (error: Error) => {
      broken = error
    })
    this.worker.on('exit', (code) => {
      const error = broken ?? new Error(`its thread ended with ${code}`)
      for (const { reject } of this.#waiting.values()) reject(error)
      this.#waiting.clear()
      onGone(this, error)
    })
  }

  get tasks(): number {
    return this.#waiting.size
  }

  run(order: TaskOrder, transfer: readonly TransferListItem[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.worker.postMessage(order, transfer)
      this.#waiting.set(order.id, { resolve, reject })
    })
  }

  #answered(answer: TaskAnswer): void {
    const waiting = this.#waiting.get(answer.id)
    this.#waiting.delete(answer.id)
    if (answer.kind === 'done') waiting?.resolve(answer.result)
    else waiting?.reject(answer.error)
  }
}

export class LauncherThreads {
  readonly guardian: Guardian
  readonly #log: Logger
  readonly #threads: LauncherThread[] = []
  #lastId = 0
  #closed = false

  constructor({ log, guardian }: LauncherThreadsOptions) {
    this.guardian = guardian
    this.#log = log
    // The first is there when the first order comes.
    this.#add()
  }

  /** The threads of now. */
  get workers(): readonly Worker[] {
    return this.#threads.map(({ worker }) => worker)
  }

  /** A short task of task.ts, by the name of its function. */
  run(name: TaskName, task: unknown): Promise<unknown> {
    return this.#run(name, task, [])
  }

  /** A long task: its port carries notes out and the kill in. */
  runLong(kind: ChildKind, task: { port: MessagePort }): Promise<unknown> {
    return this.#run(LONG_TASKS[kind], task, [task.port])
  }

  /** To be called when no task runs any more. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.all(this.workers.map((worker) => worker.terminate()))
  }

  async #run(
    name: TaskName,
    task: unknown,
    transfer: readonly TransferListItem[],
  ): Promise<unknown> {
    if (this.#closed) throw new Error('the launcher is closed')
    const tasks = this.#threads.reduce((sum, thread) => sum + thread.tasks, 0)
    if (tasks >= MAX_TASKS) throw new Error(`the launcher has ${MAX_TASKS} tasks already`)
    this.#lastId += 1
    return this.#leastBusy().run({ id: this.#lastId, name, task }, transfer)
  }

  #leastBusy(): LauncherThread {
    const found = this.#threads.toSorted((a, b) => a.tasks - b.tasks)[0]
    if (found === undefined) return this.#add()
    return found.tasks > 0 && this.#threads.length < THREADS ? this.#add() : found
  }

  #add(): LauncherThread {
    const made = new LauncherThread((gone, error) => {
      this.#threads.splice(this.#threads.indexOf(gone), 1)
      if (!this.#closed) this.#log.error(`a launcher thread broke: ${error.message}`)
    })
    this.#threads.push(made)
    return made
  }
}

/** How a long task came out: with its result, or with a thread that broke while `pid` ran, if one did. */
export type ChildOutcome<Result> =
  | { kind: 'done'; result: Result }
  | { kind: 'broke'; message: string; pid: number | null }

/** A long task as the main thread knows it: without its port and the guardian's descriptor. */
export type ChildRequest<Task extends { settings: { guardianFd: number } }> = Omit<
  Task,
  'port' | 'settings'
> & { settings: Omit<Task['settings'], 'guardianFd'> }

/** One executor or driver, seen from the main thread. */
export class Child {
  #port: MessagePort | null = null
  #pid: number | null = null
  #killed = false

  get killed(): boolean {
    return this.#killed
  }

  /** TERM, then KILL; before its start: it never starts. Any number of times. */
  kill(): void {
    this.#killed = true
    const note: KillNote = { kind: 'kill' }
    this.#port?.postMessage(note)
  }

  runExecutor(
    threads: LauncherThreads,
    request: ChildRequest<ExecutorRequest>,
    onStarted: (note: StartedNote) => void,
  ): Promise<ChildOutcome<ExecutorResult>> {
    return this.#run(threads, 'executor', request, (note) => {
      if (note.kind === 'started') onStarted(note)
    })
  }

  runDriver(
    threads: LauncherThreads,
    request: ChildRequest<DriverRequest>,
    onNote: (note: ChildNote) => void,
  ): Promise<ChildOutcome<DriverResult>> {
    return this.#run(threads, 'driver', request, onNote)
  }

  /** Never rejects: a thread that breaks leaves no process of the task behind. */
  async #run<Result>(
    threads: LauncherThreads,
    kind: ChildKind,
    request: { settings: object },
    tell: (note: ChildNote) => void,
  ): Promise<ChildOutcome<Result>> {
    const { guardian } = threads
    const channel = new MessageChannel()
    const port = channel.port1
    this.#port = port
    const onNote = (note: ChildNote): void => {
      if (note.kind === 'started' || note.kind === 'fetching') {
        this.#pid = note.pid
        guardian.started(note.pid)
      } else if (note.kind === 'ended') this.#ended(guardian, true)
      tell(note)
    }
    port.on('message', onNote)
    /** What a thread says over the port and what it returns come by different ways, in any order. */
    const readUnread = (): void => {
      for (
        let unread = receiveMessageOnPort(port);
        unread !== undefined;
        unread = receiveMessageOnPort(port)
      )
        onNote(unread.message as ChildNote)
    }
    const settings = { ...request.settings, guardianFd: guardian.fd }
    try {
      const task = { ...request, settings, port: channel.port2 }
      const result = (await threads.runLong(kind, task)) as Result
      readUnread()
      this.#ended(guardian, true)
      return { kind: 'done', result }
    } catch (error) {
      // The thread broke. Its process may live on, watched by nobody: that must not be.
      readUnread()
      const pid = this.#pid
      if (pid !== null) endGroup(pid)
      this.#ended(guardian, false)
      const message = `the launcher broke: ${(error as Error).message}`
      return { kind: 'broke', message, pid }
    } finally {
      port.close()
      this.#port = null
    }
  }

  #ended(guardian: Guardian, told: boolean): void {
    if (this.#pid !== null) guardian.ended(this.#pid, told)
    this.#pid = null
  }
}
