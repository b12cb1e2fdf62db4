/**
 * Masters that elect one of them over a real ZooKeeper ensemble, workers and an Apache Worker, each on a host of its
 * own (hosts.ts): daemons are killed, stopped and restarted, hosts are cut off from each other one by one.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

import type { LeadershipStatus } from '../../src/control/leadership.js'
import { Ensemble } from '../zookeeper/ensemble.js'
import { type ClusterJson, eventually } from './cluster.js'
import { Hosts } from './hosts.js'

export const MASTERS = ['mary', 'mona', 'mia'] as const
export const WORKERS = ['wanda', 'wilma'] as const
export const APACHE = 'apache'
/** Where drivers run, and where the cluster is looked at from. */
export const DRIVERS = 'dora'
const ZOOKEEPERS = ['zack', 'zelda', 'zoe']

export type MasterHost = (typeof MASTERS)[number]
export type WorkerHost = (typeof WORKERS)[number]

const PORT = 7077
const UI_PORT = 8080
/** A machine address that nobody has: what is sent there is lost without a word. */
const NOWHERE = '02:00:00:00:00:01'
const CLASSES = {
  master: 'org.apache.spark.deploy.master.Master',
  worker: 'org.apache.spark.deploy.worker.Worker',
}
/** A worker that is cut off is given up after this; a machine may be slower than that for moments only. */
const WORKER_TIMEOUT_S = 15
const WITHIN_MS = 120_000

/** Spark's words for what a master is, of /json/. */
interface MasterJson extends ClusterJson {
  status: string
}

/** From `GET /masters`, with what the test needs beside. */
interface Leading {
  readonly host: MasterHost
  readonly epoch: number
  readonly status: LeadershipStatus
}

export class HaCluster {
  readonly hosts: Hosts
  readonly zooKeeper: Ensemble
  readonly #observer: ChildProcess
  readonly #asked = new Map<number, (answer: { status: number; body: string }) => void>()
  readonly #sparkHomes: readonly string[]
  #asks = 0
  #worlds = 0
  #apache: ChildProcess | null = null
  #apacheSaid = ''

