/** U1 to U6, U18: how the master's pages keep themselves current in a real browser, and leave alone what their reader does. */
import { once } from 'node:events'
import { createServer, request as httpRequest, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect, onTestFinished, test, vi } from 'vitest'

import { ApplicationState, WorkerState, type ClusterViewT } from '../../src/schema/magneto.js'
import type { ClusterJson } from '../e2e/cluster.js'
import { describeWith } from '../e2e/requirements.js'
import { applicationView, clusterView, explanation, workerView } from '../ui/views.js'
import { barriers, Chromium, overhang } from './chromium.js'
import { PlayedMaster } from './played-master.js'

vi.setConfig({ testTimeout: 120_000 })

let browser: Chromium
let master: PlayedMaster

const usual = (): ClusterViewT =>
  clusterView({
    workers: [workerView('worker-1'), workerView('worker-2'), workerView('worker-3')],
    activeApplications: [
      applicationView('app-1', { submittedMs: 1n }),
      applicationView('app-2', {
        submittedMs: 2n,
        state: ApplicationState.WAITING,
        explanations: [explanation()],
      }),
    ],
  })

async function setUp(): Promise<void> {
  browser = await Chromium.start()
  master = await PlayedMaster.start(usual(), {
    decommissionAllowMode: 'LOCAL',
    reverseProxy: { frontUrl: null },
  })
}

/** What the web thread has read of the test before is shown for a moment longer. */
async function showsTheUsual(): Promise<void> {
  const shown = async (): Promise<unknown> => {
    const answer = (await (await fetch(`${master.url}json/`)).json()) as ClusterJson
    const { workers, activeapps, completedapps } = answer
    const ids = [...activeapps, ...completedapps].map(({ id }) => id)
    return [workers.length, workers.every(({ state }) => state === 'ALIVE'), ids.toSorted()]
  }
  const { workers, activeApplications, completedApplications } = usual()
  const ids = [...activeApplications, ...completedApplications].map(({ id }) => String(id))
  await expect.poll(shown).toEqual([workers.length, true, ids.toSorted()])
}

async function takeDown(): Promise<void> {
  await browser.stop()
  await master.stop()
}

/** One that is there says that the document is still the same. */
const mark = (page: Page): Promise<void> => page.evaluate('window.sameDocument = true')
const isMarked = (page: Page): Promise<boolean> => page.evaluate('window.sameDocument === true')
const rows = (page: Page, table: string): Promise<string[]> =>
  page.locator(`table[aria-labelledby=${table}] tbody tr td:first-child a`).allInnerTexts()
const submit = (id: string, submittedMs: bigint): void =>
  void master.view.activeApplications.push(applicationView(id, { submittedMs }))

