/**
 * The launcher's threads: a piscina pool that prepares, starts, watches and ends the children of this worker, so that
 * its main thread never waits for a fork, a file or a folder. Executors and drivers share it.
 */
import { fileURLToPath } from 'node:url'
import { MessageChannel, receiveMessageOnPort, type MessagePort } from 'node:worker_threads'

import { Piscina } from 'piscina'

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
import { endGroup } from './watched-process.js'

const THREADS = 2
/** Short tasks about folders, beside the long ones of children. */
const MAX_SHORT_TASKS = 1024
const MAX_CHILDREN = MAX_EXECUTORS + MAX_DRIVERS

/** What threads run for a child, by its kind. */
const LONG_TASKS = {
  executor: { filename: moduleFile('./task.js'), name: 'runExecutor' },
  driver: { filename: moduleFile('./driver-task.js'), name: 'runDriver' },
} as const

type ChildKind = keyof typeof LONG_TASKS

function moduleFile(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url))
}

export interface LauncherThreadsOptions {
  log: Logger
  /** Takes over when this process is killed. Not closed here. */
  guardian: Guardian
}

export class LauncherThreads {
  readonly guardian: Guardian
  readonly #pool: Piscina

  constructor({ log, guardian }: LauncherThreadsOptions) {
    this.guardian = guardian
    this.#pool = new Piscina({
      filename: moduleFile('./task.js'),
      minThreads: 1,
      maxThreads: THREADS,
      concurrentTasksPerWorker: MAX_CHILDREN + MAX_SHORT_TASKS,
      maxQueue: MAX_CHILDREN,
      idleTimeout: Infinity,
      // A thread must never sleep on a lock: it watches processes between tasks.
      atomics: 'disabled',
      recordTiming: false,
    })
    this.#pool.on('error', (error: Error) => {
      log.error(`a launcher thread broke: ${error.message}`)
    })
  }

  /** A short task of task.ts, by the name of its function. */
  run(name: string, task: unknown): Promise<unknown> {
    return this.#pool.run(task, { name })
  }

  /** A long task: its port carries notes out and the kill in. */
  runLong(kind: ChildKind, task: { port: MessagePort }): Promise<unknown> {
    // Without piscina's signal: an abort would end the thread, and with it the watch over all others.
    const options = { ...LONG_TASKS[kind], transferList: [task.port] }
    return this.#pool.run(task, options)
  }

  /** To be called when no task runs any more. */
  async close(): Promise<void> {
    await this.#pool.destroy()
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
