/**
 * The only file that knows uWebSockets. Two releases are optional dependencies, because none carries binaries
 * for all Node lines that are served; the running version decides.
 */
import { createRequire } from 'node:module'

export interface UwsSocket {
  /** @returns 0: kept in the buffer, 1: sent, 2: dropped, since the buffer is over maxBackpressure */
  send(message: Uint8Array, isBinary: boolean): number
  /** What is sent meanwhile leaves together. */
  cork(send: () => void): UwsSocket
  /** Says goodbye; calls the close handler before it returns. */
  end(code: number, reason: string): void
  /** Cuts the connection; calls the close handler before it returns. */
  close(): void
  getUserData(): { session: number }
  getRemoteAddressAsText(): ArrayBuffer
}

interface UwsResponse {
  writeStatus(status: string): UwsResponse
  end(body: string): void
  upgrade(
    data: { session: number },
    key: string,
    protocol: string,
    extensions: string,
    context: unknown,
  ): void
}

interface UwsRequest {
  getHeader(name: string): string
}

export interface UwsBehavior {
  compression: number
  maxPayloadLength: number
  maxBackpressure: number
  /** Seconds, from 8 to 960. */
  idleTimeout: number
  sendPingsAutomatically: boolean
  upgrade(response: UwsResponse, request: UwsRequest, context: unknown): void
  open(socket: UwsSocket): void
  message(socket: UwsSocket, message: ArrayBuffer, isBinary: boolean): void
  close(socket: UwsSocket, code: number, reason: ArrayBuffer): void
}

export interface UwsApp {
  ws(path: string, behavior: UwsBehavior): UwsApp
  any(path: string, handler: (response: UwsResponse) => void): UwsApp
  listen(host: string, port: number, options: number, done: (token: unknown) => void): UwsApp
  close(): UwsApp
}

export interface Uws {
  App(): UwsApp
  DISABLED: number
  LIBUS_LISTEN_EXCLUSIVE_PORT: number
  us_socket_local_port(token: unknown): number
}

const FIRST_NODE_OF_SECOND_LINE = 22

/** @returns uWebSockets for this Node version, or why there is none */
export function loadUws(): Uws | Error {
  const node = Number(process.versions.node.split('.')[0])
  const names = node >= FIRST_NODE_OF_SECOND_LINE ? ['uws-22', 'uws-20'] : ['uws-20']
  const load = createRequire(import.meta.url)
  let failure = new Error('no release of uWebSockets fits')
  for (const name of names) {
    try {
      return load(name) as Uws
    } catch (error) {
      failure = error as Error
    }
  }
  return failure
}
