/** Families as text: OpenMetrics 1.0 for who asks for it, else Prometheus' text format 0.0.4. Pure. */
import type { Family, HistogramValue, Labels, Sampled } from './family.js'

export const PROMETHEUS_TYPE = 'text/plain;version=0.0.4;charset=utf-8'
export const OPENMETRICS_TYPE = 'application/openmetrics-text;version=1.0.0;charset=utf-8'

/** Families without a sample are left out. */
export function prometheusText(sampled: readonly Sampled[]): string {
  return sampled.map((one) => familyText(one, one.family.name)).join('')
}

/** The same with units, an end, and counters that are named without their `_total`. */
export function openMetricsText(sampled: readonly Sampled[]): string {
  const families = sampled.map((one) => familyText(one, metricName(one.family), one.family.unit))
  return `${families.join('')}# EOF\n`
}

function metricName({ name, type }: Family): string {
  return type === 'counter' ? name.replace(/_total$/, '') : name
}

function familyText({ family, samples }: Sampled, name: string, unit?: string): string {
  if (samples.length === 0) return ''
  const unitLine = unit === undefined ? '' : `# UNIT ${name} ${unit}\n`
  const head = `# HELP ${name} ${family.help}\n# TYPE ${name} ${family.type}\n${unitLine}`
  const lines = samples.map(([labels, value]) =>
    typeof value === 'number'
      ? line(family.name, labels, value)
      : histogramLines(family.name, labels, value),
  )
  return head + lines.join('')
}

function histogramLines(name: string, labels: Labels, value: HistogramValue): string {
  let below = 0
  const buckets = value.counts.map((count, at) => {
    below += count
    const bound = value.bounds[at]
    const le = `le="${bound === undefined ? '+Inf' : bound}"`
    return line(`${name}_bucket`, labels === '' ? le : `${labels},${le}`, below)
  })
  return `${buckets.join('')}${line(`${name}_sum`, labels, value.sum)}${line(`${name}_count`, labels, below)}`
}

function line(name: string, labels: Labels, value: number): string {
  return `${name}${labels === '' ? '' : `{${labels}}`} ${value}\n`
}
