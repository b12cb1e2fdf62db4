/**
 * One application takes all of the cluster with four executors on each worker. Workers say at once that they run; it is over
 * when the master has acknowledged each and told the driver.
 */
import type { PlayedDriver } from '../peers/driver.js'
import { Playground } from '../peers/playground.js'
import { Tally } from '../peers/waits.js'
import { driverWords, type DriverWords } from '../peers/words.js'
import type { MasterUnderTest, Observed, Scenario, ScenarioSize } from '../scenario.js'
import { WORKER_SIZE } from './registrations.js'

const RUN_TIMEOUT_S = 900
const END_TIMEOUT_S = 300
export const EXECUTOR_CORES = 4
export const EXECUTORS_PER_WORKER = WORKER_SIZE.cores / EXECUTOR_CORES

export class WholeCluster implements Scenario {
  #playground: Playground | null = null
  #words: DriverWords | null = null
  #driver: PlayedDriver | null = null
  #executors = 0

  async prepare(master: MasterUnderTest, { workers }: ScenarioSize): Promise<void> {
    const playground = await Playground.open(master)
    this.#playground = playground
    this.#executors = workers * EXECUTORS_PER_WORKER
    this.#words = driverWords(playground.address, {
      executorCores: EXECUTOR_CORES,
      executorMemoryMb: 1024,
      maxCores: workers * WORKER_SIZE.cores,
    })
    await playground.startWorkers(workers, WORKER_SIZE)
  }

  async run(): Promise<Observed> {
    const playground = this.#playground!
    const launched = new Tally(this.#executors)
    const acknowledged = new Tally(this.#executors)
    const updated = new Tally(this.#executors)
    const moments: Record<string, number> = {}
    const driver = playground.driver('the whole cluster', {
      words: this.#words!,
      executorUpdated: () => updated.add(),
    })
    this.#driver = driver
    await driver.connect()
    const startMs = performance.now()
    const note = (moment: string): void => {
      moments[moment] = performance.now() - startMs
    }
    playground.events = {
      launched: () => {
        launched.add()
        if (launched.count === 1) note('first LaunchExecutor')
        if (launched.count === launched.target) note('last LaunchExecutor')
        return true
      },
      acknowledged: () => acknowledged.add(),
    }
    driver.register()
    const { waits } = playground
    await waits.within(RUN_TIMEOUT_S, launched.of('LaunchExecutor'), launched.reached)
    const answers = acknowledged.of('answers to ExecutorStateChanged')
    await waits.within(RUN_TIMEOUT_S, answers, acknowledged.reached)
    note('all acknowledged')
    await waits.within(RUN_TIMEOUT_S, updated.of('ExecutorUpdated'), updated.reached)
    note('driver told of all')
    this.#check(driver)
    return {
      operations: this.#executors,
      seconds: moments['driver told of all']! / 1000,
      moments,
    }
  }

  async reset(): Promise<void> {
    const { waits, workers, master } = this.#playground!
    const cores = workers.length * WORKER_SIZE.cores
    await this.#playground!.untilState(
      `${cores} cores in use at ${master.kind}`,
      ({ coresused, activeapps }) => coresused === cores && activeapps.length === 1,
    )
    const killed = new Tally(this.#executors)
    this.#playground!.events = { killed: () => killed.add() }
    this.#driver!.unregister()
    await waits.within(END_TIMEOUT_S, killed.of('KillExecutor'), killed.reached)
    await this.#playground!.untilIdle()
  }

  async close(): Promise<void> {
    if (this.#driver?.appId) await this.reset()
    await this.#playground?.close()
  }

  #check(driver: PlayedDriver): void {
    const uneven = this.#playground!.workers.find(
      ({ executors }) => executors !== EXECUTORS_PER_WORKER,
    )
    if (uneven !== undefined)
      this.#playground!.trouble(`${uneven.id} has ${uneven.executors} executors`)
    if (driver.executors !== this.#executors)
      this.#playground!.trouble(`the driver has heard of ${driver.executors} executors`)
  }
}
