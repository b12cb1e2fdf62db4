/**
 * A cluster as it lives: applications come and go, executors end and are replaced, workers leave and others take their
 * place, all of them beat. A run is one window of it; `concurrency` applications live at any time and `operations` come
 * in each window.
 */
import { setTimeout as delay } from 'node:timers/promises'
import {
  type Address,
  type Fleet,
  SimulatedApplication,
  SimulatedWorker,
} from '../../recovery-peers.js'
import type { MasterUnderTest, Observed, Scenario, ScenarioSize } from '../scenario.js'
import { beatEveryMs, controlOf, registeredFleet } from './cluster.js'
import { smallApplication } from './small-applications.js'

const windowMs = 10_000
const tickMs = 100
const ticks = windowMs / tickMs
const executorEndsPerTick = 5
const workersLeaveEveryTicks = 2
/** What a worker takes to come back, as another process on its host. */
const restartMs = 1_000

interface Seat {
  worker: SimulatedWorker
  lives: number
}

export class ControlChurn implements Scenario {
  #control: Address | null = null
  #size: ScenarioSize | null = null
  #fleet: Fleet | null = null
  #seats: Seat[] = []
  /** The oldest first. */
  #living: SimulatedApplication[] = []
  #started = 0
  #nextBeat = 0
  #returning: Promise<void>[] = []
  /** The first thing that went wrong while nobody waited for it. */
  #trouble: unknown = null

  async prepare(master: MasterUnderTest, size: ScenarioSize): Promise<void> {
    this.#size = size
    this.#control = await controlOf(master)
    this.#fleet = await registeredFleet(this.#control, size.workers)
    this.#seats = this.#fleet.workers.map((worker) => ({ worker, lives: 1 }))
    for (let index = 0; index < size.concurrency; index += 1) await this.#start()
  }

  async run(): Promise<Observed> {
    const { operations, concurrency } = this.#size!
    const startedMs = performance.now()
    const granted: Promise<number>[] = []
    for (let tick = 0; tick < ticks; tick += 1) {
      const due = Math.floor(((tick + 1) * operations) / ticks)
      while (granted.length < due) granted.push(this.#start())
      while (this.#living.length > concurrency) this.#living.shift()!.unregister()
      this.#beat()
      for (let end = 0; end < executorEndsPerTick; end += 1) this.#endExecutor()
      if (tick % workersLeaveEveryTicks === 0) this.#restartWorker()
      const leftMs = startedMs + (tick + 1) * tickMs - performance.now()
      await delay(Math.max(leftMs, 0))
    }
    const latenciesMs = Float64Array.from(await Promise.all(granted))
    await Promise.all(this.#returning)
    this.#returning = []
    if (this.#trouble !== null) throw this.#trouble as Error
    return { operations, seconds: (performance.now() - startedMs) / 1000, latenciesMs }
  }

  close(): Promise<void> {
    for (const application of this.#living) application.leave()
    for (const { worker } of this.#seats) worker.leave()
    return Promise.resolve()
  }

  async #start(): Promise<number> {
    this.#started += 1
    const { application, register } = await smallApplication(
      `churn ${this.#started}`,
      this.#control!,
    )
    const took = await register()
    this.#living.push(application)
    return took
  }

  #beat(): void {
    const count = Math.ceil((this.#seats.length * tickMs) / beatEveryMs)
    for (let at = 0; at < count; at += 1) {
      this.#nextBeat = (this.#nextBeat + 1) % this.#seats.length
      const { worker } = this.#seats[this.#nextBeat]!
      if (worker.registered) worker.beat(1)
    }
  }

  #endExecutor(): void {
    const busy = this.#from(({ executors }) => executors.length > 0)
    if (busy !== null) busy.worker.exitExecutor(busy.worker.executors[0]!)
  }

  /** One of those that hold, from a place of chance on. */
  #from(holds: (worker: SimulatedWorker) => boolean): Seat | null {
    const start = Math.floor(Math.random() * this.#seats.length)
    for (let step = 0; step < this.#seats.length; step += 1) {
      const seat = this.#seats[(start + step) % this.#seats.length]!
      if (seat.worker.registered && holds(seat.worker)) return seat
    }
    return null
  }

  #restartWorker(): void {
    const seat = this.#from(() => true)
    if (seat === null) return
    this.#returning.push(
      this.#restart(seat).catch((error: unknown) => {
        this.#trouble ??= error
      }),
    )
  }

  /** Its link breaks, and another life of it comes to the same host. */
  async #restart(seat: Seat): Promise<void> {
    const { index } = seat.worker
    seat.worker.leave()
    await delay(restartMs)
    seat.lives += 1
    const id = `worker-20261121000000-127.0.0.1-${index}-${seat.lives}`
    seat.worker = new SimulatedWorker(id, index, {})
    if (!(await seat.worker.link(this.#control!)))
      throw new Error(`the control port refused a link to ${id}`)
  }
}
