/** What Apache's Master 4.3.0 answered on /json/, against what ours makes of the same cluster. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import {
  ApplicationState,
  DriverState,
  ResourceT,
  WorkerState,
  type DriverViewT,
} from '../../src/schema/magneto.js'
import { prettyJson } from '../../src/http/json-text.js'
import { clusterJson, clusterUtilizationJson } from '../../src/ui/json.js'
import { textOf } from './documents.js'
import { applicationView, clusterView, driverView, waitingDriverView, workerView } from './views.js'

// The capture was taken in UTC, and dates are local.
process.env['TZ'] = 'UTC'

const captured = (name: string) =>
  readFileSync(join(import.meta.dirname, `../fixtures/json/apache-4.3.0-${name}.json`), 'utf8')

test('J1 to J3: the same cluster gives the same text, byte for byte', () => {
  const apache = captured('master')
  const worker = workerView('worker-20261121055837-127.0.0.1-37101', {
    host: '127.0.0.1',
    port: 37101,
    webUiUrl: 'http://127.0.0.1:28081',
    cores: 2,
    coresUsed: 0,
    memoryMb: 2048,
    memoryUsedMb: 0,
    resources: [],
    resourcesUsed: [],
    state: WorkerState.ALIVE,
    lastHeartbeatMs: 1795240748810n,
  })
  const application = applicationView('app-20261121055847-0000', {
    name: 'slow_sum.py',
    user: 'root',
    coresGranted: 2,
    memoryPerExecutorMb: 512,
    resourcesPerExecutor: [],
    startedMs: 1795240727588n,
    submittedMs: 1795240727588n,
    endedMs: 1795240727588n + 9059n,
    state: ApplicationState.FINISHED,
  })
  const view = clusterView({
    masterUrl: 'spark://127.0.0.1:27077',
    workers: [worker],
    activeApplications: [],
    completedApplications: [application],
  })
  expect(textOf(clusterJson(view))).toBe(apache)
})

/** Each of its drivers ended otherwise; the worker has two GPUs, and a driver holds one. */
function clusterWithDrivers(state: WorkerState, running: readonly DriverViewT[]) {
  const id = 'worker-20261121073307-127.0.0.1-37101'
  const worker = workerView(id, {
    host: '127.0.0.1',
    port: 37101,
    webUiUrl: 'http://127.0.0.1:28081',
    cores: 4,
    coresUsed: 1,
    memoryMb: 2048,
    memoryUsedMb: 128,
    resources: [new ResourceT('gpu', ['0', '1'])],
    resourcesUsed: [new ResourceT('gpu', ['0'])],
    state,
    lastHeartbeatMs: 1795246574597n,
  })
  const asked = { workerId: id, memoryMb: 128, mainClass: 'Sleeper' }
  const ended = (driverId: string, submittedMs: bigint, how: DriverState) =>
    driverView(driverId, { ...asked, submittedMs, state: how })
  return clusterView({
    masterUrl: 'spark://127.0.0.1:27077',
    workers: [worker],
    activeApplications: [],
    completedApplications: [],
    activeDrivers: [
      driverView('driver-20261121073320-0000', {
        ...asked,
        submittedMs: 1795246400063n,
        resources: [new ResourceT('gpu', ['0'])],
      }),
      ...running,
    ],
    completedDrivers: [
      ended('driver-20261121073410-0001', 1795246450415n, DriverState.ERROR),
      ended('driver-20261121073456-0002', 1795246496860n, DriverState.FAILED),
      ended('driver-20261121073528-0003', 1795246528408n, DriverState.FINISHED),
      waitingDriverView('driver-20261121073605-0005', {
        memoryMb: 128,
        mainClass: 'Sleeper',
        submittedMs: 1795246565237n,
        state: DriverState.KILLED,
      }),
    ],
  })
}

const tooLarge = waitingDriverView('driver-20261121073550-0004', {
  cores: 64,
  memoryMb: 128,
  mainClass: 'Sleeper',
  submittedMs: 1795246550704n,
})

test('J1, J4: drivers that run, wait and ended in every way, byte for byte', () => {
  const view = clusterWithDrivers(WorkerState.ALIVE, [tooLarge])
  expect(textOf(clusterJson(view))).toBe(captured('drivers'))
})

test('J8, D3, D4: a worker that leaves counts in no total, its driver stays', () => {
  const view = clusterWithDrivers(WorkerState.DECOMMISSIONED, [tooLarge])
  expect(textOf(clusterJson(view))).toBe(captured('drivers-decommissioned'))
})

test('U12: utilization with two drivers waiting, byte for byte', () => {
  const view = clusterWithDrivers(WorkerState.ALIVE, [tooLarge, waitingDriverView('driver-1')])
  expect(prettyJson(clusterUtilizationJson(view))).toBe(captured('clusterutilization'))
})
