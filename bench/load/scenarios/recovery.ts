/**
 * A master that dies and comes back on its ports with what it had on disk: it calls all of its workers and drivers, who answer
 * at once, and a new application gets its first executor. The harness kills and starts it while `run` waits.
 */
import { setTimeout as pause } from 'node:timers/promises'
import type { PlayedDriver } from '../peers/driver.js'
import { booleanIn } from '../peers/hear.js'
import type { Link } from '../peers/link.js'
import { Playground } from '../peers/playground.js'
import { LoadError, Tally } from '../peers/waits.js'
import { schedulerState, type RunningExecutor } from '../peers/worker-state.js'
import { driverWords } from '../peers/words.js'
import type { PlayedWorker } from '../peers/worker.js'
import type { MasterUnderTest, Observed, Scenario, ScenarioSize } from '../scenario.js'
import { WORKER_SIZE } from './registrations.js'

const APPLICATIONS = 50
const EXECUTORS_EACH = 100
const EXECUTOR_MEMORY_MB = 512
const TIMEOUT_S = 300
const DEATH_TIMEOUT_S = 60
const RETRY_MS = 10
/** The page is asked again after as many times as long as its answer took: who asks on end delays what is waited for. */
const PAGE_PAUSES = 5
/** A page that is asked while its server starts may stay silent. */
const PAGE_TIMEOUT_MS = 1_000

export class Recovery implements Scenario {
  #playground!: Playground
  readonly #running = new Map<PlayedWorker, RunningExecutor[]>()
  readonly #answers = new Map<PlayedWorker, Buffer>()
  #executors = 0
  #drivers: PlayedDriver[] = []
  #newcomer: PlayedDriver | null = null
  /** What the run that is under way waits for. */
  #died: () => void = () => {}
  #called: () => void = () => {}
  #killed: () => void = () => {}

  async prepare(master: MasterUnderTest, { workers }: ScenarioSize): Promise<void> {
    const playground = await Playground.open(master)
    this.#playground = playground
    await playground.startWorkers(workers, WORKER_SIZE)
    // Half of the cluster stays free for who comes later.
    const each = Math.min(
      EXECUTORS_EACH,
      Math.floor((workers * WORKER_SIZE.cores) / 2 / APPLICATIONS),
    )
    if (each === 0) throw new LoadError(`${workers} workers are too few for a recovery`)
    this.#executors = each * APPLICATIONS
    await this.#start(each)
    this.#prepareAnswers()
  }

