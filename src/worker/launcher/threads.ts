/**
 * The launcher's threads: they prepare, start, watch and end the children of this worker, so that its main thread never
 * waits for a fork, a file or a folder. Executors and drivers share them. No general pool: a task here costs one message
 * each way, and a thread takes as many at once as come.
 */
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'

import type { Logger } from '../../log/logger.js'
import { MAX_DRIVERS } from '../driver-table.js'
import { MAX_EXECUTORS } from '../executor-table.js'
import type { Training } from '../class-data/choose.js'
import type { ArchiveResult } from '../class-data/make.js'
import type { Guardian } from '../guardian.js'
import { Outbox } from './outbox.js'
import type {
  ChildNote,
  DriverRequest,
  DriverResult,
  ExecutorRequest,
  ExecutorResult,
  StartedNote,
} from './request.js'
import type { FromThread, TaskName, ThreadData, ToThread } from './thread.js'
import { endGroup } from './watched-process.js'

/** One processor stays free for the children that are on their way to their exec. */
const THREADS = Math.min(2, Math.max(1, availableParallelism() - 1))
/** Short tasks about folders, beside the long ones of children. */
const MAX_SHORT_TASKS = 1024
const MAX_TASKS = MAX_EXECUTORS + MAX_DRIVERS + MAX_SHORT_TASKS

/** What threads run for a child, by its kind. */
const LONG_TASKS = { executor: 'runExecutor', driver: 'runDriver', archive: 'makeArchive' } as const

type ChildKind = keyof typeof LONG_TASKS

export interface LauncherThreadsOptions {
  log: Logger
  /** Takes over when this process is killed. Not closed here. */
  guardian: Guardian
}

interface Waiting {
  onNote: (note: ChildNote) => void
  resolve: (result: unknown) => void
  reject: (error: unknown) => void
}

/** A task that runs. */
export interface RunningTask {
  readonly result: Promise<unknown>
  /** Nothing happens to one that is over. */
  kill(): void
}

/** One thread and the tasks that it runs. */
class LauncherThread {
  readonly worker: Worker
  readonly #outbox: Outbox<ToThread>
  readonly #waiting = new Map<number, Waiting>()
  #lastId = 0

  /** @param onGone called once, when it runs no more */
  constructor(workerData: ThreadData, onGone: (thread: LauncherThread, error: Error) => void) {
    let broken: Error | null = null
    this.worker = new Worker(new URL('./thread.js', import.meta.url), { workerData })
    this.#outbox = new Outbox((messages) => this.worker.postMessage(messages, []))
    this.worker.on('message', (messages: readonly FromThread[]) => {
      for (const message of messages) this.#onMessage(message)
    })
    this.worker.on('error', (error: Error) => {
      broken = error
    })
    // What it has said before comes first.
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

  run(name: TaskName, task: unknown, onNote: (note: ChildNote) => void): RunningTask {
    this.#lastId += 1
    const id = this.#lastId
    const result = new Promise((resolve, reject) => {
      this.#waiting.set(id, { onNote, resolve, reject })
      this.#outbox.post({ id, kind: 'run', name, task })
    })
    return { result, kill: () => this.#outbox.post({ id, kind: 'kill' }) }
  }

  #onMessage(message: FromThread): void {
    const { id, kind } = message
    const waiting = this.#waiting.get(id)
    if (kind === 'note') return waiting?.onNote(message.note)
    this.#waiting.delete(id)
    if (kind === 'done') waiting?.resolve(message.result)
    else waiting?.reject(message.error)
  }
}

export class LauncherThreads {
  readonly guardian: Guardian
  readonly #log: Logger
  readonly #threads: LauncherThread[] = []
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
  async run(name: TaskName, task: unknown): Promise<unknown> {
    return this.#run(name, task, () => {}).result
  }

  /** @throws Error when it can't be run */
  runLong(kind: ChildKind, task: unknown, onNote: (note: ChildNote) => void): RunningTask {
    return this.#run(LONG_TASKS[kind], task, onNote)
  }

  /** To be called when no task runs any more. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.all(this.workers.map((worker) => worker.terminate()))
  }

  #run(name: TaskName, task: unknown, onNote: (note: ChildNote) => void): RunningTask {
    if (this.#closed) throw new Error('the launcher is closed')
    const tasks = this.#threads.reduce((sum, thread) => sum + thread.tasks, 0)
    if (tasks >= MAX_TASKS) throw new Error(`the launcher has ${MAX_TASKS} tasks already`)
    return this.#leastBusy().run(name, task, onNote)
  }

  #leastBusy(): LauncherThread {
    const found = this.#threads.toSorted((a, b) => a.tasks - b.tasks)[0]
    if (found === undefined) return this.#add()
    return found.tasks > 0 && this.#threads.length < THREADS ? this.#add() : found
  }

  #add(): LauncherThread {
    const made = new LauncherThread({ guardianFd: this.guardian.fd }, (gone, error) => {
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

/** One executor or driver, seen from the main thread. */
export class Child {
  #task: RunningTask | null = null
  #pid: number | null = null
  #killed = false

  get killed(): boolean {
    return this.#killed
  }

  /** TERM, then KILL; before its start: it never starts. Any number of times. */
  kill(): void {
    this.#killed = true
    this.#task?.kill()
  }

  runExecutor(
    threads: LauncherThreads,
    request: ExecutorRequest,
    onStarted: (note: StartedNote) => void,
  ): Promise<ChildOutcome<ExecutorResult>> {
    return this.#run(threads, 'executor', request, (note) => {
      if (note.kind === 'started') onStarted(note)
    })
  }

  runDriver(
    threads: LauncherThreads,
    request: DriverRequest,
    onNote: (note: ChildNote) => void,
  ): Promise<ChildOutcome<DriverResult>> {
    return this.#run(threads, 'driver', request, onNote)
  }

  runArchive(threads: LauncherThreads, training: Training): Promise<ChildOutcome<ArchiveResult>> {
    return this.#run(threads, 'archive', training, () => {})
  }

  /** Never rejects: a thread that breaks leaves no process of the task behind. */
  async #run<Result>(
    threads: LauncherThreads,
    kind: ChildKind,
    request: ExecutorRequest | DriverRequest | Training,
    tell: (note: ChildNote) => void,
  ): Promise<ChildOutcome<Result>> {
    const { guardian } = threads
    const onNote = (note: ChildNote): void => {
      if (note.kind === 'started' || note.kind === 'fetching') {
        this.#pid = note.pid
        guardian.started(note.pid)
      } else if (note.kind === 'ended') this.#ended(guardian, true)
      tell(note)
    }
    try {
      this.#task = threads.runLong(kind, request, onNote)
      const result = (await this.#task.result) as Result
      this.#ended(guardian, true)
      return { kind: 'done', result }
    } catch (error) {
      // The thread broke. Its process may live on, watched by nobody: that must not be.
      const pid = this.#pid
      if (pid !== null) endGroup(pid)
      this.#ended(guardian, false)
      const message = `the launcher broke: ${(error as Error).message}`
      return { kind: 'broke', message, pid }
    } finally {
      this.#task = null
    }
  }

  #ended(guardian: Guardian, told: boolean): void {
    if (this.#pid !== null) guardian.ended(this.#pid, told)
    this.#pid = null
  }
}
