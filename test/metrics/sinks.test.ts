/** The sinks that are told, against servers and folders that are really there. */
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { readFileSync } from 'node:fs'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import type { GraphiteSettings } from '../../src/conf/metrics-sinks.js'
import { Reporter } from '../../src/metrics/reporter.js'
import { consoleText } from '../../src/metrics/sinks/console.js'
import { csvSink } from '../../src/metrics/sinks/csv.js'
import { graphiteSink } from '../../src/metrics/sinks/graphite.js'
import { logSink } from '../../src/metrics/sinks/log.js'
import { statsdSink } from '../../src/metrics/sinks/statsd.js'
import type { Gauge } from '../../src/metrics/spark-sources.js'
import { recordingLog, Recorder } from '../control/recorder.js'

const nowMs = 1_795_294_060_900
/** What Apache's sinks were told, and what they made of it, is in the fixtures. */
const gauges: Gauge[] = [
  { name: 'application.count words.1795294059146.cores', value: 1 },
  { name: 'application.count words.1795294059146.runtime_ms', value: 1187 },
  { name: 'application.count words.1795294059146.status', value: 'RUNNING' },
]
const fixture = (name: string): string =>
  readFileSync(join(import.meta.dirname, '../fixtures/metrics', name), 'utf8')
const ofApplication = (text: string): string[] =>
  text.split('\n').filter((line) => line.includes('application.'))

/** @returns as many as that, in the order in which they came */
async function first(heard: Recorder<string>, count: number): Promise<string[]> {
  await heard.next(() => heard.events.length >= count)
  return heard.events.slice(0, count)
}

const open: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const close of open.splice(0)) await close()
})

async function graphiteServer(): Promise<{ port: number; heard: Recorder<string> }> {
  const heard = new Recorder<string>()
  const server: Server = createServer((socket) => {
    let text = ''
    socket.setEncoding('utf8').on('data', (part: string) => (text += part))
    socket.on('end', () => heard.add(text))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  open.push(() => void server.close())
  return { port: (server.address() as AddressInfo).port, heard }
}

async function datagrams(): Promise<{ port: number; heard: Recorder<string> }> {
  const heard = new Recorder<string>()
  const socket: Socket = createSocket('udp4')
  socket.on('message', (message) => heard.add(message.toString()))
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  open.push(() => void socket.close())
  return { port: socket.address().port, heard }
}

function graphite(change: Partial<GraphiteSettings>): GraphiteSettings {
  return {
    kind: 'graphite',
    periodMs: 1_000,
    host: '127.0.0.1',
    port: 0,
    prefix: 'pre',
    protocol: 'tcp',
    regex: null,
    ...change,
  }
}

describe('GraphiteSink', () => {
  test("Z6: over TCP, the lines are those of Spark's", async () => {
    const { port, heard } = await graphiteServer()
    await graphiteSink(graphite({ port }))(gauges, nowMs)
    const [text] = await first(heard, 1)
    expect(ofApplication(text!)).toEqual(ofApplication(fixture('apache-4.3.0-graphite.txt')))
    expect(text).toMatch(/ 1795294060\n$/)
  })

  test('Z6: over UDP, a datagram for each line; regex lets through what it matches', async () => {
    const { port, heard } = await datagrams()
    const sink = graphiteSink(
      graphite({ port, protocol: 'udp', prefix: '', regex: 'cores|nothing' }),
    )
    await sink([...gauges, { name: 'application.x.cores', value: 2 }], nowMs)
    expect(await first(heard, 2)).toEqual([
      'application.count-words.1795294059146.cores 1 1795294060\n',
      'application.x.cores 2 1795294060\n',
    ])
  })

  test('a server that is not there is an error, and nothing hangs', async () => {
    const { port } = await graphiteServer()
    for (const close of open.splice(0)) await close()
    await expect(graphiteSink(graphite({ port }))(gauges, nowMs)).rejects.toThrow('ECONNREFUSED')
  })
})

test("Z6: StatsdSink sends what Spark's sends, a datagram for each", async () => {
  const { port, heard } = await datagrams()
  const settings = { kind: 'statsd', periodMs: 1_000, host: '127.0.0.1', prefix: '' } as const
  await statsdSink({ ...settings, port, regex: null })(
    gauges.map(({ name, value }) => ({ name, value: value === 1187 ? 76_174 : value })),
    nowMs,
  )
  expect(await first(heard, 2)).toEqual(ofApplication(fixture('apache-4.3.0-statsd.txt')))
})

test('StatsdSink: an application can not say that it is another metric', async () => {
  const { port, heard } = await datagrams()
  const settings = { kind: 'statsd', periodMs: 1_000, host: '127.0.0.1', prefix: 'p' } as const
  await statsdSink({ ...settings, port, regex: null })(
    [{ name: 'application.x:9|c\nmaster.apps:1|g.1.cores', value: 1 }],
    nowMs,
  )
  expect(await first(heard, 1)).toEqual(['p.application.x-9-c-master.apps-1-g.1.cores:1|g'])
})

describe('CsvSink', () => {
  test('Z6: a file for each gauge, a line for each time, whatever an application is called', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'magneto-csv-'))
    open.push(() => rm(directory, { recursive: true }))
    const sink = csvSink({ directory })
    await sink(gauges, nowMs)
    await sink(
      [
        ...gauges,
        { name: 'application.../../x\u0000y.1.cores', value: 1 },
        { name: `application.${'é'.repeat(400)}.1.cores`, value: 1 },
      ],
      nowMs + 1_000,
    )
    const status = 'application.count words.1795294059146.status.csv'
    expect(await readFile(join(directory, status), 'utf8')).toBe(
      't,value\n1795294060,RUNNING\n1795294061,RUNNING\n',
    )
    const names = await readdir(directory)
    expect(names).toHaveLength(5)
    expect(names).toContain('application.......x_y.1.cores.csv')
    expect(names.some((name) => name.endsWith('é.1.cores.csv'))).toBe(true)
  })
})

