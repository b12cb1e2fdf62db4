/**
 * A thread that is started again when it dies: on the port it had, after a pause, and not for ever. Its peers are
 * gone with it, so the core is told that each of its sessions is; nothing else of the master notices.
 */
import { InboxKind, sessionChanges } from '../control/records.js'
import type {
  ThreadListening,
  ThreadReady,
  ViewAnswer,
  ViewRequest,
} from '../control/thread-messages.js'
import type { Logger } from '../log/logger.js'
import type { SessionSink } from './effects.js'
import {
  MAX_RESTART_DELAY_MS,
  MAX_THREAD_DEATHS,
  MIN_RESTART_DELAY_MS,
  THREAD_PROVEN_MS,
} from './limits.js'
import { MasterThread, type ThreadNews } from './thread.js'

/** `workerData` of both threads starts with these. */
export interface ListeningThreadData {
  readonly host: string
  readonly port: number
  readonly maxRetries: number
}

export interface SupervisedThreadOptions {
  readonly name: string
  readonly entry: URL
  readonly data: ListeningThreadData
  readonly log: Logger
  /**
   * @param bytes whole inbox records; a batch of others ends the thread and never gets here
   * @param ended sessions that are DISCONNECTED in it
   */
  onBatch(bytes: Uint8Array, ended: readonly number[]): void
  onView(request: ViewRequest, answer: (answer: ViewAnswer) => void): void
  /** Batches go both ways: it is ready, for the first time or in place of one that died. */
  onOpened?(): void
  /** The peers of the thread that died; nothing may be sent to them any more. */
  onLost(sessions: Iterable<number>, reason: string): void
  /** It died too often in a row: nobody starts it again. */
  onBroken(error: Error): void
  /** @param deaths in a row, from 1 @returns ms until the next start; for tests */
  readonly restartDelayMs?: (deaths: number) => number
}

function growingDelayMs(deaths: number): number {
  return Math.min(MAX_RESTART_DELAY_MS, MIN_RESTART_DELAY_MS * 2 ** (deaths - 1))
}

export class SupervisedThread implements SessionSink {
  readonly #options: SupervisedThreadOptions
  readonly #sessions = new Set<number>()
  #thread: MasterThread
  /** Whether the present thread has its port. */
  #listens = false
  /** Whether batches go both ways. */
  #up = false
  #port = 0
  #again: object = {}
  #ready: ThreadReady | null = null
  #deaths = 0
  #restart: NodeJS.Timeout | null = null
  #proven: NodeJS.Timeout | null = null
  #stopping = false

  constructor(options: SupervisedThreadOptions) {
    this.#options = options
    this.#thread = this.#spawn(options.data)
  }

  /** @returns where it listens @throws Error when it can't: the first start is not tried again */
  async listening(): Promise<ThreadListening> {
    const where = await this.#thread.listening()
    this.#port = where.port
    this.#again = where.again ?? {}
    this.#listens = true
    return where
  }

  ready(message: ThreadReady): void {
    this.#ready = message
    this.#open()
  }

  /** A thread that is not up yet, or dead, never hears of it: `onOpened` tells when there is another one. */
  tell(message: ThreadNews): void {
    if (this.#up) this.#thread.tell(message)
  }

  send(session: number, bytes: Uint8Array, attachment: Uint8Array | null): void {
    if (this.#up) this.#thread.send(session, bytes, attachment)
  }

  close(session: number, reason: string): void {
    if (this.#up) this.#thread.close(session, reason)
  }

  flush(): void {
    if (this.#up) this.#thread.flush()
  }

  async stop(): Promise<void> {
    this.#stopping = true
    if (this.#restart !== null) clearTimeout(this.#restart)
    if (this.#proven !== null) clearTimeout(this.#proven)
    await this.#thread.stop()
  }

  #open(): void {
    if (!this.#listens || this.#ready === null) return
    this.#up = true
    this.#thread.ready(this.#ready)
    this.#options.onOpened?.()
  }

  #spawn(data: ListeningThreadData): MasterThread {
    const { name, entry, log } = this.#options
    const thread: MasterThread = new MasterThread({
      name,
      entry,
      data,
      log,
      onBatch: (bytes) => this.#takeBatch(thread, bytes),
      onView: (request) => this.#options.onView(request, (answer) => thread.answerView(answer)),
      onDied: (error) => this.#died(thread, error),
    })
    return thread
  }

  #takeBatch(thread: MasterThread, bytes: Uint8Array): void {
    // What a thread said before it was given up belongs to sessions that the core has been told are gone.
    if (!this.#up || thread !== this.#thread) return
    try {
      const ended: number[] = []
      for (const { kind, session } of sessionChanges(bytes)) {
        if (kind === InboxKind.CONNECTED) this.#sessions.add(session)
        else {
          this.#sessions.delete(session)
          ended.push(session)
        }
      }
      this.#options.onBatch(bytes, ended)
    } catch (error) {
      this.#died(
        thread,
        new Error(`the ${this.#options.name} sent a broken batch: ${(error as Error).message}`, {
          cause: error,
        }),
      )
    }
  }

  #died(thread: MasterThread, error: Error): void {
    // One that was given up dies later once more.
    if (this.#stopping || thread !== this.#thread || !this.#listens) return
    this.#listens = false
    this.#up = false
    if (this.#proven !== null) clearTimeout(this.#proven)
    const lost = [...this.#sessions]
    this.#sessions.clear()
    this.#options.onLost(lost, error.message)
    this.#startAgain(error, lost.length)
  }

  #startAgain(error: Error, lost: number): void {
    const { name, log, restartDelayMs = growingDelayMs } = this.#options
    this.#deaths += 1
    if (this.#deaths > MAX_THREAD_DEATHS) {
      const what = `the ${name} died ${this.#deaths} times in a row`
      this.#options.onBroken(new Error(`${what}, at last: ${error.message}`, { cause: error }))
      return
    }
    const delayMs = restartDelayMs(this.#deaths)
    log.error(
      { error },
      `${error.message}; its ${lost} connections are lost, all else goes on; ` +
        `starting it again on port ${this.#port} in ${delayMs} ms`,
    )
    this.#restart = setTimeout(() => void this.#respawn(), delayMs)
  }

  async #respawn(): Promise<void> {
    const { data, name, log } = this.#options
    await this.#thread.end()
    if (this.#stopping) return
    // Peers know these ports and no others.
    const thread = this.#spawn({ ...data, port: this.#port, maxRetries: 0, ...this.#again })
    this.#thread = thread
    try {
      await thread.listening()
    } catch (error) {
      if (!this.#stopping) this.#startAgain(error as Error, 0)
      return
    }
    if (this.#stopping) return
    log.info(`the ${name} is back on port ${this.#port}`)
    this.#listens = true
    this.#open()
    this.#proven = setTimeout(() => {
      this.#deaths = 0
    }, THREAD_PROVEN_MS).unref()
  }
}
