/** What a user sees when processes die (spec L2, L6, A21, W11). */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { Cluster, eventually, processesUnder, sparkHome } from './cluster.js'
import { describeWith } from './requirements.js'

const version = '4.3.0'
const testTimeoutMs = 240_000

describeWith(['java', 'python3'], 'with a Spark application at work', () => {
  let cluster: Cluster

  afterEach(async () => {
    expect(await cluster.stop()).toEqual([])
  })

  /** A job that works until `goAhead` is there. */
  async function startJob() {
    const home = sparkHome(version)
    cluster = await Cluster.start({ workers: 2, coresPerWorker: 1, sparkHomes: [home] })
    const goAhead = join(cluster.folder, 'go-ahead')
    const job = cluster.submit(home, 'steady', [goAhead], { 'spark.executor.cores': '1' })
    await eventually('the job runs', () => (job.stdout.includes('STARTED') ? true : null))
    await eventually('two executors run', () => (cluster.executors().length === 2 ? true : null))
    return { job, goAhead }
  }

  test(
    'a killed executor is replaced, executors die with a killed worker, and the job ends right on the other',
    { timeout: testTimeoutMs },
    async () => {
      const { job, goAhead } = await startJob()
      const [first] = cluster.executors()
      process.kill(first!.pid, 'SIGKILL')
      await eventually('it is replaced', () => {
        const now = cluster.executors()
        return now.length === 2 && now.every(({ pid }) => pid !== first!.pid) ? true : null
      })

      const victim = cluster.pids().workers[0]!
      const orphans = cluster.executors().filter(({ worker }) => worker === victim)
      expect(orphans).toHaveLength(1)
      process.kill(victim, 'SIGKILL')
      await eventually('its executor is gone', () =>
        processesUnder(cluster.folder).has(orphans[0]!.pid) ? null : true,
      )
      await cluster.until('the master knows', (state) => state.aliveworkers === 1)
      writeFileSync(goAhead, '')
      expect(await job.result()).toBe('sums=[15]')
    },
  )

  test('Ctrl-C of the driver frees everything', { timeout: testTimeoutMs }, async () => {
    const { job } = await startJob()
    job.signal('SIGINT')
    await job.ended
    const state = await cluster.untilFree()
    expect(state.memoryused).toBe(0)
    await eventually('no executor is left', () => (cluster.executors().length === 0 ? true : null))
  })
})
