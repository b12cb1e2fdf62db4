/** What metrics tell of the cluster, of a real core by way of the model. */
import { expect, test } from 'vitest'
import { encode } from '../../src/control/codec.js'
import { clusterFamilies } from '../../src/metrics/cluster-families.js'
import { prometheusText } from '../../src/metrics/exposition.js'
import {
  ApplicationState,
  ExecutorState,
  ExecutorStateChangedT,
  Limit,
  WorkerHealthT,
} from '../../src/schema/magneto.js'
import { ClusterFeed } from '../../src/ui/model/cluster-feed.js'
import { clusterFigures, explainedOfKindMax } from '../../src/ui/model/figures.js'
import { Driver, registerApplication, registerWorker } from '../core/support.js'
import { readPrometheus, valuesOf } from '../metrics/prometheus-text.js'
import { applicationView, clusterOf, clusterView, explanation } from './views.js'

/** Answered by the core as soon as it waits for that. */
function feedOf({ core, nowMs }: Driver): ClusterFeed {
  const feed: ClusterFeed = new ClusterFeed({
    request: (anew) => queueMicrotask(() => feed.deliver(core.changes(nowMs, anew, 1 << 20))),
    explain: (id, request) =>
      queueMicrotask(() => feed.deliverExplanations(id, core.explain(request))),
    freshMs: 0,
  })
  return feed
}

async function told(cluster: Parameters<typeof clusterFigures>[0]) {
  const sampled = clusterFamilies(await clusterFigures(cluster))
  return valuesOf(readPrometheus(prometheusText(sampled), 'prometheus'))
}

test('executors by their states, and for what each application waits', async () => {
  const driver = new Driver()
  const worker = driver.connect(1)
  driver.message(worker, registerWorker('worker-1', 4))
  driver.message(driver.connect(2), registerApplication('first', 'driver:1'))
  driver.message(driver.connect(3), registerApplication('second', 'driver:2'))
  const [app] = driver.view().unpack().activeApplications
  const id = String(app?.id)
  expect(app?.executors.map(({ state }) => state)).toEqual([
    ExecutorState.LAUNCHING,
    ExecutorState.LAUNCHING,
  ])
  const feed = feedOf(driver)
  expect(await told(feed)).toMatchObject({
    'magneto_executors{state="LAUNCHING"}': 2,
    'magneto_executors{state="RUNNING"}': 0,
    'magneto_applications{state="RUNNING"}': 1,
    'magneto_applications{state="WAITING"}': 1,
    // The first one would have more, too.
    'magneto_waiting_applications{reason="earlier"}': 1,
    'magneto_waiting_applications{reason="placing"}': 0,
    magneto_cores_used: 4,
    magneto_unhealthy_workers: 0,
  })
  driver.message(worker, encode(new ExecutorStateChangedT(1, id, 0, ExecutorState.RUNNING)))
  driver.message(worker, encode(new WorkerHealthT('worker-1', false, 'disk full')))
  expect(await told(feed)).toMatchObject({
    'magneto_executors{state="LAUNCHING"}': 1,
    'magneto_executors{state="RUNNING"}': 1,
    magneto_unhealthy_workers: 1,
  })
})

test('who asks why names those in front of the queue, and says of the others that it did not', async () => {
  const why = explanation({ limit: Limit.CORES_MAX })
  const leftOut = explanation({ limit: Limit.NONE, workers: 0 })
  const view = clusterView({
    activeApplications: Array.from({ length: explainedOfKindMax + 7 }, (_, at) =>
      applicationView(`app-${at}`, {
        state: ApplicationState.WAITING,
        executors: [],
        explanations: [at < 3 ? leftOut : why],
      }),
    ),
  })
  const asked: number[] = []
  const cluster = clusterOf(view)
  const values = await told({
    current: () => cluster.current(),
    explain: async ({ applications, drivers }) => {
      asked.push(applications.length, drivers.length)
    },
  })
  expect(asked).toEqual([explainedOfKindMax, 0])
  expect(values).toMatchObject({
    'magneto_waiting_applications{reason="cores_max"}': explainedOfKindMax - 3,
    'magneto_waiting_applications{reason="unexplained"}': 7 + 3,
    'magneto_waiting_applications{reason="no_workers"}': 0,
    magneto_executors_wanted: 3 * (explainedOfKindMax - 3),
  })
})
