/** Workers and applications survive their master: it is killed, and another one starts in its place. No JVM. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { ClusterPool } from '../../src/app/index.js'
import { Cluster, eventually, root } from './cluster.js'

const testTimeoutMs = 120_000

let cluster: Cluster | null = null
let pool: ClusterPool | null = null
let recovery = ''

beforeEach(() => {
  recovery = mkdtempSync(join(tmpdir(), 'magneto-lost-master-'))
})
afterEach(async () => {
  await pool?.destroy()
  expect(await cluster?.stop()).toEqual([])
  pool = null
  cluster = null
  rmSync(recovery, { recursive: true })
})

async function startPool(masterUrl: string): Promise<ClusterPool> {
  // Its executors start from what was built.
  const library = (await import(join(root, 'dist/src/app/index.js'))) as {
    ClusterPool: typeof ClusterPool
  }
  return new library.ClusterPool({
    master: masterUrl,
    filename: join(root, 'test/app/fixtures/tasks.mjs'),
    name: 'survivor',
    maxCores: 2,
    executorCores: 1,
    executorMemory: '128m',
  })
}

/** Kills the master and waits until both workers know. */
async function killMaster(from: Cluster): Promise<void> {
  await from.killMaster()
  await eventually('both workers know', () => {
    const noticed = from.logs().match(/no master \(/g) ?? []
    return noticed.length >= 2 ? true : null
  })
}

test(
  'W19, M7: executors outlive a killed master; the next one takes the workers in and ends what it does not know',
  { timeout: testTimeoutMs },
  async () => {
    cluster = await Cluster.start({ workers: 2, coresPerWorker: 1 })
    const from = cluster
    pool = await startPool(from.masterUrl)
    pool.on('warning', () => {})
    await pool.run(null, { name: 'pid' })
    await eventually('two executors run', () => (from.executors().length === 2 ? true : null))
    const before = from.executors().map(({ pid }) => pid)
    const { workers } = from.pids()
    const known = await from.until('all is granted', (state) => state.coresused === 2)

    const [mine, other] = ['runs', 'go-on'].map((name) => join(from.folder, name))
    const held = pool.run({ mine, other }, { name: 'waitForFile' })
    await eventually('a task runs', () => (existsSync(mine!) ? true : null))
    await killMaster(from)
    // Nobody leads, and work goes on where it was, what is new too.
    expect(before).toContain(await pool.run(null, { name: 'pid' }))
    writeFileSync(other!, '')
    expect(before).toContain(await held)
    expect(new Set(from.executors().map(({ pid }) => pid))).toEqual(new Set(before))

    from.restartMaster()
    const after = await from.until('both workers are back', (state) => state.aliveworkers === 2)
    const ids = (state: typeof known) => state.workers.map(({ id }) => id).sort()
    expect(ids(after)).toEqual(ids(known))
    expect(from.pids().workers).toEqual(workers)
    // The new master has no store to remember from: to it the executors are strangers.
    await eventually('the old executors are ended', () => {
      const running = new Set(from.executors().map(({ pid }) => pid))
      return before.some((pid) => running.has(pid)) ? null : true
    })
    // The application has registered anew, and is served as ever.
    await from.until('it has executors again', (state) => state.coresused === 2)
    const pid = await pool.run(null, { name: 'pid' })
    expect(before).not.toContain(pid)
    await pool.destroy()
    await from.until('everything is free again', (state) => state.coresused === 0)
  },
)

test(
  'W19, T4: a worker survives master after master, each killed as soon as it has taken the worker in',
  { timeout: testTimeoutMs },
  async () => {
    cluster = await Cluster.start({ workers: 1 })
    const { workers } = cluster.pids()
    for (let life = 0; life < 3; life += 1) {
      const { master } = cluster.pids()
      await cluster.killMaster()
      cluster.restartMaster()
      expect(cluster.pids().master).not.toBe(master)
      await cluster.until('it is back', (state) => state.aliveworkers === 1)
    }
    expect(cluster.pids().workers).toEqual(workers)
  },
)

test(
  'H3, H8, H9, H12: a master killed again and again on its FILESYSTEM store: the same application, on the same executors, ends right',
  { timeout: testTimeoutMs },
  async () => {
    cluster = await Cluster.start({
      workers: 2,
      coresPerWorker: 2,
      properties: [
        'spark.deploy.recoveryMode FILESYSTEM',
        `spark.deploy.recoveryDirectory ${recovery}`,
      ],
    })
    const from = cluster
    pool = await startPool(from.masterUrl)
    const warnings: string[] = []
    pool.on('warning', (warning: unknown) => warnings.push(String(warning)))
    await eventually('two executors run', () => (from.executors().length === 2 ? true : null))
    const before = from.executors().map(({ pid }) => pid)
    const known = await from.until('all is granted', (state) => state.coresused === 2)
    const [application] = known.activeapps
    const { workers } = from.pids()

    const [mine, other] = ['runs', 'go-on'].map((name) => join(from.folder, name))
    const held = pool.run({ mine, other }, { name: 'waitForFile' })
    await eventually('a task runs', () => (existsSync(mine!) ? true : null))
    for (let life = 0; life < 3; life += 1) {
      await from.killMaster()
      from.restartMaster()
      const after = await from.until(
        'the next one leads, with everything',
        (state) => state.status === 'ALIVE' && state.aliveworkers === 2 && state.coresused === 2,
      )
      expect(after.activeapps).toMatchObject([{ id: application?.id, state: 'RUNNING', cores: 2 }])
      expect(after.completedapps).toEqual([])
      expect(after.workers.map(({ id }) => id).sort()).toEqual(
        known.workers.map(({ id }) => id).sort(),
      )
    }
    writeFileSync(other!, '')
    expect(before).toContain(await held)
    expect(before).toContain(await pool.run(null, { name: 'pid' }))
    expect(from.executors().map(({ pid }) => pid)).toEqual(before)
    expect(from.pids().workers).toEqual(workers)

    // The fourth master gives out what is free, and knows what has ended.
    const late = await startPool(from.masterUrl)
    try {
      expect(before).not.toContain(await late.run(null, { name: 'pid' }))
    } finally {
      await late.destroy()
    }
    await pool.destroy()
    const end = await from.untilFree()
    expect(end.completedapps.map(({ id }) => id)).toContain(application?.id)
    expect(warnings.filter((text) => /executor|lost/i.test(text))).toEqual([])
  },
)

test(
  'H11: what has ended is still known after the master was killed, and no id comes twice',
  { timeout: testTimeoutMs },
  async () => {
    cluster = await Cluster.start({
      workers: 1,
      properties: [
        'spark.deploy.recoveryMode FILESYSTEM',
        `spark.deploy.recoveryDirectory ${recovery}`,
      ],
    })
    const from = cluster
    const ids: string[] = []
    for (let life = 0; life < 2; life += 1) {
      pool = await startPool(from.masterUrl)
      await pool.run(null, { name: 'pid' })
      await pool.destroy()
      const ended = await from.until('it has ended', (state) => state.completedapps.length > life)
      const all = ended.completedapps.map(({ id }) => id)
      expect(all).toEqual(expect.arrayContaining(ids))
      ids.splice(0, ids.length, ...all)
      await from.killMaster()
      from.restartMaster()
    }
    const last = await from.until('it leads', ({ status }) => status === 'ALIVE')
    expect(last.completedapps.map(({ id }) => id).sort()).toEqual(ids.sort())
    expect(new Set(ids.map((id) => id.slice(-4)))).toEqual(new Set(['0000', '0001']))
  },
)