test('Z6: ConsoleSink and Slf4jSink write what Dropwizard writes, on one line each', () => {
  const hostile = { name: 'application.a\n2026 INFO b.1.cores', value: 1 }
  const text = consoleText([gauges[1]!, hostile], nowMs)
  expect(text.split('\n').slice(0, 5)).toEqual([
    expect.stringMatching(/^2026-\d\d-\d\dT\S+Z =+$/),
    '',
    `-- Gauges ${'-'.repeat(70)}`,
    'application.count words.1795294059146.runtime_ms',
    '             value = 1187',
  ])
  expect(text.split('\n').filter((line) => line.includes('INFO b'))).toHaveLength(1)
  const lines: string[] = []
  void logSink(recordingLog(lines))([gauges[1]!, hostile], nowMs)
  expect(lines[0]).toContain(
    'type=GAUGE, name=application.count words.1795294059146.runtime_ms, value=1187',
  )
  expect(lines).toHaveLength(2)
})

describe('the reporter', () => {
  test('tells each instance its own gauges, says once that a sink fails and once that it works', async () => {
    const { port, heard } = await graphiteServer()
    const lines: string[] = []
    const answers = [true, false, false, true, true]
    const reporter = new Reporter({
      log: recordingLog(lines),
      sinks: [
        {
          instance: 'master',
          name: 'g',
          sink: { ...graphite({ port, prefix: '' }), periodMs: 10 },
        },
      ],
      gauges: async (instance) => {
        if (answers.shift() === false) throw new Error('no view')
        return [{ name: `${instance}.x`, value: 1 }]
      },
    })
    open.push(() => reporter.stop())
    const texts = await first(heard, 3)
    expect(texts[0]).toMatch(/^master\.x 1 \d+\n$/)
    expect(lines.filter((line) => line.includes('master.sink.g'))).toEqual([
      expect.stringContaining('master.sink.g: no view; trying again each period, silently'),
      expect.stringContaining('master.sink.g works again'),
    ])
  })
})
