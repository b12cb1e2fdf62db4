/** The master's real web thread, built, before a main thread that is played here: it shows the view that it was given last. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { Builder } from 'flatbuffers'

import { decode, encode } from '../../src/control/codec.js'
import { BatchWriter, InboxKind, OutboxKind, records } from '../../src/control/records.js'
import type {
  FromWebThread,
  ThreadListening,
  ToWebThread,
  WebThreadData,
} from '../../src/control/thread-messages.js'
import { ExplainAnswerT, ExplainedT, ReplyT, type ClusterViewT } from '../../src/schema/magneto.js'
import { changesBytes, changesOf } from '../ui/views.js'

const entry = new URL('../../dist/src/ui/web-thread.js', import.meta.url)

export class PlayedMaster {
  readonly #thread: Worker
  readonly url: string
  /** The main thread answers nothing. */
  silent = false
  /** How many questions the web thread had. */
  asked = 0
  view: ClusterViewT

  private constructor(thread: Worker, url: string, view: ClusterViewT) {
    this.#thread = thread
    this.url = url
    this.view = view
    thread.on('message', (message: FromWebThread) => this.#answer(message))
  }

  static async start(view: ClusterViewT, data: Partial<WebThreadData> = {}): Promise<PlayedMaster> {
    const workerData: WebThreadData = {
      host: '127.0.0.1',
      port: 0,
      maxRetries: 0,
      publicHost: '127.0.0.1',
      ...data,
    }
    const thread = new Worker(entry, { workerData })
    const [first] = (await once(thread, 'message')) as [ThreadListening]
    const webUiUrl = `http://127.0.0.1:${first.port}/`
    const master = new PlayedMaster(thread, webUiUrl, view)
    master.#send({ kind: 'ready', masterUrl: 'spark://master:7077', webUiUrl, restPort: null })
    return master
  }

  async stop(): Promise<void> {
    await this.#thread.terminate()
  }

  #send(message: ToWebThread): void {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
    this.#thread.postMessage(message)
  }

  #answer(message: FromWebThread): void {
    if (this.silent) return
    if (message.kind === 'changes') {
      this.asked += 1
      this.#send({ kind: 'changes', bytes: changesBytes(changesOf(this.view)) })
    }
    if (message.kind === 'explain')
      this.#send({ kind: 'explain', id: message.id, bytes: this.#explanations() })
    if (message.kind === 'batch') this.#send({ kind: 'batch', bytes: allDone(message.bytes) })
  }

  #explanations(): Uint8Array {
    const applications = this.view.activeApplications.map(
      ({ id, explanations }) => new ExplainedT(id, explanations),
    )
    const builder = new Builder(1024)
    builder.finish(new ExplainAnswerT(applications, []).pack(builder))
    return builder.asUint8Array().slice()
  }
}

/** As records have it. */
const MESSAGE: number = InboxKind.MESSAGE

/** Every command was carried out. */
function allDone(bytes: Uint8Array): Uint8Array {
  const batch = new BatchWriter()
  for (const { kind, session, payload } of records(bytes)) {
    if (kind !== MESSAGE) continue
    const { requestId } = decode(payload) as { requestId: number }
    batch.add(OutboxKind.SEND, session, encode(new ReplyT(requestId, true)))
  }
  return batch.take()
}
