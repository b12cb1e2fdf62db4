/** What the master's web thread tells of metrics: answers, and the reports of sinks. */
import type { MetricsInstance, MetricsSinkSettings } from '../conf/metrics-settings.js'
import type { LeadershipStatus } from '../control/leadership.js'
import type { Logger } from '../log/logger.js'
import type { ClusterViewT } from '../schema/magneto.js'
import { clusterFamilies } from './cluster-families.js'
import type { Sampled } from './family.js'
import { Figures } from './figures.js'
import { leadershipFamilies } from './leadership-families.js'
import { MASTER_FAMILIES } from './master-families.js'
import { processFamilies } from './process-families.js'
import { Reporter } from './reporter.js'
import type { Metered } from './routes.js'
import { applicationGauges, masterGauges, type Gauge } from './spark-sources.js'
import { WaitTimes } from './wait-times.js'

export interface MasterMetricsOptions {
  /** Of the main thread's recorder. */
  readonly figures: SharedArrayBuffer
  readonly sinks: readonly MetricsSinkSettings[]
  readonly log: Logger
  /** @throws Error when none comes in time */
  view(): Promise<ClusterViewT>
  /** null: nothing is known of it yet. */
  leadership(): LeadershipStatus | null
}

export class MasterMetrics implements Metered {
  readonly sinks: readonly MetricsSinkSettings[]
  readonly #options: MasterMetricsOptions
  readonly #figures: Figures
  readonly #waits = new WaitTimes()
  readonly #reporter: Reporter

  constructor(options: MasterMetricsOptions) {
    this.#options = options
    this.sinks = options.sinks
    this.#figures = new Figures(MASTER_FAMILIES, options.figures)
    this.#reporter = new Reporter({
      sinks: options.sinks,
      log: options.log,
      gauges: (instance) => this.gauges(instance),
    })
  }

  async gauges(instance: MetricsInstance): Promise<readonly Gauge[]> {
    const view = await this.#options.view()
    return instance === 'applications' ? applicationGauges(view) : masterGauges(view)
  }

  async families(): Promise<readonly Sampled[]> {
    const view = await this.#options.view()
    const leadership = this.#options.leadership()
    this.#waits.see(view)
    return [
      ...this.#figures.samples(),
      ...clusterFamilies(view),
      ...this.#waits.samples(),
      ...(leadership === null ? [] : leadershipFamilies(leadership)),
      ...processFamilies(),
    ]
  }

  /** No report begins after this. */
  async stop(): Promise<void> {
    await this.#reporter.stop()
  }
}
