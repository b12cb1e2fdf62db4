/** Everybody who uses the masters while they are killed: workers, applications and submitters, all in this process. */
import { setTimeout as sleep } from 'node:timers/promises'
import { createLogger } from '../../src/log/logger.js'
import { CrashApplication } from './application.js'
import type { Dice } from './dice.js'
import type { History, Job } from './history.js'
import type { MasterProcess } from './master-process.js'
import { Submitter, submitOverRest } from './submitter.js'
import { CrashWorker } from './worker.js'

const workersCount = 6
const applicationsMax = 8
const targetMax = 6
/** Jobs that are neither over nor given up; more would only queue. */
const jobsOpenMax = 60
const pauseMaxMs = 12
const workerAwayMaxMs = 200

export class Load {
  readonly history: History
  readonly workers: readonly CrashWorker[]
  readonly applications = new Set<CrashApplication>()
  readonly submitters: readonly Submitter[]
  readonly #masters: readonly MasterProcess[]
  readonly #masterUrl: string
  readonly #dice: Dice
  readonly #log = createLogger('load', { level: 'silent' })
  /** What is under way and settles by itself. */
  readonly #underWay = new Set<Promise<void>>()
  #names = 0
  #running = false
  #closed = false
  /** Since when all masters have lived, by performance.now(): a connection lost soon after was lost with one. */
  aliveSinceMs = 0

  constructor(masters: readonly MasterProcess[], history: History, dice: Dice) {
    this.#masters = masters
    this.history = history
    this.#dice = dice
    this.#masterUrl = `spark://${masters.map(({ url }) => url.slice('spark://'.length)).join()}`
    this.workers = Array.from(
      { length: workersCount },
      (_, at) => new CrashWorker(`w${at}`, this.#masterUrl, history, dice, this.#log),
    )
    this.submitters = masters.map(({ url }) => new Submitter(url, this.#log))
  }

  start(): void {
    for (const worker of this.workers) worker.start()
  }

  /** Keeps things happening until `pause`. */
  async run(): Promise<void> {
    this.#running = true
    while (this.#running) {
      this.#dice.pick(this.#actions)()
      await sleep(this.#dice.below(pauseMaxMs))
    }
  }

  /** Settles when nothing waits for an answer any more. */
  async pause(): Promise<void> {
    this.#running = false
    await Promise.all(this.#underWay)
  }

  /** A worker's process dies, with all that it runs, and another one comes in its place. */
  async replaceWorker(): Promise<void> {
    // A short round may want the one that is away: nobody starts a second process for it.
    const worker = this.#dice.pick(this.workers.filter(({ runs }) => runs))
    this.history.count('workers crashed')
    worker.crash()
    await sleep(this.#dice.below(workerAwayMaxMs))
    if (!this.#closed) worker.start()
  }

  endApplications(): void {
    for (const application of this.applications) application.end()
    this.applications.clear()
  }

  /** Also in the middle of a run that has failed. */
  close(): void {
    this.#running = false
    this.#closed = true
    this.endApplications()
    for (const worker of this.workers) worker.crash()
    for (const submitter of this.submitters) submitter.close()
  }

  readonly #actions: readonly (() => void)[] = [
    () => this.#startApplication(),
    () => this.#someApplication()?.request(this.#dice.between(1, targetMax)),
    () => this.#someApplication()?.killOne(),
    () => this.#endApplication(),
    () => this.#submit(),
    () => this.#submit(),
    () => this.#submitOverRest(),
    () => this.#killJob(),
  ]

  #startApplication(): void {
    for (const application of this.applications) {
      if (application.over) this.applications.delete(application)
    }
    if (this.applications.size >= applicationsMax) return
    this.#names += 1
    const { history } = this
    const target = this.#dice.between(0, targetMax)
    const mayLose = (): boolean => this.aliveSinceMs === 0
    const name = `app${this.#names}`
    this.applications.add(
      new CrashApplication(name, target, this.#masterUrl, history, this.#log, mayLose),
    )
  }

  #someApplication(): CrashApplication | null {
    const live = [...this.applications].filter(({ over }) => !over)
    return live.length === 0 ? null : this.#dice.pick(live)
  }

  #endApplication(): void {
    if (this.#dice.chance(0.7)) return
    const application = this.#someApplication()
    if (application === null) return
    this.history.count('applications ended')
    application.end()
    this.applications.delete(application)
  }

  #job(jarUrl: string): Job | null {
    const open = [...this.history.jobs.values()].slice(-2 * jobsOpenMax)
    if (open.filter(({ id, lives }) => id !== null && lives.length === 0).length > jobsOpenMax)
      return null
    return this.history.job(jarUrl, this.#dice.chance(0.5))
  }

  #submit(): void {
    this.#names += 1
    const job = this.#job(`/srv/job-${this.#names}.mjs`)
    if (job !== null) this.#await(this.#dice.pick(this.submitters).submit(this.history, job))
  }

  #submitOverRest(): void {
    this.#names += 1
    const job = this.#job(`file:/srv/job-${this.#names}.jar`)
    const { url } = this.#dice.pick(this.#masters)
    if (job !== null) this.#await(submitOverRest(url.slice('spark://'.length), this.history, job))
  }

  #killJob(): void {
    const recent = [...this.history.jobs.values()].slice(-20).filter(({ id }) => id !== null)
    if (recent.length === 0 || this.#dice.chance(0.5)) return
    this.history.count('drivers killed')
    this.#await(this.#dice.pick(this.submitters).kill(this.#dice.pick(recent)))
  }

  #await(work: Promise<void>): void {
    const done = work.finally(() => this.#underWay.delete(done))
    this.#underWay.add(done)
  }
}
