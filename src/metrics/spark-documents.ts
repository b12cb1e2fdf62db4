/** Gauges as Spark's two servlets show them. Pure. */
import type { Gauge } from './spark-sources.js'

export const SPARK_PROMETHEUS_TYPE = 'text/plain;charset=utf-8'

/** Z8: of Dropwizard's module for JSON; its version is one of the layout. */
export function gaugesJson(gauges: readonly Gauge[]): string {
  return JSON.stringify({
    version: '4.0.0',
    gauges: Object.fromEntries(gauges.map(({ name, value }) => [name, { value }])),
    counters: {},
    histograms: {},
    meters: {},
    timers: {},
  })
}

/** Z7: texts, such as a status, are left out; of names that become one, so is all but the first: two make a reader refuse all. */
export function gaugesPrometheus(gauges: readonly Gauge[]): string {
  const lines = new Map<string, string>()
  for (const { name, value } of gauges) {
    const key = `metrics_${name.replaceAll(/[^a-zA-Z0-9]/g, '_')}`
    if (typeof value !== 'number' || lines.has(key)) continue
    lines.set(key, `${key}_Number{type="gauges"} ${value}\n${key}_Value{type="gauges"} ${value}\n`)
  }
  return [...lines.values()].join('')
}
