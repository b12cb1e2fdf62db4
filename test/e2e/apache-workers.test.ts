/** Apache's own workers, of several versions, beside ours under our master (M1 to M20, M33 to M37, L4, L6). */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { decode, encode, encodeDriver } from '../../src/control/codec.js'
import {
  DriverDescriptionT,
  JvmCommandT,
  PropertyT,
  type ReplyT,
  RequestSubmitDriverT,
} from '../../src/schema/magneto.js'
import { ApacheWorker } from './apache-worker.js'
import { freePort } from '../free-port.js'
import { Cluster, eventually, processesUnder, sparkHome } from './cluster.js'
import { describeWith } from './requirements.js'

// CI runs the oldest and the newest; MAGNETO_SPARK_VERSIONS="4.1.4 4.0.1" runs others on demand, two at a time.
const versions = (process.env['MAGNETO_SPARK_VERSIONS'] ?? '4.3.0 3.5.9').split(/[ ,]+/)
const [newest] = versions as [string]
const timeoutMs = 300_000
const host = '127.0.0.1'
/** More than one of our workers has here: these drivers are for Apache's. */
const driverCores = 2

/** Between a worker and the master, to cut its connection. */
class Proxy {
  readonly #sockets = new Set<Socket>()
  readonly #server: Server
  connections = 0

  constructor(
    readonly port: number,
    target: number,
  ) {
    this.#server = createServer((near) => {
      this.connections++
      const far = connect(target, host)
      for (const socket of [near, far]) {
        this.#sockets.add(socket)
        socket.on('error', () => socket.destroy())
      }
      near.pipe(far).pipe(near)
    })
    this.#server.listen(port, host)
  }

  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy()
    this.#sockets.clear()
  }

  close(): void {
    this.cut()
    this.#server.close()
  }
}

