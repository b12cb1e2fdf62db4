import { describe, expect, test } from 'vitest'
import {
  ApplicationState,
  ClosestFitT,
  DriverState,
  Limit,
  MasterState,
  ResourceAmountT,
  ResourceT,
  WorkerState,
} from '../../src/schema/magneto.js'
import {
  applicationPage as drawApplicationPage,
  type ApplicationPageOptions,
} from '../../src/ui/app-page.js'
import { clusterJson } from './documents.js'
import {
  applicationPage,
  applicationView,
  clusterPage,
  clusterView,
  driverView,
  explanation,
  modelOf,
  waitingDriverView,
  workerView,
} from './views.js'

const hostile = `</td><script>alert(1)</script><img src=x onerror='a' "b" &amp;`

const hostileExplanation = explanation({
  resources: [new ResourceAmountT(hostile, 1)],
  runtimes: [hostile],
  closest: new ClosestFitT(hostile, 1, 1, [new ResourceAmountT(hostile, 1)], true),
  reason: hostile,
  advice: hostile,
})

/** What a reader sees of a document. */
function text(document: string): string {
  return document.replaceAll(/<[^>]*>/g, '').replaceAll(/\s+/g, ' ')
}

/** The document without the script that it is to have. */
function withoutOwnScript(document: string): string {
  return document.replace(
    /<script type="module" src="(\.\.?\/)static\/live-page\.js"><\/script>/,
    '',
  )
}

/** The tags of a document must close in order; the text between them does not matter here. */
function unclosedTags(document: string): string[] {
  const open: string[] = []
  const body = document.replace(/<style>[^]*?<\/style>/, '')
  for (const [, slash, name, rest] of body.matchAll(/<(\/?)([a-z][a-z0-9]*)([^>]*)>/g)) {
    if (rest?.endsWith('/') === true) continue
    if (slash === '') open.push(name ?? '')
    else if (open.pop() !== name) return [`</${name}> closes something else`]
  }
  return open
}

