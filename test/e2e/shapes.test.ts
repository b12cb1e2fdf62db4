/**
 * What programs read of a master and a worker, of Apache's 4.3.0 and of ours, in the same scenario: the same paths answer with the
 * same media types, the same fields in the same order and of the same types, and metrics of the same names. One application has
 * ended, one runs with a GPU, one driver waits and another was killed, so that every list has something in it.
 */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ApacheMaster, RELEASE } from '../parity/apache-master.js'
import { SparkLink } from '../parity/spark-link.js'
import { requestKillDriver, requestSubmitDriver } from '../parity/spark-messages.js'
import { ApacheWorker } from './apache-worker.js'
import { freePort } from '../free-port.js'
import { Cluster, eventually, sparkHome } from './cluster.js'
import { masterFields } from '../ui/documents.js'
import { describeWith } from './requirements.js'

const timeoutMs = 900_000
const host = '127.0.0.1'

const ofMaster = [
  '/json/',
  ...masterFields.map((field) => `/json/${field}`),
  '/json/clusterutilization',
  '/json/nonsense',
  '/metrics/master/json/',
  '/metrics/applications/json/',
  '/metrics/master/prometheus/',
  '/metrics/applications/prometheus/',
]
const ofWorker = ['/json/', '/metrics/json/', '/metrics/prometheus/']
const paths = [
  ...ofMaster.map((path) => `master ${path}`),
  ...ofWorker.map((path) => `worker ${path}`),
]

/** Spark's servlet for Prometheus has to be switched on; ours need not be, and takes the same keys. */
const servlets = {
  'spark.metrics.conf.*.sink.prometheusServlet.class':
    'org.apache.spark.metrics.sink.PrometheusServlet',
  'spark.metrics.conf.*.sink.prometheusServlet.path': '/metrics/prometheus',
  'spark.metrics.conf.master.sink.prometheusServlet.path': '/metrics/master/prometheus',
  'spark.metrics.conf.applications.sink.prometheusServlet.path': '/metrics/applications/prometheus',
}

/** What Apache's answers have and ours have not: all of it, and nothing is the other way round. */
const differences: { readonly of: RegExp; readonly line: RegExp; readonly reason: string }[] = [
  {
    of: /\/metrics\/.*json\//,
    line: /^(counters\.HiveExternalCatalog|histograms\.CodeGenerator)\./,
    reason: 'of a JVM that reads Hive tables and compiles queries; 0 in every daemon',
  },
  {
    of: /\/metrics\/.*prometheus\//,
    line: /^metrics_(HiveExternalCatalog|CodeGenerator)_/,
    reason: 'the same as text',
  },
]

/** An answer without its values: a line for each field, in order. */
interface Shape {
  readonly status: number
  readonly type: string
  readonly lines: readonly string[]
}

/** When an application came, in the names of its metrics. */
function anyTime(name: string): string {
  return name.replaceAll(/\d{13}/g, '<ms>')
}

function* linesOf(value: unknown, at: string): Generator<string> {
  if (Array.isArray(value)) {
    yield `${at}: list`
    for (const item of value) yield* linesOf(item, `${at}[]`)
  } else if (typeof value === 'object' && value !== null) {
    if (at !== '') yield `${at}: object`
    const below = at === '' ? '' : `${at}.`
    for (const [name, field] of Object.entries(value)) yield* linesOf(field, below + anyTime(name))
  } else yield `${at}: ${value === null ? 'null' : typeof value}`
}

/** Names with their labels; what is counted is a number. */
function prometheusLines(text: string): string[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [, name = line, value = ''] = /^(\S+\{.*\}) (\S+)$/.exec(line) ?? []
      return `${anyTime(name)}: ${Number.isNaN(Number(value)) ? value : 'number'}`
    })
}

async function shapeOf(url: string): Promise<Shape> {
  const answer = await fetch(url)
  const type = (answer.headers.get('content-type') ?? '').toLowerCase().replaceAll(' ', '')
  const text = await answer.text()
  const lines = type.includes('json') ? [...linesOf(JSON.parse(text), '')] : prometheusLines(text)
  return { status: answer.status, type, lines: [...new Set(lines)] }
}

interface WorkerDocument {
  readonly executors: readonly unknown[]
  readonly finishedexecutors: readonly unknown[]
}

