import { describe, expect, test } from 'vitest'
import {
  ApplicationState,
  DriverState,
  ExecutorState,
  ExecutorViewT,
  ResourceAmountT,
  ResourceT,
  WorkerState,
} from '../../src/schema/magneto.js'
import type {
  ApplicationItem,
  ClusterAnswer,
  DriverItem,
  EventsAnswer,
  ExecutorItem,
  HistoryAnswer,
  ListAnswer,
  WorkerItem,
} from '../../src/ui/api/shapes.js'
import { applicationList, driverList, executorList, workerList } from '../../src/ui/api/lists.js'
import { apiServer, hostile, hostileView } from './api-server.js'
import {
  applicationView,
  clusterOf,
  clusterView,
  driverView,
  explanation,
  submittedMs,
  waitingDriverView,
  workerView,
} from './views.js'

type Ask = Awaited<ReturnType<typeof apiServer>>

async function list<Item>(ask: Ask, path: string): Promise<ListAnswer<Item>> {
  const got = await ask(path)
  expect([got.status, got.data]).toEqual([200, expect.anything()])
  return got.data as ListAnswer<Item>
}

async function refused(ask: Ask, path: string, status = 400): Promise<string> {
  const got = await ask(path)
  expect([got.status, got.type]).toEqual([status, 'application/json'])
  const { error, ...rest } = got.data as { error: string }
  expect(rest).toEqual({})
  return error
}

/** Workers of 1 to 30 cores with as many used as their number says, every third one dead. */
const thirty = clusterView({
  workers: Array.from({ length: 30 }, (_, at) =>
    workerView(`worker-${String(at).padStart(2, '0')}`, {
      host: `host-${at % 5}`,
      cores: 1 + at,
      coresUsed: at,
      state: at % 3 === 0 ? WorkerState.DEAD : WorkerState.ALIVE,
    }),
  ),
  activeApplications: [1, 2, 3].map((number) =>
    applicationView(`app-${number}`, {
      submittedMs: BigInt(submittedMs + 2000 * number),
      executors: [0, 1].map(
        (id) => new ExecutorViewT(id, `worker-0${number}`, 0, 1, 1024, [], id as ExecutorState),
      ),
    }),
  ),
  completedApplications: [1, 2, 3].map((number) =>
    applicationView(`old-${number}`, {
      submittedMs: BigInt(submittedMs + 2000 * number - 1000),
      endedMs: BigInt(submittedMs + 10_000),
      state: ApplicationState.FINISHED,
      executors: [],
    }),
  ),
})
const ofThirty = () => apiServer({ cluster: clusterOf(thirty) })
const ids = ({ items }: ListAnswer<{ id: string | number }>) => items.map(({ id }) => id)

describe('U2, U3: pages of lists', () => {
  test.each([workerList, applicationList, executorList, driverList])(
    'of $name, sorted by anything, are the parts of the whole',
    async ({ name, table }) => {
      const ask = await apiServer()
      const keys = ['', ...table.columns.flatMap(({ key }) => [key, `-${key}`])]
      for (const key of keys) {
        const whole = await list<object>(ask, `/${name}?limit=1000&sort=${key}`)
        expect(whole.items).toHaveLength(whole.total)
        expect(new Set(whole.items.map((item) => JSON.stringify(item))).size).toBe(whole.total)
        const parts: object[] = []
        for (let offset = 0; offset < whole.total; offset += 4) {
          const page = await list<object>(ask, `/${name}?limit=4&offset=${offset}&sort=${key}`)
          expect([page.total, page.offset, page.limit]).toEqual([whole.total, offset, 4])
          parts.push(...page.items)
        }
        expect(parts).toEqual(whole.items)
      }
    },
  )

  test('beyond the end there is nothing, and the total', async () => {
    const ask = await ofThirty()
    const page = await list<WorkerItem>(ask, '/workers?offset=30')
    expect(page).toEqual({
      items: [],
      total: 30,
      offset: 30,
      limit: 200,
      nowMs: Number(thirty.nowMs),
    })
  })

  test('sort as the columns of the page do: cores by what is used', async () => {
    const ask = await ofThirty()
    const page = await list<WorkerItem>(ask, '/workers?sort=-cores&limit=2')
    expect(page.items.map(({ cores, coresUsed }) => [cores, coresUsed])).toEqual([
      [30, 29],
      [29, 28],
    ])
  })

  test('applications that run and those that have ended are one list, the newest first', async () => {
    const ask = await ofThirty()
    expect(ids(await list(ask, '/applications'))).toEqual([
      'app-3',
      'old-3',
      'app-2',
      'old-2',
      'app-1',
      'old-1',
    ])
    expect(ids(await list(ask, '/applications?sort=id&offset=2&limit=2'))).toEqual([
      'app-3',
      'old-1',
    ])
  })
})

