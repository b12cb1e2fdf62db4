/** Every worker has a link and all of them register at once: as they do when a master is new, without the dialling. */
import { type Address, allRegistered, Fleet, linkAll } from '../../recovery-peers.js'
import type { MasterUnderTest, Observed, Scenario, ScenarioSize } from '../scenario.js'
import { aliveWorkers, controlOf, until } from './cluster.js'

export class ControlRegistrations implements Scenario {
  #fleet: Fleet | null = null
  #master: MasterUnderTest | null = null
  #control: Address | null = null
  #count = 0

  async prepare(master: MasterUnderTest, { workers }: ScenarioSize): Promise<void> {
    this.#master = master
    this.#control = await controlOf(master)
    this.#count = workers
    await this.#link()
  }

  async run(): Promise<Observed> {
    const { workers } = this.#fleet!
    const startedMs = performance.now()
    for (const worker of workers) worker.introduceAll()
    await until('all workers are registered', () => allRegistered(workers))
    const seconds = (performance.now() - startedMs) / 1000
    return { operations: workers.length, seconds }
  }

  /** They leave, and as many come anew. */
  async reset(): Promise<void> {
    this.#fleet?.leave()
    await aliveWorkers(this.#master!, 0)
    await this.#link()
  }

  async #link(): Promise<void> {
    this.#fleet = new Fleet({ workers: this.#count, applications: 0, executorCores: 1 })
    await linkAll(this.#fleet.workers, this.#control!, false)
  }

  close(): Promise<void> {
    this.#fleet?.leave()
    return Promise.resolve()
  }
}
