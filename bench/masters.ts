/**
 * Masters in processes of their own, ours as `bin/magneto master` starts it and Apache's as its documentation says, with what
 * they log and the processor time they take. They end with the bench, however that ends.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { LeadershipStatus } from '../src/control/leadership.js'
import { freePort } from '../test/free-port.js'
import { root, sparkHome } from '../test/e2e/cluster.js'
import type { MasterUnderTest } from './load/scenario.js'
import { cpuSeconds } from './processes.js'
import { type Address, nowMs } from './recovery-peers.js'

/** Apache's, that all figures stand beside. */
export const apacheVersion = '4.3.0'

const host = '127.0.0.1'
const LINES_MAX = 100_000

export interface LogLine {
  /** ms since the epoch, by the master's clock. */
  readonly atMs: number
  readonly text: string
}

/** `warn` is what Apache's Master is measured with; a bench that reads what the master says takes `info`. */
type LogLevel = 'info' | 'warn'

/** Ports and settings that stay the same from one life of a master to the next. */
export class MasterSeat {
  private constructor(
    readonly port: number,
    readonly control: Address,
    private readonly file: string,
    readonly webUiPort: number,
    private readonly logLevel: LogLevel,
  ) {}

  get url(): string {
    return `spark://${host}:${this.port}`
  }

  /** @param name of its file of properties in `folder` @param properties lines of spark-defaults.conf */
  static async take(
    folder: string,
    name: string,
    properties: readonly string[],
    logLevel: LogLevel = 'info',
  ): Promise<MasterSeat> {
    const [port, webUiPort, controlPort] = await Promise.all([freePort(), freePort(), freePort()])
    const file = join(folder, `${name}.conf`)
    const own = [`spark.magneto.control.port ${controlPort}`, 'spark.master.rest.enabled false']
    writeFileSync(file, [...own, ...properties].join('\n'))
    return new MasterSeat(port, { host, port: controlPort }, file, webUiPort, logLevel)
  }

  start(): MasterProcess {
    return new MasterProcess({
      kind: 'magneto',
      host,
      port: this.port,
      webUiPort: this.webUiPort,
      command: [join(root, 'bin/magneto'), 'master', ...argumentsOf(this, this.file)],
      environment: { MAGNETO_LOG_FORMAT: 'json', MAGNETO_LOG_LEVEL: this.logLevel },
    })
  }
}

const log4j = `rootLogger.level = warn
rootLogger.appenderRef.err.ref = err
appender.err.type = Console
appender.err.name = err
appender.err.target = SYSTEM_ERR
appender.err.layout.type = PatternLayout
appender.err.layout.pattern = %p %c{1}: %m%n
`

/** The same for Apache's Master: as it comes, 1 GiB of heap, logging at WARN. */
export class ApacheSeat {
  private constructor(
    readonly port: number,
    readonly webUiPort: number,
    private readonly file: string,
    private readonly log4jFile: string,
    private readonly home: string,
  ) {}

  /** As of MasterSeat; fetches the distribution when it is not there. */
  static async take(
    folder: string,
    name: string,
    properties: readonly string[],
  ): Promise<ApacheSeat> {
    const [port, webUiPort] = await Promise.all([freePort(), freePort()])
    const file = join(folder, `${name}.conf`)
    const log4jFile = join(folder, `${name}.log4j2.properties`)
    writeFileSync(file, ['spark.master.rest.enabled false', ...properties].join('\n'))
    writeFileSync(log4jFile, log4j)
    return new ApacheSeat(port, webUiPort, file, log4jFile, sparkHome(apacheVersion))
  }

  start(): MasterProcess {
    const main = [join(this.home, 'bin/spark-class'), 'org.apache.spark.deploy.master.Master']
    return new MasterProcess({
      kind: 'apache',
      host,
      port: this.port,
      webUiPort: this.webUiPort,
      command: [...main, ...argumentsOf(this, this.file)],
      environment: {
        SPARK_HOME: this.home,
        SPARK_LOCAL_IP: host,
        SPARK_DAEMON_MEMORY: '1g',
        SPARK_DAEMON_JAVA_OPTS: `-Dlog4j2.configurationFile=file:${this.log4jFile}`,
      },
    })
  }
}