describe('filters', () => {
  test('of states, one or several', async () => {
    const ask = await ofThirty()
    const alive = await list<WorkerItem>(ask, '/workers?state=ALIVE')
    expect([alive.total, new Set(alive.items.map(({ state }) => state))]).toEqual([
      20,
      new Set(['ALIVE']),
    ])
    expect((await list(ask, '/workers?state=DEAD,ALIVE')).total).toBe(30)
    expect((await list(ask, '/workers?state=UNKNOWN')).total).toBe(0)
    expect((await list(ask, '/workers?state=')).total).toBe(30)
    expect((await list(ask, '/workers')).total).toBe(30)
  })

  test('of what has ended and what has not', async () => {
    const ask = await ofThirty()
    expect(ids(await list(ask, '/applications?active=true'))).toEqual(['app-3', 'app-2', 'app-1'])
    expect(ids(await list(ask, '/applications?active=false'))).toEqual(['old-3', 'old-2', 'old-1'])
  })

  test('of what the pages show by a name', async () => {
    const ask = await ofThirty()
    expect((await list(ask, '/workers?show=dead')).total).toBe(10)
    expect(ids(await list(ask, '/workers?show=dead&q=host-2'))).toEqual(['worker-12', 'worker-27'])
    expect((await list(ask, '/workers?show=dead&state=ALIVE')).total).toBe(0)
  })

  test('of the application and the worker of executors', async () => {
    const ask = await ofThirty()
    const all = await list<ExecutorItem>(ask, '/executors')
    expect(all.items.map(({ application, id }) => `${application}/${id}`)).toEqual([
      'app-1/0',
      'app-1/1',
      'app-2/0',
      'app-2/1',
      'app-3/0',
      'app-3/1',
    ])
    const own = await list<ExecutorItem>(ask, '/executors?application=app-2&state=RUNNING')
    expect(own.items).toMatchObject([{ id: 1, application: 'app-2', worker: 'worker-02' }])
    expect((await list(ask, '/executors?worker=worker-03')).total).toBe(2)
    expect((await list(ask, '/executors?worker=worker-03&application=app-2')).total).toBe(0)
    expect((await list(ask, '/executors?application=nobody')).total).toBe(0)
  })

  test('with a search, a sorting and a page, all at once', async () => {
    const ask = await ofThirty()
    const page = await list<WorkerItem>(
      ask,
      '/workers?state=ALIVE&q=HOST-2&sort=-cores&offset=1&limit=2',
    )
    // 2, 7, 17 and 22 are alive there; 12 and 27 are dead.
    expect([page.total, ids(page)]).toEqual([4, ['worker-17', 'worker-07']])
  })

  test('find hostile names as they are', async () => {
    const ask = await apiServer()
    for (const name of hostile) {
      const page = await list<ExecutorItem>(ask, `/executors?worker=${encodeURIComponent(name)}`)
      expect(page.items.every(({ worker }) => worker === name)).toBe(true)
      const one = await ask(`/workers/${encodeURIComponent(name)}`)
      expect([one.status, (one.data as WorkerItem).id]).toEqual([200, name])
    }
  })
})

