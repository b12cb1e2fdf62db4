/**
 * Has folders of ended applications removed by age (W16, P33). Only the order of things is here, on the main thread;
 * every look at the disk is a launcher thread's.
 */
import type { Logger } from '../log/logger.js'

/** What the launcher does for it. */
export interface CleaningPort {
  /** Names of folders in the work folder that workers of this kind have made. */
  listDirs(): Promise<string[]>
  /** Whether an executor of that application runs here, or may come yet. */
  isLive(name: string): boolean
  keepDir(name: string, nowMs: number): Promise<void>
  /** @returns whether it is gone: nothing in it was newer than `cutoffMs` */
  removeExpiredDir(name: string, cutoffMs: number): Promise<boolean>
}

export interface CleaningOptions {
  port: CleaningPort
  log: Logger
  intervalMs: number
  /** Age of the newest file from which on a folder goes. */
  ttlMs: number
  now?: () => number
}

/** Longer waits than setTimeout can hold are cut to this: cleaning more often harms nobody. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1
/** Folders whose trouble has been told. */
const MAX_TOLD = 1000

export class WorkDirCleaner {
  readonly #options: CleaningOptions
  readonly #now: () => number
  readonly #told = new Set<string>()
  #timer: NodeJS.Timeout | null = null
  #stopped = false

  /** The first pass comes after one interval, as in Spark. */
  constructor(options: CleaningOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
    this.#schedule()
  }

  /** Nothing is begun any more, and what fails is no longer told. */
  stop(): void {
    this.#stopped = true
    if (this.#timer !== null) clearTimeout(this.#timer)
  }

  /** A pass starts its interval when it has ended, so that passes never overlap. */
  #schedule(): void {
    if (this.#stopped) return
    const delayMs = Math.min(this.#options.intervalMs, MAX_TIMEOUT_MS)
    this.#timer = setTimeout(() => void this.#pass().finally(() => this.#schedule()), delayMs)
  }

  /** Never rejects. */
  async #pass(): Promise<void> {
    const { port, log, ttlMs } = this.#options
    const names = await port.listDirs().catch((error: Error): string[] => {
      this.#tell('', `work folder can't be cleaned: ${error.message}`)
      return []
    })
    let removed = 0
    for (const name of names) {
      if (this.#stopped) return
      const nowMs = this.#now()
      try {
        if (port.isLive(name)) await port.keepDir(name, nowMs)
        else if (await port.removeExpiredDir(name, nowMs - ttlMs)) {
          removed += 1
          this.#told.delete(name)
        }
      } catch (error) {
        this.#tell(name, `folder ${name} of an application stays: ${(error as Error).message}`)
      }
    }
    if (removed > 0) log.info(`removed folders of ${removed} ended applications`)
  }

  /** Once for each folder. */
  #tell(name: string, text: string): void {
    if (this.#stopped || this.#told.has(name)) return
    if (this.#told.size >= MAX_TOLD) this.#told.clear()
    this.#told.add(name)
    this.#options.log.warn(text)
  }
}
