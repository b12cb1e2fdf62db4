/** The REST submission server (spec R1): the socket under the handler. */
import type { RestServerData } from '../control/thread-messages.js'
import { HttpServer } from '../http/server.js'
import { RestHandler, type RestHandlerOptions } from './handler.js'

export interface RestServerOptions extends RestServerData, Omit<RestHandlerOptions, 'restPorts'> {
  /** `spark.port.maxRetries`: how many further ports may be tried. */
  readonly maxRetries: number
}

export class RestServer {
  readonly #server: HttpServer
  #port = 0

  constructor(options: RestServerOptions) {
    const { host, port, maxRetries, configuredPort, onFault } = options
    const handler = new RestHandler({
      ...options,
      masterUrl: () => options.masterUrl(),
      leaderUrl: () => options.leaderUrl(),
      restPorts: () => [configuredPort, this.#port],
    })
    this.#server = new HttpServer({
      what: 'the REST server',
      portKey: 'spark.master.rest.port',
      host,
      port,
      maxRetries,
      serve: (request, response) => handler.serve(request, response),
      onFault,
    })
  }

  /** @returns the bound port @throws Error when no port of the range can be bound */
  async listen(): Promise<number> {
    this.#port = await this.#server.listen()
    return this.#port
  }

  async close(): Promise<void> {
    await this.#server.close()
  }
}
