/** What a worker's main thread counts as it goes. */
import { Figures, type Counter, type Histogram } from './figures.js'
import { LoopDelay } from './loop-delay.js'
import { WORKER_FAMILIES } from './worker-families.js'

const MS_PER_S = 1000

/** In the order of the label's values. */
export enum End {
  EXITED = 0,
  FAILED = 1,
}

export class WorkerRecorder {
  readonly #start: Histogram
  readonly #executorEnds: Counter
  readonly #driverEnds: Counter
  readonly #heartbeats: Counter
  readonly #sent: Counter
  readonly #received: Counter
  readonly #registrations: Counter
  readonly #losses: Counter
  readonly #delay: LoopDelay
  /** Shared with the web thread. */
  readonly buffer: SharedArrayBuffer

  constructor() {
    const figures = new Figures(WORKER_FAMILIES)
    this.buffer = figures.buffer
    this.#start = figures.histogram('magneto_executor_start_seconds')
    this.#executorEnds = figures.counter('magneto_executor_ends_total')
    this.#driverEnds = figures.counter('magneto_driver_ends_total')
    this.#heartbeats = figures.counter('magneto_heartbeats_sent_total')
    this.#sent = figures.counter('magneto_messages_sent_total')
    this.#received = figures.counter('magneto_messages_received_total')
    this.#registrations = figures.counter('magneto_registrations_total')
    this.#losses = figures.counter('magneto_master_losses_total')
    this.#delay = new LoopDelay(figures.histogram('magneto_event_loop_delay_seconds'))
  }

  executorStarted(tookMs: number): void {
    this.#start.observe(tookMs / MS_PER_S)
  }

  executorEnded(end: End): void {
    this.#executorEnds.add(1, end)
  }

  driverEnded(end: End): void {
    this.#driverEnds.add(1, end)
  }

  sent(isHeartbeat: boolean): void {
    this.#sent.add()
    if (isHeartbeat) this.#heartbeats.add()
  }

  received(isRegistration: boolean): void {
    this.#received.add()
    if (isRegistration) this.#registrations.add()
  }

  masterLost(): void {
    this.#losses.add()
  }

  stop(): void {
    this.#delay.stop()
  }
}
