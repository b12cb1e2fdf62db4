/**
 * Pictures of a cluster at work for the documentation: real daemons, Node applications that run, wait and have ended, and a
 * worker that died. `npx tsx test/browser/screenshots.ts` writes docs/screenshots; it takes five minutes, so that the charts
 * have something to show. Build first.
 */
import { mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

import { ClusterPool } from '../../src/app/index.js'
import { Cluster, root } from '../e2e/cluster.js'
import { Chromium, PHONE } from './chromium.js'

const folder = join(root, 'docs/screenshots')
const filename = join(import.meta.dirname, 'fixtures/talk.mjs')
/** A repository is no place for large pictures. */
const pictureBytesMax = 250_000
const wide = { width: 1280, height: 1300 }
/** Text makes large pictures. */
const low = { width: 1280, height: 760 }

interface Work {
  readonly name: string
  readonly cores: number
  readonly memory: string
  /** Absent: until the pool is destroyed. */
  readonly rounds?: number
}

function start(cluster: Cluster, { name, cores, memory, rounds }: Work): ClusterPool {
  const pool = new ClusterPool({
    master: cluster.masterUrl,
    filename,
    name,
    maxCores: cores,
    executorCores: 2,
    executorMemory: memory,
  })
  for (let task = 0; task < cores; ++task) {
    const ended =
      rounds === undefined
        ? pool.run(null, { name: 'never' })
        : pool.run({ rounds, pauseMs: 500 }, { name: 'talk' })
    // It ends with its pool.
    ended.catch(() => {})
  }
  return pool
}

/** What comes and goes for as long as the charts show, as people's work does: name, cores, seconds. */
const day = [
  ['nightly-report', 8, 30],
  ['compact', 4, 15],
  ['sessions', 14, 40],
  ['nightly-report', 8, 20],
  ['ad-hoc', 2, 15],
  ['sessions', 20, 35],
  ['dedupe', 12, 30],
  ['ad-hoc', 6, 25],
] as const

/** @returns what still runs or waits */
async function work(cluster: Cluster): Promise<ClusterPool[]> {
  for (const [name, cores, seconds] of day) {
    const pool = start(cluster, { name, cores, memory: '2g' })
    const beside = start(cluster, { name: 'monitor', cores: 2, memory: '1g' })
    await pause(seconds * 1000)
    await Promise.all([pool.destroy(), beside.destroy()])
  }
  const features = start(cluster, { name: 'features', cores: 12, memory: '3g', rounds: 1000 })
  await pause(30_000)
  const training = start(cluster, { name: 'training', cores: 8, memory: '4g' })
  await pause(20_000)
  const large = start(cluster, { name: 'wide-join', cores: 16, memory: '48g' })
  await pause(5_000)
  process.kill(cluster.pids().workers[3] ?? 0, 'SIGKILL')
  await cluster.until('a worker is dead', ({ aliveworkers }) => aliveworkers === 3)
  await pause(30_000)
  return [features, training, large]
}

async function take(cluster: Cluster, browser: Chromium): Promise<void> {
  const first = `${cluster.webUi}/`
  const looks = [
    ['master-light', { viewport: wide, colorScheme: 'light' }],
    ['master-dark', { viewport: wide, colorScheme: 'dark' }],
    ['master-phone', { viewport: PHONE, isMobile: true, hasTouch: true }],
  ] as const
  for (const [name, look] of looks) {
    const page = await browser.open(first, look)
    await page.getByLabel('Live updates').waitFor()
    if (name === 'master-light')
      await page.locator('td details summary', { hasText: 'why' }).click()
    await page.evaluate('scrollTo(0, 0)')
    await page.screenshot({ path: join(folder, `${name}.png`) })
  }
  const state = await cluster.json()
  const id = state?.activeapps.find(({ name }) => name === 'features')?.id ?? ''
  const page = await browser.open(`${cluster.webUi}/app/?appId=${id}`, { viewport: low })
  // Where a worker died there is none.
  await page.getByRole('link', { name: 'stdout of executor' }).first().click()
  await page.locator('#log-follow').waitFor()
  await page.screenshot({ path: join(folder, 'log-viewer.png') })
  for (const [name] of [...looks, ['log-viewer']]) {
    const { size } = statSync(join(folder, `${name}.png`))
    if (size > pictureBytesMax) throw new Error(`${name}.png has ${size} bytes`)
  }
}

mkdirSync(folder, { recursive: true })
const cluster = await Cluster.start({
  workers: 4,
  coresPerWorker: 8,
  memoryPerWorker: '32g',
  properties: ['spark.ui.reverseProxy true'],
})
const browser = await Chromium.start()
let pools: ClusterPool[] = []
try {
  pools = await work(cluster)
  await take(cluster, browser)
} finally {
  await browser.stop()
  await Promise.all(pools.map((pool) => pool.destroy()))
  await cluster.stop()
}