/** Plays the scenario. @returns the shape of every path at its height */
async function shapesOf(cluster: Cluster, home: string): Promise<Map<string, Shape>> {
  const port = Number(new URL(cluster.masterUrl.replace('spark:', 'http:')).port)
  const link = await SparkLink.open({ host: 'client', port: 1 }, { host, port })
  const tooLarge = { cores: 64, memoryMb: 512, supervise: false, gpus: 0 }
  for (const name of ['waits', 'killed'])
    await link.ask(requestSubmitDriver({ name, ...tooLarge }), null)
  const { activedrivers } = await cluster.until(
    'two drivers wait',
    (state) => state.activedrivers.length === 2,
  )
  await link.ask(requestKillDriver(activedrivers[1]!.id), null)
  const goAhead = (name: string) => join(cluster.folder, `go-${name}`)
  const submit = (name: string) =>
    cluster.submit(home, 'hold', [goAhead(name), name], {
      'spark.cores.max': '1',
      'spark.executor.cores': '1',
      'spark.executor.resource.gpu.amount': '1',
      'spark.task.resource.gpu.amount': '1',
    })
  const [ended, held] = [submit('ended'), submit('held')]
  const { workers } = await cluster.until(
    'each has an executor',
    (state) => state.coresused === 2 && state.activeapps.length === 2,
  )
  writeFileSync(goAhead('ended'), '')
  expect(await ended.result()).toBe('ended sum=45')
  await cluster.until(
    'one has ended',
    ({ completedapps, completeddrivers, coresused }) =>
      completedapps.length === 1 && completeddrivers.length === 1 && coresused === 1,
  )
  const workerUi = (workers[0] as unknown as { webuiaddress: string }).webuiaddress
  await eventually('the worker has seen one executor end', async () => {
    const document = (await (await fetch(`${workerUi}/json/`)).json()) as WorkerDocument
    return document.executors.length === 1 && document.finishedexecutors.length === 1
      ? document
      : null
  })
  const shapes = new Map<string, Shape>()
  for (const path of ofMaster) shapes.set(`master ${path}`, await shapeOf(cluster.webUi + path))
  for (const path of ofWorker) shapes.set(`worker ${path}`, await shapeOf(workerUi + path))
  writeFileSync(goAhead('held'), '')
  expect(await held.result()).toBe('held sum=45')
  await link.close()
  return shapes
}

describeWith(['java', 'python3'], "the shapes of Apache's answers and of ours", () => {
  const folder = mkdtempSync(join(tmpdir(), 'magneto-e2e-shapes-'))
  let theirs = new Map<string, Shape>()
  let ours = new Map<string, Shape>()

  async function ofApache(home: string, properties: string[]): Promise<Map<string, Shape>> {
    const master = await ApacheMaster.start(new Map(), servlets)
    const cluster = Cluster.around({ properties }, master.port, master.webUiPort)
    const worker = new ApacheWorker(cluster, home, await freePort(), cluster.masterUrl)
    try {
      await worker.registered()
      return await shapesOf(cluster, home)
    } finally {
      worker.kill()
      await cluster.stop()
      await master.stop()
    }
  }

  async function ofOurs(home: string, properties: string[]): Promise<Map<string, Shape>> {
    const cluster = await Cluster.start({ workers: 1, sparkHomes: [home], properties })
    try {
      return await shapesOf(cluster, home)
    } finally {
      await cluster.stop()
    }
  }

  beforeAll(async () => {
    const script = join(folder, 'gpus.sh')
    const gpus = JSON.stringify({ name: 'gpu', addresses: ['0', '1'] })
    writeFileSync(script, `#!/bin/sh\necho '${gpus}'\n`)
    chmodSync(script, 0o755)
    const properties = [
      'spark.worker.resource.gpu.amount 2',
      `spark.worker.resource.gpu.discoveryScript ${script}`,
      ...Object.entries(servlets).map(([key, value]) => `${key} ${value}`),
    ]
    const home = sparkHome(RELEASE)
    // One after the other: their processes together would be too many for a small machine.
    theirs = await ofApache(home, properties)
    ours = await ofOurs(home, properties)
  }, timeoutMs)

  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  const differs = (path: string, one: string) =>
    differences.some(({ of, line }) => of.test(path) && line.test(one))

  test.each(paths)(
    'U10 to U12, U19, U26, J1 to J8, Z1 to Z3, Z7, Z8: %s has the shape that it has at Apache',
    (path) => {
      const { lines, ...head } = theirs.get(path)!
      expect(head.status).toBe(200)
      expect(ours.get(path)).toEqual({
        ...head,
        lines: lines.filter((one) => !differs(path, one)),
      })
    },
  )

  test('each list has something in it, and there are types to compare', () => {
    const all = theirs.get('master /json/')!.lines
    for (const line of [
      'workers[].resourcesused.gpu.addresses[]: string',
      'workers[].lastheartbeat: number',
      'resourcesused[].gpu.addresses[]: string',
      'activeapps[].resourcesperexecutor[].amount: number',
      'completedapps[].duration: number',
      'activedrivers[].starttime: string',
      'completeddrivers[].state: string',
    ])
      expect(all).toContain(line)
    const worker = theirs.get('worker /json/')!.lines
    expect(worker).toContain('executors[].appdesc.resourcesperexecutor[].amount: number')
    expect(worker).toContain('finishedexecutors[].id: number')
    const applications = theirs.get('master /metrics/applications/json/')!.lines
    expect(applications).toContain('gauges.application.held.<ms>.status.value: string')
  })

  test.each(differences)('Z5: $line is a difference still: $reason', ({ of, line }) => {
    const having = (all: Map<string, Shape>) =>
      [...all].filter(([path, { lines }]) => of.test(path) && lines.some((one) => line.test(one)))
    expect(having(theirs).length).toBeGreaterThan(0)
    expect(having(ours)).toEqual([])
  })
})
