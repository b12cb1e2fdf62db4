/** A worker of an unmodified Spark distribution, for end-to-end tests. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Cluster, eventually } from './cluster.js'

const host = '127.0.0.1'

export class ApacheWorker {
  readonly output: string[] = []
  readonly child: ChildProcess
  readonly #folder: string

  constructor(
    readonly cluster: Cluster,
    readonly home: string,
    readonly port: number,
    masterUrl: string,
  ) {
    this.#folder = join(cluster.folder, `apache-${port}`)
    mkdirSync(this.#folder)
    const flags = ['--host', host, '--port', `${port}`, '--webui-port', '0', '-c', '2', '-m', '2g']
    const main = 'org.apache.spark.deploy.worker.Worker'
    this.child = spawn(
      join(home, 'bin/spark-class'),
      [main, ...flags, '-d', this.#folder, masterUrl],
      {
        env: { ...cluster.environment, SPARK_HOME: home, SPARK_DAEMON_MEMORY: '256m' },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    )
    for (const stream of [this.child.stdout, this.child.stderr])
      stream!.on('data', (chunk) => this.output.push(String(chunk)))
  }

  /** Its line of /json/. */
  async state() {
    const state = await this.cluster.json()
    const of = state?.workers.filter(({ id }) => id.endsWith(`-${host}-${this.port}`)) ?? []
    return of.find(({ state: now }) => now === 'ALIVE') ?? null
  }

  registered() {
    return eventually(`the worker on port ${this.port} is registered`, () => this.state()).catch(
      (error: unknown) => {
        throw new Error(`${String(error)}\n${this.shown()}\n${this.cluster.logs()}`)
      },
    )
  }

  /** What it and its drivers have printed. */
  shown(): string {
    const drivers = readdirSync(this.#folder).filter((name) => name.startsWith('driver-'))
    const printed = drivers.map((name) => readFileSync(join(this.#folder, name, 'stderr'), 'utf8'))
    return [this.output.join('').slice(-3000), ...printed].join('\n──\n')
  }

  /** Its JVM, which is what spark-class became. */
  kill(): void {
    this.child.kill('SIGKILL')
  }
}
