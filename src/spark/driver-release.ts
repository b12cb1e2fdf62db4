/**
 * The exact release of a driver. Its messages do not tell it, and releases that are not served may write the
 * very same ones (3.4 and 3.5 do): their tasks would then wait for ever on executors of another version.
 * The driver's web UI tells it, from a moment after the driver has registered on.
 */
import { get } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

/** Together longer than a driver on a busy machine takes from its registration to a UI that answers. */
const PAUSES_MS: readonly number[] = [500, 1_000, 2_000, 4_000, 8_000, 16_000]
const ANSWER_TIMEOUT_MS = 3_000
const MAX_ANSWER_BYTES = 4096
const RELEASE = /^\d{1,4}(\.[\w-]{1,40}){1,5}$/

export interface ReleaseQuestion {
  /** Where the driver's connection comes from: nobody else's ports are ever tried. */
  readonly host: string
  /** What the driver says its UI is; only the port of an http:// URL is used. */
  readonly appUiUrl: string
  readonly pausesMs?: readonly number[]
  /** At most once. Never, when there is no UI, or none that answers. */
  onRelease(release: string): void
}

/** @returns stops asking */
export function askForRelease(question: ReleaseQuestion): () => void {
  const stopping = new AbortController()
  const port = portOf(question.appUiUrl)
  if (port !== null) void askRepeatedly(question, port, stopping.signal)
  return () => stopping.abort()
}

async function askRepeatedly(
  question: ReleaseQuestion,
  port: number,
  signal: AbortSignal,
): Promise<void> {
  for (const pauseMs of question.pausesMs ?? PAUSES_MS) {
    const isOver = await sleep(pauseMs, false, { signal, ref: false }).catch(() => true)
    if (isOver) return
    const release = await ask(question.host, port, signal)
    if (signal.aborted) return
    if (release !== null) {
      question.onRelease(release)
      return
    }
  }
}

function portOf(appUiUrl: string): number | null {
  if (!URL.canParse(appUiUrl)) return null
  const { protocol, port } = new URL(appUiUrl)
  return protocol === 'http:' ? Number(port === '' ? 80 : port) : null
}

/** @returns null when there is no answer that names a release; until it is up, the UI sends a page */
function ask(host: string, port: number, stop: AbortSignal): Promise<string | null> {
  const signal = AbortSignal.any([stop, AbortSignal.timeout(ANSWER_TIMEOUT_MS)])
  return new Promise((resolve) => {
    const nothing = (): void => resolve(null)
    const options = { host, port, path: '/api/v1/version', agent: false, signal }
    const request = get(options, (response) => {
      let text = ''
      response.setEncoding('latin1')
      response.on('data', (chunk: string) => {
        text += chunk
        if (text.length > MAX_ANSWER_BYTES) request.destroy()
      })
      response.on('error', nothing)
      response.on('close', nothing)
      response.on('end', () => resolve(response.statusCode === 200 ? releaseOf(text) : null))
    })
    request.on('error', nothing)
    request.on('close', nothing)
  })
}

function releaseOf(text: string): string | null {
  try {
    const answer = JSON.parse(text) as { spark?: unknown } | null
    const release = answer?.spark
    return typeof release === 'string' && RELEASE.test(release) ? release : null
  } catch {
    return null
  }
}
