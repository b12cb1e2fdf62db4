/** Spark's sources and documents, beside what Apache's Master and Worker 4.3.0 answered (test/fixtures/metrics). */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { gaugesJson, gaugesPrometheus } from '../../src/metrics/spark-documents.js'
import {
  applicationGauges,
  masterGauges,
  workerGauges,
  type Gauge,
} from '../../src/metrics/spark-sources.js'
import { ApplicationState, WorkerState } from '../../src/schema/magneto.js'
import { applicationView, clusterView, workerView } from '../ui/views.js'

const fixture = (name: string): string =>
  readFileSync(join(import.meta.dirname, '../fixtures/metrics', name), 'utf8')

/** When Apache's application came, in the names of its fixtures. */
const cameMs = 1_795_294_059_146

const view = clusterView({
  nowMs: BigInt(cameMs + 5_698),
  workers: [workerView('worker-1')],
  activeApplications: [
    applicationView('app-1', {
      name: 'count words',
      submittedMs: BigInt(cameMs),
      coresGranted: 1,
      endedMs: 0n,
    }),
  ],
  completedApplications: [],
})
const load = { executors: 1, cores: 2, coresUsed: 1, memoryMb: 2048, memoryUsedMb: 512 }

interface Document {
  version: string
  gauges: Record<string, { value: unknown }>
}

/** Sources that a JVM has and no other program: the known difference. */
const ofJvm = /^(CodeGenerator|HiveExternalCatalog)\./

function withoutJvm(document: object): object {
  return Object.fromEntries(
    Object.entries(document).map(([part, metrics]) => [
      part,
      typeof metrics === 'object'
        ? Object.fromEntries(Object.entries(metrics).filter(([name]) => !ofJvm.test(name)))
        : metrics,
    ]),
  )
}

describe.each<[string, readonly Gauge[]]>([
  ['master', masterGauges(view)],
  ['applications', applicationGauges(view)],
  ['worker', workerGauges(load)],
])('%s', (instance, gauges) => {
  test('Z1 to Z3, Z8: the JSON document is that of Spark, names, order, types and values', () => {
    const theirs = withoutJvm(JSON.parse(fixture(`apache-4.3.0-${instance}.json`)))
    expect(JSON.parse(gaugesJson(gauges))).toEqual(theirs)
    expect(gaugesJson(gauges)).toBe(JSON.stringify(theirs))
  })

  test('Z7: the text for Prometheus is that of Spark, line by line', () => {
    const theirs = fixture(`apache-4.3.0-${instance}.prometheus`)
      .split('\n')
      .filter((line) => !/^metrics_(CodeGenerator|HiveExternalCatalog)_/.test(line))
      .map((line) => line.replace(/(runtime_ms_\w+\{.*\}) \d+$/, '$1 5698'))
    expect(gaugesPrometheus(gauges).split('\n')).toEqual(theirs)
  })
})

test('Z1: dead workers are counted as workers, and waiting applications as applications', () => {
  const odd = clusterView({
    workers: [workerView('a'), workerView('b', { state: WorkerState.DEAD })],
    activeApplications: [
      applicationView('app-1'),
      applicationView('app-2', { state: ApplicationState.WAITING }),
    ],
  })
  const values = Object.fromEntries(masterGauges(odd).map(({ name, value }) => [name, value]))
  expect(values).toEqual({
    'master.workers': 2,
    'master.aliveWorkers': 1,
    'master.apps': 2,
    'master.waitingApps': 1,
  })
})

test('Z2: an application that has ended is shown as long as it is remembered', () => {
  const ended = applicationView('app-9', {
    name: 'old',
    submittedMs: 1_000n,
    endedMs: 4_000n,
    state: ApplicationState.FINISHED,
    coresGranted: 0,
  })
  const gauges = applicationGauges(
    clusterView({ activeApplications: [], completedApplications: [ended] }),
  )
  expect((JSON.parse(gaugesJson(gauges)) as Document).gauges).toEqual({
    'application.old.1000.cores': { value: 0 },
    'application.old.1000.runtime_ms': { value: 3_000 },
    'application.old.1000.status': { value: 'FINISHED' },
  })
})

test('Z7: applications whose names become one are shown once: a document with two is refused whole', () => {
  const twice = ['count-words', 'count words'].map((name, id) =>
    applicationView(`app-${id}`, { name, submittedMs: 5n }),
  )
  const text = gaugesPrometheus(
    applicationGauges(clusterView({ activeApplications: twice, completedApplications: [] })),
  )
  const names = text
    .trimEnd()
    .split('\n')
    .map((line) => line.split(' ')[0])
  expect(names).toHaveLength(4)
  expect(new Set(names).size).toBe(4)
})

test('Z7: a name of an application can be anything, and stays one name', () => {
  const hostile = 'x"} 1\nmetrics_master_workers_Value{type="gauges"} 99'
  const text = gaugesPrometheus(
    applicationGauges(
      clusterView({
        activeApplications: [applicationView('app-1', { name: hostile })],
        completedApplications: [],
      }),
    ),
  )
  for (const line of text.trimEnd().split('\n'))
    expect(line).toMatch(/^metrics_application_x[a-zA-Z0-9_]+\{type="gauges"\} \d+$/)
})
