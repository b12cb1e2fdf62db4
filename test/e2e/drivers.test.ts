/** Drivers on our own workers (W14, W15, M12, M15, M16, S8, T10): of real Spark, of Python, of Node. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { versionOf } from '../../src/control/runtimes.js'
import { moduleOptions } from '../../src/rest/module-options.js'
import { freePort } from '../free-port.js'
import {
  Cluster,
  type ClusterJson,
  eventually,
  processesUnder,
  root,
  sparkHome,
} from './cluster.js'
import { describeWith } from './requirements.js'

// CI runs the oldest and the newest; MAGNETO_SPARK_VERSIONS="4.0.1 4.1.4 4.2.1" runs others on demand.
const versions = (process.env['MAGNETO_SPARK_VERSIONS'] ?? '4.3.0 3.5.9').split(/[ ,]+/)
const [newest] = versions as [string]
const timeoutMs = 300_000
const host = '127.0.0.1'
const jobs = join(root, 'test/e2e/jobs')
/** Small enough for a driver, two executors and the next driver on one machine. */
const small = {
  'spark.executor.memory': '512m',
  'spark.executor.cores': '1',
  'spark.cores.max': '1',
}

describeWith(['java', 'python3'], 'drivers on the cluster', () => {
  const homes = new Map<string, string>()
  let cluster: Cluster
  let restPort = 0
  const servers: Server[] = []
  /** Drivers that were submitted over REST. */
  const created: string[] = []

  const home = (version: string): string => homes.get(version)!

  beforeAll(async () => {
    for (const version of versions) homes.set(version, sparkHome(version))
    restPort = await freePort()
    cluster = await Cluster.start({
      workers: 2,
      coresPerWorker: 4,
      memoryPerWorker: '4g',
      sparkHomes: [...homes.values()],
      // Nothing that makes the clients speak HTTP: they read this file too.
      properties: [`spark.master.rest.port ${restPort}`],
    })
  }, 600_000)

  afterAll(async () => {
    for (const server of servers) server.close()
    expect(await cluster.stop()).toEqual([])
  })

  const folderOf = (id: string): string => join(cluster.folder, 'work', id)

  function log(id: string, name: 'stdout' | 'stderr'): string {
    try {
      return readFileSync(join(folderOf(id), name), 'utf8')
    } catch {
      return ''
    }
  }

  function jarOf(version: string, name: string): string {
    const jars = join(home(version), 'jars')
    const found = readdirSync(jars).find((each) => new RegExp(`^${name}[-_]\\d`).test(each))
    return `file:${jars}/${found}`
  }

  /** The legacy client. @returns the driver's id */
  async function submit(version: string, flags: string[], what: string[]): Promise<string> {
    // What the page shows may be a moment old.
    const known = new Set([...(await ids()), ...created])
    // Submit clients of 4.1 to 4.3 look alike: the newest of them counts unless its user says which it is.
    const which = version === newest ? {} : { 'spark.magneto.sparkVersion': version }
    const settings = Object.entries({ ...small, ...which }).flatMap(([key, value]) => [
      '--conf',
      `${key}=${value}`,
    ])
    const argv = ['--master', cluster.masterUrl, '--deploy-mode', 'cluster', ...settings]
    const child = spawn(
      join(home(version), 'bin/spark-submit'),
      [...argv, '--driver-memory', '512m', ...flags, ...what],
      {
        env: { ...cluster.environment, SPARK_HOME: home(version) },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    )
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk) => (output += String(chunk)))
    const [status] = (await once(child, 'close')) as [number | null]
    expect(status, output + cluster.logs()).toBe(0)
    const mine = (await ids()).filter((id) => !known.has(id))
    expect(mine, output).toHaveLength(1)
    return mine[0]!
  }

  async function ids(): Promise<string[]> {
    const { activedrivers, completeddrivers } = await cluster.now()
    return [...activedrivers, ...completeddrivers].map(({ id }) => id)
  }

  /** @returns its final state; a test that fails shows what it wrote */
  async function endOf(id: string): Promise<string> {
    const { completeddrivers } = await cluster
      .until(`${id} has ended`, (now) => now.completeddrivers.some((driver) => driver.id === id))
      .catch((error: unknown) => {
        throw new Error(`${String(error)}\n── stderr of ${id}\n${log(id, 'stderr').slice(-6000)}`)
      })
    return completeddrivers.find((driver) => driver.id === id)!.state
  }

  /** A driver's end is told by its worker, its application's by itself. @returns all that have ended, when none is left */
  async function appsEnded(known = 0): Promise<ClusterJson['completedapps']> {
    const { completedapps } = await cluster.until(
      'all applications have ended',
      (now) => now.activeapps.length === 0 && now.completedapps.length >= known,
    )
    return completedapps
  }

  test.each(versions)(
    'M33, W14, W15: a jar of the legacy client of %s runs an application to its end',
    { timeout: timeoutMs },
    async (version) => {
      const output = join(cluster.folder, `points-${version}`)
      // What this Java asks of Spark, which no client brings along over RPC.
      const opened = moduleOptions(versionOf(version)!).join(' ')
      const generator = 'org.apache.spark.mllib.util.KMeansDataGenerator'
      const main = ['--driver-java-options', opened, '--class', generator]
      const args = [cluster.masterUrl, `file:${output}`, '100', '2', '2', '1.0', '2']
      const id = await submit(version, main, [jarOf(version, 'spark-mllib'), ...args])
      expect(await endOf(id), log(id, 'stderr')).toBe('FINISHED')
      expect(readdirSync(output).filter((name) => name.startsWith('part-'))).toHaveLength(2)
      expect(readdirSync(folderOf(id))).toEqual(
        expect.arrayContaining(['stdout', 'stderr', expect.stringMatching(/^spark-mllib_.*jar$/)]),
      )
      const [header] = log(id, 'stderr').split('\n')
      expect(header).toMatch(/^Launch Command: ".*java" "-cp" .*DriverWrapper" "spark:\/\/Worker@/)
      expect(header).toContain(`${home(version)}/jars/*`)
    },
  )

  /** POST /v1/submissions/create. @returns the driver's id */
  async function create(submission: {
    appResource: string
    mainClass?: string
    appArgs: string[]
    properties?: Record<string, string>
    environment?: Record<string, string>
  }): Promise<string> {
    const { properties, environment, ...rest } = submission
    const answer = await fetch(`http://${host}:${restPort}/v1/submissions/create`, {
      method: 'POST',
      body: JSON.stringify({
        action: 'CreateSubmissionRequest',
        clientSparkVersion: properties?.['spark.magneto.sparkVersion'] ?? newest,
        mainClass: '',
        ...rest,
        environmentVariables: { PYSPARK_PYTHON: 'python3', ...environment },
        sparkProperties: {
          'spark.app.name': 'e2e-driver',
          'spark.driver.memory': '512m',
          ...small,
          ...properties,
        },
      }),
    })
    const { success, submissionId, message } = (await answer.json()) as Record<string, string>
    expect(success, message).toBe(true)
    created.push(submissionId!)
    return submissionId!
  }

  test.each([
    ['submitted as its file', { appResource: `file:${jobs}/pi.py`, appArgs: ['8'] }],
    [
      'named to SparkSubmit, as of old',
      {
        appResource: '',
        mainClass: 'org.apache.spark.deploy.SparkSubmit',
        appArgs: [`${jobs}/pi.py`, '8'],
      },
    ],
  ])(
    'R5, W14: a Python driver runs on the cluster, %s',
    { timeout: timeoutMs },
    async (_, submission) => {
      const known = (await appsEnded()).length
      const id = await create(submission)
      expect(await endOf(id), log(id, 'stderr')).toBe('FINISHED')
      expect(log(id, 'stdout')).toContain(`RESULT pi=3.141 version=${newest}`)
      expect((await appsEnded(known + 1)).slice(known)).toMatchObject([
        { name: 'e2e-pi', state: 'FINISHED' },
      ])
    },
  )

  test.each(versions)(
    "W14: a jar that only Hadoop's file systems know, of %s",
    { timeout: timeoutMs },
    async (version) => {
      const jars = join(home(version), 'jars')
      const name = jarOf(version, 'py4j').split('/').at(-1)!
      const id = await create({
        appResource: `viewfs://somewhere/lib/${name}`,
        mainClass: 'org.apache.hadoop.util.VersionInfo',
        appArgs: [],
        properties: {
          'spark.hadoop.fs.viewfs.mounttable.somewhere.link./lib': `file://${jars}`,
          'spark.magneto.sparkVersion': version,
        },
      })
      expect(await endOf(id), log(id, 'stderr')).toBe('FINISHED')
      expect(log(id, 'stdout')).toMatch(/^Hadoop 3\./)
      expect(readFileSync(join(folderOf(id), name))).toEqual(readFileSync(join(jars, name)))
    },
  )

  test('T10: a supervised driver that fails twice', { timeout: timeoutMs }, async () => {
    const count = join(cluster.folder, 'starts')
    const main = ['--class', 'org.apache.spark.deploy.SparkSubmit', jarOf(newest, 'py4j')]
    const id = await submit(newest, ['--supervise'], [...main, `${jobs}/fails_twice.py`, count])
    expect(await endOf(id), log(id, 'stderr')).toBe('FINISHED')
    expect(log(id, 'stdout').match(/RESULT start=\d/g)).toEqual([1, 2, 3].map(startOf))
  })

  const startOf = (number: number): string => `RESULT start=${number}`

  test(
    'S5: a driver that fails, and one whose jar is nowhere',
    { timeout: timeoutMs },
    async () => {
      const appArgs = [join(cluster.folder, 'unwritable', 'x')]
      const failing = await create({ appResource: `file:${jobs}/fails_twice.py`, appArgs })
      const missing = await create({
        appResource: 'file:/nowhere/job.jar',
        mainClass: 'M',
        appArgs: [],
      })
      expect(await endOf(failing), log(failing, 'stderr')).toBe('FAILED')
      expect(await endOf(missing)).toBe('ERROR')
      const status = await fetch(`http://${host}:${restPort}/v1/submissions/status/${missing}`)
      expect(await status.text()).toContain('is not on this worker')
    },
  )

  /** Listens for ever. */
  function endless(...flags: string[]): Promise<string> {
    return submit(newest, [...flags, '--class', 'py4j.GatewayServer'], [jarOf(newest, 'py4j'), '0'])
  }

  async function kill(id: string): Promise<void> {
    const args = ['org.apache.spark.deploy.Client', 'kill', cluster.masterUrl, id]
    const child = spawn(join(home(newest), 'bin/spark-class'), args, {
      env: { ...cluster.environment, SPARK_HOME: home(newest) },
      stdio: 'ignore',
    })
    expect((await once(child, 'close'))[0]).toBe(0)
  }

  const processesOf = (id: string) =>
    [...processesUnder(cluster.folder).values()].filter(({ command }) =>
      command.includes(`/${id}/`),
    )

  /** @returns the worker that started it */
  async function runs(id: string): Promise<number> {
    const [found] = await eventually(`${id} runs`, () => {
      const processes = processesOf(id)
      return processes.length > 0 ? processes : null
    })
    return found!.parent
  }

  test('L8, M16: a running and a queued driver are killed', { timeout: timeoutMs }, async () => {
    const whole = ['--driver-cores', '4']
    const running = [await endless(...whole), await endless(...whole)]
    const queued = await endless(...whole)
    const { activedrivers } = await cluster.now()
    const states = activedrivers.map(({ id, state }) => [id, state] as const)
    expect(new Map(states)).toEqual(
      new Map([
        [running[0], 'RUNNING'],
        [running[1], 'RUNNING'],
        [queued, 'SUBMITTED'],
      ]),
    )
    const workers = await Promise.all(running.map(runs))
    expect(new Set(workers)).toEqual(new Set(cluster.pids().workers))
    await kill(queued)
    expect(await endOf(queued)).toBe('KILLED')
    for (const id of running) {
      await kill(id)
      expect(await endOf(id)).toBe('KILLED')
      expect(processesOf(id)).toEqual([])
    }
    expect(processesOf(queued)).toEqual([])
  })

  /** One file of this folder, over HTTP. @returns its URL */
  async function served(name: string): Promise<string> {
    const server: Server = createServer((_request, response) => {
      response.end(readFileSync(join(jobs, name)))
    })
    servers.push(server)
    server.listen(0, host)
    await once(server, 'listening')
    return `http://${host}:${(server.address() as AddressInfo).port}/${name}`
  }

  test('a Node driver is fetched and uses executors', { timeout: timeoutMs }, async () => {
    const known = (await appsEnded()).length
    const task = join(root, 'dist/examples/pi/pi-task.js')
    const id = await create({ appResource: await served('pool_driver.mjs'), appArgs: [task] })
    expect(await endOf(id), log(id, 'stderr')).toBe('FINISHED')
    expect(log(id, 'stdout')).toBe('RESULT pi=3.1\n')
    expect((await appsEnded(known + 1)).slice(known)).toMatchObject([
      { name: 'e2e-node', state: 'FINISHED' },
    ])
  })

  // The last one: it costs the cluster its workers.
  test(
    'W11, S8: a worker that is killed leaves no driver behind; a supervised one starts again elsewhere',
    { timeout: timeoutMs },
    async () => {
      const idle = join(cluster.folder, 'idle.mjs')
      writeFileSync(idle, 'setInterval(() => {}, 1000)')
      const node = await create({ appResource: idle, appArgs: [] })
      const supervised = await endless('--supervise')
      const first = await runs(supervised)
      const known = new Set([...(await ids()), ...created])
      process.kill(first, 'SIGKILL')
      await eventually('it is gone', () => processesOf(supervised).length === 0)
      expect(await endOf(supervised)).toBe('RELAUNCHING')
      const next = (await ids()).find((id) => !known.has(id))!
      const second = await runs(next)
      expect(new Set(cluster.pids().workers)).toEqual(new Set([first, second]))
      process.kill(second, 'SIGKILL')
      const left = () => [...processesUnder(cluster.folder).values()]
      await eventually('nothing but the master runs', () => left().length === 1)
      expect(await endOf(node)).toBe('ERROR')
    },
  )
})