describeWith(['java', 'python3'], "Apache's workers", () => {
  const homes = new Map<string, string>()
  const apache = new Map<string, ApacheWorker>()
  let cluster: Cluster
  let proxy: Proxy

  const home = (version: string): string => homes.get(version)!
  const worker = (version: string): ApacheWorker => apache.get(version)!
  const masterPort = (): number => Number(new URL(cluster.masterUrl).port)

  async function startWorker(version: string, masterUrl = cluster.masterUrl): Promise<void> {
    apache.set(version, new ApacheWorker(cluster, home(version), await freePort(), masterUrl))
    await worker(version).registered()
  }

  beforeAll(async () => {
    for (const version of versions) homes.set(version, sparkHome(version))
    cluster = await Cluster.start({
      workers: 2,
      coresPerWorker: 1,
      sparkHomes: [...homes.values()],
    })
    proxy = new Proxy(await freePort(), masterPort())
    for (const version of versions)
      await startWorker(version, version === newest ? `spark://${host}:${proxy.port}` : undefined)
  }, 600_000)

  afterAll(async () => {
    for (const { child } of apache.values()) child.kill('SIGKILL')
    proxy?.close()
    expect(await cluster.stop()).toEqual([])
  })

  const failed = (error: unknown): never => {
    const output = [...apache.values()].map((it) => it.shown()).join('\n──\n')
    throw new Error(`${String(error)}\n${output}\n${cluster.logs()}`)
  }

  test('M1, L4: one whose connection breaks registers again', { timeout: timeoutMs }, async () => {
    const { id } = (await worker(newest).state())!
    const registrations = (): number => gatewayLog().split(`registered as "${id}"`).length - 1
    expect(registrations()).toBe(1)
    expect(proxy.connections).toBe(1)
    proxy.cut()
    await eventually('it registered again', () => registrations() > 1 || null).catch(failed)
    expect((await worker(newest).registered()).id).toBe(id)
  })

  function gatewayLog(): string {
    const folder = join(cluster.folder, 'logs')
    const files = readdirSync(folder).filter((name) => name.includes('.master.Master'))
    return files.map((name) => readFileSync(join(folder, name), 'utf8')).join('\n')
  }

  test(
    'M13, L6: applications of each version on workers of Apache and of ours; kill -9 of one costs its executors only',
    { timeout: timeoutMs },
    async () => {
      const two = versions.slice(0, 2)
      const limits = { 'spark.executor.cores': '1', 'spark.cores.max': '2' }
      const goAhead = join(cluster.folder, 'go-ahead')
      const jobs = two.map((version) => cluster.submit(home(version), 'steady', [goAhead], limits))
      const state = await cluster
        .until('each runs on one of Apache and one of ours', ({ workers }) => {
          const busy = workers.filter(({ coresused }) => coresused === 1).map(({ id }) => id)
          const onApache = two.filter((version) =>
            busy.some((id) => id.endsWith(`-${worker(version).port}`)),
          )
          return busy.length === 2 * two.length && onApache.length === two.length
        })
        .catch(failed)
      expect(state.activeapps).toHaveLength(two.length)
      await eventually('all are at work', () =>
        jobs.every(({ stdout }) => stdout.includes('STARTED')) ? true : null,
      ).catch(failed)
      const victim = worker(newest)
      victim.kill()
      await cluster.until('it is lost', ({ workers }) =>
        workers.some(({ id, state: now }) => id.endsWith(`-${victim.port}`) && now === 'DEAD'),
      )
      writeFileSync(goAhead, '')
      for (const job of jobs) expect(await job.result().catch(failed)).toBe('sums=[15]')
      await cluster.until('all is free again', ({ coresused }) => coresused === 0)
      // Executors watch their worker and end with it.
      await eventually('its executors are gone', () => {
        const left = [...processesUnder(cluster.folder).values()]
        const isOrphan = left.some(({ command }) =>
          command.includes(`Worker@${host}:${victim.port}`),
        )
        return isOrphan ? null : true
      })
      await startWorker(newest)
    },
  )

  /** Runs a command of that distribution to its end. */
  async function run(version: string, [command, ...args]: string[]) {
    const child = spawn(command!, args, {
      env: { ...cluster.environment, SPARK_HOME: home(version) },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk) => (output += String(chunk)))
    const status = await new Promise<number | null>((done) => child.on('close', done))
    return { status, output }
  }

  function client(version: string, ...args: string[]) {
    const main = 'org.apache.spark.deploy.Client'
    return run(version, [join(home(version), 'bin/spark-class'), main, ...args])
  }

  /** It is fetched, and not needed: what drivers run here is on their class path. */
  function someJar(version: string): string {
    const jars = join(home(version), 'jars')
    return `file:${jars}/${readdirSync(jars).find((name) => name.startsWith('py4j-'))}`
  }

  /** The driver that was submitted last; some clients do not log their driver's id. */
  async function lastDriver(): Promise<string> {
    const state = await cluster.now()
    return [...state.activedrivers, ...state.completeddrivers]
      .map(({ id }) => id)
      .toSorted()
      .at(-1)!
  }

  async function ended(id: string, as: string): Promise<void> {
    const { completeddrivers } = await cluster
      .until(`${id} has ended`, (now) => now.completeddrivers.some((driver) => driver.id === id))
      .catch(failed)
    const state = completeddrivers.find((driver) => driver.id === id)!.state
    if (state !== as) failed(`${id} is ${state}`)
  }

  test.each(versions.slice(0, 2))(
    'C18, M12, M15, M33, M37: a driver that the legacy client of %s launches runs and finishes',
    { timeout: timeoutMs },
    async (version) => {
      const before = await lastDriver()
      const main = 'org.apache.hadoop.util.VersionInfo'
      const what = ['launch', cluster.masterUrl, someJar(version), main]
      const { status, output } = await client(
        version,
        '--memory',
        '512m',
        '--cores',
        `${driverCores}`,
        ...what,
      )
      expect(status, output + cluster.logs()).toBe(0)
      const id = await lastDriver()
      expect(id).not.toBe(before)
      await ended(id, 'FINISHED')
    },
  )

  /** As a REST server would: no Spark has written the driver's description. */
  async function submitFields(version: string): Promise<string> {
    const discovered = await fetch(`http://${host}:${masterPort()}/control`)
    const { port, path } = (await discovered.json()) as { port: number; path: string }
    const socket = new WebSocket(`ws://${host}:${port}${path}`)
    await once(socket, 'open')
    const main = 'org.apache.hadoop.util.VersionInfo'
    const command = new JvmCommandT(
      'org.apache.spark.deploy.worker.DriverWrapper',
      ['{{WORKER_URL}}', '{{USER_JAR}}', main],
      'ABCDE'.split('').map((name) => new PropertyT(name, 'x')),
      [],
      [],
      ['-Dspark.app.name=fields'],
    )
    const minor = version.split('.').slice(0, 2).join('.')
    const runtimes = [`spark-${minor}-driver`]
    const jar = someJar(version)
    const driver = new DriverDescriptionT(jar, 512, driverCores, false, command, [], runtimes)
    socket.send(encode(new RequestSubmitDriverT(1, encodeDriver(driver))))
    const [answer] = (await once(socket, 'message')) as [Uint8Array]
    socket.terminate()
    const { ok, id, message } = decode(new Uint8Array(answer)) as ReplyT
    if (!ok || id === null) throw new Error(`not submitted: ${message}`)
    return id
  }

  test(
    'M15: drivers that no Spark submitted run too, described in the classes of each version',
    { timeout: timeoutMs },
    async () => {
      const ids = await Promise.all(versions.slice(0, 2).map((version) => submitFields(version)))
      for (const id of ids) await ended(id, 'FINISHED')
    },
  )

  test('M16, M33, M35: a driver of spark-submit is killed', { timeout: timeoutMs }, async () => {
    // Listens for ever.
    const main = ['--class', 'py4j.GatewayServer', someJar(newest), '0']
    const size = ['--driver-memory', '512m', '--driver-cores', `${driverCores}`]
    const flags = ['--deploy-mode', 'cluster', ...size, ...main]
    const submit = [join(home(newest), 'bin/spark-submit'), '--master', cluster.masterUrl, ...flags]
    const launched = await run(newest, submit)
    expect(launched.status, launched.output + cluster.logs()).toBe(0)
    const id = await lastDriver()
    const { activedrivers } = await cluster.now()
    expect(activedrivers).toMatchObject([{ id, state: 'RUNNING' }])
    const [killed, unknown] = await Promise.all([
      client(newest, 'kill', cluster.masterUrl, id),
      client(newest, 'kill', cluster.masterUrl, 'driver-20200101000000-9999'),
    ])
    expect(killed.status, killed.output).toBe(0)
    await ended(id, 'KILLED')
    expect(unknown.status, unknown.output).not.toBe(0)
  })
})
