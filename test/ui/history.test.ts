import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Figures } from '../../src/metrics/figures.js'
import { MASTER_FAMILIES } from '../../src/metrics/master-families.js'
import { RecentQuantile } from '../../src/metrics/recent-quantile.js'
import {
  ApplicationState,
  ExecutorState,
  ExecutorViewT,
  WorkerState,
} from '../../src/schema/magneto.js'
import { ViewUnavailable } from '../../src/ui/errors.js'
import type { ClusterModel } from '../../src/ui/model/cluster-model.js'
import { History, sampleOf, samplesMax, type Sample } from '../../src/ui/model/history.js'
import { Sampler } from '../../src/ui/sampler.js'
import {
  applicationView,
  clusterView,
  modelOf,
  submittedMs,
  waitingDriverView,
  workerView,
} from './views.js'

const figures = { mainThreadAnswerMs: 0.5, schedulingP99Us: null }
const idle = sampleOf(modelOf(clusterView({ workers: [], activeApplications: [] })), figures)
const minuteMs = 60_000
/** Whole minutes since 1970. */
const startMs = minuteMs * Math.floor(submittedMs / minuteMs)
const at = (second: number, change: Partial<Sample> = {}): Sample => ({
  ...idle,
  ...change,
  atMs: startMs + 1000 * second,
})

test('a sample counts what is alive, runs and waits', () => {
  const executor = new ExecutorViewT(0, 'worker-1', 0, 3, 1024, [], ExecutorState.RUNNING)
  const view = clusterView({
    workers: [workerView('worker-1'), workerView('worker-2', { state: WorkerState.DEAD })],
    activeApplications: [
      applicationView('app-1', { executors: [executor, executor] }),
      applicationView('app-2', { state: ApplicationState.WAITING, executors: [] }),
    ],
    activeDrivers: [waitingDriverView('driver-1')],
  })
  expect(sampleOf(modelOf(view), { mainThreadAnswerMs: 1.5, schedulingP99Us: 250 })).toEqual({
    atMs: submittedMs + 90_000,
    cores: 8,
    coresUsed: 3,
    memoryMb: 4096,
    memoryUsedMb: 1024,
    executors: 2,
    workersAlive: 1,
    applicationsActive: 2,
    applicationsWaiting: 1,
    driversWaiting: 1,
    mainThreadAnswerMs: 1.5,
    schedulingP99Us: 250,
  })
})

describe('what is kept', () => {
  test('ten minutes of seconds, and a day of minutes, the oldest go', () => {
    const history = new History()
    const seconds = 60 * (samplesMax['1m'] + 10) + 1
    for (let second = 0; second < seconds; ++second) history.add(at(second))
    const times = (interval: '1s' | '1m') =>
      history.samples(interval).map(({ atMs }) => (atMs - startMs) / 1000)
    expect(times('1s')).toEqual(Array.from({ length: 600 }, (_, kept) => seconds - 600 + kept))
    expect(times('1m')).toEqual(Array.from({ length: 1440 }, (_, kept) => 60 * (10 + kept)))
  })

  test('of a minute the mean of levels and the worst of delays, once it is over', () => {
    const history = new History()
    history.add(at(58, { coresUsed: 100 }))
    history.add(
      at(60, { cores: 10, coresUsed: 1, mainThreadAnswerMs: 0.25, schedulingP99Us: null }),
    )
    history.add(at(61, { cores: 10, coresUsed: 2, mainThreadAnswerMs: 7.5, schedulingP99Us: 500 }))
    history.add(at(119, { cores: 10, coresUsed: 7, mainThreadAnswerMs: 1, schedulingP99Us: 100 }))
    expect(history.samples('1m')).toHaveLength(1)
    history.add(at(120))
    expect(history.samples('1m')).toEqual([
      at(0, { coresUsed: 100 }),
      at(60, { cores: 10, coresUsed: 3, mainThreadAnswerMs: 7.5, schedulingP99Us: 500 }),
    ])
  })

  test('a time without answers is one without samples, of seconds and of minutes', () => {
    const history = new History()
    for (const second of [0, 1, 9, 200, 201, 260]) history.add(at(second))
    const times = history.samples('1m').map(({ atMs }) => (atMs - startMs) / 1000)
    expect(times).toEqual([0, 180])
    expect(history.samples('1s')).toHaveLength(6)
  })

  test('times only rise: what is not later is left out', () => {
    const history = new History()
    for (const second of [5, 5, 4, 6]) history.add(at(second, { cores: second }))
    expect(history.samples('1s').map(({ cores }) => cores)).toEqual([5, 6])
  })
})

