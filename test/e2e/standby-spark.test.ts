/**
 * What clients of Spark get from a master that does not lead (R14, H14, L7, U20): with a standby before the leader in
 * their URL, spark-submit finds the leader over REST and over RPC, and what they ask for is done once.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { LeadershipStatus } from '../../src/control/leadership.js'
import { Ensemble, ZOOKEEPER_COMMANDS } from '../zookeeper/ensemble.js'
import { freePort } from '../free-port.js'
import { type ClusterJson, eventually, root, sparkHome } from './cluster.js'
import { describeWith } from './requirements.js'

const host = '127.0.0.1'
const timeoutMs = 480_000
const home = (): string => sparkHome('4.3.0')
/** Prints a line, and ends. */
const printing = 'org.apache.hadoop.util.VersionInfo'

/** A master or a worker of ours. */
class Daemon {
  readonly child: ChildProcess
  #said = ''

  constructor(kind: 'master.Master' | 'worker.Worker', args: string[], environment: object) {
    const main = `org.apache.spark.deploy.${kind}`
    this.child = spawn(join(root, 'bin/spark-class'), [main, '--host', host, ...args], {
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    for (const stream of [this.child.stdout, this.child.stderr])
      stream?.on('data', (chunk) => (this.#said = (this.#said + String(chunk)).slice(-8_000)))
  }

  get said(): string {
    return this.#said
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return
    const ended = new Promise((done) => this.child.once('exit', done))
    this.child.kill()
    await ended
  }
}

interface Master {
  readonly port: number
  readonly uiPort: number
  readonly daemon: Daemon
}

async function json<T>(port: number, path: string): Promise<T | null> {
  try {
    return (await (await fetch(`http://${host}:${port}${path}`)).json()) as T
  } catch {
    return null
  }
}

describeWith(['java', 'python3', ...ZOOKEEPER_COMMANDS], 'a standby before the leader', () => {
  const folder = mkdtempSync(join(tmpdir(), 'magneto-standby-'))
  const environment: Record<string, string> = {
    SPARK_CONF_DIR: folder,
    SPARK_LOCAL_IP: host,
    SPARK_WORKER_DIR: join(folder, 'work'),
  }
  let ensemble: Ensemble | null = null
  let worker: Daemon | null = null
  let apache: ChildProcess | null = null
  const masters: Master[] = []
  const leader = (): Master => masters[0]!
  const standby = (): Master => masters[1]!
  const url = (): string => `spark://${host}:${standby().port},${host}:${leader().port}`
  const urlOf = ({ port }: Master): string => `spark://${host}:${port}`

  async function startMaster(role: LeadershipStatus['role']): Promise<void> {
    const [port, uiPort] = [await freePort(), await freePort()]
    const daemon = new Daemon(
      'master.Master',
      ['--port', `${port}`, '--webui-port', `${uiPort}`],
      environment,
    )
    masters.push({ port, uiPort, daemon })
    await eventually(`${port} is a ${role}`, async () => {
      const status = await json<LeadershipStatus>(port, '/masters')
      return status?.role === role && status.leader !== null ? true : null
    }).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${daemon.said}`)
    })
  }

  beforeAll(async () => {
    ensemble = await Ensemble.start()
    const properties = [
      'spark.deploy.recoveryMode ZOOKEEPER',
      `spark.deploy.zookeeper.url ${ensemble.url}`,
      'spark.master.rest.enabled true',
      'spark.master.rest.port 0',
      'spark.magneto.worker.classDataArchive false',
    ]
    writeFileSync(join(folder, 'spark-defaults.conf'), properties.join('\n'))
    await startMaster('leader')
    await startMaster('standby')
    const flags = ['--cores', '2', '--memory', '2g', '--webui-port', '0', url()]
    worker = new Daemon('worker.Worker', flags, { ...environment, MAGNETO_SPARK_HOMES: home() })
    await eventually('the worker is there', async () => {
      return (await state()).aliveworkers === 1 || null
    })
  }, 600_000)

  afterAll(async () => {
    apache?.kill('SIGKILL')
    for (const daemon of [worker, ...masters.map((master) => master.daemon)]) await daemon?.stop()
    await ensemble?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  async function state(): Promise<ClusterJson> {
    return eventually('the leader answers', () => json<ClusterJson>(leader().uiPort, '/json/'))
  }

  /** Runs spark-submit of that distribution to its end. */
  async function submit(args: string[]) {
    const child = spawn(join(home(), 'bin/spark-submit'), ['--master', url(), ...args], {
      // Its own settings: none of the masters'.
      env: { ...process.env, SPARK_HOME: home(), SPARK_LOCAL_IP: host },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk) => (output += String(chunk)))
    const status = await new Promise<number | null>((done) => child.on('close', done))
    return { status, output }
  }

  test.each([
    ['REST', 'true'],
    ['RPC', 'false'],
  ])(
    'R14, H14: a driver that is submitted over %s runs once',
    { timeout: timeoutMs },
    async (_over, rest) => {
      const before = (await state()).completeddrivers.map(({ id }) => id)
      const jars = join(home(), 'jars')
      const jar = readdirSync(jars).find((name) => name.startsWith('py4j-'))!
      const size = ['--deploy-mode', 'cluster', '--driver-memory', '512m']
      const main = ['--class', printing, `file:${join(jars, jar)}`]
      const over = ['--conf', `spark.master.rest.enabled=${rest}`]
      const { status, output } = await submit([...size, ...over, ...main])
      const said = output + masters.map(({ daemon }) => daemon.said).join('\n──\n')
      expect(status, said).toBe(0)
      const ended = await eventually('it has ended', async () => {
        const now = await state()
        return now.completeddrivers.length === before.length + 1 ? now : null
      })
      expect(ended.activedrivers).toEqual([])
      const driver = ended.completeddrivers.find(({ id }) => !before.includes(id))!
      expect(driver.state).toBe('FINISHED')

      const asked = await submit(['--status', driver.id, '--verbose'])
      expect(asked.status, asked.output).toBe(0)
      const killed = await submit(['--kill', driver.id, '--verbose'])
      expect(killed.status, killed.output).toBe(0)
    },
  )

  test('L7, R14, U20: the standby says that it is one, and where the leader is', async () => {
    const kill = `http://${host}:${standby().port}/v1/submissions/kill/driver-1`
    const answer = (await (await fetch(kill, { method: 'POST' })).json()) as { message: string }
    expect(answer).toMatchObject({ success: false })
    expect(answer.message).toMatch(/^Current state is not alive: STANDBY\. /)
    expect(answer.message).toContain(`The leader is ${urlOf(leader())}.`)
    expect(await json(standby().uiPort, '/json/status')).toEqual({ status: 'STANDBY' })
    const page = await (await fetch(`http://${host}:${standby().uiPort}/`)).text()
    expect(page).toContain(`the leader is <a href="http://${host}:${leader().uiPort}/">`)
    const metrics = `http://${host}:${standby().uiPort}/metrics`
    expect(await (await fetch(metrics)).text()).toContain('\nmagneto_leader 0\n')
  })
  test(
    'M18, M8, M29: the leader is killed; a job and both kinds of workers, which know both, go on with the standby',
    { timeout: timeoutMs },
    async () => {
      const theirs = ['--host', host, '--webui-port', '0', '--cores', '1', '--memory', '1g']
      const folderOf = ['--work-dir', join(folder, 'apache')]
      const main = 'org.apache.spark.deploy.worker.Worker'
      const spark = { ...process.env, SPARK_HOME: home(), SPARK_LOCAL_IP: host }
      apache = spawn(join(home(), 'bin/spark-class'), [main, ...theirs, ...folderOf, url()], {
        env: { ...spark, SPARK_DAEMON_MEMORY: '256m', SPARK_WORKER_DIR: join(folder, 'apache') },
        stdio: 'ignore',
      })
      await eventually('both workers are there', async () => {
        return (await state()).aliveworkers === 2 || null
      })
      const settings = { cores: 'spark.executor.cores=1', memory: 'spark.executor.memory=512m' }
      const conf = Object.values(settings).flatMap((setting) => ['--conf', setting])
      const goAhead = join(folder, 'go-ahead')
      const started = `${goAhead}.started`
      const job = submit([...conf, join(root, 'test/e2e/jobs/steady.py'), goAhead])
      const running = await eventually('it runs on both', async () => {
        const now = await state()
        // A driver that has not heard its id yet registers anew with the next leader, twenty seconds later.
        if (!existsSync(started)) return null
        return now.workers.every(({ coresused }) => coresused > 0) ? now : null
      })
      expect(running.activeapps).toHaveLength(1)
      const [app] = running.activeapps

      leader().daemon.child.kill('SIGKILL')
      const after = await eventually('the standby leads, and all are back', async () => {
        const now = await json<ClusterJson>(standby().uiPort, '/json/')
        const isBack = now?.activeapps.some(
          ({ id, cores }) => id === app!.id && cores === app!.cores,
        )
        return now?.status === 'ALIVE' && now.aliveworkers === 2 && isBack ? now : null
      })
      expect(after.activeapps).toMatchObject([{ id: app!.id, state: 'RUNNING', cores: app!.cores }])
      writeFileSync(goAhead, '')
      const { output } = await job
      expect(output).toContain('RESULT sums=[15]\n')
      const ended = await eventually('it has ended', async () => {
        const now = await json<ClusterJson>(standby().uiPort, '/json/')
        return now?.activeapps.length === 0 ? now : null
      })
      expect(ended.completedapps.map(({ id, state: how }) => [id, how])).toEqual([
        [app!.id, 'FINISHED'],
      ])
    },
  )
})
