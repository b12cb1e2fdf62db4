/** U1 to U20: the master's pages in a real browser, of a real cluster with Node applications at work. */
import { join } from 'node:path'
import type { BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'

import { ClusterPool } from '../../src/app/index.js'
import { Cluster, root, type ClusterJson } from '../e2e/cluster.js'
import { describeWith } from '../e2e/requirements.js'
import { barriers, Chromium, overhang, PHONE } from './chromium.js'

// On a busy machine a browser and its checker take their time.
vi.setConfig({ testTimeout: 120_000 })

const filename = join(root, 'test/app/fixtures/tasks.mjs')

let browser: Chromium
let cluster: Cluster
const pools: ClusterPool[] = []
let state: ClusterJson

/** An application that takes its cores and does not end by itself. */
function start(name: string, options: { maxCores?: number; executorMemory?: string }): void {
  const pool = new ClusterPool({
    master: cluster.masterUrl,
    filename,
    name,
    executorCores: 1,
    executorMemory: '64m',
    ...options,
  })
  pools.push(pool)
  // It is ended from the page, or with its pool.
  pool.run(null, { name: 'never' }).catch(() => {})
}

async function setUp(): Promise<void> {
  browser = await Chromium.start()
  cluster = await Cluster.start({
    workers: 3,
    properties: [
      'spark.ui.reverseProxy true',
      'spark.decommission.enabled true',
      'spark.master.ui.visibleEnvVarPrefixes MAGNETO_E2E,SECRET',
      'spark.app.password hunter2',
    ],
    environment: { SECRET_OF_THE_LAB: 'hunter3' },
  })
  const done = new ClusterPool({ master: cluster.masterUrl, filename, name: 'done', maxCores: 1 })
  await done.run(1)
  await done.destroy()
  start('working', { maxCores: 2 })
  await cluster.until('it works', ({ coresused }) => coresused === 2)
  start('<i>too large</i>', { executorMemory: '64g' })
  state = await cluster.until(
    'one works, one waits, one is done',
    ({ activeapps, completedapps, coresused }) =>
      activeapps.length === 2 && completedapps.length === 1 && coresused === 2,
  )
}

async function takeDown(): Promise<void> {
  await browser.stop()
  await Promise.all(pools.map((pool) => pool.destroy()))
  expect(await cluster.stop()).toEqual([])
}

const idOf = (name: string): string =>
  state.activeapps.find((one) => one.name === name)?.id ?? `there is no ${name}`
const names = (page: Page, table: string): Promise<string[]> =>
  page.locator(`table[aria-labelledby=${table}] tbody tr td:nth-child(2)`).allInnerTexts()
const mark = (page: Page): Promise<void> => page.evaluate('window.sameDocument = true')
const isMarked = (page: Page): Promise<boolean> => page.evaluate('window.sameDocument === true')

describeWith(['chromium'], 'U1 to U20: the pages of a master at work', () => {
  beforeAll(setUp, 180_000)
  afterAll(takeDown, 60_000)
  afterEach(async () => expect(await browser.complaints()).toEqual([]))

  const looks: [string, BrowserContextOptions][] = [
    ['light', { colorScheme: 'light' }],
    ['dark', { colorScheme: 'dark' }],
    ['on a phone', { viewport: PHONE, isMobile: true, hasTouch: true }],
    ['without scripts', { javaScriptEnabled: false }],
  ]
  test.each(looks)('U1 to U9: %s, nobody is kept out and nothing overhangs', async (name, look) => {
    const paths = [
      '',
      '?use=1m&workers.show=dead&workers.q=nobody',
      `app/?appId=${idOf('working')}`,
      `app/?appId=${idOf('<i>too large</i>')}`,
      'app/?appId=unknown',
      'environment/',
      'logPage/?self&logType=out',
    ]
    for (const path of paths) {
      const page = await browser.open(`${cluster.webUi}/${path}`, look)
      // The checker is a script itself.
      if (name !== 'without scripts') expect(await barriers(page), path).toEqual([])
      expect(await overhang(page), path).toBeLessThanOrEqual(0)
    }
  })

  test('U1, U2, U3: how the cluster is, at a glance', async () => {
    const page = await browser.open(cluster.webUi)
    const facts = await page.locator('dl').first().innerText()
    expect(facts).toContain(cluster.masterUrl)
    expect(facts).toContain('3 alive, 0 dead, 0 decommissioned, 0 unknown')
    expect(facts).toContain('6 total, 2 used')
    expect(facts).toContain('2 running (1 waiting), 1 completed')
    expect(await names(page, 'running')).toEqual(['<i>too large</i>', 'working'])
    expect(await names(page, 'completed')).toEqual(['done'])
    const states = page.locator('table[aria-labelledby=running] .state')
    const colours = await page.evaluate<string[]>(
      `[...document.querySelectorAll('table[aria-labelledby=running] .state')]
        .map((one) => getComputedStyle(one).color)`,
    )
    expect(await states.allInnerTexts()).toEqual(['WAITING', 'RUNNING'])
    expect(new Set(colours).size).toBe(2)
  })

  test('U3: what waits says why, in place and on its page', async () => {
    const page = await browser.open(cluster.webUi)
    const id = idOf('<i>too large</i>')
    await page.getByRole('link', { name: '1 waiting' }).click()
    expect(await names(page, 'running')).toEqual(['<i>too large</i>'])
    await page.getByLabel(`Why application ${id} waits`).click()
    const reason = await page.locator('td details p').first().innerText()
    expect(reason).toMatch(/memory|MiB|GiB/)
    await page.getByRole('link', { name: id }).click()
    expect(await page.getByRole('heading', { name: 'Why it waits' }).isVisible()).toBe(true)
    expect(await page.locator('main').innerText()).toContain(reason.split('\n')[0])
    await page.getByRole('link', { name: 'as JSON' }).click()
    expect(await page.locator('body').innerText()).toContain(`"id" : "${id}"`)
  })

  test('U1: charts say how much was used', async () => {
    const page = await browser.open(cluster.webUi)
    const cores = page.locator('figure', { hasText: 'Cores' })
    await expect.poll(() => cores.innerText()).toContain('2 of 6 used')
    const executors = page.locator('figure', { hasText: 'Executors' })
    expect(await executors.innerText()).toMatch(/2 now, between 0 and \d/)
    const line = await cores.locator('path.line').getAttribute('d')
    expect(line).toMatch(/^M/)
    await page.getByRole('link', { name: '24 hours' }).click()
    expect(page.url()).toContain('use=1m')
  })

  test('U5: sorting, and back, by links with their order said', async () => {
    const page = await browser.open(cluster.webUi)
    const heading = page.locator('table[aria-labelledby=running] th')
    await heading.getByRole('link', { name: 'Name' }).click()
    expect(await names(page, 'running')).toEqual(['<i>too large</i>', 'working'])
    await heading.getByRole('link', { name: 'Name' }).click()
    expect(await names(page, 'running')).toEqual(['working', '<i>too large</i>'])
    expect(await page.locator('th[aria-sort=descending]').innerText()).toContain('Name')
    expect(page.url()).toContain('running.sort=-name')
  })

  test('U2: searching, and the page kept so by its address', async () => {
    const page = await browser.open(`${cluster.webUi}/?workers.q=${state.workers[1]?.id ?? ''}`)
    expect(await page.locator('h2#workers').innerText()).toBe('Workers (1)')
    const box = page.getByLabel('Search in Workers')
    await box.fill('no such worker')
    await box.press('Enter')
    await expect.poll(() => page.locator('h2#workers').innerText()).toBe('Workers (0)')
    await box.fill('')
    await page.getByRole('button', { name: 'Search' }).click()
    await expect.poll(() => page.locator('h2#workers').innerText()).toBe('Workers (3)')
  })

  test('U2: pages of a table, by links', async () => {
    const page = await browser.open(`${cluster.webUi}/?workers.limit=1`)
    const first = () => page.locator('table[aria-labelledby=workers] tbody td').first().innerText()
    const pages = page.getByLabel('Pages of Workers')
    const seen = [await first()]
    for (const name of ['next', 'last', 'previous', 'first']) {
      await pages.getByRole('link', { name }).click()
      seen.push(await first())
    }
    const [one, two, three] = state.workers.map(({ id }) => id).toSorted()
    for (const [at, id] of [one, two, three, two, one].entries()) expect(seen[at]).toContain(id)
  })

  test('U6, U18: executors link to their worker and their logs, through this port', async () => {
    const page = await browser.open(`${cluster.webUi}/app/?appId=${idOf('working')}`)
    expect(await page.getByRole('heading', { name: 'Executor Summary (2)' }).isVisible()).toBe(true)
    await page.getByRole('link', { name: 'stderr of executor 0' }).click()
    expect(page.url()).toMatch(
      /\/proxy\/worker-[^/]+\/logPage\/\?appId=.*&executorId=0&logType=stderr/,
    )
    expect(await page.locator('#log').innerText()).toContain('executor-main')
    await page.goBack()
    await page.locator('table[aria-labelledby=executors] td:nth-child(2) a').first().click()
    expect(await page.locator('h1').innerText()).toContain('Magneto Worker at')
  })

  test('U7, P23, P55: what the master runs with, and no secret of it', async () => {
    const page = await browser.open(cluster.webUi)
    await page.getByRole('link', { name: 'Environment' }).click()
    expect(page.url()).toBe(`${cluster.webUi}/environment/`)
    const text = await page.locator('main').innerText()
    for (const said of [
      process.version,
      'spark.ui.reverseProxy',
      'spark-defaults.conf',
      'MAGNETO_E2E',
      cluster.folder,
      'spark.app.password',
      'SECRET_OF_THE_LAB',
      '*********(redacted)',
      'master.sink.servlet.path',
    ])
      expect(text).toContain(said)
    expect(await page.content()).not.toContain('hunter')
    await page.getByLabel('Search in Spark Properties').fill('reverse')
    await page.keyboard.press('Enter')
    await expect.poll(() => page.locator('h2#spark').innerText()).toBe('Spark Properties (1)')
    await page.goto(`${cluster.webUi}/Environment`)
    await page.getByRole('link', { name: 'Back to Master' }).click()
    expect(page.url()).toBe(`${cluster.webUi}/`)
  })

  test('all of it is reached and worked with the keyboard', async () => {
    const page = await browser.open(cluster.webUi)
    const focused = () =>
      page.evaluate<string>(
        'document.activeElement.getAttribute("aria-label") ?? document.activeElement.textContent.trim()',
      )
    const wanted = `Kill application ${idOf('working')}?`
    const passed: string[] = []
    while ((await focused()) !== wanted && passed.length < 150) {
      await page.keyboard.press('Tab')
      passed.push(await focused())
    }
    expect(passed.at(-1)).toBe(wanted)
    expect(passed).toContain('Workers (3)')
    await page.keyboard.press('Enter')
    await page.keyboard.press('Tab')
    expect(await focused()).toBe(`Kill application ${idOf('working')}`)
  })

  test('dark is dark, and light is light', async () => {
    const ground = async (colorScheme: 'dark' | 'light'): Promise<string> => {
      const page = await browser.open(cluster.webUi, { colorScheme })
      return page.evaluate<string>('getComputedStyle(document.body).backgroundColor')
    }
    expect([await ground('light'), await ground('dark')]).toEqual([
      'rgb(255, 255, 255)',
      'rgb(20, 24, 31)',
    ])
  })

  test('on paper there are no buttons and no search', async () => {
    const page = await browser.open(cluster.webUi)
    await page.emulateMedia({ media: 'print' })
    expect(await page.getByText('Live updates').isVisible()).toBe(false)
    expect(await page.locator('form').first().isVisible()).toBe(false)
    expect(await page.locator('table[aria-labelledby=workers]').isVisible()).toBe(true)
  })

  test('U13: an application that is killed is seen to end, on the same page', async () => {
    start('to be killed', { maxCores: 1 })
    const page = await browser.open(cluster.webUi)
    await mark(page)
    await expect.poll(() => names(page, 'running')).toContain('to be killed')
    const row = page.locator('tr', { hasText: 'to be killed' })
    await row.locator('summary', { hasText: 'kill' }).click()
    await row.locator('button').click()
    await expect.poll(() => names(page, 'completed')).toEqual(['to be killed', 'done'])
    await expect
      .poll(() => page.locator('table[aria-labelledby=completed] .state').first().innerText())
      .toBe('KILLED')
    expect(await isMarked(page)).toBe(true)
  })

  test('U2: a worker that dies is seen to, and found by a link', async () => {
    const page = await browser.open(cluster.webUi)
    await mark(page)
    process.kill(cluster.pids().workers[2] ?? 0, 'SIGKILL')
    await page.getByRole('link', { name: '1 dead' }).waitFor()
    expect(await isMarked(page)).toBe(true)
    await page.getByRole('link', { name: '1 dead' }).click()
    expect(await page.locator('h2#workers').innerText()).toBe('Workers (1)')
    expect(await page.locator('table[aria-labelledby=workers] .state').innerText()).toBe('DEAD')
    expect(await page.locator('table[aria-labelledby=workers] tbody a').count()).toBe(0)
  })

  test('U15, D1: workers are told to leave from the page', async () => {
    const page = await browser.open(cluster.webUi)
    await page.getByLabel('Decommission all workers on 127.0.0.1?').first().click()
    const button = { name: 'Decommission all workers on 127.0.0.1', exact: true }
    await page.getByRole('button', button).first().click()
    await expect.poll(() => page.locator('dl').first().innerText()).toContain('0 alive')
  })
})
