/** A master and a worker as they run, asked over HTTP; a worker that is registered, and one executor that has run. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { Configuration } from '../../src/conf/configuration.js'
import type { RunningMaster } from '../../src/master/main.js'
import type { RunningWorker } from '../../src/worker/main.js'
import { anyPorts, builtDaemons, root } from '../built-daemons.js'
import { readPrometheus, valuesOf, type ReadFamily } from './prometheus-text.js'

/** Two daemons start, on a machine that may be busy. */

let folder = ''
let master: RunningMaster
let worker: RunningWorker
let workerUrl = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'magneto-metrics-'))
  const csv = 'org.apache.spark.metrics.sink.CsvSink'
  await writeFile(
    join(folder, 'metrics.properties'),
    `master.sink.csv.class=${csv}\nmaster.sink.csv.period=1\nmaster.sink.csv.directory=${folder}\n`,
  )
  const { startMaster, startWorker } = await builtDaemons()
  master = await startMaster({
    ...anyPorts,
    confDir: folder,
    configuration: new Configuration([
      ['spark.master.rest.port', '0'],
      // Heartbeats come in seconds, and a worker that gets no processor for some is not lost.
      ['spark.worker.timeout', '10'],
    ]),
  })
  worker = await startWorker({
    ...anyPorts,
    confDir: join(folder, 'none'),
    configuration: new Configuration([['spark.local.dir', join(folder, 'scratch')]]),
    masterUrl: master.masterUrl,
    cores: 3,
    memoryMb: 2048,
    workDir: join(folder, 'work'),
    sparkHomes: [],
  })
  const workers = async (): Promise<{ webuiaddress: string; state: string }[]> => {
    const answer = await fetch(`${master.webUiUrl}/json/`)
    return ((await answer.json()) as { workers: { webuiaddress: string; state: string }[] }).workers
  }
  const registered = async (): Promise<void> =>
    expect(await workers()).toMatchObject([{ state: 'ALIVE' }])
  await vi.waitFor(registered, { timeout: 45_000 })
  workerUrl = (await workers())[0]!.webuiaddress
})

afterAll(async () => {
  await worker?.stop()
  await master?.stop()
  await rm(folder, { recursive: true, force: true })
})

async function ask(url: string, headers: Record<string, string> = {}) {
  const answer = await fetch(url, { headers })
  return {
    status: answer.status,
    type: answer.headers.get('content-type'),
    body: await answer.text(),
  }
}

async function families(base: string): Promise<ReadFamily[]> {
  return readPrometheus((await ask(`${base}/metrics`)).body, 'prometheus')
}

describe('the master', () => {
  test('Z1, Z8: JSON, with and without a slash at the end', async () => {
    for (const path of ['/metrics/master/json', '/metrics/master/json/']) {
      const { status, type, body } = await ask(`${master.webUiUrl}${path}`)
      expect([status, type]).toEqual([200, 'text/json;charset=utf-8'])
      expect(JSON.parse(body)).toMatchObject({
        version: '4.0.0',
        gauges: { 'master.workers': { value: 1 }, 'master.aliveWorkers': { value: 1 } },
      })
    }
    const applications = await ask(`${master.webUiUrl}/metrics/applications/json`)
    expect(JSON.parse(applications.body)).toMatchObject({ gauges: {}, timers: {} })
  })

  test('Z7: text for Prometheus', async () => {
    const { type, body } = await ask(`${master.webUiUrl}/metrics/master/prometheus/`)
    expect(type).toBe('text/plain;charset=utf-8')
    expect(body).toContain('metrics_master_aliveWorkers_Value{type="gauges"} 1\n')
    const applications = await ask(`${master.webUiUrl}/metrics/applications/prometheus`)
    expect(applications).toMatchObject({ status: 200, body: '' })
  })

  test('/metrics: whole, and with what has happened', async () => {
    // The core asks for four heartbeats in ten seconds.
    const beats = async (): Promise<number> =>
      valuesOf(await families(master.webUiUrl))['magneto_heartbeats_total']!
    await expect.poll(beats).toBeGreaterThan(1)
    const values = valuesOf(await families(master.webUiUrl))
    expect(values).toMatchObject({
      magneto_leader: 1,
      magneto_elections_total: 1,
      'magneto_workers{state="ALIVE"}': 1,
      magneto_cores: 3,
      magneto_memory_bytes: 2 ** 31,
      'magneto_sessions_opened_total{source="control"}': 1,
      'magneto_waiting_applications{reason="cores"}': 0,
    })
    expect(values['magneto_scheduling_latency_seconds_count']).toBeGreaterThan(1)
    expect(values['magneto_heartbeat_lateness_seconds_count']).toBeGreaterThan(0)
    expect(values['magneto_messages_received_total{source="control"}']).toBeGreaterThan(2)
    expect(values['magneto_messages_sent_total{source="control"}']).toBeGreaterThan(0)
    expect(values['process_resident_memory_bytes']).toBeGreaterThan(2 ** 20)
    expect(values['process_cpu_seconds_total']).toBeGreaterThan(0)
  })

  test('/metrics: OpenMetrics for who asks for it, and only to be read', async () => {
    const url = `${master.webUiUrl}/metrics`
    const { type, body } = await ask(url, {
      Accept: 'application/openmetrics-text;version=1.0.0,text/plain;q=0.5',
    })
    expect(type).toBe('application/openmetrics-text;version=1.0.0;charset=utf-8')
    expect(readPrometheus(body, 'openmetrics').map(({ name }) => name)).toContain(
      'magneto_heartbeats',
    )
    expect((await ask(url)).type).toBe('text/plain;version=0.0.4;charset=utf-8')
    expect((await fetch(url, { method: 'POST' })).status).toBe(405)
  })

  test('F4, Z6: a sink of conf/metrics.properties is told each second', async () => {
    const file = join(folder, 'master.workers.csv')
    const text = async (): Promise<string> => (existsSync(file) ? readFile(file, 'utf8') : '')
    // Before the worker came there was none.
    await expect.poll(text).toMatch(/^(?:.+\n){2,}\d{10},1\n$/)
    const [head, ...rest] = (await text()).trimEnd().split('\n')
    expect(head).toBe('t,value')
    for (const line of rest) expect(line).toMatch(/^\d{10},[01]$/)
  })
})

