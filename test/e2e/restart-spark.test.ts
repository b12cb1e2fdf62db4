/**
 * Unmodified Spark through kill -9 and restart of a master that keeps its records in files (H3, H8, M8, M18, M29): a driver
 * and an Apache Worker, which wait to be told who leads, and a worker of ours, which comes by itself.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { ApacheWorker } from './apache-worker.js'
import { freePort } from '../free-port.js'
import {
  Cluster,
  type ClusterJson,
  eventually,
  processesUnder,
  sparkHome,
  type Submission,
} from './cluster.js'
import { describeWith } from './requirements.js'

// CI runs the oldest and the newest; MAGNETO_SPARK_VERSIONS="4.1.4 4.0.1" runs others on demand.
const versions = (process.env['MAGNETO_SPARK_VERSIONS'] ?? '4.3.0 3.5.9').split(/[ ,]+/)
const [newest] = versions as [string]
const timeoutMs = 480_000
/** Of steady.py: each of its jobs had the right sum. */
const right = 'sums=[15]'
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
})

async function start(home: string): Promise<{ cluster: Cluster; apache: ApacheWorker }> {
  records = mkdtempSync(join(tmpdir(), 'magneto-records-'))
  const properties = [
    'spark.deploy.recoveryMode FILESYSTEM',
    `spark.deploy.recoveryDirectory ${records}`,
    // Longer than its jobs run: a worker without heartbeats would be lost meanwhile.
    'spark.worker.timeout 20',
    'spark.deploy.recoveryTimeout 60s',
  ]
  cluster = await Cluster.start({ workers: 1, coresPerWorker: 1, sparkHomes: [home], properties })
  apache = new ApacheWorker(cluster, home, await freePort(), cluster.masterUrl)
  await apache.registered()
  return { cluster, apache }
}