describe('the first page', () => {
  test('U1: cluster facts', () => {
    const page = clusterPage(clusterView(), { killEnabled: true })
    expect(page).toContain('spark://master:7077')
    expect(text(page)).toContain('1 alive, 1 dead, 0 decommissioned, 0 unknown')
    expect(page).toContain('8 total, 3 used')
  })

  test('U20: a master in standby says so', () => {
    const view = clusterView({ state: MasterState.STANDBY, workers: [] })
    expect(text(clusterPage(view, { killEnabled: true }))).toContain('Status STANDBY (Log)')
    expect(clusterJson(view)).toMatchObject({ status: 'STANDBY', aliveworkers: 0 })
  })

  test('WorkerHealth: a worker that is alive and unhealthy says why beside its state', () => {
    const ill = workerView('worker-1', { healthReport: '/work is <b>97 %</b> full' })
    const view = clusterView({ workers: [ill, workerView('worker-2')] })
    const page = clusterPage(view, { killEnabled: true })
    expect(text(page)).toContain('ALIVE, unhealthy: /work is &lt;b&gt;97 %&lt;/b&gt; full')
    expect(page).toContain('<td><span class="state good">ALIVE</span></td>')
    expect(text(page)).toContain('2 alive, 0 dead, 0 decommissioned, 0 unknown, 1 unhealthy')
    expect(JSON.stringify(clusterJson(view))).not.toContain('full')
    expect(clusterJson(view)).toMatchObject({ workers: [{ state: 'ALIVE' }, { state: 'ALIVE' }] })
  })

  test('U1, D3: workers that leave are counted apart, and by their state in the table', () => {
    const leaving = workerView('worker-3', { state: WorkerState.DECOMMISSIONED })
    const page = clusterPage(clusterView({ workers: [leaving] }), { killEnabled: true })
    expect(text(page)).toContain('0 alive, 0 dead, 1 decommissioned, 0 unknown')
    expect(page).toContain('<span class="state busy">DECOMMISSIONED</span>')
    expect(page).toContain('0 total, 0 used')
    expect(page).not.toMatch(/<a[^>]*>worker-3</)
  })

  test('U1, U2: resources, only where a worker has some', () => {
    const page = clusterPage(clusterView(), { killEnabled: true })
    expect(page).toContain('<dd>1 / 2 gpu</dd>')
    expect(page).toContain('<td>gpu: Free: [0] / Used: [1]</td>')
    const plain = workerView('worker-1', { resources: [], resourcesUsed: [] })
    const without = clusterPage(clusterView({ workers: [plain] }), { killEnabled: true })
    expect(without).not.toContain('Resources in use')
    expect(without).not.toContain('>Resources<')
  })

  test('U2: only a live worker is linked', () => {
    const page = clusterPage(clusterView(), { killEnabled: true })
    expect(page).toContain('<a href="http://10.0.0.1:8081/">worker-1</a>')
    expect(page).not.toMatch(/<a[^>]*>worker-2</)
  })

  test('U3: newest application first', () => {
    const page = clusterPage(
      clusterView({
        activeApplications: [
          applicationView('app-old', { submittedMs: 1n }),
          applicationView('app-new', { submittedMs: 2n }),
        ],
      }),
      { killEnabled: true },
    )
    expect(page.indexOf('app-new')).toBeLessThan(page.indexOf('app-old'))
  })

  test('U3, P46: kill buttons on running applications, only when kills are allowed', () => {
    const killable = clusterPage(clusterView(), { killEnabled: true })
    expect(killable.match(/<form /g)).toHaveLength(1)
    expect(killable).toContain('action="./app/kill/?id=app-1&amp;terminate=true"')
    expect(clusterPage(clusterView(), { killEnabled: false })).not.toContain('<form ')
  })

  test('U1, P24: where submissions are taken, where REST is on', () => {
    const on = clusterPage(clusterView(), { killEnabled: true, restUrl: 'spark://master:6066' })
    expect(on).toMatch(/<dt>REST URL<\/dt>\s*<dd>spark:\/\/master:6066 \(cluster mode\)<\/dd>/)
    const off = clusterPage(clusterView(), { killEnabled: true, restUrl: null })
    expect(off).not.toContain('REST URL')
  })

  test('P20: a title of the operator', () => {
    const titled = clusterPage(clusterView(), { killEnabled: true, title: 'Night & day' })
    expect(titled).toContain('<title>Night &amp; day</title>')
    expect(titled).toContain('<h1>Night &amp; day</h1>')
    const untitled = clusterPage(clusterView(), { killEnabled: true, title: null })
    expect(untitled).toContain('<h1>Magneto Master at spark://master:7077</h1>')
  })

  test('P21: completed applications link to the history server, running ones to their own UI', () => {
    const ended = applicationView('app 2', { endedMs: 5n, name: 'ended' })
    const view = clusterView({
      activeApplications: [applicationView('app-1', { name: 'runs', uiUrl: 'http://driver:4040' })],
      completedApplications: [ended],
    })
    const historyServerUrl = 'http://history:18080/'
    const linked = clusterPage(view, { killEnabled: true, historyServerUrl })
    expect(linked).toContain('<a href="http://history:18080/history/app%202">ended</a>')
    expect(linked).toContain('<a href="http://driver:4040/">runs</a>')
    const past = '<a href="http://history:18080/history/app%202">Application History UI</a>'
    expect(applicationPage(ended, 9, { historyServerUrl })).toContain(past)
    for (const page of [clusterPage(view, { killEnabled: true }), applicationPage(ended, 9)])
      expect(page).not.toContain('/history/')
  })
})

const withDrivers = clusterView({
  activeApplications: [],
  activeDrivers: [
    driverView('driver-1', { submittedMs: 1n, resources: [new ResourceT('gpu', ['0', '1'])] }),
    waitingDriverView('driver-2', {
      submittedMs: 2n,
      resourcesAsked: [new ResourceAmountT('gpu', 3)],
    }),
  ],
  completedDrivers: [
    driverView('driver-3', { state: DriverState.ERROR, exception: 'x'.repeat(301) }),
    driverView('driver-4', { state: DriverState.FINISHED, workerId: 'worker-2' }),
    waitingDriverView('driver-5', { state: DriverState.KILLED, explanation: null }),
    driverView('driver-6', { state: DriverState.FAILED, workerId: 'worker-gone' }),
    driverView('driver-7', { state: DriverState.RELAUNCHING }),
  ],
})

function rowOf(page: string, id: string): string {
  return page.split(/<tr[^>]*>/).find((row) => row.includes(`<td>${id}`)) ?? ''
}

