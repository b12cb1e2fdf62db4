/** Drivers in cluster mode: from RequestSubmitDriver to LaunchDriver on a worker, and their ends. */
import { PlayedClient } from '../peers/client.js'
import { Playground } from '../peers/playground.js'
import { Tally } from '../peers/waits.js'
import type { PlayedWorker } from '../peers/worker.js'
import type { MasterUnderTest, Observed, Scenario, ScenarioSize } from '../scenario.js'
import { WORKER_SIZE } from './registrations.js'

const TIMEOUT_S = 300
const WARM_UP_SHARE = 0.2

interface Launched {
  readonly driverId: string
  readonly worker: PlayedWorker
}

/** What both rows have in common: a cluster, a client, and drivers that run. */
abstract class Drivers implements Scenario {
  protected playground!: Playground
  protected size!: ScenarioSize
  protected running: Launched[] = []
  #client: PlayedClient | null = null

  async prepare(master: MasterUnderTest, size: ScenarioSize): Promise<void> {
    this.size = size
    this.playground = await Playground.open(master)
    await this.playground.startWorkers(size.workers, WORKER_SIZE)
    const { playground } = this
    this.#client = new PlayedClient(await playground.probe(), playground.client, {
      host: playground.nextHost(),
      port: playground.port,
    })
  }

  abstract run(): Promise<Observed>

  async reset(): Promise<void> {
    await this.end()
    await this.playground.untilIdle()
  }

  async close(): Promise<void> {
    if (this.playground === undefined) return
    await this.reset()
    this.#client?.leave()
    await this.playground.close()
  }

  /** @returns with latencies from the request to LaunchDriver */
  protected async submit(operations: number): Promise<Observed> {
    const { playground } = this
    const { waits } = playground
    const latenciesMs = new Float64Array(operations)
    const askedMs: number[] = []
    const launched = new Tally(operations)
    const answered = new Tally(operations)
    let asked = 0
    const next = (): void => {
      if (asked === operations) return
      asked++
      askedMs.push(performance.now())
      this.#client!.submit().then(
        () => answered.add(),
        (error: Error) => waits.fail(error.message),
      )
    }
    playground.events = {
      driverLaunched: (worker, driverId) => {
        this.running.push({ worker, driverId })
        // The master launches them in the order in which they were submitted.
        latenciesMs[launched.count] = performance.now() - askedMs[launched.count]!
        launched.add()
        next()
      },
    }
    const startMs = performance.now()
    for (let index = 0; index < this.size.concurrency; index++) next()
    await waits.within(TIMEOUT_S, launched.of('LaunchDriver'), launched.reached)
    await waits.within(TIMEOUT_S, answered.of('SubmitDriverResponse'), answered.reached)
    return { operations, seconds: (performance.now() - startMs) / 1000, latenciesMs }
  }

  /** All that run end well; returns when the master has taken that. */
  protected async end(): Promise<void> {
    const { running } = this
    this.running = []
    const hearing = new Set<PlayedWorker>()
    for (const { worker, driverId } of running) {
      worker.driverFinished(driverId)
      hearing.add(worker)
    }
    const known = Promise.all([...hearing].map((worker) => this.playground.processed(worker)))
    await this.playground.waits.within(TIMEOUT_S, `the ends of ${running.length} drivers`, known)
  }

  protected async checkRunning(): Promise<void> {
    const { length } = this.running
    await this.playground.untilState(
      `${length} drivers that run`,
      ({ activedrivers }) => activedrivers.length === length,
    )
  }
}

/** A thousand workers have room for 16,000 drivers: `operations` of all runs must fit. */
export class DriverSubmissions extends Drivers {
  override async prepare(master: MasterUnderTest, size: ScenarioSize): Promise<void> {
    await super.prepare(master, size)
    await this.submit(Math.ceil(size.operations * WARM_UP_SHARE))
    await this.reset()
  }

  run(): Promise<Observed> {
    return this.submit(this.size.operations)
  }

  override async reset(): Promise<void> {
    await this.checkRunning()
    await super.reset()
  }
}

/** DriverStateChanged of drivers that run; no other waits for their place. */
export class DriverEnds extends Drivers {
  override async prepare(master: MasterUnderTest, size: ScenarioSize): Promise<void> {
    await super.prepare(master, size)
    await this.submit(size.operations)
    await this.end()
    await this.submit(size.operations)
    await this.checkRunning()
  }

  async run(): Promise<Observed> {
    const startMs = performance.now()
    const operations = this.running.length
    await this.end()
    return { operations, seconds: (performance.now() - startMs) / 1000 }
  }

  override async reset(): Promise<void> {
    await super.reset()
    await this.submit(this.size.operations)
    await this.checkRunning()
  }

  override async close(): Promise<void> {
    await this.end()
    await super.close()
  }
}
