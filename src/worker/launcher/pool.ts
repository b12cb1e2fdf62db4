/**
 * The launcher: a piscina pool whose threads prepare, start, watch and end executors, so that the worker's main
 * thread never waits for a fork, a file or a folder. One long task an executor; a port a task brings the kill.
 */
import { fileURLToPath } from 'node:url'
import { MessageChannel, receiveMessageOnPort, type MessagePort } from 'node:worker_threads'

import { Piscina } from 'piscina'

import type { Logger } from '../../log/logger.js'
import type { LaunchExecutorT } from '../../schema/magneto.js'
import type { Guardian } from '../guardian.js'
import { MAX_EXECUTORS } from '../executor-table.js'
import type { CreatedDirs } from '../work-dir.js'
import type { CleaningPort } from '../work-dir-cleaner.js'
import type {
  ExecutorRequest,
  ExecutorResult,
  KillNote,
  LauncherSettings,
  StartedNote,
} from './request.js'
import { endGroup } from './watched-process.js'

const THREADS = 2
/** Short tasks about folders, beside the executors. */
const MAX_FOLDER_TASKS = 1024

export interface LauncherOptions {
  settings: Omit<LauncherSettings, 'guardianFd'>
  log: Logger
  /** Takes over when this process is killed. Not closed by the launcher. */
  guardian: Guardian
  /** Where scratch folders are made (W3). */
  localDirRoots: readonly string[]
  onStarted(order: LaunchExecutorT, note: StartedNote): void
  onEnded(order: LaunchExecutorT, result: ExecutorResult): void
}

interface Running {
  port: MessagePort | null
  pid: number | null
  killed: boolean
}

function keyOf(appId: string, executorId: number): string {
  return `${appId}/${executorId}`
}

export class Launcher implements CleaningPort {
  readonly #options: LauncherOptions
  readonly #pool: Piscina
  readonly #running = new Map<string, Running>()
  /** Made at the first launch, one under each usable root. */
  #privateRoots: Promise<string[]> | null = null
  readonly #applicationDirs = new Map<string, Promise<string[]>>()
  /** Folders in the work folder that are being looked at and perhaps removed; launches into them wait. */
  readonly #inspections = new Map<string, Promise<unknown>>()
  readonly #underWay = new Set<Promise<void>>()

