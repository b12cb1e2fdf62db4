/** Asks a master, on the port that spark:// names, where its control link is. */
import type { LookupAddress } from 'node:dns'
import { request } from 'node:http'
import { isIP } from 'node:net'
import { ControlError } from './errors.js'
import { CONNECT_TIMEOUT_MS, CONTROL_PROTOCOL, MAX_DISCOVERY_BYTES } from './limits.js'
import { addressesOf, fixed, systemLookup, type Lookup } from './lookup.js'

const MAX_PORT = 65_535

export interface Discovered {
  /** The URL of the WebSocket. */
  readonly url: string
  /** Of the very machine that answered, if that is known: a name may belong to several. */
  readonly addresses: readonly LookupAddress[]
}

/**
 * @param address host:port, IPv6 in brackets
 * @throws Error that says what the master answered instead
 */
export async function discover(
  address: string,
  signal: AbortSignal,
  lookup: Lookup = systemLookup,
): Promise<Discovered> {
  const url = new URL(`http://${address}/control`)
  const limit = new AbortController()
  const late = new ControlError(`no answer within ${CONNECT_TIMEOUT_MS} ms`)
  const timer = setTimeout(() => limit.abort(late), CONNECT_TIMEOUT_MS)
  const stop = (): void => limit.abort(signal.reason)
  signal.addEventListener('abort', stop)
  if (signal.aborted) stop()
  try {
    const found = await addressesOf(url.hostname, lookup, limit.signal)
    const answer = await ask(url, found, limit.signal)
    const addresses = answer.from === null ? found : [answer.from]
    return { url: webSocketUrl(url.hostname, answer), addresses }
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', stop)
  }
}

interface Answer {
  readonly status: number
  readonly body: string
  readonly from: LookupAddress | null
}

function ask(url: URL, addresses: readonly LookupAddress[], signal: AbortSignal): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error): void => {
      const why = signal.aborted ? (signal.reason as Error) : error
      reject(new ControlError(messageOf(why), { cause: error }))
    }
    const options = { agent: false, signal, lookup: fixed(addresses) } as const
    const asked = request(url, options, (response) => {
      const { remoteAddress: address } = response.socket
      const from = address === undefined ? null : { address, family: isIP(address) }
      let body = ''
      response.setEncoding('utf8')
      response.on('error', failed)
      response.on('data', (part: string) => {
        body += part
        if (body.length > MAX_DISCOVERY_BYTES)
          response.destroy(new ControlError(`over ${MAX_DISCOVERY_BYTES} bytes of answer`))
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body, from }))
    })
    asked.on('error', failed)
    asked.end()
  })
}

/** Several addresses that all fail come as one error without a text. */
export function messageOf(error: Error): string {
  if (!(error instanceof AggregateError) || error.message !== '') return error.message
  return error.errors.map((each: Error) => each.message).join(', ')
}

function webSocketUrl(host: string, { status, body }: Answer): string {
  const expected = 'is a Magneto master listening there?'
  if (status !== 200)
    throw new ControlError(`GET /control was answered with ${status}; ${expected}`)
  let answer: { protocol?: unknown; port?: unknown; path?: unknown }
  try {
    answer = JSON.parse(body) as typeof answer
  } catch (error) {
    throw new ControlError(`GET /control was not answered with JSON; ${expected}`, { cause: error })
  }
  const { protocol, port, path } = answer
  if (protocol !== CONTROL_PROTOCOL) {
    throw new ControlError(
      `the master speaks control protocol ${String(protocol)}, this version speaks ${CONTROL_PROTOCOL}`,
    )
  }
  if (!Number.isInteger(port) || Number(port) < 1 || Number(port) > MAX_PORT)
    throw new ControlError(`the master names no control port; ${expected}`)
  if (typeof path !== 'string' || !path.startsWith('/'))
    throw new ControlError(`the master names no control path; ${expected}`)
  return `ws://${host}:${Number(port)}${path}`
}
