/**
 * The Spark RPC endpoint `Worker`: executors look it up and hold the connection for life. When this process dies
 * the connection drops and they exit (W11). No message passes on it.
 */
import { socketAddress } from '../conf/host.js'
import type { Logger } from '../log/logger.js'
import { RpcServer, type RpcCall } from '../spark/rpc-server.js'

export interface WatcherOptions {
  host: string
  /** 0: any free one. */
  port: number
  maxRetries: number
  log: Logger
}

export const ENDPOINT_NAME = 'Worker'

export class WorkerWatcher {
  readonly #server: RpcServer

  constructor(options: WatcherOptions) {
    this.#server = new RpcServer({
      ...options,
      host: socketAddress(options.host),
      endpoints: new Map([[ENDPOINT_NAME, { receive: refuse }]]),
    })
  }

  /** @returns the port, which executors are told @throws Error when there is none */
  listen(): Promise<number> {
    return this.#server.listen()
  }

  close(): Promise<void> {
    return this.#server.close('the worker stops')
  }
}

/** `--worker-url`, as Spark writes it (WIRE 3.4). */
export function workerUrl(host: string, port: number): string {
  return `spark://${ENDPOINT_NAME}@${host}:${port}`
}

function refuse({ reply, message }: RpcCall): void {
  reply?.failure(`${ENDPOINT_NAME} takes no ${message.kind}: executors only look it up`)
}
