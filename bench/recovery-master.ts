/** A master in a process of its own, as `bin/magneto master` starts it, with what it logs and the processor time it takes. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { LeadershipStatus } from '../src/control/leadership.js'
import { freePort, root } from '../test/e2e/cluster.js'
import { cpuSeconds } from './control-link.js'
import { type Address, nowMs } from './recovery-peers.js'

const host = '127.0.0.1'
const LINES_MAX = 100_000

export interface LogLine {
  /** ms since the epoch, by the master's clock. */
  readonly atMs: number
  readonly text: string
}

/** Ports and settings that stay the same from one life of a master to the next. */
export class MasterSeat {
  private constructor(
    readonly port: number,
    readonly control: Address,
    private readonly file: string,
    private readonly uiPort: number,
  ) {}

  get url(): string {
    return `spark://${host}:${this.port}`
  }

  /** @param name of its file of properties in `folder` @param properties lines of spark-defaults.conf */
  static async take(
    folder: string,
    name: string,
    properties: readonly string[],
  ): Promise<MasterSeat> {
    const [port, uiPort, controlPort] = await Promise.all([freePort(), freePort(), freePort()])
    const file = join(folder, `${name}.conf`)
    const own = [`spark.magneto.control.port ${controlPort}`, 'spark.master.rest.enabled false']
    writeFileSync(file, [...own, ...properties].join('\n'))
    return new MasterSeat(port, { host, port: controlPort }, file, uiPort)
  }

  start(): MasterProcess {
    const ports = ['--port', String(this.port), '--webui-port', String(this.uiPort)]
    const args = ['master', '--host', host, ...ports, '--properties-file', this.file]
    return new MasterProcess(this.port, args)
  }
}

export class MasterProcess {
  readonly startedMs = nowMs()
  readonly #port: number
  readonly #child: ChildProcess
  readonly #closed: Promise<unknown>
  #lines: LogLine[] = []
  #waiting: (() => void)[] = []
  #rest = ''

  constructor(port: number, args: readonly string[]) {
    this.#port = port
    // It ends with the bench, however that ends.
    const command = ['--pdeathsig', 'KILL', join(root, 'bin/magneto'), ...args]
    this.#child = spawn('setpriv', command, {
      env: { ...process.env, MAGNETO_LOG_FORMAT: 'json', MAGNETO_LOG_LEVEL: 'info' },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    this.#closed = once(this.#child, 'close')
    void this.#closed.then(() => this.#wake())
    this.#child.stderr?.setEncoding('utf8').on('data', (chunk: string) => this.#hear(chunk))
  }

  get pid(): number {
    return this.#child.pid ?? 0
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

  lastWords(): string {
    return this.#lines
      .slice(-30)
      .map(({ text }) => text)
      .join('\n')
  }

  /** What it answers on its port; null: nothing, or it does not know yet. */
  async leadership(): Promise<LeadershipStatus | null> {
    try {
      const answer = await fetch(`http://${host}:${this.#port}/masters`, {
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
