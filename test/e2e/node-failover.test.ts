/** A Node job through masters that are killed and come back with their records (FILESYSTEM). Real processes, no JVM. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import type { ClusterPool } from '../../src/app/index.js'
import { Cluster, type ClusterJson, eventually, root } from './cluster.js'

const testTimeoutMs = 180_000
const lives = 3

let cluster: Cluster | null = null
let pool: ClusterPool | null = null
let store = ''

afterEach(async () => {
  await pool?.destroy()
  expect(await cluster?.stop()).toEqual([])
  rmSync(store, { recursive: true, force: true })
  pool = null
  cluster = null
})

async function start(
  workers: number,
  maxRetries: number,
): Promise<{ from: Cluster; tasks: ClusterPool }> {
  store = mkdtempSync(join(tmpdir(), 'magneto-store-'))
  const from = await Cluster.start({
    workers,
    coresPerWorker: 1,
    properties: ['spark.deploy.recoveryMode FILESYSTEM', `spark.deploy.recoveryDirectory ${store}`],
  })
  cluster = from
  // Its executors start from what was built.
  const library = (await import(join(root, 'dist/src/app/index.js'))) as {
    ClusterPool: typeof ClusterPool
  }
  pool = new library.ClusterPool({
    master: from.masterUrl,
    filename: join(root, 'test/app/fixtures/tasks.mjs'),
    name: 'survivor',
    executorCores: 1,
    executorMemory: '128m',
    maxRetries,
  })
  return { from, tasks: pool }
}

const pidsOf = (from: Cluster) =>
  from
    .executors()
    .map(({ pid }) => pid)
    .sort((a, b) => a - b)
const ids = (state: ClusterJson) => state.workers.map(({ id }) => id).sort()

test(
  'H3, H8, H12: masters are killed amid a job: it stays one application, on the same executors, and its result is right',
  { timeout: testTimeoutMs },
  async () => {
    const { from, tasks } = await start(2, 0)
    const lost: string[] = []
    tasks.on('executorRemoved', ({ id, reason }) => lost.push(`${id}: ${reason}`))
    await tasks.run(null, { name: 'pid' })
    const before = await from.until('two executors run', ({ coresused }) => coresused === 2)
    await eventually('both are connected', () => (tasks.executors.length === 2 ? true : null))
    const pids = pidsOf(from)
    const { applicationId } = tasks
    const { workers } = from.pids()

    const over = new AbortController()
    let sum = 0
    let count = 0
    const numbers = function* () {
      for (; !over.signal.aborted; count += 1) yield count
    }
    const job = (async () => {
      for await (const doubled of tasks.map(numbers(), { concurrency: 8 })) sum += Number(doubled)
    })()
    // Where it fails, it is awaited too late for that to be handled.
    job.catch(() => {})
    for (let life = 0; life < lives; life += 1) {
      await from.killMaster()
      const done = count
      await eventually('work goes on without a master', () => (count > done ? true : null))
      from.restartMaster()
      const after = await from.until(
        'all is as it was',
        ({ status, aliveworkers, coresused, activeapps }) =>
          status === 'ALIVE' && aliveworkers === 2 && coresused === 2 && activeapps.length === 1,
      )
      expect(ids(after)).toEqual(ids(before))
      expect(after.activeapps.map(({ id }) => id)).toEqual([applicationId])
      await eventually('the pool knows it', () => tasks.applicationId)
      expect(tasks.applicationId).toBe(applicationId)
    }
    over.abort()
    await job
    // Each number once, doubled.
    expect(sum).toBe(count * (count - 1))
    expect(pidsOf(from)).toEqual(pids)
    expect(from.pids().workers).toEqual(workers)
    expect(lost).toEqual([])
  },
)

test(
  'H8, T7: after a restart an executor that dies is replaced, and the end of the job is heard',
  { timeout: testTimeoutMs },
  async () => {
    const { from, tasks } = await start(1, 3)
    await tasks.run(null, { name: 'pid' })
    const { applicationId } = tasks
    await from.killMaster()
    from.restartMaster()
    await from.until('it is back', ({ status, coresused }) => status === 'ALIVE' && coresused === 1)
    const [old] = pidsOf(from)
    process.kill(old!, 'SIGKILL')
    expect(await tasks.run(null, { name: 'pid' })).not.toBe(old)
    expect(tasks.applicationId).toBe(applicationId)
    await tasks.destroy()
    const state = await from.untilFree()
    expect(state.completedapps.map(({ id, state: end }) => [id, end])).toEqual([
      [applicationId, 'FINISHED'],
    ])
  },
)

test(
  'H9: an executor that dies while no master is there is known as dead by the next one, and replaced',
  { timeout: testTimeoutMs },
  async () => {
    const { from, tasks } = await start(1, 3)
    const old = await tasks.run(null, { name: 'pid' })
    const { applicationId } = tasks
    await from.killMaster()
    process.kill(Number(old), 'SIGKILL')
    await eventually('it is gone', () => (pidsOf(from).length === 0 ? true : null))
    from.restartMaster()
    expect(await tasks.run(null, { name: 'pid' })).not.toBe(old)
    expect(tasks.applicationId).toBe(applicationId)
    const state = await from.until('it is counted once', ({ coresused }) => coresused === 1)
    expect(state.activeapps.map(({ cores }) => cores)).toEqual([1])
  },
)
