/** The launcher of executors: one long task each on the launcher's threads, and the folders of their applications. */
import type { Logger } from '../../log/logger.js'
import type { LaunchExecutorT } from '../../schema/magneto.js'
import type { Training } from '../class-data/choose.js'
import { privateDirNames, type CreatedDirs } from '../work-dir.js'
import type { ExecutorRequest, ExecutorResult, LauncherSettings } from './request.js'
import { StartsToCome } from './starts-to-come.js'
import { Child, type LauncherThreads } from './threads.js'
import type { WorkFolders } from './work-folders.js'

export interface LauncherOptions {
  settings: LauncherSettings
  log: Logger
  /** Not closed by the launcher. */
  threads: LauncherThreads
  folders: WorkFolders
  /** Where scratch folders are made (W3). */
  localDirRoots: readonly string[]
  /** An executor lists its classes. @returns to be called at its end */
  onTraining(training: Training): () => void
  onStarted(order: LaunchExecutorT, start: ExecutorStart): void
  onEnded(order: LaunchExecutorT, result: ExecutorResult): void
}

/** Times are ms since the epoch. */
export interface ExecutorStart {
  pid: number
  receivedMs: number
  execMs: number
}

interface Launch {
  order: LaunchExecutorT
  key: string
  child: Child
  receivedMs: number
}

function keyOf(appId: string, executorId: number): string {
  return `${appId}/${executorId}`
}

export class Launcher {
  readonly #options: LauncherOptions
  readonly #threads: LauncherThreads
  readonly #running = new Map<string, Child>()
  readonly #startsToCome = new StartsToCome()
  /** Made at the first launch, one under each usable root. */
  #roots: string[] | null = null
  #makingRoots: Promise<void> | null = null
  /** Of applications that live here; empty: not known yet. */
  readonly #applicationDirs = new Map<string, string[]>()
  readonly #underWay = new Set<Promise<void>>()

  constructor(options: LauncherOptions) {
    this.#options = options
    this.#threads = options.threads
    options.folders.addUser((name) => this.isLive(name))
  }

  /**
   * Starts an executor; `onStarted` and `onEnded` tell how it goes. Returns at once.
   *
   * @param receivedMs when the order came, ms since the epoch
   */
  launch(order: LaunchExecutorT, receivedMs: number): void {
    const key = keyOf(String(order.appId), order.executorId)
    const child = new Child()
    this.#running.set(key, child)
    // From now on it lives here.
    const appId = String(order.appId)
    if (!this.isLive(appId)) this.#applicationDirs.set(appId, [])
    const launch = { order, key, child, receivedMs }
    this.#track(this.#runAndTell(launch), `executor ${key}`)
  }

  /** TERM, then KILL. Nothing happens to what has ended. */
  kill(appId: string, executorId: number): void {
    this.#running.get(keyOf(appId, executorId))?.kill()
  }

  /** Removes the scratch folders of an application; none of its executors may live (W3). */
  cleanUpApplication(appId: string): void {
    const dirs = this.#applicationDirs.get(appId)
    if (dirs === undefined) return
    this.#applicationDirs.delete(appId)
    if (dirs.length > 0) this.#track(this.#remove(dirs), `scratch folders of ${appId}`)
  }

  /** From its first launch here until it is over and nothing of it runs. */
  isLive(appId: string): boolean {
    return this.#applicationDirs.has(appId)
  }

  /** Ends all executors, waits for their ends and removes all scratch folders. */
  async close(): Promise<void> {
    for (const child of this.#running.values()) child.kill()
    while (this.#underWay.size > 0) await Promise.all(this.#underWay)
    if (this.#roots !== null) await this.#remove(this.#roots).catch(() => {})
  }

  async #runAndTell(launch: Launch): Promise<void> {
    const result = await this.#run(launch)
    this.#running.delete(launch.key)
    this.#options.onEnded(launch.order, result)
  }

  async #run({ order, child, receivedMs }: Launch): Promise<ExecutorResult> {
    const appId = String(order.appId)
    const { folders, settings, log } = this.#options
    // Waiting for nothing would still let everything else that came with this order go first.
    if (this.#roots === null) {
      try {
        await this.#makeRoots()
      } catch (error) {
        return { kind: 'failed', message: (error as Error).message }
      }
    }
    if (!folders.isSettled(appId)) await folders.settled(appId)
    if (child.killed) return { kind: 'failed', message: 'Killed before it started' }
    const { executorId, profileId, cores, memoryMb, application } = order
    const request: ExecutorRequest = {
      settings,
      appId,
      executorId,
      profileId,
      cores,
      memoryMb,
      // Bytes of its own: what they are cut from would be copied whole.
      application: Uint8Array.from(application),
      localDirs: this.#dirsOf(appId),
      startsToCome: this.#startsToCome.share(),
      resources: order.resources.map((r) => ({ name: String(r.name), addresses: r.addresses })),
    }
    this.#startsToCome.add()
    const atEnd: (() => void)[] = []
    const outcome = await child.runExecutor(this.#threads, request, (note) => {
      for (const problem of note.problems ?? []) log.warn(problem)
      if (note.training) atEnd.push(this.#options.onTraining(note.training))
      this.#options.onStarted(order, { ...note, receivedMs })
    })
    for (const tell of atEnd) tell()
    if (outcome.kind === 'done') return outcome.result
    const { message, pid } = outcome
    if (pid !== null) return { kind: 'exited', exitStatus: 137, message }
    this.#startsToCome.remove()
    return { kind: 'failed', message }
  }

  /** One private folder under each usable root, shared by the executors of an application. */
  #dirsOf(appId: string): string[] {
    let dirs = this.#applicationDirs.get(appId)
    if (dirs === undefined || dirs.length === 0) {
      dirs = privateDirNames(this.#roots ?? [], 'executor')
      this.#applicationDirs.set(appId, dirs)
    }
    return dirs
  }

  /** @throws Error when none can be used; the next launch tries again: a disk may be mounted meanwhile */
  #makeRoots(): Promise<void> {
    const make = async (): Promise<void> => {
      try {
        this.#roots = await this.#create(this.#options.localDirRoots, 'spark')
      } finally {
        this.#makingRoots = null
      }
    }
    this.#makingRoots ??= make()
    return this.#makingRoots
  }

  async #create(parents: readonly string[], prefix: 'spark' | 'executor'): Promise<string[]> {
    const task = { parents, prefix }
    const created = (await this.#threads.run('createDirs', task)) as CreatedDirs
    for (const problem of created.problems) this.#options.log.warn(problem)
    return created.dirs
  }

  async #remove(dirs: readonly string[]): Promise<void> {
    await this.#threads.run('removeDirs', dirs)
  }

  #track(work: Promise<void>, what: string): void {
    const tracked = work
      .catch((error: Error) => this.#options.log.error(`${what}: ${error.message}`))
      .finally(() => this.#underWay.delete(tracked))
    this.#underWay.add(tracked)
  }
}
