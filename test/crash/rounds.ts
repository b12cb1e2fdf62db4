/** Kills the master that leads again and again while everybody uses it, and checks what is left of it. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../free-port.js'
import { Dice } from './dice.js'
import { clusterLeft, driversLeft, settle } from './final.js'
import { History } from './history.js'
import { Load } from './load.js'
import { leaderOf, MasterProcess } from './master-process.js'

export interface RoundsOptions {
  readonly rounds: number
  readonly seed: number
  /** spark.deploy.recoveryMode */
  readonly store: string
  /** Further lines of settings, such as a codec or where ZooKeeper is. */
  readonly properties: readonly string[]
  /** How many masters; several need a store that they share. */
  readonly masters: number
  /** spark.deploy.recoveryTimeout: a machine on which workers take longer to come back makes drivers run twice. */
  readonly recoveryTimeoutS?: number
  /** Of the installation whose master is killed; absent: this one. */
  readonly home?: string
  /** Is told how far it is. */
  progress?(text: string): void
}

export interface RoundsResult {
  readonly folder: string
  readonly failure: string | null
  readonly counts: ReadonlyMap<string, number>
  readonly seconds: number
  /** From a kill until a master leads again, in ms. */
  readonly leaderlessMs: readonly number[]
}

/** Everything is checked after so many rounds, and at the end. */
const roundsBetweenChecks = 50
const aliveMaxMs = 200
/** What some masters live for until it happens: on a busy machine the time above is too short for anything. */
export const happenings = ['applications registered', 'executors launched', 'drivers launched']
const happensWithinMs = 10_000
const pollMs = 5
/** What is waited for comes late on a busy machine. */
const leadWithinMs = 120_000
const settleWithinMs = 120_000
const recoveryTimeoutS = 10

class Rounds {
  readonly folder = mkdtempSync(join(tmpdir(), 'magneto-crash-'))
  readonly history = new History()
  readonly leaderlessMs: number[] = []
  readonly #options: RoundsOptions
  readonly #dice: Dice
  readonly #masters: MasterProcess[] = []
  readonly #asked = new Map()
  #load: Load | null = null

  constructor(options: RoundsOptions) {
    this.#options = options
    this.#dice = new Dice(options.seed)
  }

  async run(): Promise<void> {
    await this.#startMasters()
    const load = new Load(this.#masters, this.history, this.#dice)
    this.#load = load
    await leaderOf(this.#masters, leadWithinMs)
    load.aliveSinceMs = performance.now()
    load.start()
    let working = load.run()
    for (let round = 1; round <= this.#options.rounds; round += 1) {
      await this.#round(load)
      this.#mustHold(`round ${round}`)
      if (round % roundsBetweenChecks !== 0 && round !== this.#options.rounds) continue
      await load.pause()
      await working
      await this.#check(load, `round ${round}`)
      this.#options.progress?.(`${round} rounds`)
      working = load.run()
    }
    await load.pause()
    await working
    load.endApplications()
    await this.#check(load, 'the end')
  }

  async stop(): Promise<void> {
    this.#load?.close()
    for (const master of this.#masters) await master.kill()
  }

  async #startMasters(): Promise<void> {
    const store = join(this.folder, 'store')
    mkdirSync(store)
    writeFileSync(join(this.folder, 'spark-env.sh'), '')
    for (let at = 0; at < this.#options.masters; at += 1) {
      this.#masters.push(
        new MasterProcess({
          name: `master${at}`,
          folder: this.folder,
          port: await freePort(),
          webUiPort: await freePort(),
          ...(this.#options.home === undefined ? {} : { home: this.#options.home }),
          properties: [
            `spark.deploy.recoveryMode ${this.#options.store}`,
            `spark.deploy.recoveryDirectory ${store}`,
            `spark.deploy.recoveryTimeout ${this.#options.recoveryTimeoutS ?? recoveryTimeoutS}`,
            'spark.master.rest.enabled true',
            'spark.master.rest.port 0',
            'spark.deploy.maxExecutorRetries -1',
            'spark.deploy.retainedApplications 1000000',
            'spark.deploy.retainedDrivers 1000000',
            ...this.#options.properties,
          ],
        }),
      )
    }
    for (const master of this.#masters) master.start()
  }

  async #round(load: Load): Promise<void> {
    const leader = await leaderOf(this.#masters, leadWithinMs)
    load.aliveSinceMs = performance.now()
    if (this.#dice.chance(0.1)) void load.replaceWorker()
    if (this.#dice.chance(0.5)) await this.#happens(this.#dice.pick(happenings))
    await sleep(this.#dice.below(aliveMaxMs))
    load.aliveSinceMs = 0
    const killedMs = performance.now()
    await leader.kill()
    leader.start()
    // Now and then it is killed before it leads.
    if (this.#dice.chance(0.1)) {
      await sleep(this.#dice.below(aliveMaxMs))
      await leader.kill()
      leader.start()
    }
    await leaderOf(this.#masters, leadWithinMs)
    this.leaderlessMs.push(performance.now() - killedMs)
    this.history.count('masters killed')
  }

  async #happens(what: string): Promise<void> {
    const before = this.history.counts.get(what)
    const untilMs = performance.now() + happensWithinMs
    while (this.history.counts.get(what) === before && performance.now() < untilMs)
      await sleep(pollMs)
  }

  #mustHold(when: string): void {
    const [first] = this.history.violations
    if (first === undefined) return
    const more = this.history.violations.length - 1
    throw new Error(`${when}: ${first}${more > 0 ? ` (and ${more} more)` : ''}`)
  }

  async #check(load: Load, when: string): Promise<void> {
    try {
      await settle(() => driversLeft(load, this.#asked), settleWithinMs)
      // A mandate may end by itself on a busy machine: who leads is asked again each time.
      const leader = () => leaderOf(this.#masters, leadWithinMs)
      await settle(async () => clusterLeft(load, await leader()), settleWithinMs)
    } catch (error) {
      throw new Error(`${when}: ${(error as Error).message}`, { cause: error })
    }
    this.#mustHold(when)
  }
}

/** Never throws; the folder with stores and logs is kept when something failed. */
export async function crashRounds(options: RoundsOptions): Promise<RoundsResult> {
  const startedMs = performance.now()
  const rounds = new Rounds(options)
  let failure: string | null = null
  try {
    await rounds.run()
  } catch (error) {
    failure = (error as Error).message
  }
  await rounds.stop()
  if (failure === null) rmSync(rounds.folder, { recursive: true, force: true })
  return {
    folder: rounds.folder,
    failure,
    counts: rounds.history.counts,
    seconds: (performance.now() - startedMs) / 1000,
    leaderlessMs: rounds.leaderlessMs,
  }
}
