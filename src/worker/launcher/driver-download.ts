/** A file over HTTP, written while it comes. */
import { open } from 'node:fs/promises'
import { Silence } from './silence.js'

const MAX_REDIRECTS = 5
/** Without a byte for so long, the server counts as gone; Spark's `spark.files.fetchTimeout`. */
const IDLE_TIMEOUT_MS = 60_000
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])

/**
 * Writes what is at `url`, in full, to `destination`.
 *
 * @param url http or https; `user:password@` in it is sent to that server alone
 * @throws Error that says what failed
 */
export async function download(
  url: string,
  destination: string,
  signal: AbortSignal,
  idleTimeoutMs = IDLE_TIMEOUT_MS,
): Promise<void> {
  const idle = new AbortController()
  const silence = new Silence(idleTimeoutMs, () => idle.abort())
  const either = AbortSignal.any([signal, idle.signal])
  try {
    const response = await answer(new URL(url), either)
    const file = await open(destination, 'w')
    try {
      for await (const chunk of response.body ?? []) {
        silence.heard()
        await file.writeFile(chunk as Uint8Array)
      }
    } finally {
      await file.close()
    }
  } catch (error) {
    if (!idle.signal.aborted || signal.aborted) throw explained(error as Error)
    throw new Error(`the server said nothing for ${idleTimeoutMs / 1000} s`, { cause: error })
  } finally {
    silence.end()
  }
}

/** Follows redirects to the one answer that has the file. */
async function answer(first: URL, signal: AbortSignal): Promise<Response> {
  const { origin } = first
  const authorization = basicAuthorization(first)
  let url = first
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects += 1) {
    url.username = ''
    url.password = ''
    const headers: Record<string, string> = { 'accept-encoding': 'identity' }
    if (authorization !== null && url.origin === origin) headers['authorization'] = authorization
    const response = await fetch(url, { redirect: 'manual', headers, signal })
    if (response.status === 200) return response
    await response.body?.cancel()
    const location = response.headers.get('location')
    if (!REDIRECTS.has(response.status) || location === null) {
      throw new Error(`${url.host} answered ${response.status} ${response.statusText}`.trimEnd())
    }
    url = redirected(url, location)
  }
  throw new Error(`it was redirected more than ${MAX_REDIRECTS} times`)
}

function redirected(from: URL, location: string): URL {
  if (!URL.canParse(location, from.href))
    throw new Error(`${from.host} redirected to what is no URL`)
  const to = new URL(location, from)
  const allowed = from.protocol === 'https:' ? ['https:'] : ['http:', 'https:']
  if (allowed.includes(to.protocol)) return to
  throw new Error(
    `${from.host} redirected from ${from.protocol} to ${to.protocol}, which is refused`,
  )
}

function basicAuthorization({ username, password }: URL): string | null {
  if (username === '' && password === '') return null
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  return `Basic ${Buffer.from(pair).toString('base64')}`
}

/** What fetch itself says of a failure is in its cause. */
function explained(error: Error): Error {
  const { cause } = error
  if (!(cause instanceof Error)) return error
  const { code } = cause as NodeJS.ErrnoException
  return new Error(cause.message === '' ? (code ?? error.message) : cause.message, { cause: error })
}