/** Runs a command of a distribution. @throws Error with its output when it fails */
async function run(
  { home, environment }: { home: string; environment: NodeJS.ProcessEnv },
  [command, ...args]: string[],
): Promise<void> {
  const child = spawn(join(home, command!), args, {
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => (output += String(chunk)))
  const status = await new Promise<number | null>((done) => child.on('close', done))
  if (status !== 0) throw new Error(`${command} ended with ${status}:\n${output}`)
}

/** Throws with what both have said. */
function failure(worker: ApacheWorker, job: Submission): (error: unknown) => never {
  return (error) => {
    throw new Error(`${String(error)}\n${worker.shown()}\n${job.stderr.slice(-6000)}`)
  }
}

const isBack = (state: ClusterJson): boolean =>
  state.status === 'ALIVE' && state.aliveworkers === 2 && onBoth(state)

const pids = (of: Cluster): number[] => of.executors().map(({ pid }) => pid)
/** The executors, once both have become what they are. */
const bothOf = (of: Cluster): Promise<number[]> =>
  eventually('two executors run', () => (pids(of).length === 2 ? pids(of) : null))
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
      const goAhead = join(from.folder, 'go-ahead')
      const job = from.submit(home, 'steady', [goAhead], size)
      const before = await from.until('it runs on both workers', onBoth)
      await eventually('it is at work', () => (job.stdout.includes('STARTED') ? true : null))
      const executors = await bothOf(from)
      const failed = failure(worker, job)

      await from.killMaster()
      from.restartMaster()
      const after = await from.until('all are back', isBack).catch(failed)
      expect(ids(after)).toEqual(ids(before))
      const [app] = before.activeapps
      expect(after.activeapps).toMatchObject([{ id: app!.id, state: 'RUNNING', cores: 2 }])
      expect(after.completedapps).toEqual([])
      expect(new Set(pids(from))).toEqual(new Set(executors))

      // The end of one is reported, and another one launched, over the connections that were called.
      const { workers } = from.pids()
      const onApache = from.executors().find(({ worker: parent }) => !workers.includes(parent))!
      process.kill(onApache.pid, 'SIGKILL')
      await eventually('another one is in its place', () => {
        const now = pids(from)
        return now.length === 2 && !now.includes(onApache.pid) ? true : null
      }).catch(failed)

      writeFileSync(goAhead, '')
      expect(await job.result().catch(failed)).toBe(right)
      const ended = await from.untilFree()
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
  test(
    'M18: told before they notice the loss of the master before, on the same address',
    { timeout: timeoutMs },
    async () => {
      const home = sparkHome(newest)
      const { cluster: from, apache: worker } = await start(home)
      const goAhead = join(from.folder, 'go-ahead')
      const job = from.submit(home, 'steady', [goAhead], size)
      const failed = failure(worker, job)
      const before = await from.until('it runs on both workers', onBoth).catch(failed)
      await eventually('it is at work', () => (job.stdout.includes('STARTED') ? true : null))
      const executors = await bothOf(from)

      // Both have the end of the old connection and the words of the new master to read when they wake up.
      const stopped = [worker.child.pid!, job.child.pid!]
      for (const pid of stopped) process.kill(pid, 'SIGSTOP')
      await from.killMaster()
      from.restartMaster()
      const waiting = await from.until('ours is back', ({ aliveworkers }) => aliveworkers === 1)
      expect(waiting).toMatchObject({ status: 'RECOVERING', activeapps: [{ state: 'UNKNOWN' }] })
      await eventually('both are called', () => /telling 2 Spark/.test(from.logs()) || null)
      for (const pid of stopped) process.kill(pid, 'SIGCONT')

      const after = await from.until('all are back', isBack).catch(failed)
      expect(ids(after)).toEqual(ids(before))
      expect(after.activeapps).toMatchObject([{ id: before.activeapps[0]!.id, state: 'RUNNING' }])
      expect(new Set(pids(from))).toEqual(new Set(executors))
      writeFileSync(goAhead, '')
      expect(await job.result().catch(failed)).toBe(right)
      const ended = await from.until('it has ended', ({ coresused }) => coresused === 0)
      expect(ended).toMatchObject({ status: 'ALIVE', aliveworkers: 2 })
      // Once for the master that was killed, once more at most for a connection that the worker no longer uses.
      const losses = worker.output.join('').match(/Connection to master failed/g) ?? []
      expect(losses.length).toBeLessThanOrEqual(2)
      const next = from.submit(home, 'slow_sum', ['4', '0'], size)
      expect(await next.result().catch(failed)).toBe('sum=6')
    },
  )

  test(
    "M10, M16: a driver on Apache's Worker goes on, and can still be killed",
    { timeout: timeoutMs },
    async () => {
      const home = sparkHome(newest)
      const { cluster: from, apache: worker } = await start(home)
      const jar = readdirSync(join(home, 'jars')).find((name) => name.startsWith('py4j-'))!
      // Listens for ever; ours has too few cores for it.
      const main = ['--class', 'py4j.GatewayServer', `file:${join(home, 'jars', jar)}`, '0']
      const flags = ['--deploy-mode', 'cluster', '--driver-cores', '2', '--driver-memory', '512m']
      const spark = { home, environment: { ...from.environment, SPARK_HOME: home } }
      await run(spark, ['bin/spark-submit', '--master', from.masterUrl, ...flags, ...main])
      const drivers = (): number[] =>
        [...processesUnder(from.folder)]
          .filter(([, { command }]) => command.includes('worker.DriverWrapper'))
          .map(([pid]) => pid)
      const before = await from.until('it runs', ({ activedrivers }) => {
        return activedrivers[0]?.state === 'RUNNING' && drivers().length === 1
      })
      const running = drivers()
      await from.killMaster()
      from.restartMaster()
      const after = await from
        .until('all are back', ({ status, aliveworkers }) => {
          return status === 'ALIVE' && aliveworkers === 2
        })
        .catch((error: unknown) => {
          throw new Error(`${String(error)}\n${worker.shown()}`)
        })
      const [driver] = before.activedrivers
      expect(after.activedrivers).toMatchObject([{ id: driver!.id, state: 'RUNNING' }])
      expect(drivers()).toEqual(running)
      const client = 'org.apache.spark.deploy.Client'
      await run(spark, ['bin/spark-class', client, 'kill', from.masterUrl, driver!.id])
      const ended = await from.until('it is killed', (state) => state.activedrivers.length === 0)
      expect(ended.completeddrivers).toMatchObject([{ id: driver!.id, state: 'KILLED' }])
      await eventually('its process is gone', () => drivers().length === 0 || null)
    },
  )
})
