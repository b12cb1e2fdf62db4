/**
 * The main thread's side of the web thread. A worker without its port does not start (W1); one that loses the thread
 * later goes on working, and starts another on the same port, which links to logs name.
 */
import { Worker } from 'node:worker_threads'

import type { Logger } from '../../log/logger.js'
import { securityOnPort } from '../../security/page-security.js'
import type { HostedLists } from '../hosted-work.js'
import type {
  FromWebThread,
  MasterNote,
  ToWebThread,
  WebThreadData,
  WebThreadStart,
} from './thread-messages.js'

export interface WebUiOptions extends WebThreadData {
  /** What pages show of executors and drivers; asked for while somebody looks. */
  work: () => HostedLists
  log: Logger
  /** For tests. */
  entry?: URL
  restartDelayMs?: (deaths: number) => number
}

const START_TIMEOUT_MS = 30_000
const STOP_TIMEOUT_MS = 5_000
const MIN_RESTART_DELAY_MS = 100
const MAX_RESTART_DELAY_MS = 60_000
/** One that lived so long starts the row of its deaths anew. */
const PROVEN_MS = 60_000

function growingDelayMs(deaths: number): number {
  return Math.min(MAX_RESTART_DELAY_MS, MIN_RESTART_DELAY_MS * 2 ** Math.min(deaths - 1, 20))
}

interface Listening {
  thread: Worker
  port: number
  securePort: number | null
  /** Why it ended. */
  ended: Promise<string>
}

export class WebUi {
  readonly #options: WebUiOptions
  readonly port: number
  /** Where the pages are over TLS; null: nowhere. */
  readonly securePort: number | null
  #current: Listening
  #master: MasterNote | null = null
  #deaths = 0
  #restart: NodeJS.Timeout | null = null
  #starting: Promise<void> = Promise.resolve()
  #stopping = false

  /** @returns when it listens @throws Error when no port of the range can be had */
  static async start(options: WebUiOptions): Promise<WebUi> {
    return new WebUi(options, await startThread(options))
  }

  private constructor(options: WebUiOptions, current: Listening) {
    this.#options = options
    this.port = current.port
    this.securePort = current.securePort
    this.#current = current
    void this.#watch()
  }

  /** What others find the pages by. */
  urlOn(host: string): string {
    return this.securePort === null
      ? `http://${host}:${this.port}`
      : `https://${host}:${this.securePort}`
  }

  /** What pages show from now on. */
  showMaster(url: string, webUiUrl: string): void {
    this.#master = { kind: 'master', url, webUiUrl }
    post(this.#current.thread, this.#master)
  }

  /** Settles when the thread is gone, also one that is just being started again. */
  async stop(): Promise<void> {
    this.#stopping = true
    if (this.#restart !== null) clearTimeout(this.#restart)
    await Promise.all([endThread(this.#current), this.#starting])
  }

  async #watch(): Promise<void> {
    const startedMs = performance.now()
    const reason = await this.#current.ended
    if (this.#stopping) return
    if (performance.now() - startedMs > PROVEN_MS) this.#deaths = 0
    this.#startLater(`the web thread died: ${reason}`)
  }

  #startLater(what: string): void {
    const { log, restartDelayMs = growingDelayMs } = this.#options
    this.#deaths += 1
    const delayMs = restartDelayMs(this.#deaths)
    log.error(`${what}; all else goes on; starting it on port ${this.port} in ${delayMs} ms`)
    this.#restart = setTimeout(() => {
      this.#starting = this.#startAgain()
    }, delayMs)
  }

  #optionsAgain(): WebUiOptions {
    const { security, ...others } = this.#options
    if (security === undefined) return others
    return { ...others, security: securityOnPort(security, this.securePort) }
  }

  async #startAgain(): Promise<void> {
    try {
      const current = await startThread({ ...this.#optionsAgain(), port: this.port, maxRetries: 0 })
      if (this.#stopping) return await endThread(current)
      this.#current = current
      void this.#watch()
      if (this.#master !== null) post(current.thread, this.#master)
      this.#options.log.info(`the web thread is back on port ${this.port}`)
    } catch (error) {
      if (!this.#stopping) this.#startLater((error as Error).message)
    }
  }
}

/** @throws Error when it can't listen; nothing of it is left then */
async function startThread(options: WebUiOptions): Promise<Listening> {
  const { log: _log, entry, restartDelayMs: _delay, work, ...workerData } = options
  const url = entry ?? new URL('./web-thread.js', import.meta.url)
  const thread = new Worker(url, { name: 'web', workerData: workerData satisfies WebThreadData })
  const ended = new Promise<string>((resolve) => {
    let reason = ''
    thread.once('error', (error) => {
      reason = error.message
    })
    thread.once('exit', (status) => resolve(reason || `it ended with status ${status}`))
  })
  let late: NodeJS.Timeout | null = null
  const first = await Promise.race([
    new Promise<WebThreadStart>((resolve) => thread.once('message', resolve)),
    ended.then((message): WebThreadStart => ({ kind: 'failed', message })),
    new Promise<WebThreadStart>((resolve) => {
      const message = `not listening after ${START_TIMEOUT_MS} ms`
      late = setTimeout(() => resolve({ kind: 'failed', message }), START_TIMEOUT_MS)
    }),
  ])
  if (late !== null) clearTimeout(late)
  if (first.kind === 'listening') {
    thread.on('message', (message: FromWebThread) => {
      if (message.kind === 'work') post(thread, { kind: 'work', id: message.id, lists: work() })
    })
    return { thread, port: first.port, securePort: first.securePort ?? null, ended }
  }
  await thread.terminate()
  throw new Error(first.message)
}

async function endThread({ thread, ended }: Listening): Promise<void> {
  post(thread, { kind: 'stop' })
  const late = setTimeout(() => void thread.terminate(), STOP_TIMEOUT_MS)
  await ended
  clearTimeout(late)
}

function post(thread: Worker, message: ToWebThread): void {
  thread.postMessage(message, [])
}
