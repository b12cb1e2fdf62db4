/** What a worker's web thread tells of metrics: answers, and the reports of sinks. */
import type { MetricsSinkSettings } from '../conf/metrics-settings.js'
import type { Logger } from '../log/logger.js'
import type { Sampled } from './family.js'
import { Figures } from './figures.js'
import { processFamilies } from './process-families.js'
import { Reporter } from './reporter.js'
import type { Metered } from './routes.js'
import { workerGauges, type Gauge, type WorkerLoad } from './spark-sources.js'
import { loadFamilies, WORKER_FAMILIES, type ExecutorCounts } from './worker-families.js'

export interface WorkerMetricsOptions {
  /** Of the main thread's recorder. */
  readonly figures: SharedArrayBuffer
  readonly sinks: readonly MetricsSinkSettings[]
  readonly log: Logger
  /** @throws Error when the main thread does not answer in time */
  load(): Promise<{ readonly load: WorkerLoad; readonly executors: ExecutorCounts }>
}

export class WorkerMetrics implements Metered {
  readonly sinks: readonly MetricsSinkSettings[]
  readonly #options: WorkerMetricsOptions
  readonly #figures: Figures
  readonly #reporter: Reporter

  constructor(options: WorkerMetricsOptions) {
    this.#options = options
    this.sinks = options.sinks
    this.#figures = new Figures(WORKER_FAMILIES, options.figures)
    this.#reporter = new Reporter({
      sinks: options.sinks,
      log: options.log,
      gauges: () => this.gauges(),
    })
  }

  async gauges(): Promise<readonly Gauge[]> {
    return workerGauges((await this.#options.load()).load)
  }

  async families(): Promise<readonly Sampled[]> {
    const { load, executors } = await this.#options.load()
    return [...this.#figures.samples(), ...loadFamilies(load, executors), ...processFamilies()]
  }

  /** No report begins after this. */
  async stop(): Promise<void> {
    await this.#reporter.stop()
  }
}
