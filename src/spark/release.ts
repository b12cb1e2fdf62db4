/**
 * The exact release of a Spark process. Its messages do not tell it, and several releases write the very same
 * ones (drivers of 3.4 and 3.5, workers of 4.1 to 4.3); its web UI tells it.
 */
import { get } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

const ANSWER_TIMEOUT_MS = 3_000
const RELEASE = /^\d{1,4}(\.[\w-]{1,40}){1,5}$/

/** Where on a web UI the release is. */
export interface ReleasePage {
  readonly path: string
  /** More of the answer is not read. */
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
  const stopping = new AbortController()
  // Many a driver has ended before it is time to ask: until then there is nothing but a timer.
  const timer = setTimeout(() => {
    void askRepeatedly(question, stopping.signal)
  }, firstPauseMs(question)).unref()
  return () => {
    clearTimeout(timer)
    stopping.abort()
  }
}

function firstPauseMs({ webUiUrl, pausesMs }: ReleaseQuestion): number {
  return portOf(webUiUrl) === null ? 0 : (pausesMs[0] ?? 0)
}

async function askRepeatedly(question: ReleaseQuestion, signal: AbortSignal): Promise<void> {
  const { host, webUiUrl, page, pausesMs } = question
  const port = portOf(webUiUrl)
  let release: string | null = null
  if (port === null) return question.onAnswer(null)
  for (const [attempt, pauseMs] of pausesMs.entries()) {
    if (attempt > 0) await sleep(pauseMs, null, { signal, ref: false }).catch(() => null)
    if (signal.aborted) return
    release = await ask({ host, port }, page, signal)
    if (signal.aborted) return
    if (release !== null) break
  }
  question.onAnswer(release)
}

function portOf(webUiUrl: string): number | null {
  if (!URL.canParse(webUiUrl)) return null
  const { protocol, port } = new URL(webUiUrl)
  return protocol === 'http:' ? Number(port === '' ? 80 : port) : null
}

/** @returns null when there is no answer that names a release */
function ask(
  at: { host: string; port: number },
  page: ReleasePage,
  stop: AbortSignal,
): Promise<string | null> {
  const signal = AbortSignal.any([stop, AbortSignal.timeout(ANSWER_TIMEOUT_MS)])
  return new Promise((resolve) => {
    const nothing = (): void => resolve(null)
    const request = get({ ...at, path: page.path, agent: false, signal }, (response) => {
      let text = ''
      const tell = (): void => {
        const release = response.statusCode === 200 ? page.releaseIn(text) : null
        if (release === null) return
        resolve(RELEASE.test(release) ? release : null)
        request.destroy()
      }
      response.setEncoding('latin1')
      response.on('data', (chunk: string) => {
        text += chunk
        if (text.length <= page.maxBytes) tell()
        else request.destroy()
      })
      response.on('error', nothing)
      response.on('close', nothing)
    })
    request.on('error', nothing)
    request.on('close', nothing)
  })
}
