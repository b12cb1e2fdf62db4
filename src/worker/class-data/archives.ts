/**
 * When archives are made, on the main thread: after the first executor of a combination has run for a while or ended,
 * one at a time, and never so many that making them is what a worker does.
 */
import type { Logger } from '../../log/logger.js'
import { Child, type LauncherThreads } from '../launcher/threads.js'
import type { ArchiveResult } from './make.js'
import type { Training } from './choose.js'

export interface ClassDataArchivesOptions {
  threads: LauncherThreads
  log: Logger
  trainingMs?: number
}

/** By then an executor has registered and run tasks, however long it will live. */
const TRAINING_MS = 60_000
/** More are forgotten: they get their turn when another executor comes. */
const MAX_WAITING = 8
/** Class paths of an application's own get archives too; a worker that sees new ones all the time stops at this. */
const MAX_A_DAY = 16
const DAY_MS = 86_400_000

export class ClassDataArchives {
  readonly #options: ClassDataArchivesOptions
  readonly #waiting: Training[] = []
  readonly #timers = new Set<NodeJS.Timeout>()
  /** When each of the last day was begun. */
  #begun: number[] = []
  #making: Child | null = null
  #busy = false
  #made: Promise<void> = Promise.resolve()
  #closed = false

  constructor(options: ClassDataArchivesOptions) {
    this.#options = options
  }

  /** An executor that lists its classes has started. @returns to be called at its end */
  training(training: Training): () => void {
    let over = false
    const enough = (): void => {
      clearTimeout(timer)
      this.#timers.delete(timer)
      if (over || this.#closed) return
      over = true
      this.#add(training)
    }
    const timer = setTimeout(enough, this.#options.trainingMs ?? TRAINING_MS)
    this.#timers.add(timer)
    return enough
  }

  /** Ends what is under way. */
  async close(): Promise<void> {
    this.#closed = true
    for (const timer of this.#timers) clearTimeout(timer)
    this.#waiting.length = 0
    this.#making?.kill()
    await this.#made
  }

  #add(training: Training): void {
    if (this.#waiting.length >= MAX_WAITING) return
    this.#waiting.push(training)
    if (!this.#busy) this.#made = this.#makeAll()
  }

  async #makeAll(): Promise<void> {
    this.#busy = true
    for (let training = this.#waiting.shift(); training; training = this.#waiting.shift()) {
      const nowMs = performance.now()
      this.#begun = this.#begun.filter((atMs) => nowMs - atMs < DAY_MS)
      if (this.#begun.length >= MAX_A_DAY) continue
      this.#begun.push(nowMs)
      await this.#make(training)
    }
    this.#busy = false
  }

  async #make(training: Training): Promise<void> {
    const { threads, log } = this.#options
    const fromMs = performance.now()
    this.#making = new Child()
    const outcome = await this.#making.runArchive(threads, training)
    this.#making = null
    if (this.#closed) return
    const result: ArchiveResult =
      outcome.kind === 'done' ? outcome.result : { kind: 'failed', message: outcome.message }
    const what = `class-data archive for executors of ${training.java}`
    if (result.kind === 'failed') log.warn(`no ${what}: ${result.message}`)
    if (result.kind !== 'made') return
    const { bytes, classes, unusedBecause } = result
    const seconds = ((performance.now() - fromMs) / 1000).toFixed(1)
    const megabytes = Math.round(bytes / 2 ** 20)
    log.info(`${what} made in ${seconds} s: ${classes} classes, ${megabytes} MiB`)
    if (unusedBecause !== null) log.warn(`${what} goes unused: ${unusedBecause}`)
  }
}
