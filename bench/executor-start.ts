/**
 * From "executor granted" to "executor registered with its driver", as the logs of driver and executor tell it, for our
 * master and worker, with and without class-data archive, and for Apache's, in turns on the same machine (A B C A B C). On a
 * machine that does other things as well, the executor's processor time is the figure to compare. Needs Java.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../test/free-port.js'
import { Cluster, eventually, root, sparkHome } from '../test/e2e/cluster.js'
import { type Figure, median, spreadOf } from './figures.js'
import { cpuSeconds } from './processes.js'

const version = '4.3.0'
const host = '127.0.0.1'
const log4j = `rootLogger.level = info
rootLogger.appenderRef.out.ref = out
appender.out.type = Console
appender.out.name = out
appender.out.target = SYSTEM_ERR
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{UNIX_MILLIS} %m%n
`

/** Apache's own master and worker, started as its documentation says. */
class ApacheCluster {
  readonly folder = mkdtempSync(join(tmpdir(), 'magneto-bench-apache-'))
  readonly #children: ChildProcess[] = []
  masterUrl = ''

  async start(home: string): Promise<void> {
    const port = await freePort()
    const uiPort = await freePort()
    this.masterUrl = `spark://${host}:${port}`
    const environment = {
      ...process.env,
      SPARK_HOME: home,
      SPARK_LOCAL_IP: host,
      SPARK_WORKER_DIR: this.folder,
      SPARK_NO_DAEMONIZE: '1',
    }
    const daemon = (name: string, ...args: string[]) =>
      this.#children.push(
        spawn(join(home, 'bin/spark-class'), [`org.apache.spark.deploy.${name}`, ...args], {
          env: environment,
          stdio: 'ignore',
        }),
      )
    daemon('master.Master', '--host', host, '--port', String(port), '--webui-port', String(uiPort))
    const worker = ['--host', host, '--webui-port', '0', '--cores', '2', '--memory', '2g']
    await eventually('the master answers', () =>
      answers(`http://${host}:${uiPort}/json/`, () => true),
    )
    daemon('worker.Worker', ...worker, this.masterUrl)
    await eventually('its worker registered', () =>
      answers(`http://${host}:${uiPort}/json/`, (state) => state.aliveworkers === 1),
    )
  }

  stop(): void {
    for (const child of this.#children) child.kill('SIGTERM')
    rmSync(this.folder, { recursive: true, force: true })
  }
}

async function answers(
  url: string,
  holds: (state: { aliveworkers: number }) => boolean,
): Promise<true | null> {
  try {
    const state = (await (await fetch(url)).json()) as { aliveworkers: number }
    return holds(state) ? true : null
  } catch {
    return null
  }
}

/** The options of an application whose executors have no archive, on any worker: the JVM's default, said by the user. */
const withoutArchive = '-Xshare:auto'

interface Start {
  /** ms, in the order of the phases, and all of it last. */
  wall: number[]
  /** Processor time of the executor when the driver has it registered, ms. */
  cpu: number
}

/** What is logged at the end of each; the last one by the driver, the others by the executor. */
const phases: readonly (readonly [name: string, end: RegExp])[] = [
  ['to its first line: exec, JVM, logging', /^(\d+) Started daemon with process name/m],
  ['to its first connection: RPC and its threads', /^(\d+) Successfully created connection/m],
  ['to its own setup: asking the driver, then all anew', /^(\d+) Connecting to driver/m],
]
const granted = /^(\d+) Executor added: (\S+) /m
const registered = /^(\d+) Registered executor/m

/** By the application in its command line. */
function executorOf(appId: string): number | null {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
      if (command.includes(`--app-id\0${appId}\0`)) return Number(pid)
    } catch {
      // It ended while we looked.
    }
  }
  return null
}

/** @returns ms since the epoch; NaN when there is no such line */
function at(log: string, pattern: RegExp): number {
  return Number(pattern.exec(log)?.[1])
}

interface Place {
  masterUrl: string
  /** Of its worker. */
  workDir: string
  javaOptions: string
}

