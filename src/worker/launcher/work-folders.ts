/** The folders of applications and drivers in the work folder, seen from the main thread: who uses one, what is cleaned. */
import type { CleaningPort } from '../work-dir-cleaner.js'
import type { LauncherThreads } from './threads.js'

export class WorkFolders implements CleaningPort {
  readonly #threads: LauncherThreads
  readonly #workDir: string
  readonly #users: ((name: string) => boolean)[] = []
  /** Folders that are being looked at and perhaps removed; launches into them wait. */
  readonly #inspections = new Map<string, Promise<unknown>>()

  constructor(threads: LauncherThreads, workDir: string) {
    this.#threads = threads
    this.#workDir = workDir
  }

  /** @param isLive whether that folder is in use, or may come to be; asked before anything is removed */
  addUser(isLive: (name: string) => boolean): void {
    this.#users.push(isLive)
  }

  /** Whether there is nothing to wait for. */
  isSettled(name: string): boolean {
    return !this.#inspections.has(name)
  }

  /** To be awaited before something is launched into that folder, which is live by now. */
  async settled(name: string): Promise<void> {
    await this.#inspections.get(name)
  }

  listDirs(): Promise<string[]> {
    return this.#threads.run('listDirs', { workDir: this.#workDir }) as Promise<string[]>
  }

  isLive(name: string): boolean {
    return this.#users.some((isLive) => isLive(name))
  }

  keepDir(name: string, nowMs: number): Promise<void> {
    const task = { workDir: this.#workDir, name, nowMs }
    return this.#threads.run('keep', task) as Promise<void>
  }

  async removeExpiredDir(name: string, cutoffMs: number): Promise<boolean> {
    if (this.isLive(name)) return false
    const task = { workDir: this.#workDir, name, cutoffMs }
    const inspection = this.#threads.run('removeExpired', task)
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
}
