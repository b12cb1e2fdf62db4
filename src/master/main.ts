/** Starts the master and ends it. The order matters: nothing is promised to a peer before all ports are had. */
import { join } from 'node:path'

import { ANY_ADDRESS, socketAddress } from '../conf/host.js'
import { keys } from '../conf/keys.js'
import type { MasterOptions } from '../conf/options.js'
import { InboxKind, SessionSource } from '../control/records.js'
import { ControlServer } from '../control/server.js'
import type { GatewayThreadData, WebThreadData } from '../control/thread-messages.js'
import { createMasterCore, type MasterCore } from '../core/native.js'
import { createLogger, type Logger } from '../log/logger.js'
import type { StoreEngine } from '../store/engine.js'
import { Clock } from './clock.js'
import { Effects, type SessionSink } from './effects.js'
import { Loop } from './loop.js'
import { Persistence } from './persistence.js'
import { restRules, restServerData } from './rest-settings.js'
import { coreConfig, openStore, storeEngine } from './settings.js'
import { StoreAlarm } from './store-alarm.js'
import { type ListeningThreadData, SupervisedThread } from './supervised-thread.js'

export interface RunningMaster {
  /** spark://host:port */
  masterUrl: string
  webUiUrl: string
  controlPort: number
  /** Closes every port and thread and settles when none is left. */
  stop(): Promise<void>
  /** The exit status that the process should have; never rejects. */
  stopped: Promise<number>
}

/** Threads started instead of Magneto's own, a core and a store; for tests. */
export interface MasterParts {
  readonly gatewayEntry?: URL
  readonly webEntry?: URL
  readonly createCore?: (config: Uint8Array) => MasterCore
  readonly engine?: StoreEngine
  readonly restartDelayMs?: (deaths: number) => number
}

/** sysexits' EX_SOFTWARE: an invariant is broken, the master must not go on. */
const STATUS_BROKEN = 70

const GATEWAY_ENTRY = new URL('../spark/gateway-thread.js', import.meta.url)
const WEB_ENTRY = new URL('../ui/web-thread.js', import.meta.url)
const STOP_REASON = 'the master stops'

/**
 * @returns when all ports are open and peers can register
 * @throws UsageError when a setting can't be served @throws Error when a port, a thread or the store can't be had
 */
export async function startMaster(
  options: MasterOptions,
  parts: MasterParts = {},
): Promise<RunningMaster> {
  const log = createLogger('Master')
  const engine = parts.engine ?? storeEngine(options.configuration)
  const clock = new Clock()
  await openStore(engine, log, clock.nowMs())
  const master = new Master(options, parts, { log, engine, clock })
  try {
    return await master.start()
  } catch (error) {
    await master.stop(1)
    throw error
  }
}

interface Tools {
  readonly log: Logger
  readonly engine: StoreEngine
  readonly clock: Clock
}

/** Waits for both also when one fails, so that nothing is still starting when that is told. */
async function bothSettled<A, B>(left: Promise<A>, right: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([left, right])
  return Promise.all([left, right])
}

class Master {
  readonly #options: MasterOptions
  readonly #parts: MasterParts
  readonly #tools: Tools
  readonly #control: ControlServer
  readonly #persistence: Persistence
  readonly #storeAlarm: StoreAlarm
  readonly #stopped: Promise<number>
  #leave: (status: number) => void = () => {}
  #gateway: SupervisedThread | null = null
  #web: SupervisedThread | null = null
  #core: MasterCore | null = null
  #loop: Loop | null = null
  #effects: Effects | null = null
  #stopping: Promise<void> | null = null

