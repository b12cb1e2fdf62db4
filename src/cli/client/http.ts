/** One request over HTTP, bounded in time and size, and the JSON of its answer. */
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { cellText } from './text-width.js'

/** A master answers within ten seconds, or says that it can't. */
const ANSWER_TIMEOUT_MS = 15_000
/** Above any answer: the state of a cluster of many thousand workers. */
const MAX_ANSWER_BYTES = 64 * 2 ** 20

export interface HttpAnswer {
  readonly status: number
  readonly body: Buffer
}

export interface HttpRequest {
  readonly method?: 'GET' | 'POST'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** Absent: as long as a master may take. */
  readonly timeoutMs?: number
  /** The user has had enough. */
  readonly signal: AbortSignal
}

/** What is absent in an answer is undefined. */
export type Fields = Readonly<Record<string, unknown>>

/** @returns null when it is no JSON, or none with fields */
export function fieldsOf(body: Buffer): Fields | null {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'))
    return typeof value === 'object' && value !== null ? (value as Fields) : null
  } catch {
    return null
  }
}

export const textOf = (value: unknown): string | null => (typeof value === 'string' ? value : null)

/** What a peer says beside a status that is no success, on one line. */
export function reasonOf(body: Buffer): string {
  // Pages of ours repeat the status before the reason.
  const page = (): string => body.toString('utf8').replace(/^\d{3} [\w ]*: /, '')
  return cellText(textOf(fieldsOf(body)?.['error']) ?? page())
}

/** No answer came. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer'

  constructor(
    readonly url: URL,
    cause: NodeJS.ErrnoException,
    /** Whether the request certainly never reached the peer. */
    readonly neverArrived: boolean,
  ) {
    const { code, message } = cause
    super(`${url.host} does not answer: ${code ?? message}`, { cause })
  }
}

/** @throws NoAnswer when no whole answer comes @throws the signal's reason when it is aborted */
export async function askHttp(url: URL, options: HttpRequest): Promise<HttpAnswer> {
  const { method = 'GET', headers = {}, body, signal, timeoutMs = ANSWER_TIMEOUT_MS } = options
  const limit = AbortSignal.timeout(timeoutMs)
  let connected = false
  try {
    return await new Promise<HttpAnswer>((resolve, reject) => {
      const start = url.protocol === 'https:' ? httpsRequest : httpRequest
      const asked = start(
        url,
        { method, headers, agent: false, signal: AbortSignal.any([signal, limit]) },
        (response) => {
          const parts: Buffer[] = []
          let bytes = 0
          response.on('error', reject)
          response.on('data', (part: Buffer) => {
            bytes += part.byteLength
            parts.push(part)
            if (bytes > MAX_ANSWER_BYTES)
              response.destroy(new Error(`over ${MAX_ANSWER_BYTES} bytes of answer`))
          })
          response.on('end', () =>
            resolve({ status: response.statusCode ?? 0, body: Buffer.concat(parts) }),
          )
        },
      )
      asked.on('socket', (socket) => socket.once('connect', () => (connected = true)))
      asked.on('error', reject)
      asked.end(body)
    })
  } catch (error) {
    signal.throwIfAborted()
    const late = new Error(`no answer after ${timeoutMs / 1000} s`)
    throw new NoAnswer(url, limit.aborted ? late : (error as NodeJS.ErrnoException), !connected)
  }
}
