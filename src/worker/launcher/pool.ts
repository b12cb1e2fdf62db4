/** The launcher of executors: one long task each on the launcher's threads, and the folders of their applications. */
import type { Logger } from '../../log/logger.js'
import type { LaunchExecutorT } from '../../schema/magneto.js'
import type { CreatedDirs } from '../work-dir.js'
import type { ExecutorRequest, ExecutorResult, LauncherSettings } from './request.js'
import { Child, type ChildRequest, type LauncherThreads } from './threads.js'
import type { WorkFolders } from './work-folders.js'

export interface LauncherOptions {
  settings: Omit<LauncherSettings, 'guardianFd'>
  log: Logger
  /** Not closed by the launcher. */
  threads: LauncherThreads
  folders: WorkFolders
  /** Where scratch folders are made (W3). */
  localDirRoots: readonly string[]
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
  /** Made at the first launch, one under each usable root. */
  #privateRoots: Promise<string[]> | null = null
  readonly #applicationDirs = new Map<string, Promise<string[]>>()
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
    this.#track(this.#remove(dirs), `scratch folders of ${appId}`)
  }

  /** From its first launch here until it is over and nothing of it runs. */
  isLive(appId: string): boolean {
    return this.#applicationDirs.has(appId)
  }

  /** Ends all executors, waits for their ends and removes all scratch folders. */
  async close(): Promise<void> {
    for (const child of this.#running.values()) child.kill()
    while (this.#underWay.size > 0) await Promise.all(this.#underWay)
    if (this.#privateRoots !== null) await this.#remove(this.#privateRoots).catch(() => {})
  }

  async #runAndTell(launch: Launch): Promise<void> {
    const result = await this.#run(launch)
    this.#running.delete(launch.key)
    this.#options.onEnded(launch.order, result)
  }

  async #run({ order, child, receivedMs }: Launch): Promise<ExecutorResult> {
    const appId = String(order.appId)
    let localDirs: string[]
    try {
      localDirs = await this.#dirsOf(appId)
    } catch (error) {
      return { kind: 'failed', message: (error as Error).message }
    }
    await this.#options.folders.settled(appId)
    if (child.killed) return { kind: 'failed', message: 'Killed before it started' }
    const { executorId, profileId, cores, memoryMb, application } = order
    const request: ChildRequest<ExecutorRequest> = {
      settings: this.#options.settings,
      appId,
      executorId,
      profileId,
      cores,
      memoryMb,
      application,
      localDirs,
      resources: order.resources.map((r) => ({ name: String(r.name), addresses: r.addresses })),
    }
    const outcome = await child.runExecutor(this.#threads, request, (note) =>
      this.#options.onStarted(order, { ...note, receivedMs }),
    )
    if (outcome.kind === 'done') return outcome.result
    const { message, pid } = outcome
    return pid === null ? { kind: 'failed', message } : { kind: 'exited', exitStatus: 137, message }
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
    const created = (await this.#threads.run('createDirs', task)) as CreatedDirs
    for (const problem of created.problems) this.#options.log.warn(problem)
    return created.dirs
  }

  async #remove(dirs: Promise<string[]>): Promise<void> {
    const made = await dirs.catch((): string[] => [])
    await this.#threads.run('removeDirs', made)
  }

  #track(work: Promise<void>, what: string): void {
    const tracked = work
      .catch((error: Error) => this.#options.log.error(`${what}: ${error.message}`))
      .finally(() => this.#underWay.delete(tracked))
    this.#underWay.add(tracked)
  }
}
