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

/** For any free port. */
const MAX_TRIES = 200

/** For one that the master before had: on a busy machine a child may need seconds to its exec. */
const PORT_PATIENCE_MS = 20_000
const PORT_RETRY_MS = 10

type BodyClass<T extends BodyT> = new (...args: never[]) => T

export class FakeMaster {
  url = ''
  /** It takes in nobody who registers. */
  standsBy = false
  readonly #control: ControlServer
  #http: Server | null = null
  #session = -1
  #sessions = 0
  readonly #inbox: BodyT[] = []
  readonly #waiting = new Set<() => void>()

  constructor() {
    this.#control = new ControlServer({
      log: createLogger('FakeMaster', { level: 'silent' }),
      transport: 'ws',
      onConnected: (session) => {
        this.#session = session
        this.#sessions += 1
        for (const look of this.#waiting) look()
      },
      onMessage: (_session, bytes) => {
        const body = decode(Uint8Array.from(bytes))
        if (this.standsBy && body instanceof schema.RegisterWorkerT)
          return this.send(new schema.MasterInStandbyT())
        this.#inbox.push(body)
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
    // The same port again: the worker in this process may be starting a child, which holds it until its exec.
    const [maxTries, retryMs] =
      httpPort === 0 ? [MAX_TRIES, 0] : [PORT_PATIENCE_MS / PORT_RETRY_MS, PORT_RETRY_MS]
    for (let tries = 0; !http.listening; tries += 1) {
      http.listen(httpPort === 0 ? randomInt(...LISTENING_PORTS) : httpPort, '127.0.0.1')
      await once(http, 'listening').catch((error: unknown) => {
        if (tries > maxTries) throw error
      })
      if (!http.listening) await new Promise((done) => setTimeout(done, retryMs))
    }
    this.url = `spark://127.0.0.1:${(http.address() as AddressInfo).port}`
  }

  async stop(): Promise<void> {
    const http = this.#http
    if (http !== null) {
      // Who starts the next one wants the port.
      const closed = once(http, 'close')
      http.close()
      http.closeAllConnections()
      await closed
    }
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
      if (body === undefined) await this.#news()
    }
  }

  /** Until so many connections have come. */
  async connected(count = 1): Promise<void> {
    while (this.#sessions < count) await this.#news()
  }

  #news(): Promise<void> {
    return new Promise<void>((resolve) => {
      const look = (): void => {
        this.#waiting.delete(look)
        resolve()
      }
      this.#waiting.add(look)
    })
  }

  /** Takes a worker in. */
  async register(): Promise<schema.RegisterWorkerT> {
    const registration = await this.next(schema.RegisterWorkerT)
    this.send(new schema.WorkerRegisteredT(this.url, 'http://ui', false, 60_000))
    return registration
  }

  /** Says that it leads, and takes back the worker that answers. */
  async takeOver(epoch: number): Promise<schema.WorkerSchedulerStateResponseT> {
    this.standsBy = false
    this.send(new schema.MasterChangedT(this.url, 'http://ui', epoch))
    const state = await this.next(schema.WorkerSchedulerStateResponseT)
    this.send(new schema.WorkerRegisteredT(this.url, 'http://ui', true, 60_000, epoch))
    return state
  }

  /** The next report, confirmed. */
  async report(): Promise<schema.ExecutorStateChangedT> {
    const report = await this.next(schema.ExecutorStateChangedT)
    this.send(new schema.ReplyT(report.requestId, true, null))
    return report
  }
}
