/** A cluster of real daemons, started by the sbin scripts in a folder of its own, for end-to-end tests. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

import { freePort } from '../free-port.js'

export const root = resolve(import.meta.dirname, '../..')
const host = '127.0.0.1'
const pollMs = 100
/** Shorter than the hook in which it is waited, so that what is left is named. */
const leaveWithinMs = 25_000

/** Polls until `look` finds something. @throws Error naming what it waited for */
export async function eventually<T>(
  what: string,
  look: () => Promise<T | null> | T | null,
  withinMs = 180_000,
): Promise<T> {
  const deadline = Date.now() + withinMs
  for (;;) {
    const found = await look()
    if (found !== null && found !== false) return found
    if (Date.now() > deadline) throw new Error(`waited ${withinMs} ms for: ${what}`)
    await new Promise((done) => setTimeout(done, pollMs))
  }
}

export interface FoundProcess {
  command: string
  parent: number
}

/** Processes that were started under this folder, by pid. */
export function processesUnder(folder: string): Map<number, FoundProcess> {
  const found = new Map<number, FoundProcess>()
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
      const environment = readFileSync(`/proc/${pid}/environ`, 'utf8')
      const parent = Number(
        /^PPid:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1],
      )
      if (environment.includes(`MAGNETO_E2E=${folder}\0`))
        found.set(Number(pid), { command, parent })
    } catch {
      // It ended while we looked.
    }
  }
  return found
}

/** The ends of all files under a folder that are wanted. */
function ends(folder: string, wanted: (path: string) => boolean): string[] {
  try {
    return readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter(wanted)
      .map((path) => `── ${path}\n${readFileSync(join(folder, path), 'utf8').slice(-3000)}`)
  } catch {
    return [`(no logs in ${folder})`]
  }
}

export interface ClusterOptions {
  workers: number
  coresPerWorker?: number
  memoryPerWorker?: string
  sparkHomes?: string[]
  /** Lines of conf/spark-defaults.conf. */
  properties?: string[]
  /** On top of the environment that the daemons get. */
  environment?: Record<string, string>
}

export interface ClusterJson {
  status: string
  aliveworkers: number
  coresused: number
  memoryused: number
  workers: { id: string; state: string; coresused: number }[]
  activeapps: { id: string; name: string; state: string; cores: number }[]
  completedapps: { id: string; name: string; state: string }[]
  activedrivers: { id: string; state: string }[]
  completeddrivers: { id: string; state: string }[]
}

export class Cluster {
  readonly folder = mkdtempSync(join(tmpdir(), 'magneto-e2e-'))
  readonly environment: NodeJS.ProcessEnv
  readonly masterUrl: string
  readonly webUi: string
  readonly #options: ClusterOptions

  private constructor(options: ClusterOptions, port: number, uiPort: number) {
    this.#options = options
    this.masterUrl = `spark://${host}:${port}`
    this.webUi = `http://${host}:${uiPort}`
    // Several clusters may run at once, of which only one can have the usual port.
    // An archive costs more than the few executors of a test would gain by it.
    const usual = ['spark.master.rest.port 0', 'spark.magneto.worker.classDataArchive false']
    const properties = [...usual, ...(options.properties ?? [])]
    writeFileSync(join(this.folder, 'spark-defaults.conf'), properties.join('\n'))
    this.environment = {
      ...process.env,
      MAGNETO_E2E: this.folder,
      SPARK_CONF_DIR: this.folder,
      SPARK_MASTER_HOST: host,
      SPARK_LOCAL_IP: host,
      SPARK_MASTER_PORT: String(port),
      SPARK_MASTER_WEBUI_PORT: String(uiPort),
      SPARK_WORKER_CORES: String(options.coresPerWorker ?? 2),
      SPARK_WORKER_MEMORY: options.memoryPerWorker ?? '2g',
      SPARK_WORKER_INSTANCES: String(options.workers),
      SPARK_WORKER_WEBUI_PORT: '0',
      SPARK_LOG_DIR: join(this.folder, 'logs'),
      SPARK_PID_DIR: this.folder,
      SPARK_WORKER_DIR: join(this.folder, 'work'),
      SPARK_IDENT_STRING: 'e2e',
      MAGNETO_SPARK_HOMES: (options.sparkHomes ?? []).join(':'),
      ...options.environment,
    }
    delete this.environment['SPARK_HOME']
    // The daemons' files are what a failing test shows.
    delete this.environment['MAGNETO_LOG_LEVEL']
  }

  /** Starts a master and the workers and returns when all have registered. */
  static async start(options: ClusterOptions): Promise<Cluster> {
    const cluster = new Cluster(options, await freePort(), await freePort())
    cluster.#script('start-master.sh')
    cluster.#script('start-worker.sh', cluster.masterUrl)
    await cluster.until('all workers registered', (state) => state.aliveworkers === options.workers)
    return cluster
  }

  /** Of a master that somebody else has started on these ports, and of workers that will. */
  static around(options: Omit<ClusterOptions, 'workers'>, port: number, uiPort: number): Cluster {
    return new Cluster({ ...options, workers: 0 }, port, uiPort)
  }

  /** Returns when it has ended: until then it has its ports and its folder of records, and no other can start. */
  async killMaster(): Promise<void> {
    const { master } = this.pids()
    process.kill(master, 'SIGKILL')
    await eventually('the master is gone', () => !existsSync(`/proc/${master}`) || null)
  }

  /** Starts another master where the first one was, which must have ended. */
  restartMaster(): void {
    this.#script('start-master.sh')
  }