  private constructor(hosts: Hosts, zooKeeper: Ensemble, sparkHomes: readonly string[]) {
    this.hosts = hosts
    this.zooKeeper = zooKeeper
    this.#sparkHomes = sparkHomes
    const [command, ...args] = [
      ...hosts.onNetworkOf(DRIVERS),
      process.execPath,
      join(import.meta.dirname, 'ha-observer.mjs'),
    ]
    this.#observer = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    createInterface({ input: this.#observer.stdout! }).on('line', (line) => {
      const { id, ...answer } = JSON.parse(line) as { id: number; status: number; body: string }
      this.#asked.get(id)?.(answer)
      this.#asked.delete(id)
    })
  }

  static async start(sparkHomes: readonly string[]): Promise<HaCluster> {
    const hosts = await Hosts.start([...ZOOKEEPERS, ...MASTERS, ...WORKERS, APACHE, DRIVERS], {})
    try {
      const servers = ZOOKEEPERS.map((name) => ({
        host: hosts.address(name),
        clientPort: 2181,
        quorumPort: 2888,
        electionPort: 3888,
        prefix: hosts.onNetworkOf(name),
      }))
      const zooKeeper = await Ensemble.start({ servers })
      return new HaCluster(hosts, zooKeeper, sparkHomes)
    } catch (error) {
      await hosts.stop()
      throw error
    }
  }

  /** @returns processes that are left */
  async stop(): Promise<string[]> {
    this.#observer.kill('SIGKILL')
    await this.zooKeeper.stop()
    return this.hosts.stop()
  }

  /** Ends every daemon, and lets the next ones find an empty folder in ZooKeeper. */
  async newWorld(properties: readonly string[] = []): Promise<void> {
    await this.endAll()
    this.#worlds += 1
    const defaults = [
      'spark.deploy.recoveryMode ZOOKEEPER',
      `spark.deploy.zookeeper.url ${this.zooKeeper.url}`,
      `spark.deploy.zookeeper.dir /world-${this.#worlds}`,
      `spark.worker.timeout ${WORKER_TIMEOUT_S}`,
      'spark.master.rest.enabled false',
      ...properties,
    ]
    const environment = `
PATH="${process.env['PATH']}"
MAGNETO_NODE="${process.execPath}"
MAGNETO_SPARK_HOMES="${this.#sparkHomes.join(':')}"
SPARK_MASTER_HOST="$(hostname)"
SPARK_WORKER_CORES=4
SPARK_WORKER_MEMORY=4g
SPARK_PID_DIR="\${MAGNETO_HOME}/pids"
SPARK_LOCAL_DIRS="\${MAGNETO_HOME}/scratch"
`
    for (const name of [...MASTERS, ...WORKERS]) {
      const conf = this.hosts.path(name, 'magneto/conf')
      writeFileSync(join(conf, 'spark-defaults.conf'), `${defaults.join('\n')}\n`)
      writeFileSync(join(conf, 'spark-env.sh'), environment)
    }
  }

  // ---- daemons ----

  masterUrl(masters: readonly MasterHost[]): string {
    return `spark://${masters.map((name) => `${name}:${PORT}`).join(',')}`
  }

  startMaster(name: MasterHost): void {
    this.#script(name, 'start-master.sh')
  }

  startWorker(name: WorkerHost, masters: readonly MasterHost[]): void {
    this.#script(name, 'start-worker.sh', [this.masterUrl(masters)])
  }

  stopMaster(name: MasterHost): void {
    this.#script(name, 'stop-master.sh')
  }

  stopWorker(name: WorkerHost): void {
    this.#script(name, 'stop-worker.sh')
  }

  /** An unmodified Worker of that distribution. */
  startApacheWorker(home: string, masters: readonly MasterHost[]): void {
    const flags = ['--host', APACHE, '--webui-port', '0', '--cores', '2', '--memory', '4g']
    const folder = ['--work-dir', this.hosts.path(APACHE, 'work')]
    const main = [join(home, 'bin/spark-class'), CLASSES.worker]
    const command = [...main, ...flags, ...folder, this.masterUrl(masters)]
    const environment = {
      PATH: process.env['PATH'],
      SPARK_HOME: home,
      SPARK_DAEMON_MEMORY: '256m',
      // It asks no master how often to send heartbeats.
      SPARK_WORKER_OPTS: `-Dspark.worker.timeout=${WORKER_TIMEOUT_S}`,
    }
    this.#apache = this.hosts.spawn(APACHE, command, environment)
    for (const stream of [this.#apache.stdout, this.#apache.stderr])
      stream?.on('data', (chunk) => {
        this.#apacheSaid = (this.#apacheSaid + String(chunk)).slice(-6_000)
      })
  }

  async stopApacheWorker(): Promise<void> {
    if (this.#apache === null) return
    const ended = new Promise((done) => this.#apache?.once('close', done))
    this.#kill(APACHE, (command) => command.includes(CLASSES.worker))
    await ended
    this.#apache = null
  }

  /** Of its first process, as that host sees it; null: none was started. */
  pid(name: string, daemon: 'master' | 'worker'): number | null {
    const file = this.hosts.path(name, 'magneto/pids', `spark-root-${CLASSES[daemon]}-1.pid`)
    try {
      return Number(readFileSync(file, 'utf8'))
    } catch {
      return null
    }
  }

  signal(name: string, daemon: 'master' | 'worker', signal: 'KILL' | 'STOP' | 'CONT'): void {
    const { status, output } = this.hosts.run(name, [
      'kill',
      `-${signal}`,
      String(this.pid(name, daemon)),
    ])
    if (status !== 0) throw new Error(`kill -${signal} of the ${daemon} on ${name}: ${output}`)
  }

  /** Kills it with all that it started. */
  async killWorker(name: WorkerHost): Promise<void> {
    const gone = () => (this.#kill(name, () => true) === 0 ? true : null)
    await eventually(`nothing runs on ${name}`, gone, WITHIN_MS)
  }

  /** Kills every daemon and all that they started, as a power cut does. */
  async endAll(): Promise<void> {
    this.#apache = null
    const killed = () => {
      const all = [...MASTERS, ...WORKERS, APACHE]
      return all.map((name) => this.#kill(name, () => true)).every((count) => count === 0)
    }
    await eventually('every daemon has ended', () => (killed() ? true : null), WITHIN_MS)
  }

  /** @returns how many it killed */
  #kill(name: string, which: (command: string) => boolean): number {
    const pids = this.hosts
      .processes(name)
      .filter(which)
      .map((line) => line.trim().split(/\s+/)[0]!)
    // One that ends meanwhile makes kill fail, and is what was wanted.
    if (pids.length > 0) this.hosts.run(name, ['kill', '-KILL', ...pids])
    return pids.length
  }

  // ---- the network ----

  /** Whatever one of the two sends to the other is lost. */
  cut(one: string, others: readonly string[]): void {
    this.#bothWays(one, others, (address) => [
      'replace',
      address,
      'lladdr',
      NOWHERE,
      'nud',
      'permanent',
      'dev',
      'eth0',
    ])
  }

  heal(one: string, others: readonly string[]): void {
    this.#bothWays(one, others, (address) => ['del', address, 'dev', 'eth0'])
  }

  cutFromZooKeeper(name: string): void {
    this.cut(name, ZOOKEEPERS)
  }

  healToZooKeeper(name: string): void {
    this.heal(name, ZOOKEEPERS)
  }

  #bothWays(one: string, others: readonly string[], change: (address: string) => string[]): void {
    for (const other of others)
      for (const [from, to] of [
        [one, other],
        [other, one],
      ] as const) {
        const command = ['ip', 'neigh', ...change(this.hosts.address(to))]
        const { status, output } = this.hosts.run(from, command)
        if (status !== 0) throw new Error(`${command.join(' ')} on ${from}: ${output}`)
      }
  }

  // ---- what is seen from outside ----

  async #page<T>(name: string, port: number, path: string): Promise<T | null> {
    this.#asks += 1
    const id = this.#asks
    const answered = new Promise<{ status: number; body: string }>((done) =>
      this.#asked.set(id, done),
    )
    const url = `http://${this.hosts.address(name)}:${port}${path}`
    this.#observer.stdin?.write(`${JSON.stringify({ id, url })}\n`)
    const { status, body } = await answered
    return status === 200 ? (JSON.parse(body) as T) : null
  }

  leadership(name: MasterHost): Promise<LeadershipStatus | null> {
    return this.#page(name, PORT, '/masters')
  }

  json(name: MasterHost): Promise<MasterJson | null> {
    return this.#page(name, UI_PORT, '/json/')
  }

  /** Who leads, by its own word; null: nobody, or more than one. */
  async leader(masters: readonly MasterHost[]): Promise<Leading | null> {
    const all = await Promise.all(masters.map((host) => this.leadership(host)))
    const leading = all.flatMap((status, at) =>
      status?.role === 'leader'
        ? [{ host: masters[at]!, epoch: status.leader?.epoch ?? 0, status }]
        : [],
    )
    return leading.length === 1 ? leading[0]! : null
  }

  /**
   * Waits until the cluster is as it should be: one of these masters leads and all others stand by and name it; all
   * these workers live, and no others; what the leader believes to run is what runs on the hosts.
   */
  async valid(masters: readonly MasterHost[], workers: number): Promise<Leading> {
    const look = async () => {
      const leading = await this.leader(masters)
      if (leading === null) return null
      for (const host of masters) {
        const [status, page] = await Promise.all([this.leadership(host), this.json(host)])
        const leads = host === leading.host
        if (status?.role !== (leads ? 'leader' : 'standby')) return null
        if (status.leader?.epoch !== leading.epoch) return null
        if (page?.status !== (leads ? 'ALIVE' : 'STANDBY')) return null
        if (leads && !(page.aliveworkers === workers && page.coresused === this.executors().length))
          return null
      }
      return leading
    }
    return this.until(`one leader of ${masters.join(', ')} with ${workers} workers`, look)
  }

  /** Polls with everything that there is to see in the error. */
  until<T>(what: string, look: () => Promise<T | null> | T | null): Promise<T> {
    return eventually(what, look, WITHIN_MS).catch(async (error: unknown) => {
      const seen = await Promise.all(
        MASTERS.map(async (host) => [await this.leadership(host), await this.json(host)]),
      )
      const logs = `${this.hosts.logs()}\n── apache\n${this.#apacheSaid}`
      throw new Error(
        `${String(error)}\n${JSON.stringify(seen)}\n${this.executors().join('\n')}\n${logs}`,
        { cause: error },
      )
    })
  }

  /** Executors of one core each that run on any of the hosts: the host and what its kernel says of it. */
  executors(): string[] {
    return [...WORKERS, APACHE].flatMap((name) =>
      this.hosts
        .processes(name)
        .filter((line) => /CoarseGrainedExecutorBackend|executor-main\.js/.test(line))
        .map((line) => `${name} ${line}`),
    )
  }

  #script(name: string, script: string, args: string[] = []): void {
    const { status, output } = this.hosts.script(name, script, args)
    if (status !== 0)
      throw new Error(`${script} on ${name} ended with ${status}: ${output}\n${this.hosts.logs()}`)
  }
}