describe('looking once a second', () => {
  const model = modelOf(clusterView())
  const faults: unknown[] = []

  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => {
    vi.useRealTimers()
    expect(faults.splice(0)).toEqual([])
  })

  function sampled(current: () => Promise<ClusterModel>) {
    const samples: Sample[] = []
    const sampler = new Sampler({
      cluster: { glance: current, answeredInMs: 2 },
      history: { add: (sample) => void samples.push(sample) },
      schedulingP99Us: () => 50,
      onFault: (fault) => faults.push(fault),
    })
    return { sampler, samples }
  }

  test('at once, and each second until it is stopped', async () => {
    const { sampler, samples } = sampled(async () => model)
    sampler.start()
    sampler.start()
    await vi.advanceTimersByTimeAsync(3000)
    expect(samples).toHaveLength(4)
    expect(samples[0]).toEqual(sampleOf(model, { mainThreadAnswerMs: 2, schedulingP99Us: 50 }))
    sampler.stop()
    await vi.advanceTimersByTimeAsync(3000)
    expect(samples).toHaveLength(4)
  })

  test('a master that does not answer leaves a gap, and is asked by one look at a time', async () => {
    let asked = 0
    let refuse!: (error: Error) => void
    const silent = new Promise<ClusterModel>((_resolve, reject) => {
      refuse = reject
    })
    const { sampler, samples } = sampled(() => (++asked === 1 ? silent : Promise.resolve(model)))
    sampler.start()
    await vi.advanceTimersByTimeAsync(4500)
    expect([asked, samples.length]).toEqual([1, 0])
    refuse(new ViewUnavailable('the master did not answer in time'))
    await vi.advanceTimersByTimeAsync(1000)
    expect([asked, samples.length]).toEqual([2, 1])
    sampler.stop()
  })

  test('a fault is reported, and the next look is taken', async () => {
    let asked = 0
    const fault = new TypeError('ours')
    const { sampler, samples } = sampled(async () => {
      if (++asked === 1) throw fault
      return model
    })
    sampler.start()
    await vi.advanceTimersByTimeAsync(1000)
    expect(faults.splice(0)).toEqual([fault])
    expect(samples).toHaveLength(1)
    sampler.stop()
  })
})

describe('a recent quantile', () => {
  const name = 'magneto_scheduling_latency_seconds'

  function observed() {
    const shared = new Figures(MASTER_FAMILIES)
    const histogram = shared.histogram(name)
    const reader = new Figures(MASTER_FAMILIES, shared.buffer)
    histogram.observe(10)
    const p99 = new RecentQuantile(() => reader.observed(name), 0.99)
    const observe = (seconds: number, times: number) => {
      for (let time = 0; time < times; ++time) histogram.observe(seconds)
    }
    return { observe, p99 }
  }

  test('is the bound of the bucket that it falls into, of what is new', () => {
    const { observe, p99 } = observed()
    expect(p99.next()).toBeNull()
    observe(0.00004, 99)
    observe(0.2, 1)
    expect(p99.next()).toBe(0.00005)
    observe(0.00004, 98)
    observe(0.2, 2)
    expect(p99.next()).toBe(0.25)
    expect(p99.next()).toBeNull()
  })

  test('above all buckets it is the largest bound', () => {
    const { observe, p99 } = observed()
    observe(1000, 1)
    expect(p99.next()).toBe(10)
  })

  test('what has no buckets has none', () => {
    const none = new Figures(MASTER_FAMILIES)
    expect(() => none.observed('magneto_heartbeats_total')).toThrow(RangeError)
  })
})
