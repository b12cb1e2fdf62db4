/** The HTTP server of the web thread: the socket, its limits, and ports that are taken (spec C16). */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { plain, send, type Answer } from './answer.js'
import type { RouteContext } from './request.js'
import { answerTo } from './routes.js'

export const connectionsMax = 1024
export const requestHeaderBytesMax = 8 * 1024 // P52
export const requestBodyBytesMax = 8 * 1024
export const requestsPerConnectionMax = 10_000
const idleTimeoutMs = 8_000 // U19
const headersTimeoutMs = 10_000
const requestTimeoutMs = 30_000

const lowestUserPort = 1024
const portSpan = 65536 - lowestUserPort

export interface WebServerOptions {
  readonly host: string
  /** 0: any free one. */
  readonly port: number
  /** `spark.port.maxRetries`: how many further ports may be tried. */
  readonly maxRetries: number
  readonly context: RouteContext
  /** A fault of ours while answering; the peer gets 500. */
  readonly onFault: (error: Error) => void
}

/** Spec C16. @returns the port to try after `retries` were taken; 0 stays 0 */
export function retryPort(port: number, retries: number): number {
  if (port === 0 || retries === 0) return port
  return ((port - lowestUserPort + retries) % portSpan) + lowestUserPort
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown))
}

/** @returns null when the body is longer than it may be; it is read no further then */
async function readBody(request: IncomingMessage): Promise<string | null> {
  const parts: Buffer[] = []
  let bytes = 0
  for await (const part of request) {
    const chunk = part as Buffer
    bytes += chunk.byteLength
    if (bytes > requestBodyBytesMax) return null
    parts.push(chunk)
  }
  return Buffer.concat(parts).toString('utf8')
}

export class WebServer {
  readonly #options: WebServerOptions
  readonly #server: Server

  constructor(options: WebServerOptions) {
    this.#options = options
    this.#server = createServer(
      {
        maxHeaderSize: requestHeaderBytesMax,
        headersTimeout: headersTimeoutMs,
        requestTimeout: requestTimeoutMs,
        keepAliveTimeout: idleTimeoutMs,
      },
      (request, response) => {
        void this.#serve(request, response)
      },
    )
    this.#server.maxConnections = connectionsMax
    this.#server.maxRequestsPerSocket = requestsPerConnectionMax
    this.#server.setTimeout(requestTimeoutMs)
  }

  /** @returns the bound port @throws Error when no port of the range can be bound */
  async listen(): Promise<number> {
    const { host, port, maxRetries } = this.#options
    for (let retries = 0; ; retries += 1) {
      try {
        return await this.#bind(host, retryPort(port, retries))
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException
        const taken = code === 'EADDRINUSE'
        if (taken && port !== 0 && retries < maxRetries) continue
        const tried = retries === 0 ? `port ${port}` : `${retries + 1} ports from ${port} on`
        throw new Error(
          `the web UI can't listen on ${host}, ${tried}: ${code ?? asError(error).message}; ` +
            'free a port, or set spark.master.ui.port or spark.port.maxRetries',
          { cause: error },
        )
      }
    }
  }

  /** Ends at once: pages are short, and a stopping master must not wait for browsers. */
  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve())
      this.#server.closeAllConnections()
    })
  }

  async #bind(host: string, port: number): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      const failed = (error: Error) => reject(error)
      this.#server.once('error', failed)
      this.#server.listen({ host, port }, () => {
        this.#server.off('error', failed)
        resolve()
      })
    })
    this.#server.on('error', this.#options.onFault)
    return (this.#server.address() as AddressInfo).port
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      await send(request, response, await this.#answer(request))
    } catch (error) {
      // A peer that went away in the middle is no fault of ours.
      if (request.errored !== null || response.destroyed) return
      this.#options.onFault(asError(error))
      await send(request, response, plain(500, 'the page failed; the log of the master says why'))
    }
  }

  async #answer(request: IncomingMessage): Promise<Answer> {
    const method = request.method ?? 'GET'
    let form = new URLSearchParams()
    if (method === 'POST') {
      const body = await readBody(request)
      if (body === null) {
        return plain(413, `a request body may have ${requestBodyBytesMax} bytes`, {
          Connection: 'close',
        })
      }
      const type = request.headers['content-type'] ?? ''
      if (type.startsWith('application/x-www-form-urlencoded')) form = new URLSearchParams(body)
    }
    const { url: target = '/', headers } = request
    const remoteAddress = request.socket.remoteAddress ?? ''
    return answerTo({ method, target, headers, form, remoteAddress }, this.#options.context)
  }
}