  constructor(options: LauncherOptions) {
    this.#options = options
    this.#pool = new Piscina({
      filename: fileURLToPath(new URL('./task.js', import.meta.url)),
      minThreads: 1,
      maxThreads: THREADS,
      concurrentTasksPerWorker: MAX_EXECUTORS + MAX_FOLDER_TASKS,
      maxQueue: MAX_EXECUTORS,
      idleTimeout: Infinity,
      // A thread must never sleep on a lock: it watches processes between tasks.
      atomics: 'disabled',
      recordTiming: false,
    })
    this.#pool.on('error', (error: Error) => {
      options.log.error(`a launcher thread broke: ${error.message}`)
    })
  }

  /** Starts an executor; `onStarted` and `onEnded` tell how it goes. Returns at once. */
  launch(order: LaunchExecutorT): void {
    const key = keyOf(String(order.appId), order.executorId)
    const running: Running = { port: null, pid: null, killed: false }
    this.#running.set(key, running)
    this.#track(this.#runAndTell(order, key, running), `executor ${key}`)
  }

  /** TERM, then KILL. Nothing happens to what has ended. */
  kill(appId: string, executorId: number): void {
    const running = this.#running.get(keyOf(appId, executorId))
    if (running === undefined) return
    running.killed = true
    const note: KillNote = { kind: 'kill' }
    running.port?.postMessage(note)
  }

  /** Removes the scratch folders of an application; none of its executors may live (W3). */
  cleanUpApplication(appId: string): void {
    const dirs = this.#applicationDirs.get(appId)
    if (dirs === undefined) return
    this.#applicationDirs.delete(appId)
    this.#track(this.#remove(dirs), `scratch folders of ${appId}`)
  }

  listDirs(): Promise<string[]> {
    const { workDir } = this.#options.settings
    return this.#pool.run({ workDir }, { name: 'listDirs' }) as Promise<string[]>
  }

  /** From its first launch here until it is over and nothing of it runs. */
  isLive(appId: string): boolean {
    return this.#applicationDirs.has(appId)
  }

  keepDir(name: string, nowMs: number): Promise<void> {
    const { workDir } = this.#options.settings
    return this.#pool.run({ workDir, name, nowMs }, { name: 'keep' }) as Promise<void>
  }

  async removeExpiredDir(name: string, cutoffMs: number): Promise<boolean> {
    if (this.isLive(name)) return false
    const { workDir } = this.#options.settings
    const inspection = this.#pool.run({ workDir, name, cutoffMs }, { name: 'removeExpired' })
    this.#inspections.set(
      name,
      inspection.catch(() => {}),
    )
    try {
      return (await inspection) as boolean
    } finally {
      this.#inspections.delete(name)
    }
  }

  /** Ends all executors, waits for their ends, removes all scratch folders and stops the threads. */
  async close(): Promise<void> {
    for (const running of this.#running.values()) {
      running.killed = true
      running.port?.postMessage({ kind: 'kill' } satisfies KillNote)
    }
    while (this.#underWay.size > 0) await Promise.all(this.#underWay)
    if (this.#privateRoots !== null) await this.#remove(this.#privateRoots).catch(() => {})
    await this.#pool.destroy()
  }

  async #runAndTell(order: LaunchExecutorT, key: string, running: Running): Promise<void> {
    const result = await this.#run(order, running)
    this.#running.delete(key)
    this.#options.onEnded(order, result)
  }

  async #run(order: LaunchExecutorT, running: Running): Promise<ExecutorResult> {
    const appId = String(order.appId)
    let localDirs: string[]
    try {
      localDirs = await this.#dirsOf(appId)
    } catch (error) {
      return { kind: 'failed', message: (error as Error).message }
    }
    await this.#inspections.get(appId)
    if (running.killed) return { kind: 'failed', message: 'Killed before it started' }
    const channel = new MessageChannel()
    running.port = channel.port1
    const onStarted = (note: StartedNote): void => {
      running.pid = note.pid
      this.#options.guardian.started(note.pid)
      this.#options.onStarted(order, note)
    }
    channel.port1.on('message', onStarted)
    /** What a thread says over the port and what it returns come by different ways, in any order. */
    const readUnread = (): void => {
      const unread = receiveMessageOnPort(channel.port1)
      if (unread !== undefined) onStarted(unread.message as StartedNote)
    }
    const { executorId, profileId, cores, memoryMb, application } = order
    const request: ExecutorRequest = {
      settings: { ...this.#options.settings, guardianFd: this.#options.guardian.fd },
      appId,
      executorId,
      profileId,
      cores,
      memoryMb,
      application,
      localDirs,
      resources: order.resources.map((r) => ({ name: String(r.name), addresses: r.addresses })),
      port: channel.port2,
    }
    try {
      // Without piscina's signal: an abort would end the thread, and with it the watch over all others.
      const options = { name: 'runExecutor', transferList: [channel.port2] }
      const result = (await this.#pool.run(request, options)) as ExecutorResult
      readUnread()
      if (running.pid !== null) this.#options.guardian.ended(running.pid, true)
      return result
    } catch (error) {
      // The thread broke. Its executor may live on, watched by nobody: that must not be.
      const message = `the launcher broke: ${(error as Error).message}`
      readUnread()
      if (running.pid === null) return { kind: 'failed', message }
      endGroup(running.pid)
      this.#options.guardian.ended(running.pid, false)
      return { kind: 'exited', exitStatus: 137, message }
    } finally {
      channel.port1.close()
    }
  }

  /** One private folder under each usable root, shared by the executors of an application. */
  #dirsOf(appId: string): Promise<string[]> {
    const known = this.#applicationDirs.get(appId)
    if (known !== undefined) return known
    this.#privateRoots ??= this.#create(this.#options.localDirRoots, 'spark')
    const roots = this.#privateRoots
    const dirs = roots.then((parents) => this.#create(parents, 'executor'))
    this.#applicationDirs.set(appId, dirs)
    dirs.catch(() => {
      // The next launch tries again: a disk may have been mounted meanwhile.
      this.#applicationDirs.delete(appId)
      if (this.#privateRoots === roots) this.#privateRoots = null
    })
    return dirs
  }

  async #create(parents: readonly string[], prefix: 'spark' | 'executor'): Promise<string[]> {
    const task = { parents, prefix }
    const created = (await this.#pool.run(task, { name: 'createDirs' })) as CreatedDirs
    for (const problem of created.problems) this.#options.log.warn(problem)
    return created.dirs
  }

  async #remove(dirs: Promise<string[]>): Promise<void> {
    const made = await dirs.catch((): string[] => [])
    await this.#pool.run(made, { name: 'removeDirs' })
  }

  #track(work: Promise<void>, what: string): void {
    const tracked = work
      .catch((error: Error) => this.#options.log.error(`${what}: ${error.message}`))
      .finally(() => this.#underWay.delete(tracked))
    this.#underWay.add(tracked)
  }
}
