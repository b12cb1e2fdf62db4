/** U1, U6, U7: pages as requests get them: shared, not modified, and with no more buttons than their reader may press. */
import { expect, test } from 'vitest'

import { SharedAnswers } from '../../src/http/live.js'
import type { Request, Visitor } from '../../src/http/route.js'
import { Environment } from '../../src/ui/environment-page.js'
import type { RouteContext } from '../../src/ui/route-context.js'
import { answerTo } from '../../src/ui/routes.js'
import { bodyText } from '../http/body-text.js'
import { applicationView, clusterView, modelOf } from './views.js'

/** A master whose view may change; counts how often it was read. */
function played(change: Partial<RouteContext> = {}) {
  let model = modelOf(clusterView())
  let read = 0
  const cluster = {
    answeredInMs: 0,
    explain: async () => {},
    current: async () => {
      read += 1
      return model
    },
  }
  const context = {
    killEnabled: true,
    decommissionAllowMode: 'LOCAL',
    audit: () => {},
    history: { samples: () => [] },
    shared: new SharedAnswers(60_000),
    cluster,
    ...change,
  } as unknown as RouteContext
  const ask = (target: string, request: Partial<Request> = {}) =>
    answerTo(
      {
        method: 'GET',
        target,
        headers: {},
        form: new URLSearchParams(),
        remoteAddress: '127.0.0.1',
        ...request,
      },
      context,
    )
  return {
    ask,
    reads: () => read,
    show: (view: ReturnType<typeof clusterView>) => void (model = modelOf(view)),
  }
}

test.each(['/', '/app/?appId=app-1'])(
  '%s: who has it gets 304 until something has changed',
  async (path) => {
    const { ask, show } = played({ shared: new SharedAnswers(0) })
    const first = await ask(path)
    const tag = first.headers?.['ETag'] ?? ''
    const headers = { 'if-none-match': tag }
    expect(await ask(path, { headers })).toMatchObject({ status: 304, body: '' })
    show(clusterView({ activeApplications: [applicationView('app-1', { coresGranted: 4 })] }))
    await expect.poll(async () => (await ask(path, { headers })).status).toBe(200)
    expect(first.headers?.['Content-Security-Policy']).toContain("script-src 'self'")
  },
)

test('readers of one address share one answer, of another they do not', async () => {
  const { ask, reads } = played()
  const paths = ['/', '/', '/?workers.sort=id', '/?workers.sort=id', '/app/?appId=app-1', '/']
  const answers = await Promise.all(paths.map((path) => ask(path)))
  expect(reads()).toBe(3)
  expect(answers[0]?.body).toBe(answers[5]?.body)
})

test('P46, P50: who may not change what runs is offered nothing, whatever others see', async () => {
  const { ask } = played()
  const visitor = (may: boolean): Visitor => ({ user: 'ann', mayModify: async () => may })
  const [anybody, allowed, reader] = await Promise.all([
    ask('/'),
    ask('/', { visitor: visitor(true) }),
    ask('/', { visitor: visitor(false) }),
  ])
  expect(allowed.body).toBe(anybody.body)
  expect(anybody.body).toContain('app/kill')
  expect(anybody.body).toContain('workers/kill')
  expect(reader.body).not.toContain('<form method="post"')
})

test.each([
  ['LOCAL', '127.0.0.1', true],
  ['LOCAL', '203.0.113.9', false],
  ['ALLOW', '203.0.113.9', true],
  ['DENY', '127.0.0.1', false],
  [null, '127.0.0.1', false],
] as const)('P22: %s offers %s to decommission: %s', async (mode, remoteAddress, offered) => {
  const { ask } = played({ decommissionAllowMode: mode })
  const page = bodyText(await ask('/', { remoteAddress }))
  expect(page.includes('workers/kill')).toBe(offered)
})

test.each(['/environment/', '/environment', '/Environment', '/Environment/'])(
  'U7: %s is the page',
  async (path) => {
    const facts = { runtime: [], spark: [], system: [], metrics: [], variables: [] }
    const { ask } = played({ environment: new Environment(facts) })
    const { status, body } = await ask(path)
    expect(status).toBe(200)
    expect(body).toContain('Runtime Information')
    expect((await ask('/')).body).toContain('href="./environment/"')
    const without = played()
    expect((await without.ask(path)).status).toBe(404)
    expect((await without.ask('/')).body).not.toContain('environment/')
  },
)

test.each(['/?use=1h', '/?workers.show=broken', '/environment/?spark.sort=age'])(
  '%s: 400 with what was expected',
  async (path) => {
    const facts = { runtime: [], spark: [], system: [], metrics: [], variables: [] }
    const { ask } = played({ environment: new Environment(facts) })
    const { status, body } = await ask(path)
    expect(status).toBe(400)
    expect(body).toContain('must be one of')
  },
)
