/** The main thread's side of the gateway and web threads: their start, their batches, their end. */
import { Worker } from 'node:worker_threads'
import { BatchPort, sharedRings, type PostedBatch } from '../control/batch-port.js'
import { BatchWriter, OutboxKind } from '../control/records.js'
import type {
  FromWebThread,
  ThreadLead,
  ThreadLeadership,
  ThreadListening,
  ThreadReady,
  ThreadStepDown,
  ToGatewayThread,
  ToWebThread,
  ViewAnswer,
  ViewRequest,
} from '../control/thread-messages.js'
import { writeStderr, type Logger } from '../log/logger.js'
import type { SessionSink } from './effects.js'
import { THREAD_START_TIMEOUT_MS, THREAD_STOP_TIMEOUT_MS } from './limits.js'

/** What a thread is told about who leads. */
export type ThreadNews = ThreadLeadership | ThreadLead | ThreadStepDown

type FromThread = FromWebThread | PostedBatch

export interface MasterThreadOptions {
  readonly name: string
  readonly entry: URL
  readonly data: object
  readonly log: Logger
  /** @param bytes whole inbox records */
  onBatch(bytes: Uint8Array): void
  onView(request: ViewRequest): void
  /** It ended though nobody asked it to; comes at most once. */
  onDied(error: Error): void
}

export class MasterThread implements SessionSink {
  readonly #options: MasterThreadOptions
  readonly #outbox = new BatchWriter()
  /** The last one in it. */
  #attached: Uint8Array | null = null
  readonly #worker: Worker
  readonly #batches: BatchPort
  readonly #exited: Promise<void>
  #stopping = false
  #listening: ((outcome: ThreadListening | Error) => void) | null = null

  constructor(options: MasterThreadOptions) {
    this.#options = options
    const rings = sharedRings()
    this.#worker = new Worker(options.entry, {
      workerData: { ...options.data, rings },
      name: options.name,
      stdout: true,
      stderr: true,
    })
    this.#batches = BatchPort.ofMain(this.#worker, rings)
    // What Node itself says there, such as warnings.
    for (const stream of [this.#worker.stdout, this.#worker.stderr])
      stream.setEncoding('utf8').on('data', writeStderr)
    this.#worker.on('message', (message: FromThread) => this.#receive(message))
    // What it said before it died still counts: its end is told when nothing more can come.
    let failure: Error | null = null
    this.#worker.on('error', (error) => {
      failure = error
    })
    this.#exited = new Promise((resolve) => {
      this.#worker.once('exit', (status) => {
        this.#ended(failure ?? new Error(`it ended with status ${status}`))
        resolve()
      })
    })
  }

  /** @returns where it listens @throws Error when it can't */
  async listening(): Promise<ThreadListening> {
    let timeout: NodeJS.Timeout | null = null
    const outcome = await new Promise<ThreadListening | Error>((resolve) => {
      this.#listening = resolve
      timeout = setTimeout(
        () => resolve(new Error(`not listening after ${THREAD_START_TIMEOUT_MS} ms`)),
        THREAD_START_TIMEOUT_MS,
      )
    })
    if (timeout !== null) clearTimeout(timeout)
    this.#listening = null
    if (!(outcome instanceof Error)) return outcome
    throw new Error(`the ${this.#options.name} can't start: ${outcome.message}`, {
      cause: outcome,
    })
  }

  ready(message: ThreadReady): void {
    this.#post(message)
  }

  tell(message: ThreadNews): void {
    this.#post(message)
  }

  send(session: number, bytes: Uint8Array, attachment: Uint8Array | null): void {
    if (attachment !== null && attachment !== this.#attached)
      this.#outbox.add(OutboxKind.ATTACHMENT, 0, attachment)
    if (attachment !== null) this.#attached = attachment
    this.#outbox.add(OutboxKind.SEND, session, bytes, 0, attachment !== null)
  }

  close(session: number, reason: string): void {
    this.#outbox.add(OutboxKind.CLOSE, session, reason)
  }

  flush(): void {
    if (this.#outbox.bytes === 0) return
    this.#attached = null
    this.#batches.post(this.#outbox.view())
    this.#outbox.reset()
  }

  answerView(answer: ViewAnswer): void {
    this.#post(answer, [answer.bytes.buffer as ArrayBuffer])
  }

  /** Asks it to end, and ends it where it doesn't. */
  async stop(): Promise<void> {
    this.#stopping = true
    this.#post({ kind: 'stop' })
    const late = setTimeout(() => {
      this.#options.log.warn(`the ${this.#options.name} did not stop; ending it`)
      void this.#worker.terminate()
    }, THREAD_STOP_TIMEOUT_MS)
    await this.#exited
    clearTimeout(late)
  }

  /** Ends it at once; settles when its port is free again. */
  async end(): Promise<void> {
    this.#stopping = true
    await this.#worker.terminate()
    await this.#exited
  }

  #post(message: ToWebThread | ToGatewayThread, transfer: ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, transfer)
  }

  #receive(message: FromThread): void {
    if (typeof message === 'number' || message.kind === 'batch')
      return this.#options.onBatch(this.#batches.receive(message))
    switch (message.kind) {
      case 'listening':
        return this.#listening?.(message)
      case 'failed':
        return this.#ended(new Error(message.message))
      case 'changes':
      case 'explain':
        return this.#options.onView(message)
    }
  }

  #ended(error: Error): void {
    if (this.#listening !== null) {
      // That it can't start has one report: by listening().
      this.#stopping = true
      this.#listening(error)
    } else if (!this.#stopping) {
      this.#stopping = true
      this.#options.onDied(
        new Error(`the ${this.#options.name} died: ${error.message}`, { cause: error }),
      )
    }
  }
}
