/** Tells gauges to the sinks that are told, each at its period. A sink that fails is told again the next time. */
import type { MetricsInstance, MetricsSinkSettings } from '../conf/metrics-settings.js'
import type { PeriodicSink } from '../conf/metrics-sinks.js'
import type { Logger } from '../log/logger.js'
import { consoleSink } from './sinks/console.js'
import { csvSink } from './sinks/csv.js'
import { graphiteSink } from './sinks/graphite.js'
import { logSink } from './sinks/log.js'
import type { Sink } from './sinks/sink.js'
import { statsdSink } from './sinks/statsd.js'
import type { Gauge } from './spark-sources.js'

export interface ReporterOptions {
  readonly sinks: readonly MetricsSinkSettings[]
  readonly log: Logger
  gauges(instance: MetricsInstance): Promise<readonly Gauge[]>
}

export class Reporter {
  readonly #options: ReporterOptions
  readonly #timers: NodeJS.Timeout[] = []
  readonly #running = new Set<Promise<void>>()

  constructor(options: ReporterOptions) {
    this.#options = options
    for (const settings of options.sinks) {
      const { sink } = settings
      if (!('periodMs' in sink)) continue
      this.#timers.push(this.#start(settings, make(sink, options.log), sink.periodMs))
    }
  }

  /** No report begins after this; settles when those that have begun are over. */
  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer)
    await Promise.all(this.#running)
  }

  #start({ instance, name }: MetricsSinkSettings, sink: Sink, periodMs: number): NodeJS.Timeout {
    let busy = false
    let failing = false
    const report = async (): Promise<void> => {
      busy = true
      try {
        await sink(await this.#options.gauges(instance), Date.now())
        if (failing) this.#options.log.info(`metrics: ${instance}.sink.${name} works again`)
        failing = false
      } catch (error) {
        const what = `metrics: ${instance}.sink.${name}: ${(error as Error).message}`
        if (!failing) this.#options.log.warn(`${what}; trying again each period, silently`)
        failing = true
      }
      busy = false
    }
    return setInterval(() => {
      // One that takes longer than its period misses turns, and never runs twice at once.
      if (busy) return
      const running = report().finally(() => this.#running.delete(running))
      this.#running.add(running)
    }, periodMs).unref()
  }
}

function make(sink: PeriodicSink, log: Logger): Sink {
  switch (sink.kind) {
    case 'console':
      return consoleSink()
    case 'log':
      return logSink(log)
    case 'csv':
      return csvSink(sink)
    case 'graphite':
      return graphiteSink(sink)
    default:
      return statsdSink(sink)
  }
}
