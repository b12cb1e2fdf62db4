/** conf/metrics.properties and spark.metrics.conf.* (F4, P61, Z6). */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Configuration } from '../../src/conf/configuration.js'
import { UsageError } from '../../src/conf/errors.js'
import { metricsSettings } from '../../src/conf/metrics-settings.js'

const SINKS = 'org.apache.spark.metrics.sink'
let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'magneto-metrics-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

type Daemon = 'master' | 'worker'

/** @param lines of metrics.properties; null: there is none */
function read(
  lines: readonly string[] | null,
  daemon: Daemon = 'master',
  entries: [string, string][] = [],
) {
  if (lines !== null) writeFileSync(join(folder, 'metrics.properties'), lines.join('\n'))
  return metricsSettings(new Configuration(entries), folder, daemon)
}

/** Those that are told. */
function told(...args: Parameters<typeof read>) {
  return read(...args).sinks.filter(({ sink }) => 'periodMs' in sink)
}

function paths(...args: Parameters<typeof read>): string[] {
  return read(...args)
    .sinks.flatMap(({ instance, sink }) =>
      'path' in sink ? [`${instance} ${sink.kind} ${sink.path}`] : [],
    )
    .toSorted()
}

/** @returns what is said of it */
function refusal(...args: Parameters<typeof read>): string {
  try {
    read(...args)
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError)
    return (error as Error).message.replaceAll(folder, 'conf')
  }
  throw new Error('nothing was refused')
}

describe('without a file', () => {
  test('Z6: both servlets of each instance, on the paths of Spark', () => {
    expect(paths(null)).toEqual([
      'applications json /metrics/applications/json',
      'applications prometheus /metrics/applications/prometheus',
      'master json /metrics/master/json',
      'master prometheus /metrics/master/prometheus',
    ])
    expect(paths(null, 'worker')).toEqual([
      'worker json /metrics/json',
      'worker prometheus /metrics/prometheus',
    ])
    expect(told(null)).toEqual([])
  })
})

describe('sinks', () => {
  test("Z6: every class with Spark's options", () => {
    const lines = [
      `master.sink.console.class=${SINKS}.ConsoleSink`,
      'master.sink.console.period=2',
      'master.sink.console.unit=minutes',
      `master.sink.log.class=${SINKS}.Slf4jSink`,
      `master.sink.csv.class ${SINKS}.CsvSink`,
      `master.sink.csv.directory: ${folder}`,
      `master.sink.graphite.class=${SINKS}.GraphiteSink`,
      'master.sink.graphite.host=graphite.example.org',
      'master.sink.graphite.port=2003',
      'master.sink.graphite.prefix=lab',
      'master.sink.graphite.protocol=UDP',
      'master.sink.graphite.regex=^master',
      `master.sink.statsd.class=${SINKS}.StatsdSink`,
    ]
    expect(told(lines)).toEqual(
      [
        ['console', { kind: 'console', periodMs: 120_000 }],
        ['log', { kind: 'log', periodMs: 10_000 }],
        ['csv', { kind: 'csv', periodMs: 10_000, directory: folder }],
        [
          'graphite',
          {
            kind: 'graphite',
            periodMs: 10_000,
            host: 'graphite.example.org',
            port: 2003,
            prefix: 'lab',
            protocol: 'udp',
            regex: '^master',
          },
        ],
        [
          'statsd',
          {
            kind: 'statsd',
            periodMs: 10_000,
            host: '127.0.0.1',
            port: 8125,
            prefix: '',
            regex: null,
          },
        ],
      ].map(([name, sink]) => ({ instance: 'master', name, sink })),
    )
  })

  test('what is said of an instance beats what is said of all, wherever it stands', () => {
    const lines = [
      'worker.sink.console.period=5',
      `*.sink.console.class=${SINKS}.ConsoleSink`,
      '*.sink.console.period=20',
    ]
    expect(told(lines, 'worker')).toMatchObject([{ sink: { periodMs: 5_000 } }])
    expect(told(lines, 'master')).toMatchObject([
      { instance: 'master', sink: { periodMs: 20_000 } },
      { instance: 'applications', sink: { periodMs: 20_000 } },
    ])
  })

  test('P61: spark.metrics.conf.* beats the file, and spark.metrics.conf names another', () => {
    const lines = [`*.sink.console.class=${SINKS}.ConsoleSink`, '*.sink.console.period=20']
    const own: [string, string] = ['spark.metrics.conf.*.sink.console.period', '30']
    expect(told(lines, 'worker', [own])).toMatchObject([{ sink: { periodMs: 30_000 } }])
    const other = join(folder, 'other.properties')
    writeFileSync(other, `worker.sink.log.class=${SINKS}.Slf4jSink`)
    expect(told(lines, 'worker', [['spark.metrics.conf', other]])).toMatchObject([{ name: 'log' }])
    expect(refusal(lines, 'worker', [['spark.metrics.conf', join(folder, 'none')]])).toContain(
      'does not exist',
    )
  })

  test('what is for drivers and executors is left to them, whatever it is', () => {
    const lines = [
      `driver.sink.jmx.class=${SINKS}.JmxSink`,
      'executor.sink.mine.class=com.example.Sink',
      'driver.source.jvm.class=org.apache.spark.metrics.source.JvmSource',
    ]
    expect(read(lines)).toEqual(read([]))
  })

  test('paths of servlets can be moved, and one that is asked for beats a default', () => {
    const lines = [
      'master.sink.servlet.path=/own/json',
      `master.sink.prom.class=${SINKS}.PrometheusServlet`,
      'master.sink.prom.path=/metrics/master/prometheus',
    ]
    expect(read(lines).sinks.map(({ name }) => name)).toContain('prom')
    expect(paths(lines)).toEqual([
      'applications json /metrics/applications/json',
      'applications prometheus /metrics/applications/prometheus',
      'master json /own/json',
      'master prometheus /metrics/master/prometheus',
    ])
  })

  test('sources of a JVM do nothing, which is said once', () => {
    const lines = ['*.source.jvm.class=org.apache.spark.metrics.source.JvmSource']
    expect(read(lines).warnings.map((line) => line.replaceAll(folder, 'conf'))).toEqual([
      'conf/metrics.properties line 1: *.source.jvm.class: no effect: the source ' +
        '"org.apache.spark.metrics.source.JvmSource" is of a JVM, and there is none',
    ])
  })
})

