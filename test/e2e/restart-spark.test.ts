/**
 * Unmodified Spark through kill -9 and restart of a master that keeps its records in files (H3, H8, M8, M18, M29): a driver
 * and an Apache Worker, which wait to be told who leads, and a worker of ours, which comes by itself.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { ApacheWorker } from './apache-worker.js'
import { Cluster, type ClusterJson, eventually, freePort, sparkHome } from './cluster.js'
import { describeWith } from './requirements.js'

// CI runs the oldest and the newest; MAGNETO_SPARK_VERSIONS="4.1.4 4.0.1" runs others on demand.
const versions = (process.env['MAGNETO_SPARK_VERSIONS'] ?? '4.3.0 3.5.9').split(/[ ,]+/)
const timeoutMs = 300_000
const tasks = 80
const sum = (tasks * (tasks - 1)) / 2
/** One on each worker: ours has one core, and Apache's one to spare. */
const size = { 'spark.executor.cores': '1', 'spark.cores.max': '2' }

let cluster: Cluster | null = null
let apache: ApacheWorker | null = null
let records = ''

afterEach(async () => {
  apache?.kill()
  expect(await cluster?.stop()).toEqual([])
  rmSync(records, { recursive: true, force: true })
  cluster = null
  apache = null
}, 60_000)

async function start(home: string): Promise<{ cluster: Cluster; apache: ApacheWorker }> {
  records = mkdtempSync(join(tmpdir(), 'magneto-records-'))
  const properties = [
    'spark.deploy.recoveryMode FILESYSTEM',
    `spark.deploy.recoveryDirectory ${records}`,
  ]
  cluster = await Cluster.start({ workers: 1, coresPerWorker: 1, sparkHomes: [home], properties })
  apache = new ApacheWorker(cluster, home, await freePort(), cluster.masterUrl)
  await apache.registered()
  return { cluster, apache }
}

async function killMaster(of: Cluster): Promise<void> {
  const { master } = of.pids()
  process.kill(master, 'SIGKILL')
  // Not a moment earlier: while it is ending, it has its folder of records still.
  await eventually('the master is gone', () => !existsSync(`/proc/${master}`) || null)
}

const pids = (of: Cluster): number[] => of.executors().map(({ pid }) => pid)
const ids = ({ workers }: ClusterJson): string[] => workers.map(({ id }) => id).toSorted()

/** Each worker runs an executor. */
const onBoth = ({ workers }: ClusterJson): boolean =>
  workers.filter(({ coresused }) => coresused === 1).length === 2

describeWith(['java', 'python3'], 'a master that is killed and restarted', () => {
  test.each(versions)(
    'H8, M18, M29: a job of %s goes on with its executors, gets new ones, and ends once',
    { timeout: timeoutMs },
    async (version) => {
      const home = sparkHome(version)
      const { cluster: from, apache: worker } = await start(home)
      const job = from.submit(home, 'slow_sum', [`${tasks}`, '0.5'], size)
      const before = await from.until('it runs on both workers', onBoth)
      await eventually('it is at work', () => (job.stdout.includes('STARTED') ? true : null))
      const executors = pids(from)
      expect(executors).toHaveLength(2)
      const failed = (error: unknown): never => {
        throw new Error(`${String(error)}\n${worker.shown()}\n${job.stderr.slice(-6000)}`)
      }

      await killMaster(from)
      from.restartMaster()
      const after = await from
        .until(
          'all are back',
          (state) => state.status === 'ALIVE' && state.aliveworkers === 2 && onBoth(state),
        )
        .catch(failed)
      expect(ids(after)).toEqual(ids(before))
      const [app] = before.activeapps
      expect(after.activeapps).toMatchObject([{ id: app!.id, state: 'RUNNING', cores: 2 }])
      expect(after.completedapps).toEqual([])
      expect(pids(from).toSorted()).toEqual(executors.toSorted())

      // The end of one is reported, and another one launched, over the connections that were called.
      const { workers } = from.pids()
      const onApache = from.executors().find(({ worker: parent }) => !workers.includes(parent))!
      process.kill(onApache.pid, 'SIGKILL')
      await eventually('another one is in its place', () => {
        const now = pids(from)
        return now.length === 2 && !now.includes(onApache.pid) ? true : null
      }).catch(failed)

      expect(await job.result().catch(failed)).toBe(`sum=${sum}`)
      const ended = await from.until('it has ended', ({ activeapps, coresused }) => {
        return activeapps.length === 0 && coresused === 0
      })
      expect(ended.completedapps).toMatchObject([{ id: app!.id, state: 'FINISHED' }])

      const next = from.submit(home, 'slow_sum', ['4', '0'], size)
      expect(await next.result().catch(failed)).toBe('sum=6')
      const { completedapps } = await from.until(
        'both have ended',
        (state) => state.completedapps.length === 2,
      )
      expect(new Set(completedapps.map(({ id }) => id)).size).toBe(2)
    },
  )
})
