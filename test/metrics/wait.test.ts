/** What applications wait for, how long they waited, and the sums of a cluster. */
import { describe, expect, test } from 'vitest'
import { clusterFamilies } from '../../src/metrics/cluster-families.js'
import { prometheusText } from '../../src/metrics/exposition.js'
import { WAIT_REASONS, waitReason } from '../../src/metrics/wait-reason.js'
import { WaitTimes } from '../../src/metrics/wait-times.js'
import {
  ApplicationState,
  Limit,
  WorkerState,
  type ExplanationT,
} from '../../src/schema/magneto.js'
import { clusterFigures } from '../../src/ui/model/figures.js'
import {
  applicationView,
  clusterOf,
  clusterView,
  explanation,
  waitingDriverView,
  workerView,
} from '../ui/views.js'
import { readPrometheus, valuesOf } from './prometheus-text.js'

const free = {
  limit: Limit.NONE,
  workers: 9,
  fitting: 0,
  ruledOutByState: 0,
  ruledOutByRuntime: 0,
  ruledOutByCores: 0,
  ruledOutByMemory: 0,
  ruledOutByResources: 0,
}
const why = (change: Partial<ExplanationT>): ExplanationT => explanation({ ...free, ...change })

describe('the reason in one word', () => {
  test.each<[string, Partial<ExplanationT>]>([
    ['cores_max', { limit: Limit.CORES_MAX, workers: 0 }],
    ['executor_limit', { limit: Limit.EXECUTOR_LIMIT }],
    ['max_drivers', { limit: Limit.MAX_DRIVERS }],
    ['master_state', { limit: Limit.MASTER_STATE }],
    ['earlier', { limit: Limit.EARLIER, fitting: 3 }],
    ['no_workers', { workers: 0 }],
    ['placing', { fitting: 1, ruledOutByCores: 8 }],
    ['cores', { ruledOutByCores: 5, ruledOutByMemory: 4 }],
    ['memory', { ruledOutByCores: 4, ruledOutByMemory: 5 }],
    ['resources', { ruledOutByRuntime: 8, ruledOutByResources: 1 }],
    ['runtime', { ruledOutByState: 5, ruledOutByRuntime: 4 }],
    ['worker_state', { ruledOutByState: 9 }],
  ])('%s', (reason, change) => expect(waitReason(why(change))).toBe(reason))

  test('there is one for every limit', () => {
    const limits = Object.values(Limit).filter((limit) => typeof limit === 'number')
    const reasons = limits.map((limit) => waitReason(why({ limit, fitting: 1 })))
    expect(new Set(reasons).size).toBe(limits.length)
    for (const reason of reasons) expect(WAIT_REASONS).toContain(reason)
  })
})

describe('how long they waited', () => {
  const startMs = 1_000_000
  const { WAITING, RUNNING } = ApplicationState
  const application = (id: string, state: ApplicationState, cameMs: number, of?: ExplanationT) =>
    applicationView(id, {
      state,
      submittedMs: BigInt(cameMs),
      explanations: of === undefined ? [] : [of],
    })
  const at = (ms: number, ...activeApplications: ReturnType<typeof application>[]) =>
    clusterFigures(clusterOf(clusterView({ nowMs: BigInt(startMs + ms), activeApplications })))
  const values = (waits: WaitTimes): Record<string, number> =>
    valuesOf(readPrometheus(prometheusText(waits.samples()), 'prometheus'))
  const count = (reason: string): string =>
    `magneto_application_wait_seconds_count{reason="${reason}"}`

  test('by what each waited for at last; what ran before anybody looked is not counted', async () => {
    const waits = new WaitTimes()
    const cores = why({ ruledOutByCores: 9 })
    const earlier = why({ limit: Limit.EARLIER })
    const old = application('app-0', RUNNING, startMs - 5_000)
    waits.see(await at(0, old, application('app-1', WAITING, startMs - 5_000, earlier)))
    waits.see(await at(10_000, old, application('app-1', WAITING, startMs - 5_000, cores)))
    waits.see(
      await at(
        20_000,
        old,
        application('app-1', RUNNING, startMs - 5_000),
        application('app-2', RUNNING, startMs + 19_000),
      ),
    )
    // One that loses all its executors waits for no first one.
    waits.see(await at(30_000, application('app-1', WAITING, startMs - 5_000, cores)))
    waits.see(await at(40_000, application('app-1', RUNNING, startMs - 5_000)))
    expect(values(waits)).toMatchObject({
      [count('cores')]: 1,
      'magneto_application_wait_seconds_sum{reason="cores"}': 25,
      [count('none')]: 1,
      'magneto_application_wait_seconds_sum{reason="none"}': 1,
      [count('earlier')]: 0,
    })
  })

  test('its series are as many as there are reasons, whatever comes', async () => {
    const waits = new WaitTimes()
    const before = Object.keys(values(waits)).length
    for (let round = 0; round < 3; round += 1) {
      const many = Array.from({ length: 500 }, (_, index) =>
        application(`app-${round}-${index}`, WAITING, startMs, why({ workers: 0 })),
      )
      waits.see(await at(round, ...many))
    }
    expect(Object.keys(values(waits))).toHaveLength(before)
  })
})

test('the cluster in sums: states, cores, memory, what waits and for what', async () => {
  const view = clusterView({
    nowMs: 100_000n,
    workers: [
      workerView('a', { lastHeartbeatMs: 90_000n, healthReport: 'disk full' }),
      workerView('b', { lastHeartbeatMs: 99_000n, healthReport: null }),
      workerView('c', { state: WorkerState.DEAD, lastHeartbeatMs: 0n }),
    ],
    activeApplications: [
      applicationView('app-1'),
      applicationView('app-2', {
        state: ApplicationState.WAITING,
        executors: [],
        explanations: [why({ ruledOutByMemory: 2, wanted: 3 })],
      }),
    ],
    activeDrivers: [waitingDriverView('driver-1')],
  })
  const figures = await clusterFigures(clusterOf(view))
  const values = valuesOf(readPrometheus(prometheusText(clusterFamilies(figures)), 'prometheus'))
  expect(values).toMatchObject({
    'magneto_workers{state="ALIVE"}': 2,
    'magneto_workers{state="DEAD"}': 1,
    'magneto_workers{state="UNKNOWN"}': 0,
    magneto_unhealthy_workers: 1,
    magneto_oldest_heartbeat_seconds: 10,
    magneto_cores: 16,
    magneto_cores_used: 6,
    magneto_memory_bytes: 8192 * 2 ** 20,
    magneto_memory_used_bytes: 2048 * 2 ** 20,
    'magneto_applications{state="WAITING"}': 1,
    'magneto_applications{state="RUNNING"}': 1,
    'magneto_waiting_applications{reason="memory"}': 1,
    'magneto_waiting_applications{reason="cores"}': 0,
    'magneto_executors{state="RUNNING"}': 1,
    'magneto_executors{state="LAUNCHING"}': 0,
    magneto_executors_wanted: 3,
    magneto_drivers: 1,
  })
  const drivers = Object.entries(values).filter(([key]) =>
    key.startsWith('magneto_waiting_drivers'),
  )
  expect(drivers.reduce((sum, [, value]) => sum + value, 0)).toBe(1)
})