describe('single items', () => {
  const view = clusterView({
    workers: [workerView('worker-1', { driverIds: ['driver-1'] })],
    activeApplications: [
      applicationView('app-1', { explanations: [explanation()], coresMax: 12, executorLimit: 4 }),
    ],
    completedApplications: [
      applicationView('app-0', {
        state: ApplicationState.KILLED,
        user: null,
        uiUrl: null,
        runtime: null,
        coresGranted: 0,
        startedMs: 0n,
        endedMs: BigInt(submittedMs + 30_000),
        executors: [
          new ExecutorViewT(3, 'w', 1, 2, 64, [new ResourceT('gpu', ['1'])], ExecutorState.KILLED),
        ],
      }),
    ],
    activeDrivers: [
      waitingDriverView('driver-1', {
        mainClass: null,
        resourcesAsked: [new ResourceAmountT('gpu', 2)],
      }),
    ],
    completedDrivers: [
      driverView('driver-0', {
        state: DriverState.ERROR,
        supervise: true,
        resources: [new ResourceT('gpu', ['0', '1'])],
        endedMs: BigInt(submittedMs + 1),
        exception: 'no jar',
      }),
    ],
  })

  test('U2: a worker has what the view has of it', async () => {
    const ask = await apiServer({ cluster: clusterOf(view) })
    expect((await ask('/workers/worker-1')).data).toEqual({
      id: 'worker-1',
      host: '10.0.0.1',
      port: 7001,
      state: 'ALIVE',
      cores: 8,
      coresUsed: 3,
      memoryMb: 4096,
      memoryUsedMb: 1024,
      resources: { gpu: { total: 2, used: 1, addresses: ['0', '1'], usedAddresses: ['1'] } },
      webUiUrl: 'http://10.0.0.1:8081',
      lastHeartbeatMs: submittedMs,
      unhealthyReason: null,
      runtimes: ['node', 'spark-4.3'],
      drivers: ['driver-1'],
    } satisfies WorkerItem)
  })

  test('U3: so has an application, while it runs and once it has ended', async () => {
    const ask = await apiServer({ cluster: clusterOf(view) })
    const runs: ApplicationItem = {
      id: 'app-1',
      name: 'pi',
      user: 'ada',
      state: 'RUNNING',
      active: true,
      waits: true,
      cores: 3,
      coresMax: 12,
      memoryPerExecutorMb: 1024,
      resourcesPerExecutor: [{ name: 'gpu', amount: 1 }],
      executors: 1,
      executorLimit: 4,
      runtime: 'spark-4.3',
      submittedMs,
      startedMs: submittedMs,
      endedMs: null,
      durationMs: 90_000,
      uiUrl: 'http://driver:4040',
    }
    expect((await ask('/applications/app-1')).data).toEqual(runs)
    expect((await ask('/applications/app-0')).data).toEqual({
      ...runs,
      id: 'app-0',
      user: null,
      state: 'KILLED',
      active: false,
      waits: false,
      cores: 0,
      coresMax: null,
      executorLimit: null,
      runtime: null,
      startedMs: null,
      endedMs: submittedMs + 30_000,
      durationMs: 30_000,
      uiUrl: null,
    } satisfies ApplicationItem)
  })

  test('U6: so has an executor', async () => {
    const ask = await apiServer({ cluster: clusterOf(view) })
    const { items } = await list<ExecutorItem>(ask, '/executors?active=false')
    expect(items).toEqual([
      {
        id: 3,
        application: 'app-0',
        worker: 'w',
        state: 'KILLED',
        active: false,
        profileId: 1,
        cores: 2,
        memoryMb: 64,
        resources: { gpu: ['1'] },
      },
    ] satisfies ExecutorItem[])
  })

  test('U4: so has a driver, while it waits and once it has ended', async () => {
    const ask = await apiServer({ cluster: clusterOf(view) })
    const waits: DriverItem = {
      id: 'driver-1',
      state: 'SUBMITTED',
      active: true,
      waits: true,
      worker: null,
      cores: 1,
      memoryMb: 512,
      resources: {},
      resourcesAsked: [{ name: 'gpu', amount: 2 }],
      mainClass: null,
      supervise: false,
      submittedMs,
      startedMs: null,
      endedMs: null,
      exception: null,
    }
    expect((await ask('/drivers/driver-1')).data).toEqual(waits)
    expect((await ask('/drivers/driver-0')).data).toEqual({
      ...waits,
      id: 'driver-0',
      state: 'ERROR',
      active: false,
      waits: false,
      worker: 'worker-1',
      resources: { gpu: ['0', '1'] },
      resourcesAsked: [],
      mainClass: 'org.example.Pi',
      supervise: true,
      startedMs: submittedMs,
      endedMs: submittedMs + 1,
      exception: 'no jar',
    } satisfies DriverItem)
  })

  test('are what the lists have', async () => {
    const ask = await apiServer()
    for (const name of ['workers', 'applications', 'drivers']) {
      const { items } = await list<WorkerItem | ApplicationItem | DriverItem>(ask, `/${name}`)
      expect(items.length).toBeGreaterThanOrEqual(hostile.length)
      for (const item of items)
        expect((await ask(`/${name}/${encodeURIComponent(item.id)}`)).data).toEqual(item)
    }
  })

  test('Y5: that are not there get 404', async () => {
    const ask = await apiServer()
    expect(await refused(ask, '/workers/nobody', 404)).toBe('there is no worker nobody')
    expect(await refused(ask, '/drivers/nobody', 404)).toBe('there is no driver nobody')
    expect(await refused(ask, '/applications/nobody', 404)).toBe('there is no application nobody')
  })
})