export type Kind = MasterUnderTest['kind']

/** Either, as figures that stand side by side need it: both log at WARN. */
export function takeSeat(
  kind: Kind,
  folder: string,
  properties: readonly string[],
): Promise<MasterSeat | ApacheSeat> {
  return kind === 'magneto'
    ? MasterSeat.take(folder, kind, properties, 'warn')
    : ApacheSeat.take(folder, kind, properties)
}

interface Ports {
  readonly port: number
  readonly webUiPort: number
}

function argumentsOf({ port, webUiPort }: Ports, file: string): string[] {
  const ports = ['--port', String(port), '--webui-port', String(webUiPort)]
  return ['--host', host, ...ports, '--properties-file', file]
}

interface MasterOptions extends Omit<MasterUnderTest, 'pid'> {
  readonly command: readonly string[]
  readonly environment: Readonly<Record<string, string>>
}

export class MasterProcess {
  readonly startedMs = nowMs()
  readonly #options: MasterOptions
  readonly #child: ChildProcess
  readonly #closed: Promise<unknown>
  #lines: LogLine[] = []
  #waiting: (() => void)[] = []
  #rest = ''

  constructor(options: MasterOptions) {
    this.#options = options
    this.#child = spawn('setpriv', ['--pdeathsig', 'KILL', ...options.command], {
      env: { ...process.env, ...options.environment },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    this.#closed = once(this.#child, 'close')
    void this.#closed.then(() => this.#wake())
    this.#child.stderr?.setEncoding('utf8').on('data', (chunk: string) => this.#hear(chunk))
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** As its peers see it. */
  get underTest(): MasterUnderTest {
    const { kind, port, webUiPort } = this.#options
    return { kind, host, port, webUiPort, pid: this.pid }
  }

  /** User and system, so far. */
  cpuSeconds(): number {
    return cpuSeconds(this.pid)
  }

  get lines(): readonly LogLine[] {
    return this.#lines
  }

  /** The first line that matches and is not older. @throws Error with its last words when it ends before that */
  async said(pattern: RegExp, sinceMs = 0): Promise<LogLine> {
    for (;;) {
      const line = this.#lines.find(({ atMs, text }) => atMs >= sinceMs && pattern.test(text))
      if (line !== undefined) return line
      if (this.#child.exitCode !== null || this.#child.signalCode !== null)
        throw new Error(`the master ended without saying ${pattern}:\n${this.lastWords()}`)
      await new Promise<void>((wake) => this.#waiting.push(wake))
    }
  }

  lastWords(count = 30): string {
    return this.#lines
      .slice(-count)
      .map(({ text }) => text)
      .join('\n')
  }

  /** What it answers on its port; null: nothing, or it does not know yet. */
  async leadership(): Promise<LeadershipStatus | null> {
    try {
      const answer = await fetch(`http://${host}:${this.#options.port}/masters`, {
        signal: AbortSignal.timeout(5000),
      })
      return answer.ok ? ((await answer.json()) as LeadershipStatus) : null
    } catch {
      return null
    }
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name)
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#closed
  }

  #hear(chunk: string): void {
    const lines = (this.#rest + chunk).split('\n')
    this.#rest = lines.pop() ?? ''
    for (const line of lines) this.#lines.push(logLine(line))
    if (this.#lines.length > LINES_MAX) this.#lines = this.#lines.slice(-LINES_MAX / 2)
    this.#wake()
  }

  #wake(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const wake of waiting) wake()
  }
}

function logLine(line: string): LogLine {
  try {
    const { ts, msg } = JSON.parse(line) as { ts: string; msg: string }
    return { atMs: Date.parse(ts), text: msg }
  } catch {
    // What a crash prints is not of the logger.
    return { atMs: nowMs(), text: line }
  }
}