  async run(): Promise<Observed> {
    const playground = this.#playground
    const called = new Tally(playground.workers.length + this.#drivers.length)
    this.#called = () => called.add()
    const died = new Promise<void>((resolve) => {
      this.#died = resolve
    })
    await playground.waits.within(DEATH_TIMEOUT_S, 'the master to be killed', died)
    const startMs = performance.now()
    const moments: Record<string, number> = {}
    const note = (moment: string): void => {
      moments[moment] = performance.now() - startMs
    }
    const alive = this.#untilAlive().then(() => note('ALIVE'))
    const everybody = called.reached.then(() => note('all called'))
    const first = this.#newApplication(note)
    const { waits } = playground
    await waits.within(TIMEOUT_S, 'the first executor of a new application', first)
    await waits.within(TIMEOUT_S, 'a page that says ALIVE', alive)
    await waits.within(TIMEOUT_S, called.of('MasterChanged'), everybody)
    return { operations: 1, seconds: moments['first new executor']! / 1000, moments }
  }

  /** Nothing was lost, and nobody stays who was not there before. */
  async reset(): Promise<void> {
    if (this.#newcomer !== null) {
      await this.#untilHolds(this.#executors + 1, APPLICATIONS + 1)
      const ended = new Promise<void>((resolve) => {
        this.#killed = resolve
      })
      this.#newcomer.unregister()
      this.#playground.gone(this.#newcomer.host)
      this.#newcomer = null
      await this.#playground.waits.within(TIMEOUT_S, 'the end of the new application', ended)
    }
    await this.#untilHolds(this.#executors, APPLICATIONS)
    this.#prepareAnswers()
  }

  async close(): Promise<void> {
    if (this.#playground === undefined) return
    if (this.#executors > 0) await this.reset()
    this.#playground.events = { lost: () => {} }
    for (const driver of this.#drivers) driver.leave()
    await this.#playground.close()
  }

  async #untilHolds(cores: number, applications: number): Promise<void> {
    const { workers } = this.#playground
    await this.#playground.untilState(
      `${workers.length} workers with ${cores} executors of ${applications} applications`,
      (state) =>
        state.aliveworkers === workers.length &&
        state.coresused === cores &&
        state.activeapps.length === applications,
    )
  }

  /** Applications with so many executors of one core each. */
  async #start(each: number): Promise<void> {
    const playground = this.#playground
    const acknowledged = new Tally(this.#executors)
    playground.events = {
      launched: (worker, executor) => {
        const size = { cores: 1, memoryMb: EXECUTOR_MEMORY_MB }
        this.#executorsOf(worker).push({ ...executor, ...size })
        return true
      },
      acknowledged: () => acknowledged.add(),
      killed: (worker, { appId }) => {
        const left = this.#executorsOf(worker).filter((executor) => executor.appId !== appId)
        this.#running.set(worker, left)
        this.#killed()
      },
      masterChanged: (worker) => {
        this.#called()
        return this.#answers.get(worker)!
      },
      lost: () => this.#died(),
    }
    for (let index = 0; index < APPLICATIONS; index++) {
      const driver = this.#application(`recovers ${index}`, each)
      this.#drivers.push(driver)
      await driver.connect()
      driver.register()
    }
    const answers = acknowledged.of('answers to ExecutorStateChanged')
    await playground.waits.within(TIMEOUT_S, answers, acknowledged.reached)
  }

  #application(name: string, maxCores: number, executorAdded?: () => void): PlayedDriver {
    const words = driverWords(this.#playground.address, {
      executorCores: 1,
      executorMemoryMb: EXECUTOR_MEMORY_MB,
      maxCores,
    })
    return this.#playground.driver(name, {
      words,
      ...(executorAdded === undefined ? {} : { executorAdded }),
      masterChanged: () => this.#called(),
      lost: () => this.#died(),
    })
  }

  #executorsOf(worker: PlayedWorker): RunningExecutor[] {
    const known = this.#running.get(worker) ?? []
    this.#running.set(worker, known)
    return known
  }

  /** A thousand workers would not have to share one processor for it. */
  #prepareAnswers(): void {
    const { address, port, workers } = this.#playground
    for (const worker of workers) {
      const sender = { host: worker.host, port }
      const executors = this.#executorsOf(worker)
      this.#answers.set(worker, schedulerState(worker.id, executors, sender, address))
    }
  }

  async #untilAlive(): Promise<void> {
    const deadline = performance.now() + TIMEOUT_S * 1000
    while (performance.now() < deadline) {
      const startMs = performance.now()
      const status = await this.#playground.status(PAGE_TIMEOUT_MS)
      if (status === 'ALIVE') return
      await pause(status === null ? RETRY_MS : PAGE_PAUSES * (performance.now() - startMs))
    }
    throw new LoadError(`no page has said ALIVE for ${TIMEOUT_S} s`)
  }

  /** It tries until there is a master that reads what it sends, as drivers do, only more often. */
  async #newApplication(note: (moment: string) => void): Promise<void> {
    const deadline = performance.now() + TIMEOUT_S * 1000
    await this.#untilReady(deadline, note)
    await new Promise<void>((resolve, reject) => {
      const newcomer = this.#application('comes after the recovery', 1, resolve)
      this.#newcomer = newcomer
      newcomer.connect().then(
        () => newcomer.register(),
        (error: Error) => reject(error),
      )
    })
    note('first new executor')
  }

  /** A master that does not lead yet ignores who registers, in silence. */
  async #untilReady(deadlineMs: number, note: (moment: string) => void): Promise<void> {
    let hasAnswered = false
    while (performance.now() < deadlineMs) {
      const probe = await this.#playground.quietProbe()
      const leads = probe === null ? null : await this.#leads(probe)
      probe?.leave()
      if (leads !== null && !hasAnswered) {
        hasAnswered = true
        note('port answers')
      }
      if (leads === true) return
      await pause(RETRY_MS)
    }
    throw new LoadError(`the master does not lead within ${TIMEOUT_S} s`)
  }

  /** @returns null when there is no answer: the last connection of a process that dies ends so */
  #leads(probe: Link): Promise<boolean | null> {
    const { client, port } = this.#playground
    return new Promise((resolve) => {
      probe.ask(
        (id) => client.readyz.frame({ host: '127.0.0.1', port }, id),
        (answer) => resolve(answer === null ? null : booleanIn(answer)),
      )
    })
  }
}
