import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ApplicationState, DriverState, Limit } from '../../src/schema/magneto.js'
import { explainJson, explainPath, explainText, findExplained } from '../../src/ui/explain.js'
import {
  applicationView,
  clusterView,
  driverView,
  explanation,
  waitingDriverView,
  clusterOf,
} from './views.js'

const view = clusterView({
  activeApplications: [
    applicationView('app-1', {
      state: ApplicationState.WAITING,
      explanations: [explanation(), explanation({ profileId: 2, limit: Limit.CORES_MAX })],
    }),
    applicationView('app-2'),
  ],
  completedApplications: [applicationView('app-0', { state: ApplicationState.FINISHED })],
  activeDrivers: [waitingDriverView('driver-1'), driverView('driver-2')],
  completedDrivers: [
    driverView('driver-0', { state: DriverState.ERROR, exception: 'no jar\n\tat \u001B[2J here' }),
  ],
})

async function explained(kind: 'application' | 'driver', id: string) {
  const found = await findExplained(clusterOf(view), kind, id)
  if (found === null) throw new Error(`no ${kind} ${id}`)
  return found
}

describe('why an application waits', () => {
  test('as data: everything that the core says', async () => {
    const { explanations, ...rest } = explainJson(await explained('application', 'app-1'))
    expect(rest).toEqual({ id: 'app-1', state: 'WAITING', waiting: true })
    expect(JSON.stringify((explanations as unknown[])[0])).toBe(
      JSON.stringify({
        profileId: 0,
        cores: 4,
        memoryMb: 8192,
        resources: [{ name: 'gpu', amount: 1 }],
        runtimes: ['spark-4.3'],
        wanted: 3,
        limit: 'NONE',
        workers: 10,
        ruledOutByState: 1,
        ruledOutByRuntime: 2,
        ruledOutByCores: 3,
        ruledOutByMemory: 4,
        ruledOutByResources: 0,
        fitting: 0,
        fittingWhenIdle: 1,
        closest: {
          workerId: 'worker-7',
          coresMissing: 2,
          memoryMissingMb: 1024,
          resourcesMissing: [{ name: 'gpu', amount: 1 }],
          fitsWhenIdle: true,
        },
        reason: 'no worker has 4 cores and 8192 MiB free',
        advice: 'it starts when worker-7 is idle, or ask for 6144 MiB',
        unhealthy: 0,
      }),
    )
    expect(explanations).toMatchObject([{}, { profileId: 2, limit: 'CORES_MAX' }])
  })

  test('no field of the table is left out', async () => {
    const [one] = explainJson(await explained('driver', 'driver-1'))['explanations'] as object[]
    expect(Object.keys(one ?? {}).sort()).toEqual(Object.keys(explanation()).sort())
    const { closest } = one as { closest: object }
    expect(Object.keys(closest).sort()).toEqual(Object.keys(explanation().closest ?? {}).sort())
  })

  test('the documentation names every field', async () => {
    const page = readFileSync(join(import.meta.dirname, '../../docs/explain.md'), 'utf8')
    const { closest, ...rest } = explanation()
    const names = [...Object.keys(rest), ...Object.keys(closest ?? {}), 'closest']
    expect(names.filter((name) => !page.includes(`\`${name}\``))).toEqual([])
    const limits = Object.values(Limit).filter((limit) => typeof limit === 'string')
    expect(limits.filter((limit) => !page.includes(`\`${limit}\``))).toEqual([])
  })

  test('without a limit on executors and without a worker: null', async () => {
    const open = explanation({ wanted: null, closest: null })
    const application = applicationView('app-3', { explanations: [open] })
    const found = await findExplained(
      clusterOf(clusterView({ activeApplications: [application] })),
      'application',
      'app-3',
    )
    expect(found === null ? null : explainJson(found)['explanations']).toMatchObject([
      { wanted: null, closest: null },
    ])
  })

  test.each([
    ['app-2', 'RUNNING'],
    ['app-0', 'FINISHED'],
  ])('%s does not wait, it is %s', async (id, state) => {
    const found = await explained('application', id)
    expect(explainJson(found)).toEqual({ id, state, waiting: false, explanations: [] })
    expect(explainText(found)).toBe(`application ${id} does not wait, it is ${state}\n`)
  })
})

describe('why a driver waits', () => {
  test('as data, with how it failed', async () => {
    expect(explainJson(await explained('driver', 'driver-1'))).toMatchObject({
      id: 'driver-1',
      state: 'SUBMITTED',
      waiting: true,
      exception: null,
      explanations: [{ cores: 4 }],
    })
    expect(explainJson(await explained('driver', 'driver-2'))).toEqual({
      id: 'driver-2',
      state: 'RUNNING',
      waiting: false,
      exception: null,
      explanations: [],
    })
    expect(explainJson(await explained('driver', 'driver-0'))).toMatchObject({ state: 'ERROR' })
  })

  test('an application is no driver, and the other way round', async () => {
    expect(await findExplained(clusterOf(view), 'driver', 'app-1')).toBeNull()
    expect(await findExplained(clusterOf(view), 'application', 'driver-1')).toBeNull()
  })
})

describe('for terminals', () => {
  test('one profile: its two sentences', async () => {
    expect(explainText(await explained('driver', 'driver-1'))).toBe(
      'no worker has 4 cores and 8192 MiB free\n' +
        'it starts when worker-7 is idle, or ask for 6144 MiB\n',
    )
  })

  test('several profiles: each is named', async () => {
    const lines = explainText(await explained('application', 'app-1')).split('\n')
    expect(lines).toHaveLength(5)
    expect(lines[0]).toMatch(/^resource profile 0: no worker/)
    expect(lines[3]).toMatch(/^resource profile 2: it starts/)
  })

  test('text of a peer stays on its line and moves no cursor', async () => {
    expect(explainText(await explained('driver', 'driver-0'))).toBe(
      'driver driver-0 does not wait, it is ERROR: no jar at \uFFFD[2J here\n',
    )
  })
})

test('an id is escaped in its path', async () => {
  expect(explainPath('driver', 'a/b?c')).toBe('/api/v1/drivers/a%2Fb%3Fc/explain')
})
