/** Sums over all rows, kept as rows come and go. Pure. */
import {
  ApplicationState,
  DriverState,
  ExecutorState,
  WorkerState,
  type ApplicationViewT,
  type DriverViewT,
  type ExecutorViewT,
  type WorkerViewT,
} from '../../schema/magneto.js'

export interface ResourceTotal {
  readonly total: number
  readonly used: number
}

function count<Key>(counts: Map<Key, number>, key: Key, by: number): void {
  const now = (counts.get(key) ?? 0) + by
  if (now === 0) counts.delete(key)
  else counts.set(key, now)
}

/** Cores, memory and resources are those of ALIVE workers (spec J8). */
export class Totals {
  cores = 0
  coresUsed = 0
  memoryMb = 0
  memoryUsedMb = 0
  /** Executors of live applications. */
  executors = 0
  /** Applications and drivers that wait for something. */
  waiting = 0
  /** ALIVE, and they get nothing new. */
  unhealthyWorkers = 0
  readonly #workers = new Map<WorkerState, number>()
  readonly #drivers = new Map<DriverState, number>()
  readonly #completedDrivers = new Map<DriverState, number>()
  readonly #applications = new Map<ApplicationState, number>()
  readonly #executors = new Map<ExecutorState, number>()
  readonly #resources = new Map<string, { total: number; used: number }>()

  workersIn(state: WorkerState): number {
    return this.#workers.get(state) ?? 0
  }

  /** Of those that are not completed. */
  driversIn(state: DriverState): number {
    return this.#drivers.get(state) ?? 0
  }

  completedDriversIn(state: DriverState): number {
    return this.#completedDrivers.get(state) ?? 0
  }

  /** Of those that are not completed. */
  applicationsIn(state: ApplicationState): number {
    return this.#applications.get(state) ?? 0
  }

  /** Of live applications. */
  executorsIn(state: ExecutorState): number {
    return this.#executors.get(state) ?? 0
  }

  /** How many units of each resource there are, by name. */
  get resources(): ReadonlyMap<string, ResourceTotal> {
    return this.#resources
  }

  /** @param by 1: it came, -1: it went */
  worker(worker: WorkerViewT, by: 1 | -1): void {
    count(this.#workers, worker.state, by)
    if (worker.state !== WorkerState.ALIVE) return
    if (worker.healthReport !== null) this.unhealthyWorkers += by
    this.cores += by * worker.cores
    this.coresUsed += by * worker.coresUsed
    this.memoryMb += by * worker.memoryMb
    this.memoryUsedMb += by * worker.memoryUsedMb
    for (const { name, addresses } of worker.resources)
      this.#resource(String(name), by * addresses.length, 0)
    for (const { name, addresses } of worker.resourcesUsed)
      this.#resource(String(name), 0, by * addresses.length)
  }

  application(application: ApplicationViewT, waits: boolean, by: 1 | -1): void {
    count(this.#applications, application.state, by)
    if (waits) this.waiting += by
  }

  /** One of a live application. */
  executor({ state }: ExecutorViewT, by: 1 | -1): void {
    count(this.#executors, state, by)
    this.executors += by
  }

  driver(driver: DriverViewT, { completed }: { completed: boolean }, by: 1 | -1): void {
    count(completed ? this.#completedDrivers : this.#drivers, driver.state, by)
    if (!completed && driver.state === DriverState.SUBMITTED) this.waiting += by
  }

  #resource(name: string, total: number, used: number): void {
    const before = this.#resources.get(name) ?? { total: 0, used: 0 }
    const now = { total: before.total + total, used: before.used + used }
    if (now.total === 0 && now.used === 0) this.#resources.delete(name)
    else this.#resources.set(name, now)
  }
}
