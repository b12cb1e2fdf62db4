/**
 * Where the metrics of a daemon go: conf/metrics.properties, or the file of spark.metrics.conf, and the properties
 * spark.metrics.conf.*, which beat it (F4, P61, Z6). One entry: `[instance or *].[sink or source].[name].[option]`.
 */
import { join } from 'node:path'

import type { Configuration } from './configuration.js'
import { quoted, UsageError } from './errors.js'
import { keys } from './keys.js'
import { readMetricsClass, type MetricsOption, type MetricsSink } from './metrics-sinks.js'
import { readProperties, readPropertiesIfPresent } from './properties.js'

/** Whose metrics: Spark's names of what runs in a daemon. */
export type MetricsInstance = 'master' | 'applications' | 'worker'

export interface MetricsSinkSettings {
  readonly instance: MetricsInstance
  /** As the operator calls it, for messages. */
  readonly name: string
  readonly sink: MetricsSink
}

export interface MetricsSettings {
  readonly sinks: readonly MetricsSinkSettings[]
  /** What is configured and does nothing here. */
  readonly warnings: readonly string[]
}

const INSTANCES = { master: ['master', 'applications'], worker: ['worker'] } as const

/** Of drivers, executors and others of Spark, which often read the same file: none of ours. */
const FOREIGN_INSTANCES = ['driver', 'executor', 'shuffleService', 'applicationMaster']

const SINK_PACKAGE = 'org.apache.spark.metrics.sink'
const KEY_PREFIX = 'spark.metrics.conf.'

/** Spark's, and those of its template for Prometheus, which need not be switched on here. */
const DEFAULTS: readonly (readonly [string, string])[] = [
  ['*.sink.servlet.class', `${SINK_PACKAGE}.MetricsServlet`],
  ['*.sink.servlet.path', '/metrics/json'],
  ['master.sink.servlet.path', '/metrics/master/json'],
  ['applications.sink.servlet.path', '/metrics/applications/json'],
  ['*.sink.prometheusServlet.class', `${SINK_PACKAGE}.PrometheusServlet`],
  ['*.sink.prometheusServlet.path', '/metrics/prometheus'],
  ['master.sink.prometheusServlet.path', '/metrics/master/prometheus'],
  ['applications.sink.prometheusServlet.path', '/metrics/applications/prometheus'],
]

type Options = Map<string, MetricsOption>

interface Entry extends MetricsOption {
  readonly key: string
}

/** @returns what is configured of metrics, whoever it is for; the last one of a key counts @throws UsageError */
export function metricsEntries(configuration: Configuration, confDir: string): Entry[] {
  const last = new Map(allEntries(configuration, confDir).map((entry) => [entry.key, entry]))
  return [...last.values()]
}

/**
 * @param confDir where metrics.properties is looked for
 * @throws UsageError naming the entry that can't be served, and what would be
 */
export function metricsSettings(
  configuration: Configuration,
  confDir: string,
  daemon: 'master' | 'worker',
): MetricsSettings {
  const entries = allEntries(configuration, confDir)
  const found = new Map<string, Options>()
  const warnings: string[] = []
  for (const instance of INSTANCES[daemon]) {
    // What is said of an instance beats what is said of all, wherever it stands.
    for (const wanted of ['*', instance]) {
      for (const entry of entries) take(entry, wanted, instance, found)
    }
  }
  const sinks: MetricsSinkSettings[] = []
  for (const [id, options] of found) {
    const [instance, kind, name] = id.split('.') as [MetricsInstance, string, string]
    if (kind === 'sink') {
      sinks.push({ instance, name, sink: readMetricsClass(options, `${instance}.sink.${name}`) })
    } else warnings.push(sourceWarning(options, name))
  }
  return { sinks: withoutDuplicates(sinks, found), warnings: [...new Set(warnings)] }
}

function allEntries(configuration: Configuration, confDir: string): Entry[] {
  return [
    ...DEFAULTS.map(([key, value]) => ({ key, value, origin: null })),
    ...fileEntries(configuration, confDir),
    ...keyEntries(configuration),
  ]
}

function fileEntries(configuration: Configuration, confDir: string): Entry[] {
  const named = configuration.read(keys.metricsConf)
  const path = named ?? join(confDir, 'metrics.properties')
  const content = named === null ? readPropertiesIfPresent(path) : readProperties(path)
  if (content === null) return []
  return [...content.entries, ...content.foreign]
    .toSorted((left, right) => left.line - right.line)
    .map(({ name, value, line }) => ({ key: name, value, origin: `${path} line ${line}: ${name}` }))
}

function keyEntries(configuration: Configuration): Entry[] {
  return configuration
    .entries()
    .filter(([key]) => key.startsWith(KEY_PREFIX))
    .map(([key, value]) => {
      const place = configuration.originOf(key)
      const origin = place === undefined ? key : `${place}: ${key}`
      return { key: key.slice(KEY_PREFIX.length), value: value.trim(), origin }
    })
}

/** @throws UsageError when it is no entry at all, whoever it is for */
function take(
  { key, value, origin }: Entry,
  wanted: string,
  instance: string,
  found: Map<string, Options>,
): void {
  const [, of, kind, name, option] =
    /^(\*|[a-zA-Z]+)\.(sink|source)\.([^.]+)\.(.+)$/.exec(key) ?? []
  if (of === undefined || option === undefined) {
    throw new UsageError(
      `${origin}: not an entry of metrics: expected [instance or *].[sink or source].[name].[option]`,
    )
  }
  const known = ['*', ...INSTANCES.master, ...INSTANCES.worker, ...FOREIGN_INSTANCES]
  if (!known.includes(of)) {
    throw new UsageError(
      `${origin}: there is no instance ${of}; expected one of ${known.join(', ')}`,
    )
  }
  if (of !== wanted) return
  const id = `${instance}.${kind}.${name}`
  const options = found.get(id) ?? new Map<string, MetricsOption>()
  options.set(option, { value, origin })
  found.set(id, options)
}

function sourceWarning(options: Options, name: string): string {
  const [first] = options.values()
  const className = options.get('class')?.value ?? name
  return `${first?.origin}: no effect: the source ${quoted(className)} is of a JVM, and there is none`
}

/** Two answers on one path: one that was asked for beats a default; two that were asked for are an error. */
function withoutDuplicates(
  sinks: readonly MetricsSinkSettings[],
  found: ReadonlyMap<string, Options>,
): MetricsSinkSettings[] {
  const asked = ({ instance, name }: MetricsSinkSettings): string | null =>
    [...(found.get(`${instance}.sink.${name}`)?.values() ?? [])].find(({ origin }) => origin)
      ?.origin ?? null
  const byPath = new Map<string, MetricsSinkSettings>()
  for (const one of sinks) {
    if (!('path' in one.sink)) continue
    const { path } = one.sink
    const before = byPath.get(path)
    if (before !== undefined && asked(before) !== null && asked(one) !== null) {
      throw new UsageError(`${asked(one)}: ${path} is the path of ${before.name} already`)
    }
    if (before === undefined || asked(one) !== null) byPath.set(path, one)
  }
  return sinks.filter((one) => !('path' in one.sink) || byPath.get(one.sink.path) === one)
}
