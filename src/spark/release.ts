/**
 * The exact release of a Spark process. Its messages do not tell it, and several releases write the very same
 * ones (drivers of 3.4 and 3.5, workers of 4.1 to 4.3); its web UI tells it.
 */
import { PageReader } from './page-reader.js'

const ANSWER_TIMEOUT_MS = 3_000
/** Processes that are asked at once; each takes a file of ours. */
const ASKED_AT_ONCE_MAX = 1_024
const RELEASE = /^\d{1,4}(\.[\w-]{1,40}){1,5}$/

/** Where on a web UI the release is. */
export interface ReleasePage {
  readonly path: string
  /** More of the answer, its head included, is not read. */
  readonly maxBytes: number
  /** @param text the answer, or what has come of it @returns null when it does not tell */
  releaseIn(text: string): string | null
}

export const DRIVER_PAGE: ReleasePage = {
  path: '/api/v1/version',
  maxBytes: 4096,
  releaseIn(text) {
    try {
      const answer = JSON.parse(text) as { spark?: unknown } | null
      return typeof answer?.spark === 'string' ? answer.spark : null
    } catch {
      return null
    }
  },
}

/** Every page of a worker starts with its release; its JSON does not have it. */
export const WORKER_PAGE: ReleasePage = {
  path: '/',
  maxBytes: 64 * 1024,
  releaseIn: (text) =>
    /<span class="version[" ][^>]{0,100}>\s*([^<\s]{1,100})\s*<\/span>/.exec(text)?.[1] ?? null,
}

/** Together longer than a driver on a busy machine takes from its registration to a UI that answers. */
export const DRIVER_PAUSES_MS: readonly number[] = [500, 1_000, 2_000, 4_000, 8_000, 16_000]
/** A worker's UI is up before it registers. */
export const WORKER_PAUSES_MS: readonly number[] = [0, 500, 1_000, 2_000, 4_000]

export interface ReleaseQuestion {
  /** Where the process's connection comes from: nobody else's ports are ever tried. */
  readonly host: string
  /** What the process says its UI is; only the port of an http:// URL is used. */
  readonly webUiUrl: string
  readonly page: ReleasePage
  /** Before each attempt; the last one is final. */
  readonly pausesMs: readonly number[]
  /** Once, unless the asking is stopped. @param release null: there is no UI, or none that tells */
  onAnswer(release: string | null): void
}

/** @returns stops asking */
export function askForRelease(question: ReleaseQuestion): () => void {
  const asking = new Asking(question)
  return () => asking.stop()
}

const pages = new PageReader(ASKED_AT_ONCE_MAX)

class Asking {
  readonly #question: ReleaseQuestion
  readonly #port: number | null
  #attempt = 0
  /** Of the pause or of the request, whichever it is. */
  #stop: () => void

  constructor(question: ReleaseQuestion) {
    this.#question = question
    this.#port = portOf(question.webUiUrl)
    this.#stop = this.#port === null ? this.#after(0) : this.#after(question.pausesMs[0] ?? 0)
  }

  stop(): void {
    this.#stop()
  }

  /** Many a driver has ended before it is time to ask: until then there is nothing but a timer. */
  #after(pauseMs: number): () => void {
    const timer = setTimeout(() => this.#ask(), pauseMs).unref()
    return () => clearTimeout(timer)
  }

  #ask(): void {
    const { host, page } = this.#question
    if (this.#port === null) return this.#question.onAnswer(null)
    const { path, maxBytes } = page
    const find = (body: string): string | null => page.releaseIn(body)
    this.#stop = pages.read(
      { host, port: this.#port, path, maxBytes, timeoutMs: ANSWER_TIMEOUT_MS, find },
      (told) => this.#answered(told !== null && RELEASE.test(told) ? told : null),
    )
  }

  #answered(release: string | null): void {
    this.#attempt++
    const pauseMs = this.#question.pausesMs[this.#attempt]
    if (release !== null || pauseMs === undefined) this.#question.onAnswer(release)
    else this.#stop = this.#after(pauseMs)
  }
}

function portOf(webUiUrl: string): number | null {
  if (!URL.canParse(webUiUrl)) return null
  const { protocol, port } = new URL(webUiUrl)
  return protocol === 'http:' ? Number(port === '' ? 80 : port) : null
}
