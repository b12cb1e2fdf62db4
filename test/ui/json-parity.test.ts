/** What Apache's Master 4.3.0 answered on /json/, against what ours makes of the same cluster. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ApplicationState, WorkerState } from '../../src/schema/magneto.js'
import { prettyJson } from '../../src/ui/json-text.js'
import { clusterJson } from '../../src/ui/json.js'
import { applicationView, clusterView, workerView } from './views.js'

// The capture was taken in UTC, and dates are local.
process.env['TZ'] = 'UTC'

const captured = join(import.meta.dirname, '../fixtures/json/apache-4.3.0-master.json')

test('J1 to J4: the same cluster gives the same text, byte for byte', () => {
  const apache = readFileSync(captured, 'utf8')
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
  expect(prettyJson(clusterJson(view))).toBe(apache)
})
