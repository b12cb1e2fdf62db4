/** Apache's real Master in a process of its own. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { freePort } from '../free-port.js'
import { sparkHome } from '../e2e/cluster.js'
import { sparkProperties } from './settings.js'
import type { Settings } from './settings.js'
import { SparkLink } from './spark-link.js'
import { requestReadyz } from './spark-messages.js'

export const RELEASE = '4.3.0'
const HOST = '127.0.0.1'
const START_LIMIT_MS = 60_000
const START_PROBE_MS = 200

/** Time plays no part: what it causes is tested in the core alone. */
const PROPERTIES: Record<string, string> = {
  'spark.worker.timeout': '1000000',
  'spark.master.rest.enabled': 'false',
  'spark.port.maxRetries': '0',
}

const LOG_SETTINGS = `rootLogger.level = error
rootLogger.appenderRef.stderr.ref = stderr
appender.console.type = Console
appender.console.name = stderr
appender.console.target = SYSTEM_ERR
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %p %c: %m%n%ex
`

export class ApacheMaster {
  readonly host = HOST
  readonly port: number
  readonly webUiPort: number
  readonly #process: ChildProcess
  readonly #folder: string
  #errors = ''

  private constructor(
    port: number,
    webUiPort: number,
    settings: Settings,
    more: Readonly<Record<string, string>>,
  ) {
    this.port = port
    this.webUiPort = webUiPort
    this.#folder = mkdtempSync(join(tmpdir(), 'magneto-parity-'))
    const logSettings = join(this.#folder, 'log4j2.properties')
    writeFileSync(logSettings, LOG_SETTINGS)
    const properties = { ...PROPERTIES, ...Object.fromEntries(sparkProperties(settings)), ...more }
    const options = Object.entries(properties).map(([key, value]) => `-D${key}=${value}`)
    this.#process = spawn(
      'java',
      [
        '-Xmx1g',
        `-Dlog4j2.configurationFile=${logSettings}`,
        ...options,
        '-cp',
        join(sparkHome(RELEASE), 'jars', '*'),
        'org.apache.spark.deploy.master.Master',
        '--host',
        HOST,
        '--port',
        String(port),
        '--webui-port',
        String(webUiPort),
      ],
      { cwd: this.#folder, stdio: ['ignore', 'ignore', 'pipe'] },
    )
    this.#process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#errors = (this.#errors + text).slice(-20_000)
    })
  }

  /** What it logged as an error, the last part of it. */
  get errors(): string {
    return this.#errors
  }

  /** @param more properties of Spark */
  static async start(
    settings: Settings,
    more: Readonly<Record<string, string>> = {},
  ): Promise<ApacheMaster> {
    const master = new ApacheMaster(await freePort(), await freePort(), settings, more)
    await master.#ready()
    return master
  }

  /** Presses the button on its page: a form with the token that the page brings. */
  async killApplication(appId: string): Promise<void> {
    const page = `http://${this.host}:${this.webUiPort}`
    const html = await (await fetch(page)).text()
    const token = /name="(\w*csrf\w*)"\s+value="([^"]+)"/i.exec(html)
    if (token === null) throw new Error("no token in the page of Apache's Master")
    const answer = await fetch(`${page}/app/kill/`, {
      method: 'POST',
      body: new URLSearchParams({ id: appId, terminate: 'true', [token[1]!]: token[2]! }),
      redirect: 'manual',
    })
    if (answer.status >= 400) throw new Error(`the page of Apache's Master: ${answer.status}`)
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      const ended = new Promise((resolve) => this.#process.once('exit', resolve))
      this.#process.kill('SIGKILL')
      await ended
    }
    rmSync(this.#folder, { recursive: true, force: true })
  }

  /** Waits until it leads, which takes it a moment after its port is open. */
  async #ready(): Promise<void> {
    const deadline = Date.now() + START_LIMIT_MS
    for (;;) {
      if (this.#process.exitCode !== null || Date.now() > deadline) {
        await this.stop()
        throw new Error(`Apache's Master does not start:\n${this.#errors.split('\n\tat')[0]}`)
      }
      if (await this.#leads()) return
      await pause(START_PROBE_MS)
    }
  }

  async #leads(): Promise<boolean> {
    let link: SparkLink | null = null
    try {
      link = await SparkLink.open({ host: 'probe', port: 1 }, this)
      await link.ask(requestReadyz(), 'probe')
      // A java.lang.Boolean ends with its value.
      return link.take().at(-1)?.stream.at(-1) === 1
    } catch {
      return false
    } finally {
      await link?.close()
    }
  }
}