describeWith(['chromium'], 'U1 to U6: pages that keep themselves current', () => {
  beforeAll(setUp, 60_000)
  afterAll(takeDown)
  afterEach(async () => {
    master.silent = false
    master.view = usual()
    expect(await browser.complaints()).toEqual([])
    await showsTheUsual()
  })

  test('U1, U2, U3: what comes, changes and goes is shown without a reload', async () => {
    const page = await browser.open(master.url)
    await mark(page)
    expect(await rows(page, 'running')).toEqual(['app-2', 'app-1'])
    submit('app-3', 3n)
    master.view.workers[1] = workerView('worker-2', { state: WorkerState.DEAD })
    await expect.poll(() => rows(page, 'running')).toEqual(['app-3', 'app-2', 'app-1'])
    await expect.poll(() => page.locator('main').innerText()).toContain('2 alive, 1 dead')
    master.view.activeApplications.splice(0, 1)
    await expect.poll(() => rows(page, 'running')).toEqual(['app-3', 'app-2'])
    expect(await isMarked(page)).toBe(true)
  })

  test('U3: a row that is looked at stays the same element while others come and go', async () => {
    const page = await browser.open(master.url)
    const kept = await page.locator('tr', { hasText: 'app-1' }).elementHandle()
    submit('app-3', 3n)
    await expect.poll(() => rows(page, 'running')).toEqual(['app-3', 'app-2', 'app-1'])
    const same = await kept?.evaluate(
      (row) => row.isConnected && row.textContent?.includes('app-1'),
    )
    expect(same).toBe(true)
  })

  test('U3: typed text, the focus and a selection stay; so does where one has scrolled to', async () => {
    master.view.workers = Array.from({ length: 120 }, (_, at) => workerView(`worker-${1000 + at}`))
    const page = await browser.open(master.url, { viewport: { width: 700, height: 500 } })
    const box = page.getByLabel('Search in Workers')
    await box.fill('worker-10')
    await box.press('ArrowLeft')
    const state = () =>
      page.evaluate<unknown[]>(`[
        document.activeElement.name, document.activeElement.value, document.activeElement.selectionStart,
      ]`)
    const before = await state()
    expect(before).toEqual(['workers.q', 'worker-10', 8])
    const scroller = page.locator('.scroll').first()
    await scroller.evaluate((element) => element.scrollTo(40, 0))
    await page.evaluate('window.scrollTo(0, 900)')
    const placeOf = () =>
      page
        .locator('tr', { hasText: 'worker-1050' })
        .evaluate((row) => Math.round(row.getBoundingClientRect().top))
    const place = await placeOf()
    master.view.workers[119] = workerView('worker-1119', { state: WorkerState.DEAD })
    await expect.poll(() => page.locator('main').innerText()).toContain('119 alive, 1 dead')
    expect(await state()).toEqual(before)
    expect(await scroller.evaluate((element) => element.scrollLeft)).toBe(40)
    expect(await placeOf()).toBe(place)
  })

  test('U3: text that is marked stays marked', async () => {
    const page = await browser.open(master.url)
    await page.evaluate(`{
      const range = document.createRange()
      range.selectNodeContents(document.querySelector('a[href$="appId=app-1"]'))
      getSelection().addRange(range)
    }`)
    submit('app-3', 3n)
    await expect.poll(() => rows(page, 'running')).toEqual(['app-3', 'app-2', 'app-1'])
    expect(await page.evaluate('String(getSelection())')).toBe('app-1')
  })

  test('U13: a question that is open stays open, and names what it would end', async () => {
    const page = await browser.open(master.url)
    await page.getByLabel('Kill application app-1?').click()
    const button = page.getByRole('button', { name: 'Kill application app-1', exact: true })
    submit('app-3', 3n)
    await expect.poll(() => rows(page, 'running')).toEqual(['app-3', 'app-2', 'app-1'])
    expect(await button.isVisible()).toBe(true)
    await mark(page)
    await button.click()
    await expect
      .poll(() => page.getByRole('status').innerText())
      .toBe('Kill application app-1: done')
    expect(await button.isVisible()).toBe(false)
    expect(await isMarked(page)).toBe(true)
  })

  test('U15: workers are told to leave from the page', async () => {
    const page = await browser.open(master.url)
    await page.getByLabel('Decommission all workers on 10.0.0.1?').first().click()
    const button = { name: 'Decommission all workers on 10.0.0.1', exact: true }
    await page.getByRole('button', button).first().click()
    // Of none of them the master has told that it is one.
    await expect
      .poll(() => page.getByRole('status').innerText())
      .toContain('no worker registered under such a host')
    expect((await browser.complaints()).every((each) => each.includes('404'))).toBe(true)
  })

  test('U3: why an application waits is unfolded in place, and stays so', async () => {
    const page = await browser.open(master.url)
    await page.getByLabel('Why application app-2 waits').click()
    const reason = page.getByText('no worker has 4 cores and 8192 MiB free')
    expect(await reason.isVisible()).toBe(true)
    submit('app-3', 3n)
    await expect.poll(() => rows(page, 'running')).toEqual(['app-3', 'app-2', 'app-1'])
    expect(await reason.isVisible()).toBe(true)
  })

  test('U5: a part that was folded away stays so, also on the next visit', async () => {
    const page = await browser.open(master.url)
    await page.locator('summary', { has: page.locator('h2#workers') }).click()
    const table = page.locator('table[aria-labelledby=workers]')
    expect(await table.isVisible()).toBe(false)
    submit('app-3', 3n)
    await expect.poll(() => rows(page, 'running')).toEqual(['app-3', 'app-2', 'app-1'])
    expect(await table.isVisible()).toBe(false)
    await page.reload()
    await expect.poll(() => table.isVisible()).toBe(false)
    await page.locator('summary', { has: page.locator('h2#workers') }).click()
    await page.reload()
    await page.getByLabel('Live updates').waitFor()
    expect(await table.isVisible()).toBe(true)
  })

  test('a page that was paused stays as it is, until it goes on', async () => {
    const page = await browser.open(master.url)
    await page.getByLabel('Live updates').uncheck()
    submit('app-3', 3n)
    const other = await browser.open(master.url)
    await expect.poll(() => rows(other, 'running')).toContain('app-3')
    expect(await rows(page, 'running')).toEqual(['app-2', 'app-1'])
    await page.getByRole('link', { name: 'Name', exact: true }).first().click()
    await page.getByLabel('Live updates').waitFor()
    expect(await page.getByLabel('Live updates').isChecked()).toBe(false)
    await page.getByLabel('Live updates').check()
    master.view.activeApplications.pop()
    await expect.poll(() => rows(page, 'running')).not.toContain('app-3')
  })

  test('a page on which nothing has changed costs a few bytes', async () => {
    const page = await browser.open(master.url)
    const answers: number[] = []
    page.on('response', (response) => {
      if (response.url() === master.url) answers.push(response.status())
    })
    await expect.poll(() => answers).toContain(304)
    answers.length = 0
    submit('app-3', 3n)
    await expect.poll(() => answers).toContain(200)
  })

  test('a master that is silent is said to be, and is seen again', async () => {
    const page = await browser.open(master.url)
    await mark(page)
    await page.route(master.url, (route) => route.abort())
    await expect.poll(() => page.getByRole('status').innerText()).toContain('no answer')
    expect(await barriers(page)).toEqual([])
    expect(await rows(page, 'running')).toEqual(['app-2', 'app-1'])
    submit('app-3', 3n)
    await page.unroute(master.url)
    await expect.poll(() => rows(page, 'running')).toContain('app-3')
    await expect.poll(() => page.getByRole('status').innerText()).toBe('')
    expect(await isMarked(page)).toBe(true)
    expect((await browser.complaints()).every((each) => each.includes('ERR_FAILED'))).toBe(true)
  })

  test('an answer that is another page, such as a login, is not put in', async () => {
    const page = await browser.open(master.url)
    await page.route(master.url, (route) =>
      route.fulfill({ contentType: 'text/html', body: '<main>Who are you?</main>' }),
    )
    await expect.poll(() => page.getByRole('status').innerText()).toContain('another page')
    expect(await rows(page, 'running')).toEqual(['app-2', 'app-1'])
  })

  test('U6: the page of an application keeps itself current, to its end', async () => {
    const page = await browser.open(`${master.url}app/?appId=app-1`)
    const [application] = master.view.activeApplications.splice(0, 1)
    master.view.completedApplications.push(
      Object.assign(application!, { state: ApplicationState.KILLED, endedMs: 9n }),
    )
    await expect.poll(() => page.locator('dl .state').innerText()).toBe('KILLED')
    master.view.completedApplications.length = 0
    await expect.poll(() => page.locator('h1').innerText()).toBe('Not Found')
  })

  test('P47: below the path of another server all of it works the same', async () => {
    const front = await serveBelow('/lab/master/', master.url)
    try {
      const page = await browser.open(front.url)
      submit('app-3', 3n)
      await expect.poll(() => rows(page, 'running')).toContain('app-3')
      await page.getByRole('link', { name: 'app-3' }).click()
      expect(page.url()).toBe(`${front.url}app/?appId=app-3`)
      const links = await page.locator('a').evaluateAll((all) => all.map((one) => String(one)))
      expect(links.filter((link) => !link.startsWith(front.url))).toEqual([])
      await page.getByRole('link', { name: 'Back to Master' }).click()
      expect(page.url()).toBe(front.url)
      await page.getByRole('link', { name: 'Duration' }).first().click()
      expect(page.url()).toContain(`${front.url}?`)
      await page.getByLabel('Kill application app-1?').click()
      await page.getByRole('button', { name: 'Kill application app-1', exact: true }).click()
      await expect.poll(() => page.getByRole('status').innerText()).toContain('done')
      // It would ask a server that is gone.
      await page.close()
    } finally {
      front.server.closeAllConnections()
      front.server.close()
    }
  })

  test('U1: charts come with the page, and in words for who does not see them', async () => {
    // Of a day it has nothing to show for a minute.
    const fresh = await PlayedMaster.start(usual())
    onTestFinished(() => fresh.stop())
    const page = await browser.open(fresh.url, { javaScriptEnabled: false })
    const charts = page.locator('figure svg[role=img]')
    await expect
      .poll(async () => {
        await page.reload()
        return charts.count()
      })
      .toBe(5)
    expect(await charts.first().getAttribute('aria-label')).toMatch(
      /^Cores since 10 min ago: 9 of 24 used/,
    )
    await page.getByRole('link', { name: '24 hours' }).click()
    expect(await page.getByText('the first minute is not over').isVisible()).toBe(true)
    expect(await overhang(page)).toBeLessThanOrEqual(0)
  })

  test('U13: without scripts a kill asks first, and leads back', async () => {
    const page = await browser.open(master.url, { javaScriptEnabled: false })
    expect(await page.getByText('Live updates').isVisible()).toBe(false)
    const button = page.getByRole('button', { name: 'Kill application app-1', exact: true })
    expect(await button.isVisible()).toBe(false)
    await page.getByLabel('Kill application app-1?').click()
    const answered = page.waitForResponse((response) => response.url().includes('/app/kill/'))
    await button.click()
    expect((await answered).status()).toBe(302)
    await page.waitForURL(master.url)
    expect(await rows(page, 'running')).toEqual(['app-2', 'app-1'])
  })
})

/** A server that shows another one below a path, as nginx does. */
async function serveBelow(path: string, target: string): Promise<{ server: Server; url: string }> {
  const server = createServer((request, response) => {
    const { url = '/', method = 'GET', headers } = request
    if (!url.startsWith(path)) {
      response.writeHead(404).end()
      return
    }
    const passed = httpRequest(
      new URL(url.slice(path.length), target),
      { method, headers },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(response)
      },
    )
    passed.on('error', () => response.destroy())
    request.pipe(passed)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return { server, url: `http://127.0.0.1:${port}${path}` }
}