  #script(name: string, ...args: string[]): void {
    const file = join(root, 'sbin', name)
    const done = spawnSync(file, args, { env: this.environment, encoding: 'utf8' })
    if (done.status !== 0) {
      throw new Error(
        `${name} ended with ${done.status}:\n${done.stdout}${done.stderr}\n${this.logs()}`,
      )
    }
  }

  async json(): Promise<ClusterJson | null> {
    try {
      const answer = await fetch(`${this.webUi}/json/`)
      return (await answer.json()) as ClusterJson
    } catch {
      return null
    }
  }

  /** No application is there any more, and nothing is in use: either is told apart from the other. */
  untilFree(): Promise<ClusterJson> {
    return this.until(
      'everything is free again',
      ({ coresused, activeapps }) => coresused === 0 && activeapps.length === 0,
    )
  }

  /** As `json`, of a master that answers sooner or later: a connection that was kept may be one that it has closed. */
  now(): Promise<ClusterJson> {
    return this.until('the master answers', () => true)
  }

  async until(
    what: string,
    holds: (state: ClusterJson) => boolean,
    withinMs?: number,
  ): Promise<ClusterJson> {
    const look = async () => {
      const state = await this.json()
      return state !== null && holds(state) ? state : null
    }
    try {
      return await eventually(what, look, withinMs)
    } catch (error) {
      throw new Error(`${String(error)}\n${await this.report()}`, { cause: error })
    }
  }

  /** The daemons' process ids; workers in the order of their instances. */
  pids(): { master: number; workers: number[] } {
    const read = (name: string) =>
      Number(readFileSync(join(this.folder, `spark-e2e-${name}.pid`), 'utf8'))
    return {
      master: read('org.apache.spark.deploy.master.Master-1'),
      workers: Array.from({ length: this.#options.workers }, (_, index) =>
        read(`org.apache.spark.deploy.worker.Worker-${index + 1}`),
      ),
    }
  }

  /** Executor processes, with the pid of the worker that started each. */
  executors(): { pid: number; worker: number }[] {
    return [...processesUnder(this.folder)]
      .filter(([, { command }]) => /CoarseGrainedExecutorBackend|executor-main\.js/.test(command))
      .map(([pid, { parent }]) => ({ pid, worker: parent }))
  }

  /** The end of what the daemons and their executors wrote. */
  logs(): string {
    const work = ends(join(this.folder, 'work'), (path) => path.endsWith('/stderr'))
    return [...ends(join(this.folder, 'logs'), () => true), ...work].join('\n')
  }

  /** What a failing test shows: the master's view, the processes there are and all logs. */
  async report(): Promise<string> {
    const processes = [...processesUnder(this.folder)].map(
      ([pid, { command }]) => `${pid} ${command.slice(0, 200)}`,
    )
    return [JSON.stringify(await this.json()), ...processes, this.logs()].join('\n')
  }

  /** Stops all daemons and removes the folder. @returns what was left running a moment later */
  async stop(): Promise<string[]> {
    const { environment } = this
    for (const script of ['stop-worker.sh', 'stop-master.sh']) {
      spawnSync(join(root, 'sbin', script), [], { env: environment })
    }
    const left = () => [...processesUnder(this.folder).values()].map(({ command }) => command)
    const none = () => (left().length === 0 ? true : null)
    await eventually('no process left', none, leaveWithinMs).catch(() => {})
    const remaining = left()
    for (const pid of processesUnder(this.folder).keys()) {
      try {
        process.kill(pid, 'SIGKILL')
      } catch {
        // It ended while we looked.
      }
    }
    await eventually('no process left', none, leaveWithinMs).catch(() => {})
    rmSync(this.folder, { recursive: true, force: true })
    return remaining
  }

  /** Runs a Python job with that distribution's own spark-submit against this cluster. */
  submit(
    distribution: string,
    job: string,
    args: string[] = [],
    conf: Record<string, string> = {},
  ): Submission {
    const settings = { 'spark.ui.enabled': 'false', 'spark.executor.memory': '512m', ...conf }
    const flags = Object.entries(settings).flatMap(([key, value]) => ['--conf', `${key}=${value}`])
    const file = join(root, 'test/e2e/jobs', `${job}.py`)
    const argv = ['--master', this.masterUrl, ...flags, file, ...args]
    // A group of its own, as a terminal would make it: Ctrl-C then reaches all of it.
    const child = spawn(join(distribution, 'bin/spark-submit'), argv, {
      env: { ...this.environment, SPARK_HOME: distribution, PYSPARK_PYTHON: 'python3' },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    return new Submission(child)
  }
}

export class Submission {
  stdout = ''
  stderr = ''
  readonly ended: Promise<number | null>

  constructor(readonly child: ChildProcess) {
    child.stdout?.on('data', (chunk) => (this.stdout += String(chunk)))
    child.stderr?.on('data', (chunk) => (this.stderr += String(chunk)))
    this.ended = new Promise((done) => child.on('close', (status) => done(status)))
  }

  /** Sends the signal to the whole process group, as a terminal does. */
  signal(name: NodeJS.Signals): void {
    if (this.child.pid !== undefined) process.kill(-this.child.pid, name)
  }

  /** The line that the job printed as its result. @throws Error with all output when there is none */
  async result(): Promise<string> {
    const status = await this.ended
    const line = /^RESULT (.*)$/m.exec(this.stdout)?.[1]
    if (line === undefined)
      throw new Error(`no result, exit ${status}\n${this.stdout}\n${this.stderr.slice(-6000)}`)
    return line
  }
}

/** The distribution of that release, fetched into the user's cache folder when it isn't there. */
export function sparkHome(version: string): string {
  const script = join(root, 'scripts/fetch-spark.mjs')
  return execFileSync(process.execPath, [script, version], { encoding: 'utf8' }).trim()
}
