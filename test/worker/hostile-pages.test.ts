/** X3: whoever names an application, or writes a log, writes into the pages of a worker. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import { LogReader } from '../../src/log-files/reader.js'
import type { HostedExecutor, HostedLists } from '../../src/worker/hosted-work.js'
import { answerTo, type WebContext } from '../../src/worker/web/routes.js'
import { bodyText } from '../http/body-text.js'
import { dangersOf, hostileTexts, isShown } from '../http/markup-check.js'

let root = ''
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'magneto-hostile-'))
  await mkdir(join(root, 'app-1', '0'), { recursive: true })
})
afterEach(() => rm(root, { recursive: true, force: true }))

function lists(name: string): HostedLists {
  const resources = [{ name, addresses: [name] }]
  const executor = (state: HostedExecutor['state']): HostedExecutor => ({
    appId: name,
    executorId: 0,
    state,
    cores: 1,
    memoryMb: 1,
    resources,
    application: {
      name,
      user: name,
      uiUrl: name,
      coresMax: 0,
      memoryPerExecutorMb: 1,
      resourcesPerExecutor: [{ name, amount: 1 }],
      command: name,
    },
  })
  const driver = {
    driverId: name,
    mainClass: name,
    cores: 1,
    memoryMb: 1,
    resources,
    notes: name,
  }
  return {
    executors: [executor('RUNNING')],
    finishedExecutors: [executor('EXITED')],
    drivers: [{ ...driver, state: 'RUNNING' }],
    finishedDrivers: [{ ...driver, state: 'FINISHED' }],
  }
}

async function ask(name: string, target: string) {
  const context: WebContext = {
    worker: {
      workerId: name,
      address: name,
      cores: 1,
      memoryMb: 1,
      resources: [{ name, addresses: [name] }],
    },
    reverseProxy: false,
    work: async () => lists(name),
    workDir: root,
    logDir: root,
    logs: new LogReader(1),
    master: () => ({ url: name, webUiUrl: name }),
  }
  const form = new URLSearchParams()
  const request = { method: 'GET', target, headers: {}, form, remoteAddress: '127.0.0.1' }
  const answer = await answerTo(request, context)
  const { status, type } = answer
  return { status, type, body: bodyText(answer) }
}

describe.each(hostileTexts)('X3: %j', (name) => {
  const coded = encodeURIComponent(name)
  const log = 'appId=app-1&executorId=0&logType=stdout'

  test('U21: as the name of all that has one it is text on the first page', async () => {
    const { status, body } = await ask(name, '/')
    expect(status).toBe(200)
    expect(dangersOf(body)).toEqual([])
    expect(isShown(body, name)).toBe(true)
  })

  test('U24: as a line of a log, and as what is searched in it', async () => {
    await writeFile(join(root, 'app-1', '0', 'stdout'), `one\n${name}\ntwo\n`)
    for (const search of ['', `&search=one`, `&search=${coded}`, '&search=%3C']) {
      const { status, type, body } = await ask(name, `/logPage/?${log}${search}`)
      if (status === 400) continue
      expect([status, type]).toEqual([200, 'text/html;charset=utf-8'])
      expect(dangersOf(body)).toEqual([])
    }
    const part = await ask(name, `/logPart?${log}`)
    expect(part.type).toBe('application/json')
    const { markup } = JSON.parse(part.body) as { markup: string }
    expect(dangersOf(`<pre>${markup}</pre>`)).toEqual([])
    expect((await ask(name, `/log?${log}`)).type).toMatch(/^text\/plain/)
  })

  test.each([
    `/${coded}`,
    `/logPage/?appId=${coded}&executorId=0&logType=stdout`,
    `/logPage/?driverId=${coded}&logType=stdout`,
    `/logPage/?${log}x${coded}`,
    `/log?appId=app-1&executorId=${coded}&logType=stdout`,
    `/static/${coded}.js`,
  ])('%s is no page', async (target) => {
    const { type, status } = await ask(name, target)
    expect(status).toBeGreaterThanOrEqual(400)
    expect(type).toMatch(/^text\/plain/)
  })
})
