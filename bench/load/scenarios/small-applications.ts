/**
 * Applications of one executor: each connects, registers, hears that its executor runs, and ends. The next one begins when
 * that executor's worker has told its end, so that a place is free again.
 */
import type { PlayedDriver } from '../peers/driver.js'
import { Playground } from '../peers/playground.js'
import { LoadError, Tally } from '../peers/waits.js'
import { driverWords, type DriverWords } from '../peers/words.js'
import type { MasterUnderTest, Observed, Scenario, ScenarioSize } from '../scenario.js'
import { WORKER_SIZE } from './registrations.js'

const RUN_TIMEOUT_S = 600
const WARM_UP_SHARE = 0.2
const DEMAND = { executorCores: 1, executorMemoryMb: 512, maxCores: 1 }

interface Life {
  readonly driver: PlayedDriver
  registeredMs: number
  addedMs: number
}

export class SmallApplications implements Scenario {
  #playground: Playground | null = null
  #words: DriverWords | null = null
  #size: ScenarioSize | null = null
  /** By the id that the master has given it. */
  readonly #lives = new Map<string, Life>()
  #begun = 0
  #ended: (life: Life) => void = () => {}

  async prepare(master: MasterUnderTest, size: ScenarioSize): Promise<void> {
    this.#size = size
    const playground = await Playground.open(master)
    this.#playground = playground
    this.#words = driverWords(playground.address, DEMAND)
    playground.events = {
      killed: (_worker, { appId }) => {
        const life = this.#lives.get(appId)
        this.#lives.delete(appId)
        if (life === undefined) playground.trouble(`${appId}: a second executor was killed`)
        else this.#ended(life)
      },
    }
    await playground.startWorkers(size.workers, WORKER_SIZE)
    await this.#play(Math.ceil(size.operations * WARM_UP_SHARE))
  }

  run(): Promise<Observed> {
    return this.#play(this.#size!.operations)
  }

  async reset(): Promise<void> {
    await this.#playground!.untilIdle()
  }

  async close(): Promise<void> {
    await this.#playground?.untilIdle()
    await this.#playground?.close()
  }

  async #play(operations: number): Promise<Observed> {
    const { waits } = this.#playground!
    const latenciesMs = new Float64Array(operations)
    const tally = new Tally(operations)
    let begun = 0
    const next = (): void => {
      if (begun === operations) return
      begun++
      void this.#begin().catch((error: Error) => waits.fail(error.message))
    }
    this.#ended = (life) => {
      latenciesMs[tally.count] = life.addedMs - life.registeredMs
      tally.add()
      next()
    }
    const startMs = performance.now()
    for (let index = 0; index < this.#size!.concurrency; index++) next()
    await waits.within(RUN_TIMEOUT_S, tally.of('ends of applications'), tally.reached)
    return { operations, seconds: (performance.now() - startMs) / 1000, latenciesMs }
  }

  async #begin(): Promise<void> {
    const playground = this.#playground!
    const life: Life = {
      driver: playground.driver(`small ${++this.#begun}`, {
        words: this.#words!,
        registered: ({ appId }) => this.#lives.set(appId, life),
        executorAdded: () => {
          if (life.addedMs > 0) throw new LoadError('an application of one executor got two')
          life.addedMs = performance.now()
        },
        executorUpdated: (driver) => this.#finish(driver),
      }),
      registeredMs: 0,
      addedMs: 0,
    }
    await life.driver.connect()
    life.registeredMs = performance.now()
    life.driver.register()
  }

  #finish(driver: PlayedDriver): void {
    if (driver.executors !== 1 || driver.appId === '')
      this.#playground!.trouble(`${driver.appId}: ExecutorUpdated of ${driver.executors} executors`)
    driver.unregister()
    this.#playground!.gone(driver.host)
  }
}
