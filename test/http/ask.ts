/** What a server of this machine answers, byte for byte. */
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { SecureContextOptions } from 'node:tls'

export interface Got {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

export interface Wanted {
  readonly method?: string
  readonly headers?: Record<string, string>
  readonly body?: string
  /** Over TLS. */
  readonly tls?: Pick<SecureContextOptions, 'ca' | 'key' | 'cert' | 'maxVersion'>
}

/** One request over a connection of its own. @param wanted GET without headers and body, unless it says so */
export function ask(port: number, path: string, wanted: Wanted = {}): Promise<Got> {
  const { method = 'GET', headers = {}, body = '', tls } = wanted
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, method, path, headers, agent: false }
    const request = tls === undefined ? httpRequest(options) : httpsRequest({ ...options, ...tls })
    request.on('response', (response) => {
      const parts: Buffer[] = []
      response.on('data', (part: Buffer) => parts.push(part))
      response.on('error', reject)
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(parts),
        }),
      )
    })
    request.on('error', reject)
    request.end(body)
  })
}
