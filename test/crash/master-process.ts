/** A real master process, started as bin/magneto starts it, and killed with SIGKILL. */
import { spawn, type ChildProcess } from 'node:child_process'
import { openSync, closeSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { LeadershipStatus } from '../../src/control/leadership.js'

const host = '127.0.0.1'
const root = resolve(import.meta.dirname, '..', '..')
/** Each look at a master that is not there yet costs a millisecond or two. */
const pollMs = 25

export interface MasterOptions {
  readonly name: string
  /** Its log and its settings. */
  readonly folder: string
  readonly port: number
  readonly webUiPort: number
  readonly properties: readonly string[]
  /** Of the installation; absent: this one. */
  readonly home?: string
}

export class MasterProcess {
  readonly url: string
  readonly webUi: string
  readonly #options: MasterOptions
  readonly #properties: string
  #child: ChildProcess | null = null
  #gone: Promise<void> = Promise.resolve()
  /** Why it ended by itself, which it must not. */
  failure: string | null = null

  constructor(options: MasterOptions) {
    this.#options = options
    this.url = `spark://${host}:${options.port}`
    this.webUi = `http://${host}:${options.webUiPort}`
    this.#properties = join(options.folder, `${options.name}.conf`)
    writeFileSync(this.#properties, options.properties.join('\n'))
  }

  get name(): string {
    return this.#options.name
  }

  get running(): boolean {
    return this.#child !== null
  }

  start(): void {
    const { folder, name, port, webUiPort, home = root } = this.#options
    const log = openSync(join(folder, `${name}.log`), 'a')
    const place = ['--host', host, '--port', String(port), '--webui-port', String(webUiPort)]
    const main = join(home, 'dist/src/cli/main.js')
    const child = spawn(
      process.execPath,
      [main, 'master', ...place, '--properties-file', this.#properties],
      { stdio: ['ignore', log, log], env: { ...process.env, SPARK_CONF_DIR: folder } },
    )
    closeSync(log)
    this.#child = child
    this.#gone = new Promise((done) => {
      child.once('exit', (status, signal) => {
        if (this.#child === child) {
          this.#child = null
          this.failure = `${name} ended by itself with ${status ?? signal}`
        }
        done()
      })
    })
  }

  async kill(): Promise<void> {
    const child = this.#child
    this.#child = null
    child?.kill('SIGKILL')
    await this.#gone
  }

  /** null: it does not answer. */
  async leadership(): Promise<LeadershipStatus | null> {
    try {
      const answer = await fetch(`http://${host}:${this.#options.port}/masters`)
      return answer.ok ? ((await answer.json()) as LeadershipStatus) : null
    } catch {
      return null
    }
  }
}

/** @returns the one that leads, as soon as one does @throws Error when none does within the time */
export async function leaderOf(
  masters: readonly MasterProcess[],
  withinMs: number,
): Promise<MasterProcess> {
  const untilMs = performance.now() + withinMs
  for (;;) {
    for (const master of masters) {
      if (master.failure !== null) throw new Error(master.failure)
      const status = await master.leadership()
      if (status?.role === 'leader') return master
    }
    if (performance.now() > untilMs) throw new Error(`no master leads after ${withinMs} ms`)
    await sleep(pollMs)
  }
}
