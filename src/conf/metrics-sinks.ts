/** The sinks of metrics that are served, under Spark's class names, with Spark's options and defaults (Z6). */
import { statSync } from 'node:fs'

import { quoted, UsageError } from './errors.js'

/** One option of a sink or source: its value and where it was set. */
export interface MetricsOption {
  readonly value: string
  /** For messages: "conf/metrics.properties line 3: *.sink.csv.period"; null: it is a default. */
  readonly origin: string | null
}

interface Periodic {
  readonly periodMs: number
}

export interface GraphiteSettings extends Periodic {
  readonly kind: 'graphite'
  readonly host: string
  readonly port: number
  readonly prefix: string
  readonly protocol: 'tcp' | 'udp'
  /** The source of a regular expression that a name must match somewhere; null: any is sent. */
  readonly regex: string | null
}

export interface StatsdSettings extends Periodic {
  readonly kind: 'statsd'
  readonly host: string
  readonly port: number
  readonly prefix: string
  readonly regex: string | null
}

export interface CsvSettings extends Periodic {
  readonly kind: 'csv'
  readonly directory: string
}

export interface ServletSettings {
  readonly kind: 'json' | 'prometheus'
  readonly path: string
}

export type PeriodicSink =
  | GraphiteSettings
  | StatsdSettings
  | CsvSettings
  | (Periodic & { readonly kind: 'console' | 'log' })

export type MetricsSink = PeriodicSink | ServletSettings

type Options = ReadonlyMap<string, MetricsOption>

const PACKAGE = 'org.apache.spark.metrics.sink.'

/** Spark's sinks that need what is not here, and what serves instead. */
const REFUSED: ReadonlyMap<string, string> = new Map([
  [
    `${PACKAGE}JmxSink`,
    'there is no JVM to ask; read /metrics/json or /metrics of this daemon, or set it for driver and executor only',
  ],
  [
    `${PACKAGE}GangliaSink`,
    'Ganglia is not served; take GraphiteSink or StatsdSink, or have /metrics scraped',
  ],
])

const UNIT_MS: ReadonlyMap<string, number> = new Map([
  ['NANOSECONDS', 1e-6],
  ['MICROSECONDS', 1e-3],
  ['MILLISECONDS', 1],
  ['SECONDS', 1_000],
  ['MINUTES', 60_000],
  ['HOURS', 3_600_000],
  ['DAYS', 86_400_000],
])

const MIN_PERIOD_MS = 1_000
/** What a timer of Node can wait at most: 24 days. */
const MAX_PERIOD_MS = 2 ** 31 - 1

/** Reads the options of one sink, and knows which it has asked for. */
class Reader {
  readonly #options: Options
  readonly #asked = new Set(['class'])
  readonly #sink: string

  constructor(options: Options, sink: string) {
    this.#options = options
    this.#sink = sink
  }

  get(name: string): string | null {
    this.#asked.add(name)
    return this.#options.get(name)?.value ?? null
  }

  required(name: string): string {
    const value = this.get(name)
    if (value !== null && value !== '') return value
    throw new UsageError(`${this.where('class')}: ${name} is missing; set ${this.#sink}.${name}`)
  }

  where(name: string): string {
    return this.#options.get(name)?.origin ?? `${this.#sink}.${name}`
  }

  /** @throws UsageError saying what was expected */
  fail(name: string, expected: string): never {
    throw new UsageError(`${this.where(name)}: ${quoted(this.get(name) ?? '')} is not ${expected}`)
  }

  periodMs(): number {
    const period = this.get('period') ?? '10'
    const unit = (this.get('unit') ?? 'seconds').toUpperCase()
    const unitMs = UNIT_MS.get(unit)
    if (unitMs === undefined) {
      return this.fail('unit', `a unit of time: ${[...UNIT_MS.keys()].join(', ').toLowerCase()}`)
    }
    if (!/^\d+$/.test(period)) this.fail('period', 'a whole number')
    const periodMs = Number(period) * unitMs
    if (periodMs < MIN_PERIOD_MS || periodMs > MAX_PERIOD_MS) {
      this.fail('period', `a period of 1 second to 24 days (counted in ${unit.toLowerCase()})`)
    }
    return periodMs
  }

