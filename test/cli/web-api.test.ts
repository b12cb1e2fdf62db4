/** `magneto apps`, `workers`, `explain` and `top` against the server of the master's pages. */
import { afterEach, describe, expect, test } from 'vitest'
import type { ClientCommand } from '../../src/cli/commands.js'
import { APPS_HELP } from '../../src/cli/client/apps.js'
import { SORTS } from '../../src/cli/client/top/state.js'
import { WORKERS_HELP } from '../../src/cli/client/workers.js'
import {
  ApplicationState,
  MasterState,
  WorkerState,
  type ClusterViewT,
} from '../../src/schema/magneto.js'
import { Events } from '../../src/ui/model/events.js'
import { History } from '../../src/ui/model/history.js'
import type { RouteContext } from '../../src/ui/route-context.js'
import { WebServer } from '../../src/ui/server.js'
import {
  applicationView,
  clusterOf,
  clusterView,
  driverView,
  explanation,
  waitingDriverView,
  workerView,
} from '../ui/views.js'
import { FakeCluster, runAgainst } from './fake-cluster.js'

const running: WebServer[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.close()))
})

/** Nothing here changes the cluster. */
const commands = {} as RouteContext['commands']

/** @returns a master, of which the web UI is the real one */
async function master(shown: ClusterViewT): Promise<FakeCluster> {
  const server = new WebServer({
    host: '127.0.0.1',
    port: 0,
    maxRetries: 0,
    context: {
      killEnabled: false,
      decommissionAllowMode: null,
      commands,
      audit: () => {},
      cluster: clusterOf(shown),
      history: new History(),
      events: new Events(),
    },
    onFault: (error) => expect.fail(error.message),
  })
  running.push(server)
  const webUiUrl = `http://127.0.0.1:${await server.listen()}`
  const fake = await new FakeCluster().start()
  return fake.play('/control', () => ({ json: { protocol: 1, webUiUrl } }))
}

const view = clusterView({
  workers: [
    workerView('worker-1', { coresUsed: 8 }),
    workerView('worker-2', { memoryUsedMb: 4096 }),
    workerView('worker-3', { healthReport: 'no disk' }),
    workerView('worker-4', { state: WorkerState.DEAD, coresUsed: 8 }),
  ],
  activeApplications: [
    applicationView('app-1', { coresGranted: 3 }),
    applicationView('app-2', { coresGranted: 7, name: 'etl' }),
    applicationView('app-3', {
      state: ApplicationState.WAITING,
      coresGranted: 0,
      executors: [],
      explanations: [explanation()],
    }),
  ],
  completedApplications: [
    applicationView('app-0', { state: ApplicationState.KILLED, endedMs: 1n }),
  ],
  activeDrivers: [driverView('driver-1'), waitingDriverView('driver-2')],
})

const idsOf = (text: string) => (JSON.parse(text) as { id: string }[]).map(({ id }) => id)

async function ran(fake: FakeCluster, command: ClientCommand, ...argv: string[]): Promise<string> {
  const { status, stdout, stderr } = await runAgainst(fake.address, command, argv)
  expect([status, stderr]).toEqual([0, ''])
  return stdout
}

