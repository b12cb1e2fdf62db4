/** Applications that keep their one executor: what each costs in memory. Every run adds as many as `operations` says. */
import type { Address, Fleet, SimulatedApplication } from '../../recovery-peers.js'
import type { MasterUnderTest, Observed, Scenario, ScenarioSize } from '../scenario.js'
import { controlOf, livingFleet } from './cluster.js'
import { smallApplication } from './small-applications.js'

export class ControlHeldApplications implements Scenario {
  #fleet: Fleet | null = null
  #control: Address | null = null
  #size: ScenarioSize | null = null
  readonly #held: SimulatedApplication[] = []

  async prepare(master: MasterUnderTest, size: ScenarioSize): Promise<void> {
    this.#size = size
    this.#control = await controlOf(master)
    this.#fleet = await livingFleet(this.#control, size.workers)
  }

  async run(): Promise<Observed> {
    const { operations, concurrency } = this.#size!
    let left = operations
    const one = async () => {
      while (left > 0) {
        left -= 1
        const name = `held ${this.#held.length}`
        const { application, register } = await smallApplication(name, this.#control!)
        this.#held.push(application)
        await register()
      }
    }
    const startedMs = performance.now()
    await Promise.all(Array.from({ length: concurrency }, one))
    return { operations, seconds: (performance.now() - startedMs) / 1000 }
  }

  close(): Promise<void> {
    for (const application of this.#held) application.leave()
    this.#fleet?.leave()
    return Promise.resolve()
  }
}