/** One application with one executor. */
async function startOnce(home: string, place: Place, logFile: string): Promise<Start> {
  const logging = `-Dlog4j2.configurationFile=file:${logFile}`
  const settings = [
    'spark.ui.enabled=false',
    'spark.executor.memory=512m',
    'spark.cores.max=1',
    `spark.executor.extraJavaOptions=${place.javaOptions} ${logging}`,
  ]
  const args = ['--master', place.masterUrl, ...settings.flatMap((each) => ['--conf', each])]
  args.push('--driver-java-options', logging, join(root, 'test/e2e/jobs/pi.py'), '1')
  const child = spawn(join(home, 'bin/spark-submit'), args, {
    env: { ...process.env, SPARK_HOME: home, SPARK_LOCAL_IP: host, PYSPARK_PYTHON: 'python3' },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let text = ''
  let cpu = NaN
  const appId = () => granted.exec(text)?.[2]?.split('/')[0] ?? ''
  child.stderr.on('data', (chunk) => {
    text += String(chunk)
    if (!Number.isNaN(cpu) || !registered.test(text)) return
    const pid = executorOf(appId())
    if (pid !== null) cpu = cpuSeconds(pid) * 1000
  })
  await new Promise((done) => child.on('close', done))
  const own = readFileSync(join(place.workDir, appId(), '0', 'stderr'), 'utf8')
  const fromMs = at(text, granted)
  const toMs = at(text, registered)
  const ends = [...phases.map(([, end]) => at(own, end)), toMs]
  const wall = ends.map((end, index) => end - (index === 0 ? fromMs : ends[index - 1]!))
  wall.push(toMs - fromMs)
  if ([cpu, ...wall].some((value) => !Number.isFinite(value))) {
    throw new Error(`the logs have no such lines:\n${text.slice(-4000)}\n${own.slice(-4000)}`)
  }
  return { wall, cpu }
}

/** The first executor lists its classes; what comes after the archive is made has it. */
async function train(home: string, place: Place, logFile: string): Promise<void> {
  await startOnce(home, place, logFile)
  const folder = join(place.workDir, '.class-data')
  await eventually('the archive', () =>
    readdirSync(folder).some((name) => /^[0-9a-f]+$/.test(name)) ? true : null,
  )
}

function figuresOf(starts: Record<'archive' | 'plain' | 'apache', Start[]>): Figure[] {
  const { archive, plain, apache } = starts
  const note = `Spark ${version}, one executor, ${apache.length} rounds in turns`
  const figure = (name: string, of: Start[], pick: (start: Start) => number): Figure => {
    const ours = spreadOf(of.map(pick))
    const theirs = spreadOf(apache.map(pick))
    return { name, unit: 'ms', note, value: ours.value, spread: ours, apache: theirs }
  }
  const whole = ({ wall }: Start) => wall.at(-1)!
  const cpu = (start: Start) => start.cpu
  const aim = { atMostOfApache: 0.7 }
  const parts = [...phases.map(([name]) => name), 'to registered with its driver']
  const phase = (name: string, index: number): Figure => ({
    ...figure(`of an executor's start with archive, ${name}`, archive, ({ wall }) => wall[index]!),
    note: `${note}; without archive ${Math.round(median(plain.map(({ wall }) => wall[index]!)))} ms`,
  })
  return [
    { ...figure('executor granted to registered', archive, whole), aim },
    figure('executor granted to registered, without archive', plain, whole),
    { ...figure('processor time of an executor until it is registered', archive, cpu), aim },
    figure('processor time of an executor until it is registered, without archive', plain, cpu),
    ...parts.map(phase),
  ]
}

export async function executorStart(rounds = 3): Promise<Figure[]> {
  const home = sparkHome(version)
  const peer = new ApacheCluster()
  const properties = ['spark.magneto.worker.classDataArchive true']
  const ours = await Cluster.start({ workers: 1, sparkHomes: [home], properties })
  const logFile = join(peer.folder, 'log4j2.properties')
  writeFileSync(logFile, log4j)
  const workDir = join(ours.folder, 'work')
  const archive = { masterUrl: ours.masterUrl, workDir, javaOptions: '' }
  const plain = { ...archive, javaOptions: withoutArchive }
  const starts: Record<'archive' | 'plain' | 'apache', Start[]> = {
    archive: [],
    plain: [],
    apache: [],
  }
  try {
    await peer.start(home)
    const apache = { masterUrl: peer.masterUrl, workDir: peer.folder, javaOptions: withoutArchive }
    await train(home, archive, logFile)
    for (let round = 0; round < rounds; round += 1) {
      starts.archive.push(await startOnce(home, archive, logFile))
      starts.plain.push(await startOnce(home, plain, logFile))
      starts.apache.push(await startOnce(home, apache, logFile))
    }
  } finally {
    peer.stop()
    await ours.stop()
  }
  return figuresOf(starts)
}