describe('U4: drivers on the first page', () => {
  test('U1: they are counted, also when there was none', () => {
    expect(text(clusterPage(withDrivers, { killEnabled: true }))).toContain(
      '2 running (1 waiting), 5 completed (1 killed, 1 failed, 1 error, 1 relaunching)',
    )
    const none = clusterPage(clusterView(), { killEnabled: true })
    expect(text(none)).toContain('0 running (0 waiting), 0 completed (0 killed')
  })

  test('their tables are there once one was submitted', () => {
    const none = clusterPage(clusterView(), { killEnabled: true })
    expect(none).not.toContain('Running Drivers')
    expect(none).not.toContain('-drivers')
    const view = clusterView({ completedDrivers: withDrivers.completedDrivers })
    const ended = clusterPage(view, { killEnabled: true })
    expect(ended).toContain('Running Drivers (0)')
    expect(ended).toContain('Completed Drivers (5)')
  })

  test('what a row says: worker, state, size, class; newest first', () => {
    const page = clusterPage(withDrivers, { killEnabled: true })
    expect(page.indexOf('<td>driver-2')).toBeLessThan(page.indexOf('<td>driver-1'))
    const running = rowOf(page, 'driver-1')
    expect(running).toContain('<a href="http://10.0.0.1:8081/">worker-1</a>')
    expect(running).toContain('<td>gpu: [0, 1]</td>')
    expect(running).toContain('<td>org.example.Pi</td>')
    const waiting = rowOf(page, 'driver-2')
    expect(waiting).toContain('<td>None</td>')
    expect(waiting).toContain('<td>3 gpu</td>')
    expect(waiting).toContain('href="./api/v1/drivers/driver-2/explain"')
    expect(rowOf(page, 'driver-4')).toContain('<td>worker-2</td>')
    expect(rowOf(page, 'driver-6')).toContain('<td>worker-gone</td>')
  })

  test('why it failed is cut to a line', () => {
    const row = rowOf(clusterPage(withDrivers, { killEnabled: true }), 'driver-3')
    expect(row).toContain(`<td>${'x'.repeat(300)}…</td>`)
  })

  test('P46: kill buttons on those that run or wait, only when kills are allowed', () => {
    const page = clusterPage(withDrivers, { killEnabled: true })
    expect(page.match(/<form /g)).toHaveLength(2)
    expect(page).toContain('action="./driver/kill/?id=driver-1&amp;terminate=true"')
    expect(page).toContain('action="./driver/kill/?id=driver-2&amp;terminate=true"')
    expect(clusterPage(withDrivers, { killEnabled: false })).not.toContain('<form ')
  })

  test('an application that waits says why in place', () => {
    const view = clusterView({
      activeApplications: [
        applicationView('app-1', {
          state: ApplicationState.WAITING,
          explanations: [explanation()],
        }),
        applicationView('app-2'),
      ],
    })
    const page = clusterPage(view, { killEnabled: true })
    expect(page).toContain('href="./api/v1/applications/app-1/explain"')
    expect(text(page)).toContain('WAITING why no worker has 4 cores and 8192 MiB free')
    expect(page).not.toContain('app-2/explain')
  })
})

describe('finding what matters', () => {
  const workers = [
    workerView('worker-idle', { coresUsed: 0 }),
    workerView('worker-full', { coresUsed: 8 }),
    workerView('worker-packed', { memoryUsedMb: 4096 }),
    workerView('worker-dead', { state: WorkerState.DEAD, coresUsed: 8 }),
    workerView('worker-ill', { healthReport: 'disk' }),
  ]
  const view = clusterView({ workers })
  const shown = (query: string) =>
    [...clusterPage(view, { killEnabled: false }, query).matchAll(/>(worker-\w+)</g)].map(
      ([, id]) => id,
    )

  test.each([
    ['workers.show=dead', ['worker-dead']],
    ['workers.show=full', ['worker-full', 'worker-packed']],
    ['workers.show=idle', ['worker-idle']],
    ['workers.show=unhealthy', ['worker-ill']],
    ['workers.show=full&workers.q=packed', ['worker-packed']],
    ['workers.show=unknown', []],
  ])('U2: %s', (query, ids) => {
    expect(shown(query)).toEqual(ids)
  })

  test('U2: counts lead there, and what is shown alone says so', () => {
    const page = clusterPage(view, { killEnabled: false }, 'workers.show=full&workers.sort=-id')
    expect(text(page)).toContain(
      '4 alive, 1 dead, 0 decommissioned, 0 unknown, 2 full, 1 unhealthy',
    )
    expect(page).toContain('<a href="./?workers.sort=-id&amp;workers.show=dead#workers">1 dead</a>')
    expect(page).toContain('aria-current="true">full</a>')
    expect(page).toContain('<h2 id="workers">Workers (2)</h2>')
  })

  test('U3, U4: applications and drivers by how they are', () => {
    const waiting = clusterView({
      activeDrivers: withDrivers.activeDrivers,
      completedDrivers: withDrivers.completedDrivers,
      activeApplications: [
        applicationView('app-1'),
        applicationView('app-2', { state: ApplicationState.WAITING }),
      ],
    })
    const page = clusterPage(
      waiting,
      { killEnabled: false },
      'running.show=waiting&completed-drivers.show=failed&running-drivers.show=waiting',
    )
    expect(text(page)).toContain('2 running (1 waiting)')
    const ids = [...page.matchAll(/(?:appId=|<td>)((?:app|driver)-\d)/g)].map(([, id]) => id)
    expect(new Set(ids)).toEqual(new Set(['app-2', 'app-0', 'driver-2', 'driver-6']))
  })

  test('what there is no such part of is refused', () => {
    const broken = () => clusterPage(view, { killEnabled: false }, 'workers.show=broken')
    expect(broken).toThrow(
      'workers.show must be one of alive, dead, decommissioned, unknown, full, idle, unhealthy',
    )
  })
})

