import { Builder, ByteBuffer } from 'flatbuffers'
import { describe, expect, test } from 'vitest'
import { encode } from '../../src/control/codec.js'
import { InboxKind } from '../../src/control/records.js'
import {
  ChangesT,
  ClusterView,
  ClusterViewT,
  ExecutorState,
  ExecutorStateChangedT,
  ExplainRequestT,
  KillExecutorsT,
  RegisterWorkerT,
  WorkerHealthT,
  WorkerHeartbeatT,
  WorkerRowT,
} from '../../src/schema/magneto.js'
import { ViewUnavailable } from '../../src/ui/errors.js'
import { ClusterFeed, roundPartsMax } from '../../src/ui/model/cluster-feed.js'
import { ClusterModel } from '../../src/ui/model/cluster-model.js'
import { findRow } from '../../src/ui/model/find-row.js'
import { Driver, registerApplication } from '../core/support.js'
import { Random } from '../sim/random.js'
import { differencesOf } from './model-view.js'
import { applicationView, changesBytes, changesOf, clusterView, workerView } from './views.js'

function feedWithClock() {
  const asked: boolean[] = []
  const explained: number[] = []
  const clock = { nowMs: 0 }
  const feed = new ClusterFeed({
    request: (anew) => asked.push(anew),
    explain: (id) => explained.push(id),
    nowMs: () => clock.nowMs,
  })
  return { asked, explained, clock, feed }
}

const whole = () => changesBytes(changesOf(clusterView()))
const part = (change: Partial<ChangesT>) =>
  changesBytes(Object.assign(new ChangesT(new ClusterViewT('spark://master:7077')), change))

describe('changes are asked for sparingly', () => {
  test('Y12: fifty readers at once cost one request', async () => {
    const { asked, feed } = feedWithClock()
    const readers = Array.from({ length: 50 }, () => feed.current())
    expect(asked).toEqual([true])
    feed.deliver(whole())
    const models = await Promise.all(readers)
    expect(new Set(models).size).toBe(1)
    expect(models[0]?.cluster.masterUrl).toBe('spark://master:7077')
  })

  test('what is there is read for 100 ms and not longer', async () => {
    const { asked, clock, feed } = feedWithClock()
    const first = feed.current()
    feed.deliver(whole())
    await first
    clock.nowMs = 99
    await feed.current()
    expect(asked).toEqual([true])
    clock.nowMs = 100
    const second = feed.current()
    expect(asked).toEqual([true, false])
    feed.deliver(part({ removed: [1] }))
    expect((await second).workers.size).toBe(1)
  })

  test('who looks unasked spares nobody a question: the next reader is shown nothing old', async () => {
    const { asked, feed } = feedWithClock()
    const glance = feed.glance()
    const other = feed.current()
    feed.deliver(whole())
    expect(await glance).toBe(await other)
    expect(asked).toEqual([true])
    const next = feed.current()
    expect(asked).toEqual([true, false])
    feed.deliver(part({ removed: [1] }))
    expect((await next).workers.size).toBe(1)
  })

  test('what came a moment ago is found; what is not there is looked for twice', async () => {
    const { asked, feed, clock } = feedWithClock()
    const first = feed.current()
    feed.deliver(whole())
    const old = (await first).workers.size
    const found = findRow(feed, (model) => model.worker('worker-new'))
    clock.nowMs = 100
    await expect.poll(() => asked).toEqual([true, false])
    feed.deliver(part({ workers: [new WorkerRowT(1000, workerView('worker-new'))] }))
    const { row, model: later } = (await found)!
    expect([row.worker.id, later.workers.size]).toEqual(['worker-new', old + 1])
    expect(await findRow(feed, (model) => model.worker('nobody'))).toBeNull()
    expect(asked).toEqual([true, false])
  })

  test('at first a reader waits for everything, however many parts that takes', async () => {
    const { asked, feed } = feedWithClock()
    let there = false
    const read = async () => {
      await feed.current()
      there = true
    }
    const reader = read()
    for (let parts = 0; parts < 3 * roundPartsMax; ++parts)
      feed.deliver(part({ anew: parts === 0, more: true }))
    await Promise.resolve()
    expect(there).toBe(false)
    feed.deliver(part({}))
    await reader
    expect(asked).toEqual([true, ...Array.from({ length: 3 * roundPartsMax }, () => false)])
  })

  test('later it waits for some parts of a change without end', async () => {
    const { clock, feed } = feedWithClock()
    const first = feed.current()
    feed.deliver(whole())
    await first
    clock.nowMs = 100
    const second = feed.current()
    for (let parts = 0; parts < roundPartsMax; ++parts) feed.deliver(part({ more: true }))
    await second
  })

  test('a master that begins anew, with another core, is waited for as at first', async () => {
    const { clock, feed } = feedWithClock()
    const first = feed.current()
    feed.deliver(whole())
    await first
    clock.nowMs = 100
    const second = feed.current()
    feed.deliver(part({ anew: true, more: true }))
    for (let parts = 0; parts < 2 * roundPartsMax; ++parts) feed.deliver(part({ more: true }))
    feed.deliver(part({ removed: [7] }))
    expect((await second).workers.size).toBe(0)
  })

  test('a silent master ends the wait, the next reader asks again, and a late answer counts', async () => {
    const asked: boolean[] = []
    const feed = new ClusterFeed({
      request: (anew) => asked.push(anew),
      explain: () => {},
      waitMs: 1,
    })
    await expect(feed.current()).rejects.toBeInstanceOf(ViewUnavailable)
    const again = feed.current()
    expect(asked).toEqual([true, true])
    feed.deliver(whole())
    expect((await again).workers.size).toBe(2)
  })

  test('closing ends every wait', async () => {
    const { feed } = feedWithClock()
    const reader = feed.current()
    feed.close()
    await expect(reader).rejects.toBeInstanceOf(ViewUnavailable)
  })

  test('A6: only what waits is asked about, and not again within a second', async () => {
    const { explained, clock, feed } = feedWithClock()
    const view = clusterView({ activeApplications: [applicationView('app-1')] })
    const changes = changesOf(view)
    for (const row of changes.applications) row.waits = row.application?.id === 'app-1'
    const reader = feed.current()
    feed.deliver(changesBytes(changes))
    const model = await reader
    const rows = {
      applications: [model.application('app-1')!, model.application('app-0')!],
      drivers: [],
    }
    const asking = feed.explain(rows)
    expect(explained).toEqual([1])
    const builder = new Builder()
    builder.finish(new ExplainRequestT().pack(builder))
    const answer = new Driver().core.explain(builder.asUint8Array())
    feed.deliverExplanations(9, answer)
    feed.deliverExplanations(1, answer)
    await asking
    await feed.explain(rows)
    expect(explained).toEqual([1])
    clock.nowMs = 1000
    const again = feed.explain(rows)
    expect(explained).toEqual([1, 2])
    feed.close()
    await expect(again).rejects.toBeInstanceOf(ViewUnavailable)
  })
})

