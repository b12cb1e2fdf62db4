/**
 * Executors that begin to run, one after the other, on a cluster that is full while applications wait: nothing can be placed,
 * and the cost of finding that out is what is measured.
 */
import type { ExecutorName } from '../peers/hear.js'
import type { PlayedDriver } from '../peers/driver.js'
import { inTurns, Playground } from '../peers/playground.js'
import { LoadError, Tally } from '../peers/waits.js'
import { driverWords } from '../peers/words.js'
import type { PlayedWorker } from '../peers/worker.js'
import type { MasterUnderTest, Observed, Scenario, ScenarioSize } from '../scenario.js'
import { WORKER_SIZE } from './registrations.js'
import { EXECUTOR_CORES, EXECUTORS_PER_WORKER } from './whole-cluster.js'

const TIMEOUT_S = 900
const OPENING_MAX = 100

interface Waiting extends ExecutorName {
  readonly worker: PlayedWorker
}

export class ExecutorEvents implements Scenario {
  #playground: Playground | null = null
  #size: ScenarioSize | null = null
  /** Launched, and not said to run. */
  #silent: Waiting[] = []
  #drivers: PlayedDriver[] = []
  #updated: () => void = () => {}

  async prepare(master: MasterUnderTest, size: ScenarioSize): Promise<void> {
    const playground = await Playground.open(master)
    this.#playground = playground
    this.#size = size
    await playground.startWorkers(size.workers, WORKER_SIZE)
    await this.#fill()
    await this.#wait()
    await this.#tell(Math.min(Math.ceil(size.operations / 5), 100))
  }

  run(): Promise<Observed> {
    return this.#tell(this.#size!.operations)
  }

  /** Where the executors do not suffice for one more run, everybody leaves and comes again. */
  async reset(): Promise<void> {
    await this.#check()
    if (this.#silent.length >= this.#size!.operations) return
    this.#silent = []
    const playground = this.#playground!
    playground.events = {}
    // Who waits leaves first: it would get what the other gives back.
    for (const driver of this.#drivers.toReversed()) {
      driver.unregister()
      playground.gone(driver.host)
    }
    this.#drivers = []
    await playground.untilIdle()
    await this.#fill()
    await this.#wait()
  }

  async close(): Promise<void> {
    const playground = this.#playground
    if (playground === null) return
    await this.#check()
    for (const driver of this.#drivers) driver.leave()
    await playground.close()
  }

  /** The master's own word for it that the cluster is full and everybody waits. */
  async #check(): Promise<void> {
    const playground = this.#playground!
    const applications = this.#drivers.length
    const cores = playground.workers.length * WORKER_SIZE.cores
    await playground.untilState(
      `${cores} cores in use and ${applications} applications`,
      ({ coresused, activeapps }) => coresused === cores && activeapps.length === applications,
    )
  }

  /** One application has every core, and nobody has said yet that its executors run. */
  async #fill(): Promise<void> {
    const playground = this.#playground!
    const { workers } = this.#size!
    const launched = new Tally(workers * EXECUTORS_PER_WORKER)
    playground.events = {
      launched: (worker, executor) => {
        this.#silent.push({ worker, ...executor })
        launched.add()
        return false
      },
    }
    const words = driverWords(playground.address, {
      executorCores: EXECUTOR_CORES,
      executorMemoryMb: 1024,
      maxCores: workers * WORKER_SIZE.cores,
    })
    const driver = playground.driver('the whole cluster', {
      words,
      executorUpdated: () => this.#updated(),
    })
    this.#drivers.push(driver)
    await driver.connect()
    driver.register()
    await playground.waits.within(TIMEOUT_S, launched.of('LaunchExecutor'), launched.reached)
  }

  /** The others, which get nothing. */
  async #wait(): Promise<void> {
    const playground = this.#playground!
    const { waiting } = this.#size!
    const words = driverWords(playground.address, {
      executorCores: 1,
      executorMemoryMb: 512,
      maxCores: 1,
    })
    const registered = new Tally(waiting)
    const drivers = Array.from({ length: waiting }, (_, index) =>
      playground.driver(`waiting ${index}`, {
        words,
        registered: () => registered.add(),
        executorAdded: (driver) => playground.trouble(`${driver.appId} was to wait`),
      }),
    )
    this.#drivers.push(...drivers)
    const connected = inTurns(OPENING_MAX, drivers, (driver) => driver.connect())
    await playground.waits.within(TIMEOUT_S, `${waiting} connections of drivers`, connected)
    for (const driver of drivers) driver.register()
    await playground.waits.within(
      TIMEOUT_S,
      registered.of('RegisteredApplication'),
      registered.reached,
    )
  }

  /** `concurrency` of them at once are without an answer. */
  async #tell(operations: number): Promise<Observed> {
    const playground = this.#playground!
    if (this.#silent.length < operations) {
      const there = this.#size!.workers * EXECUTORS_PER_WORKER
      throw new LoadError(`${there} executors are too few for ${operations} events of one run`)
    }
    const events = this.#silent.splice(0, operations)
    const latenciesMs = new Float64Array(operations)
    const startedMs = new Map<number, number>()
    const acknowledged = new Tally(operations)
    const updated = new Tally(operations)
    this.#updated = () => updated.add()
    const next = (): void => {
      const event = events.pop()
      if (event === undefined) return
      startedMs.set(event.execId, performance.now())
      event.worker.running({ appId: event.appId, execId: event.execId })
    }
    playground.events = {
      acknowledged: (_worker, { execId }) => {
        latenciesMs[acknowledged.count] = performance.now() - startedMs.get(execId)!
        acknowledged.add()
        next()
      },
    }
    const startMs = performance.now()
    for (let index = 0; index < this.#size!.concurrency; index++) next()
    const { waits } = playground
    const answers = acknowledged.of('answers to ExecutorStateChanged')
    await waits.within(TIMEOUT_S, answers, acknowledged.reached)
    await waits.within(TIMEOUT_S, updated.of('ExecutorUpdated'), updated.reached)
    return { operations, seconds: (performance.now() - startMs) / 1000, latenciesMs }
  }
}
