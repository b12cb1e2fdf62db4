/** U21 to U25, U18: the worker's pages in a real browser, directly and through the master's proxy. */
import { once } from 'node:events'
import { appendFile, mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'

import { createLogger } from '../../src/log/logger.js'
import { ReverseProxy } from '../../src/proxy/reverse-proxy.js'
import type { HostedLists } from '../../src/worker/hosted-work.js'
import { WebUi } from '../../src/worker/web/web-ui.js'
import { describeWith } from '../e2e/requirements.js'
import { barriers, Chromium, overhang, PHONE } from './chromium.js'

// On a busy machine a browser and its checker take their time.
vi.setConfig({ testTimeout: 120_000 })

const entry = new URL('../../dist/src/worker/web/web-thread.js', import.meta.url)
const LOG = 'logPage/?appId=app-1&executorId=0&logType=stdout'
const ESC = '\u001B'

const application = {
  name: '<b>Pi</b>',
  user: 'ann',
  uiUrl: 'http://driver:4040',
  coresMax: 0,
  memoryPerExecutorMb: 1024,
  resourcesPerExecutor: [],
  command: '',
}
const executor = {
  appId: 'app-1',
  executorId: 0,
  state: 'RUNNING',
  cores: 2,
  memoryMb: 1024,
  resources: [{ name: 'gpu', addresses: ['0'] }],
  application,
} as const
const driver = {
  driverId: 'driver-1',
  state: 'ERROR',
  mainClass: `org.example.${'Long'.repeat(30)}`,
  cores: 1,
  memoryMb: 512,
  resources: [],
  notes: 'no jar',
} as const
const lists: HostedLists = {
  executors: [{ ...executor, resources: [] }],
  drivers: [{ ...driver, driverId: 'driver-2', state: 'RUNNING', resources: [], notes: '' }],
  finishedExecutors: [{ ...executor, executorId: 1, state: 'KILLED', resources: [] }],
  finishedDrivers: [{ ...driver, resources: [] }],
}

let hosted = lists
let root = ''
let browser: Chromium
let ui: WebUi
let proxy: Server
let direct = ''
let proxied = ''

const file = (): string => join(root, 'app-1', '0', 'stdout')
const line = (at: number): string => `line ${String(at).padStart(8, '0')}\n`
const lineBytes = line(0).length
const linesOf = (from: number, to: number): string =>
  Array.from({ length: to - from }, (_, at) => line(from + at)).join('')

async function setUp(): Promise<void> {
  root = await mkdtemp(join(tmpdir(), 'magneto-browser-'))
  await mkdir(join(root, 'app-1', '0'), { recursive: true })
  ui = await WebUi.start({
    host: '127.0.0.1',
    port: 0,
    maxRetries: 16,
    worker: { workerId: 'worker-1', address: 'h:1', cores: 2, memoryMb: 512, resources: [] },
    work: () => hosted,
    workDir: root,
    logDir: root,
    headerBytesMax: 8192,
    rememberedLengths: 100,
    reverseProxy: false,
    log: createLogger('test'),
    entry,
  })
  ui.showMaster('spark://m:7077', 'http://m:8080')
  direct = `http://127.0.0.1:${ui.port}/`
  const find = async (id: string) =>
    id === 'worker-1' ? { address: direct, authorization: null } : null
  const master = new ReverseProxy({ find, frontUrl: null })
  proxy = createServer((request, response) => void master.serve(request, response))
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  proxied = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}/proxy/worker-1/`
  browser = await Chromium.start()
}

async function takeDown(): Promise<void> {
  await browser.stop()
  await ui.stop()
  proxy.closeAllConnections()
  proxy.close()
  await rm(root, { recursive: true, force: true })
}

/** What the log box shows. */
const shown = (page: Page): Promise<string> => page.locator('#log').innerText()
const lastLine = async (page: Page): Promise<string> =>
  (await shown(page)).trimEnd().split('\n').at(-1) ?? ''
const firstLine = async (page: Page): Promise<string> => (await shown(page)).split('\n')[0] ?? ''
const scroll = (page: Page, to: 'start' | 'end'): Promise<void> =>
  page.locator('#log').evaluate((box, where) => {
    box.scrollTop = where === 'start' ? 0 : box.scrollHeight
  }, to)

/** Waits until the page asks for a part of its log, and holds that up. @returns lets it and all others pass */
async function heldQuestion(page: Page): Promise<() => void> {
  let release = (): void => {}
  const held = new Promise<void>((done) => (release = done))
  await new Promise<void>((asked) => {
    void page.route(/logPart/, async (route) => {
      asked()
      await held
      await route.continue()
    })
  })
  return release
}

/** How far below the upper edge of the log box the first of what was looked for is; older lines may lie above it. */
const markPx = (page: Page): Promise<number> =>
  page.locator('#log').evaluate((box) => {
    const [edge, mark] = [box, box.querySelector('mark')].map(
      (one) => one?.getBoundingClientRect().top ?? Number.NaN,
    )
    return Number(mark) - Number(edge)
  })

describeWith(['chromium'], 'U21 to U25: the pages of a worker in a browser', () => {
  beforeAll(setUp, 60_000)
  afterAll(takeDown)
  afterEach(async () => expect(await browser.complaints()).toEqual([]))

  test('U24: a log that grows is followed', async () => {
    await writeFile(file(), linesOf(0, 1000))
    const page = await browser.open(direct + LOG)
    await expect.poll(() => lastLine(page)).toBe(line(999).trimEnd())
    expect(await page.getByLabel('Follow what is written').isChecked()).toBe(true)
    await appendFile(file(), linesOf(1000, 1010))
    await expect.poll(() => lastLine(page)).toBe(line(1009).trimEnd())
    await appendFile(file(), 'a line without end')
    await expect.poll(() => lastLine(page)).toBe('a line without end')
    await appendFile(file(), ', which goes on\n')
    await expect.poll(() => lastLine(page)).toBe('a line without end, which goes on')
    const total = 1010 * lineBytes + 'a line without end, which goes on\n'.length
    expect(await page.locator('#log-range').innerText()).toContain(`of ${total}`)
    // The end is in sight.
    const belowPx = await page
      .locator('#log')
      .evaluate((box) => box.scrollHeight - box.scrollTop - box.clientHeight)
    expect(belowPx).toBeLessThan(5)
  })

  test('U24: one that does not want to follow is left where he reads', async () => {
    await writeFile(file(), linesOf(0, 100))
    const page = await browser.open(direct + LOG)
    await page.getByLabel('Follow what is written').uncheck()
    await appendFile(file(), linesOf(100, 110))
    const followed = await browser.open(direct + LOG)
    await expect.poll(() => lastLine(followed)).toBe(line(109).trimEnd())
    expect(await lastLine(page)).toBe(line(99).trimEnd())
    await page.getByLabel('Follow what is written').check()
    await expect.poll(() => lastLine(page)).toBe(line(109).trimEnd())
  })

  test('U24: what was asked for is not put in when its reader follows no more', async () => {
    await writeFile(file(), linesOf(0, 100))
    const page = await browser.open(direct + LOG)
    const release = await heldQuestion(page)
    await appendFile(file(), linesOf(100, 110))
    await page.getByLabel('Follow what is written').uncheck()
    const answered = page.waitForResponse(/logPart/)
    release()
    await (await answered).finished()
    // What the page does with it comes before its next frame but one.
    await page.evaluate('new Promise(requestAnimationFrame)')
    await page.evaluate('new Promise(requestAnimationFrame)')
    expect(await lastLine(page)).toBe(line(99).trimEnd())
    await page.getByLabel('Follow what is written').check()
    await expect.poll(() => lastLine(page)).toBe(line(109).trimEnd())
  })

  test('U24: a log that was cut is shown anew', async () => {
    await writeFile(file(), linesOf(0, 5000))
    const page = await browser.open(direct + LOG)
    await expect.poll(() => lastLine(page)).toBe(line(4999).trimEnd())
    await writeFile(file(), 'begun again\n')
    await expect.poll(() => shown(page)).toBe('begun again\n')
  })

  test('U24: scrolling up loads what is older, to the very first line', async () => {
    await writeFile(file(), linesOf(0, 20_000))
    const page = await browser.open(direct + LOG)
    expect(await firstLine(page)).not.toBe(line(0).trimEnd())
    await expect
      .poll(async () => {
        await scroll(page, 'start')
        return firstLine(page)
      })
      .toBe(line(0).trimEnd())
    // Without a gap, or a line twice.
    const text = await shown(page)
    expect(text).toBe(linesOf(0, text.split('\n').length - 1))
  })

  test('U24: a reader who scrolls while the page asks for what is new gets what is older, too', async () => {
    await writeFile(file(), linesOf(0, 20_000))
    const page = await browser.open(direct + LOG)
    const release = await heldQuestion(page)
    const before = await firstLine(page)
    await scroll(page, 'start')
    // The browser tells of it with its next frame.
    await page.evaluate('new Promise(requestAnimationFrame)')
    await page.evaluate('new Promise(requestAnimationFrame)')
    release()
    await expect.poll(() => firstLine(page)).not.toBe(before)
  })

  test('U24: what could not be loaded for a reader is tried again', async () => {
    await writeFile(file(), linesOf(0, 20_000))
    const page = await browser.open(direct + LOG)
    await page.getByLabel('Follow what is written').uncheck()
    let refusals = 2
    await page.route(/logPart/, (route) =>
      refusals-- > 0 ? route.fulfill({ status: 503, body: 'not now' }) : route.continue(),
    )
    const before = await firstLine(page)
    await scroll(page, 'start')
    await expect.poll(() => page.locator('#log-status').innerText()).toContain('not now')
    await expect.poll(() => firstLine(page)).not.toBe(before)
    expect(await page.locator('#log-status').innerText()).toBe('')
    expect(await browser.complaints()).toHaveLength(2)
  })

  test('U24: scrolling down loads what is newer, and keeps the page small', async () => {
    await writeFile(file(), linesOf(0, 15_000))
    const page = await browser.open(`${direct}${LOG}&offset=0&byteLength=10240`)
    expect(await page.getByLabel('Follow what is written').isChecked()).toBe(false)
    await expect
      .poll(async () => {
        await scroll(page, 'end')
        return lastLine(page)
      })
      .toBe(line(14_999).trimEnd())
    const text = await shown(page)
    expect(text.length).toBeLessThan(14 * 10_240)
    const first = Number(/\d+/.exec(text)?.[0])
    expect(first).toBeGreaterThan(0)
    expect(text).toBe(linesOf(first, 15_000))
  })

  test('U24, U25: rolled and compressed files are one log', async () => {
    const folder = join(root, 'app-1', '7')
    await mkdir(folder, { recursive: true })
    await writeFile(join(folder, 'stdout--2026-11-20--09.gz'), gzipSync(linesOf(0, 10_000)))
    await writeFile(join(folder, 'stdout--2026-11-20--10'), linesOf(10_000, 20_000))
    await writeFile(join(folder, 'stdout'), linesOf(20_000, 20_010))
    const page = await browser.open(`${direct}logPage/?appId=app-1&executorId=7&logType=stdout`)
    await expect
      .poll(async () => {
        await scroll(page, 'start')
        return firstLine(page)
      })
      .toBe(line(0).trimEnd())
    await page.getByLabel('Search for').fill('00000123')
    await page.getByRole('button', { name: 'Search' }).click()
    await expect.poll(() => page.locator('.found li').allInnerTexts()).toHaveLength(1)
  })

  test('U24: a search finds lines, and each leads to its place', async () => {
    await writeFile(file(), `${linesOf(0, 9000)}an Error <i>here</i>\n${linesOf(9000, 20_000)}`)
    const page = await browser.open(direct + LOG)
    await page.getByLabel('Search for').fill('error <I>')
    await page.keyboard.press('Enter')
    await expect.poll(() => page.locator('section').innerText()).toContain('0 lines with')
    await page.getByLabel('Ignore case').check()
    await page.getByRole('button', { name: 'Search' }).click()
    await expect.poll(() => page.locator('.found li').allInnerTexts()).toHaveLength(1)
    expect(await barriers(page)).toEqual([])
    await page.locator('.found a').click()
    await expect.poll(() => markPx(page)).toBeLessThan(60)
    expect(await markPx(page)).toBeGreaterThanOrEqual(0)
    expect(await page.locator('#log mark').allInnerTexts()).toEqual(['Error <i>'])
  })

  test('U24: what a log says is neither run nor obeyed', async () => {
    const hostile = [
      '</pre><script>alert(1)</script><img src=x onerror=alert(1)>',
      `${ESC}[31mred${ESC}[0m ${ESC}]8;;javascript:alert(1)${ESC}\\link${ESC}]8;;${ESC}\\`,
      '"><svg onload=alert(1)>',
      '\u0000\u0007\u202E',
    ].join('\n')
    await writeFile(file(), Buffer.concat([Buffer.from(hostile), Buffer.from([0xff, 0xc3, 0x0a])]))
    const page = await browser.open(direct + LOG)
    await appendFile(file(), hostile)
    await expect.poll(async () => (await shown(page)).split('<script>').length).toBe(3)
    expect(await page.locator('#log :not(span)').count()).toBe(0)
    expect(await page.locator('#log .t1').allInnerTexts()).toEqual(['red', 'red'])
    expect(await barriers(page)).toEqual([])
  })

  test('U24: a file of 10 GB and a line of 1 GB are opened, walked and searched', async () => {
    await writeFile(file(), 'the beginning\n')
    await truncate(file(), 10 * 2 ** 30)
    await appendFile(file(), '\nthe end\n')
    const page = await browser.open(`${direct}${LOG}&byteLength=1000`)
    expect(await lastLine(page)).toBe('the end')
    await page.getByLabel('Search for').fill('the')
    await page.getByRole('button', { name: 'Search' }).click()
    await expect.poll(() => page.locator('.found code').allInnerTexts()).toEqual(['the end'])
    expect(await page.getByRole('link', { name: 'Search older parts' }).count()).toBe(1)
    await page.goto(`${direct}${LOG}&search=the&before=1000`)
    expect(await page.locator('.found code').first().innerText()).toBe('the beginning')
  })

  test('U24: without scripts all of it is there, by links and a form', async () => {
    await writeFile(file(), linesOf(0, 20_000))
    const page = await browser.open(direct + LOG, { javaScriptEnabled: false })
    expect(await page.getByText('Follow what is written').isVisible()).toBe(false)
    const seen = [await lastLine(page)]
    for (const name of ['Older', 'Oldest', 'Newer', 'Newest']) {
      await page.getByRole('link', { name, exact: true }).first().click()
      seen.push(await firstLine(page))
    }
    expect(seen[0]).toBe(line(19_999).trimEnd())
    expect(seen[2]).toBe(line(0).trimEnd())
    await page.getByLabel('Search for').fill('00000042')
    await page.getByRole('button', { name: 'Search' }).click()
    expect(await page.locator('.found li').allInnerTexts()).toHaveLength(1)
    await page.getByRole('link', { name: 'As text' }).first().click()
    expect(await page.locator('body').innerText()).toContain('==== Bytes')
  })

  test('U18: through the master every link and the script work the same', async () => {
    await writeFile(file(), linesOf(0, 10_000))
    const page = await browser.open(proxied)
    await page.getByRole('link', { name: 'stdout of executor app-1/0' }).click()
    await expect.poll(() => lastLine(page)).toBe(line(9999).trimEnd())
    await appendFile(file(), linesOf(10_000, 10_001))
    await expect.poll(() => lastLine(page)).toBe(line(10_000).trimEnd())
    await page.getByRole('link', { name: 'Oldest' }).first().click()
    expect(await firstLine(page)).toBe(line(0).trimEnd())
    await page.getByLabel('Search for').fill('00000042')
    await page.getByRole('button', { name: 'Search' }).click()
    await page.locator('.found a').click()
    await expect.poll(() => page.locator('#log mark').allInnerTexts()).toEqual(['00000042'])
    await expect.poll(() => markPx(page)).toBeLessThan(60)
    await page.getByRole('link', { name: 'Worker', exact: true }).click()
    expect(page.url()).toBe(proxied)
  })

  test('U24: a server that is gone is said to be, and is tried again', async () => {
    await writeFile(file(), linesOf(0, 10))
    const page = await browser.open(direct + LOG)
    let failing = true
    await page.route('**/logPart?**', (route) =>
      failing ? route.fulfill({ status: 503, body: 'busy' }) : route.continue(),
    )
    await expect.poll(() => page.getByRole('status').innerText()).toContain('busy')
    failing = false
    await appendFile(file(), linesOf(10, 11))
    await expect.poll(() => lastLine(page)).toBe(line(10).trimEnd())
    expect(await page.getByRole('status').innerText()).toBe('')
    // The console names each answer that was an error; these were meant.
    const complaints = await browser.complaints()
    expect(complaints.every((each) => each.includes('503'))).toBe(true)
  })

  const looks: [string, BrowserContextOptions][] = [
    ['light', { colorScheme: 'light' }],
    ['dark', { colorScheme: 'dark' }],
    ['on a phone', { viewport: PHONE, isMobile: true, hasTouch: true }],
  ]
  test.each(looks)(
    'U21, U24: %s, nobody is kept out and nothing overhangs',
    async (_name, look) => {
      const colours = [0, 1, 2, 3, 4, 5, 6, 7].map((at) => `${ESC}[3${at}mcolour ${at}${ESC}[0m`)
      const grounds = [1, 4].map(
        (at) => `${ESC}[4${at};37mground ${at}${ESC}[0m ${ESC}[2;7mx${ESC}[m`,
      )
      await writeFile(file(), [...colours, ...grounds, 'x'.repeat(3000)].join('\n'))
      for (const path of ['', LOG, `${LOG}&search=colour`]) {
        const page = await browser.open(direct + path, look)
        expect(await barriers(page)).toEqual([])
        expect(await overhang(page)).toBeLessThanOrEqual(0)
      }
    },
  )

  test('U21, U18: the first page keeps itself current, also through the master', async () => {
    const pages = [await browser.open(direct), await browser.open(proxied)]
    const running = (page: Page) => page.locator('h2#running-executors').innerText()
    for (const page of pages) expect(await running(page)).toBe('Running Executors (1)')
    hosted = { ...lists, executors: [] }
    for (const page of pages) await expect.poll(() => running(page)).toBe('Running Executors (0)')
    hosted = lists
    for (const page of pages) await expect.poll(() => running(page)).toBe('Running Executors (1)')
  })

  test('U21: dark is dark, and light is light', async () => {
    const ground = async (colorScheme: 'dark' | 'light'): Promise<string> => {
      const page = await browser.open(direct, { colorScheme })
      return page.evaluate<string>('getComputedStyle(document.body).backgroundColor')
    }
    expect([await ground('light'), await ground('dark')]).toEqual([
      'rgb(255, 255, 255)',
      'rgb(20, 24, 31)',
    ])
  })

  test('U24: the log is read with the keyboard', async () => {
    await writeFile(file(), linesOf(0, 3000))
    const page = await browser.open(direct + LOG)
    await page.locator('#log').focus()
    const place = (): Promise<number> => page.locator('#log').evaluate((box) => box.scrollTop)
    const end = await place()
    await page.keyboard.press('PageUp')
    await expect.poll(place).toBeLessThan(end)
  })
})