/** Random events, and a reader that takes some of what they change now and then. */
class History {
  readonly driver = new Driver()
  readonly model = new ClusterModel()
  readonly #random: Random
  readonly #workers: { id: string; session: number }[] = []
  readonly #apps: { id: string; session: number }[] = []
  #sessions = 0
  #anew = true

  constructor(seed: number) {
    this.#random = new Random(seed)
  }

  step(): void {
    const dice = this.#below(100)
    this.driver.nowMs += 1
    if (dice < 12) return this.#addWorker()
    if (dice < 22) return this.#addApplication()
    if (dice < 70) return this.#report()
    const worker = this.#workers[this.#below(Math.max(1, this.#workers.length))]
    if (worker === undefined) return
    if (dice < 85)
      return void this.driver.message(worker.session, encode(new WorkerHeartbeatT(worker.id)))
    if (dice < 90)
      return void this.driver.message(
        worker.session,
        encode(new WorkerHealthT(worker.id, dice % 2 === 0, 'full')),
      )
    const app = this.#apps[this.#below(Math.max(1, this.#apps.length))]
    if (dice < 95 && app !== undefined)
      return void this.driver.message(
        app.session,
        encode(new KillExecutorsT(1, app.id, ['0', '1'])),
      )
    this.driver.step((inbox) => inbox.add(InboxKind.DISCONNECTED, (app ?? worker).session, 'gone'))
  }

  #below(count: number): number {
    return this.#random.between(0, count - 1)
  }

  read(): boolean {
    if (this.#below(30) === 0) this.#anew = true
    const bytes = this.driver.core.changes(this.driver.nowMs, this.#anew, 1 + this.#below(4000))
    this.#anew = false
    return this.model.apply(bytes).more
  }

  #addWorker(): void {
    const session = this.driver.connect(++this.#sessions)
    const id = `worker-${this.#sessions}`
    const body = new RegisterWorkerT(id, 'host-1', 7000 + this.#sessions, 1 + this.#below(6), 8192)
    body.runtimes = ['node']
    this.driver.message(session, encode(body))
    this.#workers.push({ id, session })
  }

  #addApplication(): void {
    const session = this.driver.connect(++this.#sessions)
    this.driver.message(session, registerApplication('pi', `driver:${this.#sessions}`))
    const view = this.driver.view()
    const last = view.activeApplications(view.activeApplicationsLength() - 1)
    this.#apps.push({ id: String(last?.id()), session })
  }

  #report(): void {
    const view = this.driver.view().unpack()
    const all = view.activeApplications.flatMap(({ id, executors }) =>
      executors.map((executor) => ({ id, executor })),
    )
    const one = all[this.#below(Math.max(1, all.length))]
    const worker = this.#workers.find(({ id }) => id === one?.executor.workerId)
    if (one === undefined || worker === undefined) return
    const state = this.#below(2) === 0 ? ExecutorState.RUNNING : ExecutorState.EXITED
    const body = new ExecutorStateChangedT(1, one.id, one.executor.id, state)
    if (state === ExecutorState.EXITED) body.exitStatus = 0
    this.driver.message(worker.session, encode(body))
  }
}

describe('the model', () => {
  test('U1 to U6: after any history of readings it shows what a view of the core shows', () => {
    let ended = 0
    for (let seed = 1; seed <= 15; ++seed) {
      const history = new History(seed)
      for (let step = 0; step < 150; ++step) {
        history.step()
        if (step % 3 === 0) history.read()
        if (step % 10 !== 0) continue
        while (history.read()) continue
        const bytes = history.driver.core.view(history.driver.nowMs)
        const view = ClusterView.getRootAsClusterView(new ByteBuffer(bytes)).unpack()
        expect(differencesOf(history.model, view)).toEqual([])
        ended += view.completedApplications.length
      }
    }
    expect(ended).toBeGreaterThan(50)
  })
})