describe('the worker', () => {
  test('U27, Z3, Z7, Z8: JSON and text', async () => {
    const { type, body } = await ask(`${workerUrl}/metrics/json`)
    expect(type).toBe('text/json;charset=utf-8')
    expect(JSON.parse(body)).toMatchObject({
      gauges: {
        'worker.coresFree': { value: 3 },
        'worker.coresUsed': { value: 0 },
        'worker.executors': { value: 0 },
        'worker.memFree_MB': { value: 2048 },
        'worker.memUsed_MB': { value: 0 },
      },
    })
    const text = await ask(`${workerUrl}/metrics/prometheus`)
    expect(text.body).toContain('metrics_worker_memFree_MB_Number{type="gauges"} 2048\n')
  })

  test('/metrics: whole, and with what has happened', async () => {
    const values = valuesOf(await families(workerUrl))
    expect(values).toMatchObject({
      magneto_registrations_total: 1,
      magneto_master_losses_total: 0,
      magneto_cores: 3,
      'magneto_executors{state="RUNNING"}': 0,
      magneto_executor_start_seconds_count: 0,
    })
    expect(values['magneto_messages_sent_total']).toBeGreaterThan(1)
    expect((await ask(`${workerUrl}/metrics/master/json`)).status).toBe(404)
  })
})

/** Told by a leader that has standbys. */
const OF_STANDBYS = 'magneto_follower_lag_commits'

test('an executor: how long its launch took is known to the master and to its worker', async () => {
  const pi = join(root, 'dist/examples/pi/pi.js')
  const args = ['--master', master.masterUrl, '--points', '1000', '--partitions', '2']
  const { stdout } = await promisify(execFile)(process.execPath, [pi, ...args])
  expect(stdout).toMatch(/^Pi is roughly/)
  const told = async () => valuesOf(await families(master.webUiUrl))
  // That it runs comes from its worker, on another way than the result.
  await expect.poll(told).toMatchObject({
    magneto_executor_launches_total: 1,
    magneto_executor_launch_seconds_count: 1,
  })
  const values = await told()
  expect(values['magneto_executor_launch_seconds_sum']).toBeGreaterThan(0)
  const here = valuesOf(await families(workerUrl))
  expect(here).toMatchObject({ magneto_executor_start_seconds_count: 1 })
  const started = here['magneto_executor_start_seconds_sum']!
  expect(started).toBeGreaterThan(0)
  expect(started).toBeLessThan(values['magneto_executor_launch_seconds_sum']!)
  const { body } = await ask(`${master.webUiUrl}/metrics/applications/json`)
  const { gauges } = JSON.parse(body) as { gauges: Record<string, { value: unknown }> }
  expect(Object.keys(gauges).map((name) => name.replace(/\d+/, 'ms'))).toEqual([
    'application.Pi.ms.cores',
    'application.Pi.ms.runtime_ms',
    'application.Pi.ms.status',
  ])
})

describe('what says it in words', () => {
  const doc = readFile(join(root, 'docs/metrics.md'), 'utf8')
  const tellable = async (): Promise<ReadFamily[]> => [
    ...(await families(master.webUiUrl)),
    ...(await families(workerUrl)),
  ]

  test('docs/metrics.md has every family with its help, and no other', async () => {
    const rows = (await doc)
      .split('\n')
      .map((line) => line.replaceAll(/ +/g, ' '))
      .filter((line) => /^\| `(magneto|process)_/.test(line))
    const told = await tellable()
    for (const { name, type, help } of told) {
      const row = rows.find(
        (line) => line.startsWith(`| \`${name}\` | ${type} |`) && line.includes(help),
      )
      expect(row, `${name}: ${type}: ${help}`).toBeDefined()
    }
    const names = new Set([...told.map(({ name }) => name), OF_STANDBYS])
    expect(rows.map((line) => line.split('`')[1]).filter((name) => !names.has(name!))).toEqual([])
  })

  test('examples/grafana asks for nothing that is not told', async () => {
    const text = await readFile(join(root, 'examples/grafana/magneto.json'), 'utf8')
    const dashboard = JSON.parse(text) as {
      panels: { title: string; targets?: { expr: string }[] }[]
    }
    const told = (await tellable()).flatMap(({ samples }) => [...samples.keys()].map(bare))
    const names = new Set([...told, OF_STANDBYS])
    const asked = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))
    expect(asked.length).toBeGreaterThan(10)
    const rules = await readFile(join(root, 'examples/grafana/alerts.yml'), 'utf8')
    asked.push(...rules.split(/^ +- alert: /m).slice(1))
    for (const expression of asked) {
      const used = expression.match(/\b(magneto|process)_[a-z_]+/g) ?? []
      expect(used.length, expression).toBeGreaterThan(0)
      for (const name of used) expect(names, expression).toContain(name)
    }
  })
})

function bare(sample: string): string {
  return sample.replace(/\{.*$/, '')
}
