import { describe, expect, test } from 'vitest'
import {
  ApplicationState,
  ClusterViewT,
  DriverState,
  MasterState,
  WorkerState,
} from '../../src/schema/magneto.js'
import { prettyJson } from '../../src/http/json-text.js'
import { clusterFieldJson, clusterUtilizationJson } from '../../src/ui/json.js'
import { clusterJson, documentOf, masterFields } from './documents.js'
import { applicationView, clusterView, driverView, waitingDriverView, workerView } from './views.js'

describe("Spark's JSON document", () => {
  test('J1: the fields of the master, in order', () => {
    expect(Object.keys(clusterJson(clusterView()))).toEqual(masterFields)
  })

  test('J1: what they hold', () => {
    expect(clusterJson(clusterView())).toMatchObject({
      url: 'spark://master:7077',
      activedrivers: [],
      completeddrivers: [],
      status: 'ALIVE',
    })
  })

  test('J8: totals count ALIVE workers only', () => {
    expect(clusterJson(clusterView())).toMatchObject({
      aliveworkers: 1,
      cores: 8,
      coresused: 3,
      memory: 4096,
      memoryused: 1024,
      resources: [{ gpu: { name: 'gpu', addresses: ['0', '1'] } }],
      resourcesused: [{ gpu: { name: 'gpu', addresses: ['1'] } }],
    })
  })

  test('J2, J7: a worker', () => {
    const { workers } = clusterJson(clusterView())
    expect(JSON.stringify((workers as unknown[])[0])).toBe(
      JSON.stringify({
        id: 'worker-1',
        host: '10.0.0.1',
        port: 7001,
        webuiaddress: 'http://10.0.0.1:8081',
        cores: 8,
        coresused: 3,
        coresfree: 5,
        memory: 4096,
        memoryused: 1024,
        memoryfree: 3072,
        resources: { gpu: { name: 'gpu', addresses: ['0', '1'] } },
        resourcesused: { gpu: { name: 'gpu', addresses: ['1'] } },
        resourcesfree: { gpu: { name: 'gpu', addresses: ['0'] } },
        state: 'ALIVE',
        lastheartbeat: Date.UTC(2026, 10, 21, 5, 0, 0),
      }),
    )
  })
})

test('J2: a resource of which nothing is used is listed without addresses', () => {
  const view = clusterView({ workers: [workerView('worker-1', { resourcesUsed: [] })] })
  expect(clusterJson(view)).toMatchObject({
    resourcesused: [{ gpu: { name: 'gpu', addresses: [] } }],
    workers: [{ resourcesfree: { gpu: { name: 'gpu', addresses: ['0', '1'] } } }],
  })
})

test('J4: drivers, their start as text, "None" for who has no worker', () => {
  const view = clusterView({
    activeDrivers: [waitingDriverView('driver-2')],
    completedDrivers: [driverView('driver-1', { state: DriverState.FAILED })],
  })
  const { activedrivers, completeddrivers } = clusterJson(view)
  const starttime = String(Date.UTC(2026, 10, 21, 5, 0, 0))
  expect(activedrivers).toMatchObject([
    { id: 'driver-2', starttime, state: 'SUBMITTED', worker: 'None', mainclass: 'org.example.Pi' },
  ])
  expect(completeddrivers).toMatchObject([
    { id: 'driver-1', starttime, state: 'FAILED', worker: 'worker-1', cores: 1, memory: 512 },
  ])
})

test('S1, S2, S3, S5: states by the words of Spark, in the order of its numbers', () => {
  const words = (document: unknown) =>
    (document as { state: string }[]).map(({ state }) => state).join(' ')
  const upTo = (last: number) => Array.from({ length: last + 1 }, (_, state) => state)
  const all = clusterJson(
    clusterView({
      workers: upTo(WorkerState.UNKNOWN).map((state) => workerView(`w${state}`, { state })),
      activeApplications: upTo(ApplicationState.UNKNOWN).map((state) =>
        applicationView(`a${state}`, { state }),
      ),
      activeDrivers: upTo(DriverState.ERROR).map((state) => driverView(`d${state}`, { state })),
    }),
  )
  expect(words(all['workers'])).toBe('ALIVE DEAD DECOMMISSIONED UNKNOWN')
  expect(words(all['activeapps'])).toBe('WAITING RUNNING FINISHED FAILED KILLED UNKNOWN')
  expect(words(all['activedrivers'])).toBe(
    'SUBMITTED RUNNING FINISHED RELAUNCHING UNKNOWN KILLED FAILED ERROR',
  )
  const masters = upTo(MasterState.COMPLETING_RECOVERY).map(
    (state) => clusterJson(clusterView({ state }))['status'],
  )
  expect(masters).toEqual(['STANDBY', 'ALIVE', 'RECOVERING', 'COMPLETING_RECOVERY'])
})

describe("an application in Spark's JSON document", () => {
  test('J3: an application', () => {
    const { activeapps } = clusterJson(clusterView())
    const [application] = activeapps as Record<string, unknown>[]
    expect(Object.keys(application ?? {})).toEqual([
      'id',
      'starttime',
      'name',
      'cores',
      'user',
      'memoryperexecutor',
      'memoryperslave',
      'resourcesperexecutor',
      'resourcesperslave',
      'submitdate',
      'state',
      'duration',
    ])
    expect(application).toMatchObject({
      id: 'app-1',
      starttime: Date.UTC(2026, 10, 21, 5, 0, 0),
      name: 'pi',
      cores: 3,
      user: 'ada',
      memoryperexecutor: 1024,
      memoryperslave: 1024,
      resourcesperexecutor: [{ name: 'gpu', amount: 1 }],
      state: 'RUNNING',
      duration: 90_000,
    })
    expect(application?.['submitdate']).toMatch(/^Sat Nov 21 \d\d:\d\d:\d\d \S+ 2026$/)
  })

  test('J3: the duration of a completed application stands still', () => {
    const { completedapps } = clusterJson(clusterView())
    expect(completedapps).toMatchObject([{ id: 'app-0', state: 'KILLED', duration: 30_000 }])
  })
})

describe("parts of Spark's JSON document", () => {
  test.each(masterFields)('U11: /json/%s is that field alone', (name) => {
    const view = clusterView()
    expect(documentOf(clusterFieldJson(view, name))).toEqual({ [name]: clusterJson(view)[name] })
  })

  test.each(['nonsense', 'constructor', 'toString', '__proto__'])(
    'U11: the unknown field %s comes back empty',
    (name) => {
      const text = JSON.stringify(documentOf(clusterFieldJson(clusterView(), name)))
      expect(text).toBe(`{"${name}":""}`)
    },
  )

  test('U12: utilization in whole percent', () => {
    expect(clusterUtilizationJson(clusterView())).toEqual({
      waitingDrivers: 0,
      cores: 8,
      coresused: 3,
      coresutilization: 37,
      memory: 4096,
      memoryused: 1024,
      memoryutilization: 25,
    })
  })

  test('U12: a cluster without workers is fully used', () => {
    expect(clusterUtilizationJson(new ClusterViewT('spark://m:7077'))).toMatchObject({
      coresutilization: 100,
      memoryutilization: 100,
    })
  })

  test('U19: pretty printed as Spark prints it', () => {
    expect(prettyJson({ a: [], b: {}, c: [{ d: 1 }, { e: 'x"y' }], f: null })).toBe(
      '{\n  "a" : [ ],\n  "b" : { },\n  "c" : [ {\n    "d" : 1\n  }, {\n    "e" : "x\\"y"\n  } ],\n' +
        '  "f" : null\n}',
    )
  })
})
