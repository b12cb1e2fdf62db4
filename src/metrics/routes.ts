/** The paths of a daemon's metrics: Spark's servlets where they are configured, and `/metrics` for operators. */
import type { MetricsInstance, MetricsSinkSettings } from '../conf/metrics-settings.js'
import { text, type Answer } from '../http/answer.js'
import { reads, type Asked, type Route } from '../http/route.js'
import { OPENMETRICS_TYPE, openMetricsText, PROMETHEUS_TYPE, prometheusText } from './exposition.js'
import type { Sampled } from './family.js'
import { gaugesJson, gaugesPrometheus, SPARK_PROMETHEUS_TYPE } from './spark-documents.js'
import type { Gauge } from './spark-sources.js'

/** What a daemon has to tell. Both throw what its web thread throws when its main thread does not answer. */
export interface Metered {
  readonly sinks: readonly MetricsSinkSettings[]
  gauges(instance: MetricsInstance): Promise<readonly Gauge[]>
  families(): Promise<readonly Sampled[]>
}

export interface MetricsContext {
  /** Absent: this daemon tells nothing of itself. */
  readonly metrics?: Metered
}

const METRICS_PATH = '/metrics'

/** As Spark does it: with and without a slash at the end. */
function bare(path: string): string {
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path
}

function findSink({ metrics }: MetricsContext, path: string): MetricsSinkSettings | undefined {
  return metrics?.sinks.find(({ sink }) => 'path' in sink && bare(sink.path) === bare(path))
}

async function servlet(context: MetricsContext, { path }: Asked): Promise<Answer> {
  const { instance, sink } = findSink(context, path)!
  const gauges = await context.metrics!.gauges(instance)
  if (sink.kind === 'json') {
    return { status: 200, type: 'text/json;charset=utf-8', body: gaugesJson(gauges) }
  }
  return { status: 200, type: SPARK_PROMETHEUS_TYPE, body: gaugesPrometheus(gauges) }
}

async function openMetrics({ metrics }: MetricsContext, { headers }: Asked): Promise<Answer> {
  const sampled = await metrics!.families()
  if (headers.accept?.includes('application/openmetrics-text') === true) {
    return { ...text(openMetricsText(sampled)), type: OPENMETRICS_TYPE }
  }
  return { ...text(prometheusText(sampled)), type: PROMETHEUS_TYPE }
}

export const metricsRoutes: readonly Route<MetricsContext>[] = [
  {
    methods: reads,
    matches: (path, context) => findSink(context, path) !== undefined,
    answer: servlet,
  },
  {
    methods: reads,
    matches: (path, { metrics }) => metrics !== undefined && bare(path) === METRICS_PATH,
    answer: openMetrics,
  },
]
