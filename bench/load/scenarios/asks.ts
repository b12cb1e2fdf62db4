/** An ask that the master answers without a look at its cluster (BoundPortsRequest), on one connection. */
import { Playground } from '../peers/playground.js'
import type { Link } from '../peers/link.js'
import { kindOf } from '../peers/hear.js'
import type { MasterUnderTest, Observed, Scenario, ScenarioSize } from '../scenario.js'
import { LoadError, Tally } from '../peers/waits.js'

const RUN_TIMEOUT_S = 120
const WARM_UP_SHARE = 0.2

export class Asks implements Scenario {
  #playground: Playground | null = null
  #link: Link | null = null
  #operations = 0
  #port = 0

  /** @param inFlight asks that have no answer yet */
  constructor(readonly inFlight: number) {}

  async prepare(master: MasterUnderTest, { operations }: ScenarioSize): Promise<void> {
    this.#playground = await Playground.open(master)
    this.#link = await this.#playground.probe()
    this.#operations = operations
    this.#port = master.port
    await this.#ask(Math.ceil(operations * WARM_UP_SHARE))
  }

  run(): Promise<Observed> {
    return this.#ask(this.#operations)
  }

  async close(): Promise<void> {
    this.#link?.leave()
    await this.#playground?.close()
  }

  async #ask(operations: number): Promise<Observed> {
    const { client, waits } = this.#playground!
    const link = this.#link!
    const self = { host: '127.0.0.1', port: 1 }
    const latenciesMs = new Float64Array(operations)
    const tally = new Tally(operations)
    let asked = 0
    const ask = (): void => {
      const index = asked++
      const startMs = performance.now()
      link.ask(
        (id) => client.boundPorts.frame(self, id),
        (answer, error) => {
          latenciesMs[index] = performance.now() - startMs
          if (answer === null) waits.fail(`BoundPortsRequest: ${error}`)
          else if (index === 0) this.#check(answer)
          tally.add()
          if (asked < operations) ask()
        },
      )
    }
    const startMs = performance.now()
    while (asked < Math.min(this.inFlight, operations)) ask()
    await waits.within(RUN_TIMEOUT_S, tally.of('BoundPortsResponse'), tally.reached)
    return { operations, seconds: (performance.now() - startMs) / 1000, latenciesMs }
  }

  /** It is the answer to this question, with the port that we came through. */
  #check(answer: Buffer): void {
    const port = Buffer.alloc(4)
    port.writeInt32BE(this.#port)
    if (!kindOf(answer).endsWith('BoundPortsResponse') || !answer.includes(port))
      throw new LoadError(`BoundPortsRequest was answered by ${kindOf(answer)}`)
  }
}