describe('refused, each with its place and what to do', () => {
  const console = `*.sink.c.class=${SINKS}.ConsoleSink`
  const graphite = `*.sink.g.class=${SINKS}.GraphiteSink`
  const at = (line: number, key: string): string => `conf/metrics.properties line ${line}: ${key}: `
  test.each<[string, string[], string]>([
    ['JMX', [`*.sink.j.class=${SINKS}.JmxSink`], 'JmxSink" is not served: there is no JVM to ask'],
    ['Ganglia', [`*.sink.g.class=${SINKS}.GangliaSink`], 'take GraphiteSink or StatsdSink'],
    ['another class', ['*.sink.m.class=com.example.Sink'], `"com.example.Sink" is not served: `],
    ['no class', ['*.sink.c.period=1'], at(1, '*.sink.c.period') + 'the sink has no class'],
    ['no entry', ['', 'nonsense=1'], at(2, 'nonsense') + 'not an entry of metrics'],
    ['another instance', [`mater.sink.c.class=${SINKS}.ConsoleSink`], 'no instance mater;'],
    ['a short period', [console, '*.sink.c.period=500', '*.sink.c.unit=milliseconds'], 'of 1 sec'],
    ['no number', [console, '*.sink.c.period=soon'], '"soon" is not a whole number'],
    ['no unit', [console, '*.sink.c.unit=moons'], '"moons" is not a unit of time'],
    ['an odd option', [console, '*.sink.c.colour=red'], 'no such option; it has class, period'],
    ['no host', [graphite, '*.sink.g.port=1'], 'host is missing; set master.sink.g.host'],
    ['a port', [graphite, '*.sink.g.host=h', '*.sink.g.port=0'], '"0" is not a port'],
    [
      'a protocol',
      [graphite, '*.sink.g.host=h', '*.sink.g.port=1', '*.sink.g.protocol=sctp'],
      '"sctp" is not tcp or udp',
    ],
    [
      'an expression',
      [graphite, '*.sink.g.host=h', '*.sink.g.port=1', '*.sink.g.regex=('],
      '"(" is not a regular expression',
    ],
    [
      'a folder',
      [`*.sink.c.class=${SINKS}.CsvSink`, '*.sink.c.directory=/no/such'],
      '"/no/such" is not a folder; make it',
    ],
    [
      'a path',
      ['*.sink.servlet.path=json', 'master.sink.servlet.path=json'],
      '"json" is not a path',
    ],
    [
      'a path twice',
      ['master.sink.servlet.path=/a', 'applications.sink.servlet.path=/a'],
      '/a is the path of servlet already',
    ],
  ])('%s', (_what, lines, expected) => {
    expect(refusal(lines)).toContain(expected)
  })
})

test('the template can be read as it is, and with every line of it uncommented', () => {
  const template = resolve(import.meta.dirname, '../../conf/metrics.properties.template')
  expect(told([], 'master', [['spark.metrics.conf', template]])).toEqual([])
  const all = metricsTemplateLines(template)
  expect(all.length).toBeGreaterThan(10)
  const { sinks } = read(all)
  expect(new Set(sinks.map(({ sink }) => sink.kind))).toEqual(
    new Set(['console', 'log', 'csv', 'graphite', 'statsd', 'json', 'prometheus']),
  )
})

function metricsTemplateLines(path: string): string[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .flatMap((line) => /^# ?((?:\*|[a-z]+)\.sink\..*)$/.exec(line)?.[1] ?? [])
}