describe('P47, U18: pages of workers and applications through this port', () => {
  const options = { killEnabled: false, proxied: true }

  test('workers, drivers and live applications', () => {
    const page = clusterPage(withDrivers, options)
    expect(page).toContain('<a href="./proxy/worker-1/">worker-1</a>')
    expect(page).not.toContain('10.0.0.1:8081')
    const view = clusterView({ activeApplications: [applicationView('app 1', { name: 'runs' })] })
    expect(clusterPage(view, options)).toContain('<a href="./proxy/app%201/">runs</a>')
    const one = applicationPage(applicationView('app-1'), 0, { proxied: true })
    expect(one).toContain('<a href="../proxy/app-1/">Application Detail UI</a>')
  })

  test('who has no pages is linked nowhere', () => {
    const view = clusterView({
      workers: [workerView('worker-1', { webUiUrl: null })],
      activeApplications: [applicationView('app-1', { uiUrl: null })],
    })
    expect(clusterPage(view, options)).not.toContain('proxy/')
  })
})

describe('U15, P22: telling workers to leave', () => {
  test('is offered where it may be done, for workers that are alive', () => {
    const page = clusterPage(clusterView(), { killEnabled: false, decommissions: true })
    expect(page.match(/workers\/kill/g)).toHaveLength(1)
    expect(page).toContain('action="./workers/kill/?host=10.0.0.1"')
    expect(clusterPage(clusterView(), { killEnabled: true })).not.toContain('workers/kill')
  })
})

