/**
 * From "executor granted" to "executor registered with its driver", as the driver's own log tells it, for our
 * master and worker and for Apache's, in turns on the same machine (A B A B). Needs Java.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Cluster, eventually, freePort, root, sparkHome } from '../test/e2e/cluster.js'
import { type Figure, median } from './figures.js'

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

/** One application with one executor; @returns ms from the grant to its registration, by the driver's log */
async function startOnce(home: string, masterUrl: string, logFile: string): Promise<number> {
  const settings = ['spark.ui.enabled=false', 'spark.executor.memory=512m', 'spark.cores.max=1']
  const args = ['--master', masterUrl, ...settings.flatMap((setting) => ['--conf', setting])]
  args.push('--driver-java-options', `-Dlog4j2.configurationFile=file:${logFile}`)
  args.push(join(root, 'test/e2e/jobs/pi.py'), '1')
  const child = spawn(join(home, 'bin/spark-submit'), args, {
    env: { ...process.env, SPARK_HOME: home, SPARK_LOCAL_IP: host, PYSPARK_PYTHON: 'python3' },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let text = ''
  child.stderr.on('data', (chunk) => (text += String(chunk)))
  await new Promise((done) => child.on('close', done))
  const at = (pattern: RegExp) => Number(pattern.exec(text)?.[1])
  const took = at(/^(\d+) Registered executor/m) - at(/^(\d+) Executor added: /m)
  if (!Number.isFinite(took))
    throw new Error(`the driver's log has no such lines:\n${text.slice(-4000)}`)
  return took
}

export async function executorStart(rounds = 5): Promise<Figure[]> {
  const home = sparkHome(version)
  const apache = new ApacheCluster()
  const ours = await Cluster.start({ workers: 1, sparkHomes: [home] })
  const logFile = join(apache.folder, 'log4j2.properties')
  writeFileSync(logFile, log4j)
  const figures: { ours: number[]; apache: number[] } = { ours: [], apache: [] }
  try {
    await apache.start(home)
    await startOnce(home, ours.masterUrl, logFile)
    for (let round = 0; round < rounds; round += 1) {
      figures.ours.push(await startOnce(home, ours.masterUrl, logFile))
      figures.apache.push(await startOnce(home, apache.masterUrl, logFile))
    }
  } finally {
    apache.stop()
    await ours.stop()
  }
  const note = `Spark ${version}, one executor, ${rounds} rounds in turns, driver's log`
  return [
    {
      name: 'executor granted to registered, Magneto',
      value: median(figures.ours),
      unit: 'ms',
      note,
    },
    {
      name: 'executor granted to registered, Apache',
      value: median(figures.apache),
      unit: 'ms',
      note,
    },
  ]
}
