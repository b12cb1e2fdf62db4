/** X3: whoever names a worker, an application or a driver writes into pages of others. */
import { describe, expect, test } from 'vitest'

import { DriverState, ResourceAmountT, ResourceT, WorkerState } from '../../src/schema/magneto.js'
import { Environment } from '../../src/ui/environment-page.js'
import { singleLine } from '../../src/http/single-line.js'
import type { RouteContext } from '../../src/ui/route-context.js'
import { answerTo } from '../../src/ui/routes.js'
import { bodyText } from '../http/body-text.js'
import { dangersOf, hostileTexts, isShown } from '../http/markup-check.js'
import {
  applicationView,
  clusterOf,
  clusterView,
  driverView,
  eventless,
  explanation,
  waitingDriverView,
  workerView,
} from './views.js'

/** A cluster where everything that anybody can name is named so. */
function cluster(name: string) {
  const resources = [new ResourceT(name, [name])]
  const why = explanation({
    resources: [new ResourceAmountT(name, 1)],
    runtimes: [name],
    reason: name,
    advice: name,
  })
  const application = {
    name,
    user: name,
    uiUrl: name,
    runtime: name,
    resourcesPerExecutor: [new ResourceAmountT(name, 1)],
    explanations: [why],
  }
  return clusterView({
    masterUrl: name,
    workers: [
      workerView(name, {
        host: name,
        webUiUrl: name,
        runtimes: [name],
        resources,
        resourcesUsed: resources,
        healthReport: name,
      }),
      workerView(`${name}2`, { state: WorkerState.DEAD }),
    ],
    activeApplications: [applicationView(name, application)],
    completedApplications: [applicationView(`${name}0`, { ...application, endedMs: 1n })],
    activeDrivers: [
      waitingDriverView(`${name}w`, { mainClass: name, explanation: why }),
      driverView(name, { workerId: name, mainClass: name, resources }),
    ],
    completedDrivers: [
      driverView(`${name}c`, { state: DriverState.ERROR, workerId: name, exception: name }),
    ],
  })
}

const fact = (name: string) => [{ name, value: name, origin: name }]

async function ask(name: string, target: string) {
  const context: RouteContext = {
    ...eventless,
    killEnabled: true,
    title: name,
    historyServerUrl: 'http://history:18080',
    restUrl: name,
    decommissionAllowMode: 'ALLOW',
    environment: new Environment({
      runtime: fact(name),
      spark: fact(name),
      system: fact(name),
      metrics: fact(name),
      variables: fact(name),
    }),
    commands: {
      killApplication: async () => ({ ok: false, message: name, count: 0 }),
      killDriver: async () => ({ ok: false, message: name, count: 0 }),
      decommissionWorkers: async () => ({ ok: false, message: name, count: 0 }),
    },
    audit: () => {},
    cluster: clusterOf(cluster(name)),
  }
  const form = new URLSearchParams()
  const method = /kill/.test(target) ? 'POST' : 'GET'
  const request = { method, target, headers: {}, form, remoteAddress: '127.0.0.1' }
  const answer = await answerTo(request, context)
  const { status, type, headers } = answer
  return { status, type, body: bodyText(answer), headers }
}

describe.each(hostileTexts)('X3: %j as the name of all that has one', (name) => {
  const coded = encodeURIComponent(name)

  test.each([
    '/',
    `/?workers.q=${coded}`,
    `/app/?appId=${coded}`,
    `/app/?appId=${encodeURIComponent(`${name}0`)}`,
    `/environment/`,
  ])('%s is a page on which it is text', async (target) => {
    const { status, type, body } = await ask(name, target)
    expect([status, type]).toEqual([200, 'text/html;charset=utf-8'])
    expect(dangersOf(body)).toEqual([])
    expect(isShown(body, name)).toBe(true)
  })

  test.each([
    `/${coded}`,
    `/app/?appId=`,
    `/?workers.sort=${coded}`,
    `/?running.limit=${coded}`,
    `/app/kill/?id=${coded}&terminate=true`,
    `/driver/kill/?id=${coded}&terminate=true`,
    `/workers/kill/?host=${coded}`,
    `/static/${coded}.js`,
    `/log?${coded}`,
    `/logPage/?self&logType=${coded}`,
    `/api/v1/applications/${coded}x`,
    `/api/v1/applications/${coded}x/explain`,
    `/api/v1/workers?sort=${coded}`,
    `/api/v1/${coded}`,
    `/json/${coded}`,
  ])('%s is no page', async (target) => {
    const { type, body, headers } = await ask(name, target)
    expect(type).toMatch(/^(text\/plain|application\/json|text\/json)/)
    expect(headers?.['Location'] ?? '').not.toMatch(/[\r\n]/)
    if (type.startsWith('text/plain')) expect(singleLine(body.trimEnd())).toBe(body.trimEnd())
  })
})

test('the check itself finds what it is for', () => {
  for (const [bad, danger] of [
    ['<p><script>alert(1)</script>', 'a foreign script'],
    ['<script src="https://evil/x.js"></script>', 'a foreign script'],
    ['<img src=x onerror=alert(1)>', 'a handler'],
    ['<a href="javascript:alert(1)">', 'a link that acts'],
    ['<a href="&#39;" onclick="x">', 'a handler'],
    ['<form action="data:text/html,x">', 'a link that acts'],
    ['<p style="x">', 'a style of its own'],
    ['no page', 'there is no tag in it'],
  ] as const)
    expect(dangersOf(bad).join()).toContain(danger)
  expect(
    dangersOf('<p><a href="../app/?appId=%3Cb%3E">x</a><script src="./static/live-page.js">'),
  ).toEqual([])
})
