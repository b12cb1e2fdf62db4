/** The master's end of the control link, as far as a worker sees it; the test decides what it answers. */
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

import { decode, encode, type BodyT } from '../../src/control/codec.js'
import { CONTROL_PATH } from '../../src/control/limits.js'
import { ControlServer } from '../../src/control/server.js'
import { createLogger } from '../../src/log/logger.js'
import * as schema from '../../src/schema/magneto.js'

/** Below those that systems give to whoever connects. */
const LISTENING_PORTS = [10_000, 32_000] as const

type BodyClass<T extends BodyT> = new (...args: never[]) => T

export class FakeMaster {
  url = ''
  readonly #control: ControlServer
  #http: Server | null = null
  #session = -1
  readonly #inbox: BodyT[] = []
  readonly #waiting = new Set<() => void>()

  constructor() {
    this.#control = new ControlServer({
      log: createLogger('FakeMaster', { level: 'silent' }),
      transport: 'ws',
      onConnected: (session) => {
        this.#session = session
      },
      onMessage: (_session, bytes) => {
        this.#inbox.push(decode(Uint8Array.from(bytes)))
        for (const look of this.#waiting) look()
      },
      onDisconnected: () => {},
    })
  }

  /**
   * @param httpPort 0: any free one that no connection gets by chance, so that the next master of the test finds it
   *   free as well
   */
  async start(httpPort = 0): Promise<void> {
    const port = await this.#control.listen('127.0.0.1', 0)
    const answer = JSON.stringify({ protocol: 1, port, path: CONTROL_PATH })
    const http = createServer((_request, response) => response.end(answer))
    this.#http = http
    for (let tries = 0; !http.listening; tries += 1) {
      http.listen(httpPort === 0 ? randomInt(...LISTENING_PORTS) : httpPort, '127.0.0.1')
      await once(http, 'listening').catch((error: unknown) => {
        if (httpPort !== 0 || tries > 20) throw error
      })
    }
    this.url = `spark://127.0.0.1:${(http.address() as AddressInfo).port}`
  }

  async stop(): Promise<void> {
    this.#http?.closeAllConnections()
    this.#http?.close()
    await this.#control.stop('test over')
  }

  get httpPort(): number {
    return Number(new URL(this.url).port)
  }

  send(body: BodyT): void {
    this.#control.send(this.#session, encode(body))
  }

  hangUp(): void {
    this.#control.close(this.#session, 'as the test wants it')
  }

  /** The next message of that kind; those before it are let go. */
  async next<T extends BodyT>(kind: BodyClass<T>): Promise<T> {
    for (;;) {
      const body = this.#inbox.shift()
      if (body instanceof kind) return body
      if (body === undefined) {
        await new Promise<void>((resolve) => {
          const look = (): void => {
            this.#waiting.delete(look)
            resolve()
          }
          this.#waiting.add(look)
        })
      }
    }
  }

  /** Takes a worker in. */
  async register(): Promise<schema.RegisterWorkerT> {
    const registration = await this.next(schema.RegisterWorkerT)
    this.send(new schema.WorkerRegisteredT(this.url, 'http://ui', false, 60_000))
    return registration
  }

  /** The next report, confirmed. */
  async report(): Promise<schema.ExecutorStateChangedT> {
    const report = await this.next(schema.ExecutorStateChangedT)
    this.send(new schema.ReplyT(report.requestId, true, null))
    return report
  }
}
