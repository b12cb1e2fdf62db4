/** An HTTP server of the web thread: the socket, its limits, and ports that are taken (spec C16). */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { serverOptions, type TlsIdentity } from './tls.js'

export const connectionsMax = 1024
const defaultHeaderBytesMax = 8 * 1024
export const requestsPerConnectionMax = 10_000
const idleTimeoutMs = 8_000 // U19
const headersTimeoutMs = 10_000
const requestTimeoutMs = 30_000
const handshakeTimeoutMs = 10_000

const lowestUserPort = 1024
const portSpan = 65536 - lowestUserPort

export interface HttpServerOptions {
  /** Who can't listen, for the message: `the web UI`. */
  readonly what: string
  /** The setting that names another port. */
  readonly portKey: string
  readonly host: string
  /** 0: any free one. */
  readonly port: number
  /** `spark.port.maxRetries`: how many further ports may be tried. */
  readonly maxRetries: number
  /** `spark.ui.requestHeaderSize` (P52): longer headers are answered with 431; absent: 8 KiB. */
  readonly headerBytesMax?: number
  /** Absent: it is served as it is. */
  readonly tls?: TlsIdentity
  /** Answers; must not reject. */
  readonly serve: (request: IncomingMessage, response: ServerResponse) => Promise<void>
  /** A fault of the socket after it listened. */
  readonly onFault: (error: Error) => void
}

/** Spec C16. @returns the port to try after `retries` were taken; 0 stays 0 */
export function retryPort(port: number, retries: number): number {
  if (port === 0 || retries === 0) return port
  return ((port - lowestUserPort + retries) % portSpan) + lowestUserPort
}

export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown))
}

/** @returns null when the body is longer than it may be; it is read no further then */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<string | null> {
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) return null
  const parts: Buffer[] = []
  let bytes = 0
  // The connection must live on, or the peer would never hear why.
  for await (const part of request.iterator({ destroyOnReturn: false })) {
    const chunk = part as Buffer
    bytes += chunk.byteLength
    if (bytes > maxBytes) return null
    parts.push(chunk)
  }
  return Buffer.concat(parts).toString('utf8')
}

export class HttpServer {
  readonly #options: HttpServerOptions
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  constructor(options: HttpServerOptions) {
    this.#options = options
    const limits = {
      maxHeaderSize: options.headerBytesMax ?? defaultHeaderBytesMax,
      headersTimeout: headersTimeoutMs,
      requestTimeout: requestTimeoutMs,
      keepAliveTimeout: idleTimeoutMs,
    }
    const serve = (request: IncomingMessage, response: ServerResponse): void => {
      void options.serve(request, response)
    }
    const { tls } = options
    this.#server =
      tls === undefined
        ? createServer(limits, serve)
        : createSecureServer(
            { ...limits, ...serverOptions(tls), handshakeTimeout: handshakeTimeoutMs },
            serve,
          )
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    })
    this.#server.maxConnections = connectionsMax
    this.#server.maxRequestsPerSocket = requestsPerConnectionMax
    this.#server.setTimeout(requestTimeoutMs)
  }

  /** @returns the bound port @throws Error when no port of the range can be bound */
  async listen(): Promise<number> {
    const { what, portKey, host, port, maxRetries } = this.#options
    for (let retries = 0; ; retries += 1) {
      try {
        return await this.#bind(host, retryPort(port, retries))
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException
        const taken = code === 'EADDRINUSE'
        if (taken && port !== 0 && retries < maxRetries) continue
        const tried = retries === 0 ? `port ${port}` : `${retries + 1} ports from ${port} on`
        throw new Error(
          `${what} can't listen on ${host}, ${tried}: ${code ?? asError(error).message}; ` +
            `free a port, or set ${portKey} or spark.port.maxRetries`,
          { cause: error },
        )
      }
    }
  }

  /** Ends at once: answers are short, and a stopping master must not wait for browsers. */
  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve())
      // Those too over which TLS has not been agreed on.
      for (const socket of this.#sockets) socket.destroy()
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
}