describe('what makes no sense gets a reason', () => {
  test.each([
    [
      '/workers?colour=red',
      'there is no parameter colour: known are state, show, q, sort, offset, limit',
    ],
    ['/cluster?q=x', 'there is no parameter q: this path takes none'],
    ['/workers?limit=1&limit=2', 'limit must be given once'],
    ['/workers?limit=0', 'limit must be a whole number from 1 to 1000'],
    ['/workers?limit=1001', 'limit must be a whole number from 1 to 1000'],
    [
      '/workers?state=ALIVE,WELL',
      'state must be one or more of ALIVE, DEAD, DECOMMISSIONED, UNKNOWN, with commas between',
    ],
    ['/drivers?active=yes', 'active must be true or false'],
    ['/workers/%zz', 'the id is not percent-encoded UTF-8'],
    ['/history?interval=1h', 'interval must be one of 1s, 1m'],
    ['/history?after=now', 'after must be a whole number from 0 to 9007199254740991'],
    ['/events?after=-1', 'after must be a whole number from 0 to 9007199254740991'],
    [`/events?q=${'x'.repeat(201)}`, 'q must have 200 characters at most'],
  ])('%s', async (path, reason) => {
    expect(await refused(await apiServer(), path)).toBe(reason)
  })

  test('a path that is not there names those that are', async () => {
    const reason = await refused(await apiServer(), '/nothing', 404)
    expect(reason).toContain('there is no /api/v1/nothing; below /api/v1 there are /cluster, ')
    expect(reason).toContain('/openapi.json')
  })

  test('only reading is served', async () => {
    const ask = await apiServer()
    const got = await ask('/workers', { method: 'POST' })
    expect([got.status, got.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
  })
})

test('U1: the cluster as a whole', async () => {
  const ask = await apiServer({ cluster: clusterOf(thirty) })
  expect((await ask('/cluster')).data).toEqual({
    url: 'spark://master:7077',
    restUrl: 'spark://master:6066',
    state: 'ALIVE',
    leaderUrl: null,
    nowMs: Number(thirty.nowMs),
    workers: { total: 30, alive: 20, dead: 10, decommissioned: 0, unknown: 0 },
    // Of 1 to 30, those that are alive.
    cores: { total: 320, used: 300 },
    memoryMb: { total: 20 * 4096, used: 20 * 1024 },
    resources: { gpu: { total: 40, used: 20 } },
    applications: { active: 3, waiting: 0, completed: 3 },
    executors: 6,
    drivers: { active: 0, waiting: 0, completed: 0 },
    mainThreadAnswerMs: 0.25,
  } satisfies ClusterAnswer)
})

describe('events', () => {
  test('are found by kind, by what they are about and by text', async () => {
    const ask = await apiServer()
    const asked = async (query: string) => (await ask(`/events?${query}`)).data as EventsAnswer
    const all = await asked('after=0&limit=1000')
    expect(all.items.map(({ sequence }) => sequence)).toEqual(all.items.map((_, at) => at + 1))
    const workers = await asked('after=0&kind=worker&limit=1000')
    expect(workers.items).toEqual(all.items.filter(({ kind }) => kind.startsWith('worker-')))
    const some = await asked('after=0&kind=worker-lost,driver&q=UNICORN&limit=1000')
    expect(some.items).toEqual([])
    const found = await asked(`after=0&q=${encodeURIComponent('🦄')}&limit=1000`)
    expect(found.items.length).toBeGreaterThan(2)
    expect(found.items.every(({ text }) => text.includes('🦄'))).toBe(true)
    expect(await asked(`after=${all.next}`)).toEqual({ items: [], next: all.next, dropped: 0 })
  })

  test('and history are there while the master does not answer', async () => {
    const silent = { ...clusterOf(hostileView), current: () => new Promise<never>(() => {}) }
    const ask = await apiServer({ cluster: silent })
    expect((await ask('/events')).status).toBe(200)
    expect((await ask('/history')).status).toBe(200)
  })
})

test('history comes by seconds or minutes, from any time on', async () => {
  const ask = await apiServer()
  const asked = async (query: string) => (await ask(`/history${query}`)).data as HistoryAnswer
  const seconds = await asked('')
  expect([seconds.intervalMs, seconds.samples.length]).toEqual([1000, 125])
  const minutes = await asked('?interval=1m')
  expect([minutes.intervalMs, minutes.samples.length]).toEqual([60_000, 2])
  const after = seconds.samples[121]?.atMs
  expect((await asked(`?after=${after}`)).samples).toEqual(seconds.samples.slice(122))
})
