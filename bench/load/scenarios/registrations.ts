/**
 * All workers register at once: connections stand and Master is looked up, as in the figures of Apache's Master that this is
 * compared with. What ours asks of each one's page is part of it.
 */
import { Playground } from '../peers/playground.js'
import type { MasterUnderTest, Observed, Scenario, ScenarioSize } from '../scenario.js'
import type { PlayedWorker } from '../peers/worker.js'

export const WORKER_SIZE = { cores: 16, memoryMb: 65_536 }
const WARM_UP_WORKERS = 200

export class Registrations implements Scenario {
  #playground: Playground | null = null
  #waiting: PlayedWorker[] = []
  #count = 0

  async prepare(master: MasterUnderTest, { workers }: ScenarioSize): Promise<void> {
    this.#count = workers
    this.#playground = await Playground.open(master)
    const warmUp = await this.#playground.connectWorkers(
      Math.min(WARM_UP_WORKERS, workers),
      WORKER_SIZE,
    )
    await this.#playground.register(warmUp)
    await this.#playground.dismiss(warmUp)
    this.#waiting = await this.#playground.connectWorkers(workers, WORKER_SIZE)
  }

  async run(): Promise<Observed> {
    const tookMs = await this.#playground!.register(this.#waiting)
    return { operations: this.#count, seconds: tookMs / 1000 }
  }

  /** They leave, and as many others come. */
  async reset(): Promise<void> {
    const playground = this.#playground!
    await playground.untilState(
      `${this.#count} workers that are alive`,
      ({ aliveworkers }) => aliveworkers === this.#count,
    )
    await playground.dismiss(this.#waiting)
    this.#waiting = await playground.connectWorkers(this.#count, WORKER_SIZE)
  }

  async close(): Promise<void> {
    await this.#playground?.untilState(
      `${this.#count} workers that are alive`,
      ({ aliveworkers }) => aliveworkers === this.#count,
    )
    await this.#playground?.close()
  }
}