  port(text: string): number {
    const port = /^\d{1,5}$/.test(text) ? Number(text) : 0
    return port >= 1 && port <= 65_535 ? port : this.fail('port', 'a port from 1 to 65535')
  }

  regex(): string | null {
    const source = this.get('regex')
    if (source === null) return null
    try {
      return new RegExp(source).source
    } catch (error) {
      return this.fail('regex', `a regular expression: ${(error as Error).message}`)
    }
  }

  path(): string {
    const path = this.required('path')
    return /^\/[\w.~/-]*$/.test(path) ? path : this.fail('path', 'a path such as /metrics/json')
  }

  directory(): string {
    const directory = this.get('directory') ?? '/tmp/'
    const isThere = statSync(directory, { throwIfNoEntry: false })?.isDirectory() === true
    return isThere ? directory : this.fail('directory', 'a folder; make it, or name another')
  }

  /** @throws UsageError for an option that no sink of this class has */
  end(): void {
    const odd = [...this.#options.keys()].find((name) => !this.#asked.has(name))
    if (odd === undefined) return
    const known = [...this.#asked].join(', ')
    throw new UsageError(`${this.where(odd)}: this sink has no such option; it has ${known}`)
  }
}

const SERVED: Readonly<Record<string, (options: Reader) => MetricsSink>> = {
  ConsoleSink: (options) => ({ kind: 'console', periodMs: options.periodMs() }),
  Slf4jSink: (options) => ({ kind: 'log', periodMs: options.periodMs() }),
  CsvSink: (options) => ({
    kind: 'csv',
    periodMs: options.periodMs(),
    directory: options.directory(),
  }),
  GraphiteSink: (options) => {
    const protocol = options.get('protocol')?.toLowerCase() ?? 'tcp'
    if (protocol !== 'tcp' && protocol !== 'udp') return options.fail('protocol', 'tcp or udp')
    return {
      kind: 'graphite',
      host: options.required('host'),
      port: options.port(options.required('port')),
      periodMs: options.periodMs(),
      prefix: options.get('prefix') ?? '',
      protocol,
      regex: options.regex(),
    }
  },
  StatsdSink: (options) => ({
    kind: 'statsd',
    host: options.get('host') ?? '127.0.0.1',
    port: options.port(options.get('port') ?? '8125'),
    periodMs: options.periodMs(),
    prefix: options.get('prefix') ?? '',
    regex: options.regex(),
  }),
  MetricsServlet: (options) => {
    // Samples of a histogram; none of Spark's sources here has any.
    const sample = options.get('sample')?.toLowerCase() ?? 'false'
    if (sample !== 'true' && sample !== 'false') options.fail('sample', 'true or false')
    return { kind: 'json', path: options.path() }
  },
  PrometheusServlet: (options) => ({ kind: 'prometheus', path: options.path() }),
}

/** @param sink such as master.sink.csv @throws UsageError for a class that is not served, or an option that is wrong */
export function readMetricsClass(options: Options, sink: string): MetricsSink {
  const reader = new Reader(options, sink)
  const [first] = options.values()
  const className = reader.get('class')
  if (className === null) {
    throw new UsageError(`${first?.origin}: the sink has no class; set ${sink}.class`)
  }
  const short = className.startsWith(PACKAGE) ? className.slice(PACKAGE.length) : ''
  const read = Object.hasOwn(SERVED, short) ? SERVED[short] : undefined
  if (read === undefined) {
    const served = Object.keys(SERVED).join(', ')
    const instead = REFUSED.get(className) ?? `served are, of ${PACKAGE.slice(0, -1)}: ${served}`
    throw new UsageError(`${reader.where('class')}: ${quoted(className)} is not served: ${instead}`)
  }
  const settings = read(reader)
  reader.end()
  return settings
}
