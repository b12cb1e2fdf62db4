/** Every way of submitting a driver, with real Spark (C18, C20 to C23, R1, R8, R10), and the clients of bin/magneto. */
import { execFile } from 'node:child_process'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freePort } from '../free-port.js'
import { Cluster, root, sparkHome } from './cluster.js'
import { describeWith } from './requirements.js'

const timeoutMs = 300_000
const newest = '4.3.0'
const oldest = '3.5.9'
/** Prints `Hadoop 3...`, and ends. */
const printing = 'org.apache.hadoop.util.VersionInfo'
/** Listens for ever. */
const listening = 'py4j.GatewayServer'

/** Without it, spark-submit keeps to itself what it was told. */
const talking = `
rootLogger.level = info
rootLogger.appenderRef.stderr.ref = console
appender.console.type = Console
appender.console.name = console
appender.console.target = SYSTEM_ERR
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %m%n
logger.submit.name = org.apache.spark.deploy
logger.submit.level = info
`

interface Ran {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

describeWith(['java', 'python3'], 'submissions', () => {
  const homes = new Map<string, string>()
  let cluster: Cluster
  let restPort = 0

  beforeAll(async () => {
    for (const version of [newest, oldest]) homes.set(version, sparkHome(version))
    restPort = await freePort()
    cluster = await Cluster.start({
      workers: 1,
      coresPerWorker: 4,
      memoryPerWorker: '4g',
      sparkHomes: [...homes.values()],
      properties: [
        `spark.master.rest.port ${restPort}`,
        'spark.master.useDriverIdAsAppName.enabled true',
      ],
    })
    writeFileSync(join(cluster.folder, 'log4j2.properties'), talking)
  }, 600_000)

  afterAll(async () => {
    expect(await cluster.stop()).toEqual([])
  })

  const home = (version: string): string => homes.get(version)!

  /** It is fetched, and not needed: what drivers run here is on their class path. */
  function someJar(version: string): string {
    const jars = join(home(version), 'jars')
    return `file:${jars}/${readdirSync(jars).find((name) => name.startsWith('py4j-'))}`
  }

  async function run(
    file: string,
    args: string[],
    more: Record<string, string> = {},
  ): Promise<Ran> {
    const env = { ...cluster.environment, ...more }
    return new Promise((done) => {
      execFile(file, args, { env }, (error, stdout, stderr) => {
        const status = error === null ? 0 : Number(error.code ?? -1)
        done({ status, stdout, stderr })
      })
    })
  }

  function sparkSubmit(version: string, args: string[]): Promise<Ran> {
    const logging = `-Dlog4j2.configurationFile=file:${join(cluster.folder, 'log4j2.properties')}`
    const more = { SPARK_HOME: home(version), SPARK_SUBMIT_OPTS: logging }
    return run(join(home(version), 'bin/spark-submit'), args, more)
  }

  async function magneto(...args: string[]): Promise<Ran> {
    return run(join(root, 'bin/magneto'), [
      args[0]!,
      '--master',
      cluster.masterUrl,
      ...args.slice(1),
    ])
  }

  const rest = (): string => cluster.masterUrl.replace(/\d+$/, String(restPort))

  async function ids(): Promise<string[]> {
    const { activedrivers, completeddrivers } = await cluster.now()
    return [...activedrivers, ...completeddrivers].map(({ id }) => id)
  }

  /** @returns the driver's id, as the cluster has it */
  async function submit(version: string, master: string, overRest: boolean): Promise<string> {
    const known = new Set(await ids())
    const where = ['--master', master, '--deploy-mode', 'cluster']
    const how = ['--conf', `spark.master.rest.enabled=${overRest}`, '--class', printing]
    const what = ['--driver-memory', '500m', '--driver-cores', '2', someJar(version)]
    const { status, stderr } = await sparkSubmit(version, [...where, ...how, ...what])
    expect(status, stderr + cluster.logs()).toBe(0)
    const mine = (await ids()).filter((id) => !known.has(id))
    expect(mine, stderr).toHaveLength(1)
    return mine[0]!
  }

  /** What Spark's own client tells of a driver. */
  async function told(
    version: string,
    master: string,
    ...what: ['--status' | '--kill', string]
  ): Promise<object> {
    const { status, stderr } = await sparkSubmit(version, [...what, '--master', master])
    expect(status, stderr).toBe(0)
    const [, answer] = /^Server responded with \w+:\n(\{.*?^\})/ms.exec(stderr) ?? []
    expect(answer, stderr).toBeDefined()
    return JSON.parse(answer!) as object
  }

  async function ended(id: string, as: string): Promise<void> {
    const { completeddrivers } = await cluster.until(`${id} has ended`, (now) =>
      now.completeddrivers.some((driver) => driver.id === id),
    )
    const { state } = completeddrivers.find((driver) => driver.id === id)!
    const { stderr } = state === as ? { stderr: '' } : await magneto('logs', '--tail', '6k', id)
    expect(state, stderr).toBe(as)
  }

  test.each<[string, string, () => string, boolean]>([
    ['R2, C23: REST on its own port', newest, rest, true],
    ['C22: HTTP on the port of the master', newest, () => cluster.masterUrl, true],
    ['C22: HTTP on the port of the master', oldest, () => cluster.masterUrl, true],
    ['C18, M33: RPC', newest, () => cluster.masterUrl, false],
  ])(
    'C20, %s, by %s: a driver is submitted, ends, and its status and output can be had',
    { timeout: timeoutMs },
    async (_what, version, master, overRest) => {
      const id = await submit(version, master(), overRest)
      await ended(id, 'FINISHED')
      // Status is over HTTP whichever way the driver came.
      const answer = await told(version, master(), '--status', id)
      expect(answer).toMatchObject({ success: true, driverState: 'FINISHED', submissionId: id })
      const { stdout, stderr } = await magneto('logs', id)
      expect(stdout, stderr).toMatch(/^Hadoop 3\./m)
      expect(stderr).toMatch(/^Launch Command: .*-Xmx500M/)
      expect(stderr).toContain(`${home(version)}/jars/*`)
      const { stdout: listed } = await magneto('list', '--all')
      expect(listed).toMatch(new RegExp(`^${id} +FINISHED +2 +500m `, 'm'))
    },
  )

  test('R8, C22: a driver is killed over either port', { timeout: timeoutMs }, async () => {
    for (const master of [rest(), cluster.masterUrl]) {
      const argv = ['--detach', '--class', listening, '--spark-version', '4.3']
      const submitted = await magneto('submit', ...argv, someJar(newest), '0')
      const id = submitted.stdout.trim()
      await cluster.until(`${id} runs`, (now) =>
        now.activedrivers.some((driver) => driver.id === id && driver.state === 'RUNNING'),
      )
      expect(await told(newest, master, '--kill', id)).toMatchObject({
        success: true,
        submissionId: id,
      })
      await ended(id, 'KILLED')
      expect((await magneto('status', id)).stdout).toContain(`${id} KILLED on worker-`)
    }
  })

  test('C21, P30: a Python driver runs an application', { timeout: timeoutMs }, async () => {
    const limits = ['spark.cores.max=1', 'spark.executor.memory=512m']
    const conf = limits.flatMap((limit) => ['--conf', limit])
    const files = ['--py-files', join(root, 'test/e2e/jobs/added.py')]
    const flags = [
      '--follow',
      '--memory',
      '512m',
      '--name',
      'not this',
      ...conf,
      ...files,
      '--spark-version',
      '4.3',
    ]
    const job = join(root, 'test/e2e/jobs/on_cluster.py')
    const { status, stdout, stderr } = await magneto('submit', ...flags, job, 'a b', '--c')
    expect(stdout, stderr + cluster.logs()).toMatch(/^RESULT sum=20$/m)
    expect(status).toBe(0)
    const id = /^(driver-\d+-\d+) FINISHED on worker-/m.exec(stderr)![1]!
    expect(stdout).toContain(`TOLD name=${id} mode=client args=['a b', '--c']\n`)
    // The driver's end is told by its worker, its application's by itself.
    const { completedapps: apps } = await cluster.until(
      'its application has ended',
      (now) => now.completedapps.length > 0 && now.activeapps.length === 0,
    )
    expect(apps.map(({ name }) => name)).toEqual([id])
    const executor = await magneto('logs', '--stderr', `${apps[0]!.id}/0`)
    expect(executor.stderr).toMatch(/^Spark Executor Command: /)
  })

  test('a Node driver runs an application without any JVM', { timeout: timeoutMs }, async () => {
    const job = join(root, 'dist/examples/pi/pi.js')
    const argv = ['--memory', '256m', job, '--master', cluster.masterUrl]
    const { status, stderr } = await magneto('submit', ...argv)
    expect(status, stderr + cluster.logs()).toBe(0)
    const id = /^(driver-\S+) FINISHED/m.exec(stderr)![1]!
    expect((await magneto('logs', '--stdout', id)).stdout).toMatch(/Pi is roughly 3\.14/)
    const { stdout } = await magneto('list', '--all')
    expect(stdout).toMatch(new RegExp(`^${id} +FINISHED +1 +256m +worker-\\S+ +pi\\.js `, 'm'))
  })

  test('the status of the client is that of the driver', { timeout: timeoutMs }, async () => {
    const fails = join(root, 'test/e2e/jobs/fails.mjs')
    const { status, stderr } = await magneto('submit', '--memory', '128m', fails)
    expect([status, stderr]).toEqual([1, expect.stringMatching(/^driver-\S+ FAILED/m)])
  })
})