describe('lists', () => {
  test('active ones, and all of them', async () => {
    await using fake = await master(view)
    expect(idsOf(await ran(fake, 'apps', '--json')).toSorted()).toEqual(['app-1', 'app-2', 'app-3'])
    expect(idsOf(await ran(fake, 'apps', '--json', '-a'))).toContain('app-0')
    expect(idsOf(await ran(fake, 'apps', '--json', '--state', 'waiting'))).toEqual(['app-3'])
    expect(idsOf(await ran(fake, 'apps', '--json', '--search', 'ETL'))).toEqual(['app-2'])
    expect(await ran(fake, 'apps')).toMatch(/^app-3 +WAITING +yes +0 +0 +1024\.0 MiB /m)
  })

  test('workers', async () => {
    await using fake = await master(view)
    const text = await ran(fake, 'workers')
    expect(text).toMatch(/^worker-1 +ALIVE +8\/8 .* gpu 1\/2 .* node, spark-4\.3 +full$/m)
    expect(text).toMatch(/^worker-3 +ALIVE .* not healthy: no disk$/m)
    expect(idsOf(await ran(fake, 'workers', '--json', '--state', 'DEAD'))).toEqual(['worker-4'])
    for (const [show, ids] of [
      ['full', ['worker-1', 'worker-2']],
      ['unhealthy', ['worker-3']],
      ['idle', []],
    ] as const)
      expect(idsOf(await ran(fake, 'workers', '--json', '--show', show))).toEqual(ids)
    expect(idsOf(await ran(fake, 'workers', '--json', '--limit', '9', '--sort', '-id'))[0]).toBe(
      'worker-4',
    )
  })

  test('each key that the help names sorts, both ways; another is a wrong command line', async () => {
    await using fake = await master(view)
    for (const [command, help] of [
      ['apps', APPS_HELP],
      ['workers', WORKERS_HELP],
    ] as const) {
      const [, keys = ''] = /--sort KEY +([^;]+);/.exec(help) ?? []
      expect(keys.split(', ').length).toBeGreaterThan(3)
      for (const key of keys.split(', '))
        for (const sort of [key, `-${key}`]) await ran(fake, command, '--sort', sort)
      const { status, stderr } = await runAgainst(fake.address, command, ['--sort', 'colour'])
      expect(status).toBe(2)
      expect(stderr).toMatch(/^magneto \w+: sort must be one of id, /)
      for (const key of keys.split(', ')) expect(stderr).toContain(key)
    }
  })

  test('all pages of a long list, each row once', async () => {
    const workers = Array.from({ length: 2_345 }, (_, at) => workerView(`worker-${1000 + at}`))
    await using fake = await master(clusterView({ workers }))
    const ids = idsOf(await ran(fake, 'workers', '--all', '--json'))
    expect(ids).toEqual(workers.map(({ id }) => id))
  })
})

test('explain finds applications and drivers', async () => {
  await using fake = await master(view)
  const sentences =
    'no worker has 4 cores and 8192 MiB free\nit starts when worker-7 is idle, or ask for 6144 MiB\n'
  expect(await ran(fake, 'explain', 'app-3')).toBe(`app-3 WAITING\n${sentences}`)
  expect(await ran(fake, 'explain', 'driver-2')).toBe(`driver-2 SUBMITTED\n${sentences}`)
  expect(await ran(fake, 'explain', 'app-1')).toBe('app-1 RUNNING, and waits for nothing\n')
  expect(JSON.parse(await ran(fake, 'explain', '--json', 'driver-2'))).toMatchObject({
    id: 'driver-2',
    waiting: true,
    exception: null,
    explanations: [{ cores: 4, closest: { workerId: 'worker-7' } }],
  })
  expect((await runAgainst(fake.address, 'explain', ['app-9'])).status).toBe(5)
})

describe('top', () => {
  test('how full it is, who waits, and which workers are lost or full', async () => {
    await using fake = await master(view)
    const text = await ran(fake, 'top')
    expect(text).toMatch(/^spark:\/\/master:7077 {2}ALIVE .* answers in \d/)
    expect(text).toContain('\nWorkers   3 alive, 1 dead, 0 decommissioned, 0 unknown\n')
    expect(text).toMatch(/^Cores .* 14 of 24, 58 %$/m)
    expect(text).toMatch(/^gpu .* 3 of 6, 50 %$/m)
    expect(text).toMatch(/^Queue +3 applications \(1 waiting\), .* 2 drivers \(1 waiting\)$/m)
    expect(text).toContain(
      'Waits     first driver driver-2 (org.example.Pi): no worker has 4 cores',
    )
    expect(text).toContain('Waits     first application app-3 (pi): no worker has 4 cores')
    expect(text).toMatch(/^app-2 [^]*^app-1 [^]*^app-3 /m)
    expect(text).toContain('\nWorkers lost: 1, unhealthy: 1, full: 2\n')
    expect(text).toMatch(/^worker-4 [^]*^worker-3 [^]*^worker-1 [^]*^worker-2 /m)
  })

  test('each of its orders is one of the master', async () => {
    await using fake = await master(view)
    const [first] = SORTS
    for (const { key } of SORTS) {
      const { status } = await runAgainst(fake.address, 'apps', ['--sort', key])
      expect([key, status]).toEqual([key, 0])
    }
    expect(first?.key).toBe('-cores')
  })

  test('S1: a standby that names nobody is no leader', async () => {
    await using fake = await master(clusterView({ state: MasterState.STANDBY }))
    const { status, stderr } = await runAgainst(fake.address, 'top', [])
    expect(status).toBe(5)
    expect(stderr).toContain('Current state is not alive: STANDBY')
  })
})