describe('safe and accessible pages', () => {
  test('hostile names stay text', () => {
    const view = clusterView({
      masterUrl: hostile,
      workers: [workerView(hostile, { host: hostile, runtimes: [hostile] })],
      activeApplications: [
        applicationView(hostile, {
          name: hostile,
          user: hostile,
          explanations: [hostileExplanation],
        }),
      ],
      activeDrivers: [
        waitingDriverView(hostile, { mainClass: hostile, explanation: hostileExplanation }),
        driverView(hostile, {
          workerId: hostile,
          resources: [new ResourceT(hostile, [hostile])],
        }),
      ],
      completedDrivers: [driverView('driver-1', { workerId: '<script>', exception: hostile })],
    })
    const page = clusterPage(view, { killEnabled: true, proxied: true, decommissions: true })
    expect(withoutOwnScript(page)).not.toMatch(/<script|<img/)
    expect(unclosedTags(page)).toEqual([])
    const one = applicationPage(view.activeApplications[0] ?? null, 0)
    expect(withoutOwnScript(one)).not.toMatch(/<script|<img/)
    expect(unclosedTags(one)).toEqual([])
  })

  test.each(['javascript:alert(1)', 'data:text/html,x', 'not a url', ' JaVaScRiPt:x'])(
    'the URL %s of a driver or worker is no link',
    (uiUrl) => {
      const view = clusterView({
        workers: [workerView('worker-1', { webUiUrl: uiUrl })],
        activeApplications: [applicationView('app-1', { uiUrl })],
        completedApplications: [],
      })
      const links = [...clusterPage(view, { killEnabled: true }).matchAll(/href="([^"]*)"/g)]
      const targets = links.map(([, target]) => String(target))
      // Every link of ours is relative; of a peer's URL there is none.
      expect(targets.filter((target) => !/^(\.\/|#)/.test(target))).toEqual([])
      expect(targets.filter((target) => /script|data:|not a url/i.test(target))).toEqual([])
    },
  )

  test('a document that closes every tag, names its language and heads its tables', () => {
    for (const page of [
      clusterPage(clusterView(), { killEnabled: true }),
      clusterPage(clusterView({ workers: [], activeApplications: [] }), { killEnabled: true }),
      clusterPage(withDrivers, { killEnabled: true }),
      applicationPage(applicationView('app-1'), 0),
      applicationPage(applicationView('app-1', { explanations: [explanation()] }), 0),
      applicationPage(null, 0),
    ]) {
      expect(unclosedTags(page)).toEqual([])
      expect(page).toMatch(/^<!doctype html>/)
      expect(page).toContain('<html lang="en">')
      expect(page.match(/<table/g)?.length ?? 0).toBe(page.match(/<thead/g)?.length ?? 0)
    }
  })
})

/** Of an application with one executor on worker-1. */
function executorPage(options: ApplicationPageOptions = {}, workers = [workerView('worker-1')]) {
  const model = modelOf(clusterView({ workers }))
  return drawApplicationPage(model.application('app-1'), model, options)
}

describe('U6: the application page', () => {
  test('shows its executors', () => {
    const page = applicationPage(applicationView('app-1', { coresMax: 10 }), 0)
    expect(page).toContain('10 (3 granted, 7 left)')
    expect(page).toContain('Executor Summary (1)')
    expect(page).toContain('Removed Executors (0)')
  })

  test('links to the worker of each executor and to its logs', () => {
    const page = executorPage()
    expect(page).toContain('<a href="http://10.0.0.1:8081/">worker-1</a>')
    expect(page).toContain(
      '<a href="http://10.0.0.1:8081/logPage/?appId=app-1&amp;executorId=0&amp;logType=stdout"',
    )
    const proxied = executorPage({ proxied: true })
    expect(proxied).toContain(
      '<a href="../proxy/worker-1/logPage/?appId=app-1&amp;executorId=0&amp;logType=stderr"',
    )
  })

  test('of a worker that is dead, unknown or has no pages there are none', () => {
    const gone = executorPage({}, [workerView('worker-1', { state: WorkerState.DEAD })])
    const mute = executorPage({}, [workerView('worker-1', { webUiUrl: null })])
    for (const page of [gone, mute, executorPage({}, [])]) {
      expect(page).not.toContain('logPage')
      expect(page).toContain('<td>worker-1</td>')
    }
  })

  test('says why it waits and what would help', () => {
    const waiting = applicationView('app-1', {
      explanations: [
        explanation(),
        explanation({
          profileId: 2,
          wanted: null,
          limit: Limit.EARLIER,
          cores: 1,
          memoryMb: 0,
          resources: [],
          runtimes: ['spark-4.2', 'spark-4.3'],
          closest: null,
          fitting: 3,
        }),
      ],
    })
    const page = applicationPage(waiting, 0)
    expect(page).toContain('<a href="../api/v1/applications/app-1/explain">as JSON</a>')
    for (const said of [
      'no worker has 4 cores and 8192 MiB free',
      'it starts when worker-7 is idle, or ask for 6144 MiB',
      'Executors wanted 3 Each',
      'Each executor takes 4 cores, 8.0 GiB, 1 gpu Runtime spark-4.3 Limit none',
      '10: 1 not alive, 2 without its runtime, 3 without the cores, 4 without the memory, ' +
        '0 fit now, 1 more would if idle',
      'Closest worker worker-7 lacks 2 cores, 1024.0 MiB, 1 gpu; it would fit if idle',
      'Resource profile 2 Executors wanted as many as fit Each executor takes 1 core ' +
        'Runtime spark-4.2 or spark-4.3 Limit what fits goes to those before it',
    ]) {
      expect(text(page)).toContain(said)
    }
    expect(applicationPage(applicationView('app-1'), 0)).not.toContain('Why it waits')
  })

  test('an unknown id gets the page that says so', () => {
    expect(applicationPage(null, 0)).toContain('<title>Not Found</title>')
  })
})
