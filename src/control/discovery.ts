/** Asks a master, on the port that spark:// names, where its control link is. */
import { request } from 'node:http'
import { ControlError } from './errors.js'
import { CONNECT_TIMEOUT_MS, CONTROL_PROTOCOL, MAX_DISCOVERY_BYTES } from './limits.js'

const MAX_PORT = 65_535

/**
 * @param address host:port, IPv6 in brackets
 * @returns the URL of the WebSocket
 * @throws Error that says what the master answered instead
 */
export async function discover(address: string, signal: AbortSignal): Promise<string> {
  const url = new URL(`http://${address}/control`)
  const { status, body } = await ask(url, signal)
  return webSocketUrl(url.hostname, status, body)
}

function ask(url: URL, signal: AbortSignal): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(CONNECT_TIMEOUT_MS)])
    const asked = request(url, { agent: false, signal: limit }, (response) => {
      let body = ''
      response.setEncoding('utf8')
      response.on('error', reject)
      response.on('data', (part: string) => {
        body += part
        if (body.length > MAX_DISCOVERY_BYTES)
          response.destroy(new ControlError(`over ${MAX_DISCOVERY_BYTES} bytes of answer`))
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }))
    })
    asked.on('error', reject)
    asked.end()
  })
}

function webSocketUrl(host: string, status: number, body: string): string {
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