  constructor(options: MasterOptions, parts: MasterParts, tools: Tools) {
    this.#options = options
    this.#parts = parts
    this.#tools = tools
    this.#stopped = new Promise((resolve) => {
      this.#leave = resolve
    })
    this.#control = new ControlServer({
      log: tools.log,
      onConnected: (session, address) => {
        if (this.#loop === null) this.#control.close(session, 'the master is still starting')
        else this.#loop.add(InboxKind.CONNECTED, session, address)
      },
      onMessage: (session, bytes) => this.#loop?.add(InboxKind.MESSAGE, session, bytes),
      onDisconnected: (session, reason) => this.#disconnected(session, reason),
    })
    this.#storeAlarm = new StoreAlarm(tools.log)
    this.#persistence = new Persistence({
      engine: tools.engine,
      onStored: (sequence) => {
        this.#effects?.stored(sequence)
        this.#loop?.add(InboxKind.STORED, 0, '', sequence)
      },
      onFailed: (error) => this.#storeFailed(error),
    })
  }

  async start(): Promise<RunningMaster> {
    const { host, configuration, publicHost } = this.#options
    const controlPort = await this.#control.listen(
      socketAddress(host),
      configuration.read(keys.controlPort),
    )
    // Both threads start at once: each takes a while to load its modules.
    this.#gateway = this.#startGateway(controlPort)
    this.#web = this.#startWeb()
    const [gateway, web] = await bothSettled(this.#gateway.listening(), this.#web.listening())
    const masterUrl = `spark://${host}:${gateway.port}`
    const webUiUrl = `http://${publicHost}:${web.port}`
    this.#startCore(masterUrl, webUiUrl)
    const ready = { kind: 'ready', masterUrl, webUiUrl, restPort: web.restPort ?? null } as const
    this.#gateway.ready(ready)
    this.#web.ready(ready)
    this.#tools.log.info(
      `master at ${masterUrl}, web UI at ${webUiUrl}, control link on port ${controlPort}`,
    )
    return {
      masterUrl,
      webUiUrl,
      controlPort,
      stop: () => this.stop(0),
      stopped: this.#stopped,
    }
  }

  /** Settles when nothing is left; the first status wins. */
  stop(status: number): Promise<void> {
    this.#stopping ??= this.#stop(status)
    return this.#stopping
  }

  async #stop(status: number): Promise<void> {
    const { log, engine } = this.#tools
    this.#loop?.end()
    this.#storeAlarm.end()
    const left: [string, () => Promise<void>][] = [
      ['control link', () => this.#control.stop(STOP_REASON)],
      ['gateway thread', async () => this.#gateway?.stop()],
      ['web thread', async () => this.#web?.stop()],
      ['store', () => this.#persistence.drained().then(() => engine.close())],
    ]
    let leaveWith = status
    const outcomes = await Promise.allSettled(left.map(([, end]) => end()))
    for (const [index, outcome] of outcomes.entries()) {
      if (outcome.status === 'fulfilled') continue
      log.error(`while stopping the ${left[index]![0]}: ${String(outcome.reason)}`)
      leaveWith ||= 1
    }
    this.#leave(leaveWith)
  }

  #startGateway(controlPort: number): SupervisedThread {
    const { host, port, configuration } = this.#options
    const rest = restRules(configuration)
    const data: GatewayThreadData = {
      host: socketAddress(host),
      port,
      maxRetries: configuration.read(keys.portMaxRetries),
      controlPort,
      apacheWorkerVersion: configuration.read(keys.apacheWorkerVersion),
      useDriverIdAsAppName: configuration.read(keys.useDriverIdAsAppName),
      ...(rest === null ? {} : { rest }),
    }
    return this.#startThread('gateway thread', this.#parts.gatewayEntry ?? GATEWAY_ENTRY, data)
  }

  #startWeb(): SupervisedThread {
    const { host, webUiHost, webUiPort, publicHost, configuration } = this.#options
    const rest = restServerData(configuration, host)
    const data: WebThreadData = {
      host: socketAddress(webUiHost ?? ANY_ADDRESS),
      port: webUiPort,
      maxRetries: configuration.read(keys.portMaxRetries),
      headerBytesMax: configuration.read(keys.uiRequestHeaderBytes),
      publicHost,
      logDir: process.env['SPARK_LOG_DIR'] || join(this.#options.home, 'logs'),
      killEnabled: configuration.read(keys.killEnabled),
      title: configuration.read(keys.masterUiTitle),
      historyServerUrl: configuration.read(keys.historyServerUrl),
      ...(configuration.read(keys.decommissionEnabled)
        ? { decommissionAllowMode: configuration.read(keys.masterUiDecommissionAllowMode) }
        : {}),
      ...(rest === null ? {} : { rest }),
    }
    return this.#startThread('web thread', this.#parts.webEntry ?? WEB_ENTRY, data)
  }

  #startThread(name: string, entry: URL, data: ListeningThreadData): SupervisedThread {
    const { restartDelayMs } = this.#parts
    return new SupervisedThread({
      name,
      entry,
      data,
      log: this.#tools.log,
      onBatch: (bytes, ended) => this.#takeBatch(bytes, ended),
      onView: (_request, answer) => this.#answerView(answer),
      onLost: (sessions, reason) => {
        for (const session of sessions) this.#disconnected(session, reason)
      },
      onBroken: (error) => this.#fail(error.message, error),
      ...(restartDelayMs === undefined ? {} : { restartDelayMs }),
    })
  }

  #startCore(masterUrl: string, webUiUrl: string): void {
    const { log, clock } = this.#tools
    const config = coreConfig(this.#options.configuration, masterUrl, webUiUrl)
    const core = (this.#parts.createCore ?? createMasterCore)(config)
    const control: SessionSink = {
      send: (session, bytes) => this.#control.send(session, bytes),
      close: (session, reason) => this.#control.close(session, reason),
      flush: () => {},
    }
    const effects = new Effects({
      log,
      sinks: {
        [SessionSource.CONTROL]: control,
        [SessionSource.WEB]: this.#web!,
        [SessionSource.GATEWAY]: this.#gateway!,
      },
      persist: (change, sequence) => this.#persistence.add(change, sequence),
      setTimer: (dueMs) => loop.setTimer(dueMs),
    })
    const loop: Loop = new Loop({
      core,
      clock,
      run: (outbox) => effects.run(outbox),
      onBroken: (error) => this.#fail(`the core is broken: ${error.message}`, error),
    })
    this.#core = core
    this.#effects = effects
    this.#loop = loop
    // The first step, so that the core sets its first timer.
    loop.add(InboxKind.TIMER, 0)
  }

  #takeBatch(bytes: Uint8Array, ended: readonly number[]): void {
    for (const session of ended) this.#effects?.forget(session)
    this.#loop?.addBatch(bytes)
  }

  #disconnected(session: number, reason: string): void {
    this.#effects?.forget(session)
    this.#loop?.add(InboxKind.DISCONNECTED, session, reason)
  }

  #answerView(answer: (bytes: Uint8Array) => void): void {
    // Asked between listening and ready, or while stopping: the thread gives up on it by its own timeout.
    if (this.#core === null || this.#stopping !== null) return
    let bytes: Uint8Array
    try {
      bytes = this.#core.view(this.#tools.clock.nowMs())
    } catch (error) {
      return this.#fail(
        `the core can't show its state: ${(error as Error).message}`,
        error as Error,
      )
    }
    answer(bytes)
  }

  /** What runs goes on without a store; what would need it is refused by the core (spec H1). */
  #storeFailed(error: Error): void {
    if (this.#stopping !== null) return
    this.#storeAlarm.raise(error)
    this.#effects?.storeFailed(`the master's recovery store can't be written: ${error.message}`)
    this.#loop?.add(InboxKind.STORE_FAILED, 0, error.message)
  }

  #fail(what: string, error: Error): void {
    if (this.#stopping !== null) return
    const memoryMb = Math.round(process.memoryUsage.rss() / 2 ** 20)
    this.#tools.log.fatal(
      { error },
      `${what}; stopping: up for ${Math.round(process.uptime())} s, ${memoryMb} MiB in use, ` +
        `${this.#effects?.heldBytes ?? 0} bytes waiting for the store`,
    )
    void this.stop(STATUS_BROKEN)
  }
}
