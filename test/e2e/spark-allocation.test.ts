/** How many executors real drivers get and give back (spec A12, A16, A17, P14; §14). */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Cluster, eventually, sparkHome, type Submission } from './cluster.js'
import { describeWith } from './requirements.js'

const version = '4.3.0'
const testTimeoutMs = 300_000
const workers = 2
const coresPerWorker = 3

describeWith(['java', 'python3'], 'Spark applications and their executors', () => {
  let cluster: Cluster
  let home = ''

  beforeAll(async () => {
    home = sparkHome(version)
    cluster = await Cluster.start({ workers, coresPerWorker, sparkHomes: [home] })
  }, 600_000)

  afterAll(async () => {
    expect(await cluster.stop()).toEqual([])
  })

  const hasPrinted = (job: Submission, line: string) =>
    eventually(`the job prints ${line}`, async () => {
      if (job.child.exitCode !== null) await job.result()
      return job.stdout.includes(line) ? true : null
    })

  test(
    'P71: dynamic allocation takes executors for work, gives back idle ones, and takes them again',
    { timeout: testTimeoutMs },
    async () => {
      const goAhead = join(cluster.folder, 'go-ahead')
      const job = cluster.submit(home, 'allocation', [goAhead], {
        'spark.executor.cores': '1',
        'spark.dynamicAllocation.enabled': 'true',
        'spark.dynamicAllocation.shuffleTracking.enabled': 'true',
        'spark.dynamicAllocation.minExecutors': '0',
        'spark.dynamicAllocation.maxExecutors': '2',
        'spark.dynamicAllocation.executorIdleTimeout': '3s',
      })
      await cluster.until('both executors are given', (state) => state.coresused === 2)
      await hasPrinted(job, 'IDLE')
      const idle = await cluster.until('both are given back', (state) => state.coresused === 0)
      expect(idle.activeapps).toHaveLength(1)
      await eventually('their processes are gone', () => cluster.executors().length === 0 || null)
      writeFileSync(goAhead, '')
      await cluster.until('executors are given again', (state) => state.coresused > 0)
      expect(await job.result()).toBe('sums=66,66')
      await cluster.until('everything is free again', (state) => state.coresused === 0)
    },
  )

  test(
    'A13, P68: one executor takes all of a worker when its cores are not set, and too many asked for are no harm',
    { timeout: testTimeoutMs },
    async () => {
      const goAhead = join(cluster.folder, 'go-all')
      const job = cluster.submit(home, 'hold', [goAhead, 'all'], { 'spark.cores.max': '100' })
      await hasPrinted(job, 'STARTED')
      const all = workers * coresPerWorker
      const state = await cluster.until('all cores are given', (now) => now.coresused === all)
      expect(state.activeapps).toMatchObject([{ state: 'RUNNING', cores: all }])
      await eventually('each worker runs one', () => cluster.executors().length === workers || null)
      expect(new Set(cluster.executors().map(({ worker }) => worker)).size).toBe(workers)
      writeFileSync(goAhead, '')
      expect(await job.result()).toBe('all sum=45')
      await cluster.until('everything is free again', (now) => now.coresused === 0)
    },
  )
})
