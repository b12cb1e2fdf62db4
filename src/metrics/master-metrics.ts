/** What the master's web thread tells of metrics: answers, and the reports of sinks. */
import type { MetricsInstance, MetricsSinkSettings } from '../conf/metrics-settings.js'
import type { LeadershipStatus } from '../control/leadership.js'
import type { Logger } from '../log/logger.js'
import type { ClusterViewT } from '../schema/magneto.js'
import { clusterFamilies } from './cluster-families.js'
import type { ClusterFigures } from './cluster-figures.js'
import type { Sampled } from './family.js'
import { Figures } from './figures.js'
import { leadershipFamilies } from './leadership-families.js'
import { MASTER_FAMILIES } from './master-families.js'
import { processFamilies } from './process-families.js'
import { RecentQuantile } from './recent-quantile.js'
import { Reporter } from './reporter.js'
import type { Metered } from './routes.js'
import { applicationGauges, masterGauges, type Gauge } from './spark-sources.js'
import { WaitTimes } from './wait-times.js'

const US_PER_S = 1_000_000

export interface MasterMetricsOptions {
  /** Of the main thread's recorder. */
  readonly figures: SharedArrayBuffer
  readonly sinks: readonly MetricsSinkSettings[]
  readonly log: Logger
  /** Of all but executors. @throws Error when it does not become current in time */
  view(): Promise<ClusterViewT>
  /** @throws Error the same */
  cluster(): Promise<ClusterFigures>
  /** null: nothing is known of it yet. */
  leadership(): LeadershipStatus | null
}

export class MasterMetrics implements Metered {
  readonly sinks: readonly MetricsSinkSettings[]
  readonly #options: MasterMetricsOptions
  readonly #figures: Figures
  readonly #waits = new WaitTimes()
  readonly #reporter: Reporter
  readonly #scheduling: RecentQuantile

  constructor(options: MasterMetricsOptions) {
    this.#options = options
    this.sinks = options.sinks
    this.#figures = new Figures(MASTER_FAMILIES, options.figures)
    const scheduling = () => this.#figures.observed('magneto_scheduling_latency_seconds')
    this.#scheduling = new RecentQuantile(scheduling, 0.99)
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
    const cluster = await this.#options.cluster()
    const leadership = this.#options.leadership()
    this.#waits.see(cluster)
    return [
      ...this.#figures.samples(),
      ...clusterFamilies(cluster),
      ...this.#waits.samples(),
      ...(leadership === null ? [] : leadershipFamilies(leadership)),
      ...processFamilies(),
    ]
  }

  /** 99th percentile of the scheduling latency since it was asked for last; null: nothing was scheduled. */
  schedulingP99Us(): number | null {
    const seconds = this.#scheduling.next()
    return seconds === null ? null : Math.round(seconds * US_PER_S)
  }

  /** No report begins after this. */
  async stop(): Promise<void> {
    await this.#reporter.stop()
  }
}
