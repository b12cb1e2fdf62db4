/** Applications that register, get one executor and end, `concurrency` of them under way at any time. */
import { type Address, type Fleet, SimulatedApplication } from '../../recovery-peers.js'
import type { MasterUnderTest, Observed, Scenario, ScenarioSize } from '../scenario.js'
import { controlOf, livingFleet } from './cluster.js'

/** Opens the link first, so that it is the registration that is timed. @returns ms from it to ExecutorAdded */
async function grantedMs(application: SimulatedApplication, added: Promise<void>): Promise<number> {
  const startedMs = performance.now()
  application.introduceAll()
  await added
  return performance.now() - startedMs
}

/** An application of one executor that has a link and has said nothing. */
export async function smallApplication(
  name: string,
  control: Address,
): Promise<{ application: SimulatedApplication; register: () => Promise<number> }> {
  let granted: (() => void) | undefined
  const added = new Promise<void>((done) => {
    granted = done
  })
  const application = new SimulatedApplication(name, 1, { executorAdded: () => granted?.() }, 1)
  if (!(await application.link(control, false)))
    throw new Error(`the control port ${control.port} refused a link`)
  return { application, register: () => grantedMs(application, added) }
}

export class ControlSmallApplications implements Scenario {
  #fleet: Fleet | null = null
  #control: Address | null = null
  #size: ScenarioSize | null = null
  #started = 0

  async prepare(master: MasterUnderTest, size: ScenarioSize): Promise<void> {
    this.#size = size
    this.#control = await controlOf(master)
    this.#fleet = await livingFleet(this.#control, size.workers)
  }

  async run(): Promise<Observed> {
    const { operations, concurrency } = this.#size!
    const latenciesMs = new Float64Array(operations)
    const waiting = latenciesMs.keys()
    const one = async () => {
      for (const index of waiting) {
        this.#started += 1
        const { application, register } = await smallApplication(
          `small ${this.#started}`,
          this.#control!,
        )
        latenciesMs[index] = await register()
        application.unregister()
      }
    }
    const startedMs = performance.now()
    await Promise.all(Array.from({ length: concurrency }, one))
    return { operations, seconds: (performance.now() - startedMs) / 1000, latenciesMs }
  }

  close(): Promise<void> {
    this.#fleet?.leave()
    return Promise.resolve()
  }
}
