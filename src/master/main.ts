/** Starts the master and ends it. The order matters: nothing is promised to a peer before all ports are had. */
import { socketAddress } from '../conf/host.js'
import { keys } from '../conf/keys.js'
import { metricsSettings, type MetricsSinkSettings } from '../conf/metrics-settings.js'
import type { MasterOptions } from '../conf/options.js'
import type { LeadershipStatus, MasterIdentity } from '../control/leadership.js'
import { SessionSource, sourceOf } from '../control/records.js'
import { ControlServer } from '../control/server.js'
import type { ViewAnswer, ViewRequest } from '../control/thread-messages.js'
import { createMasterCore, type MasterCore } from '../core/native.js'
import { createLogger, type Logger } from '../log/logger.js'
import type { Mandate, Recovery, RecoveryEvents } from '../election/agent.js'
import { chooseRecovery } from '../election/choose.js'
import { ControlReplicas } from '../election/zookeeper/replica-transport.js'
import { MasterRecorder } from '../metrics/master-recorder.js'
import { webSecurity, type WebSecurity } from '../security/web-security.js'
import { DAMAGED_PREFIX, MAX_DAMAGED_RECORDS, checkRecords, setAside } from '../store/records.js'
import { Clock } from './clock.js'
import { CommitFigures } from './commit-figures.js'
import { ControlSink } from './control-sink.js'
import type { SessionSink } from './effects.js'
import { Intake } from './intake.js'
import { Leadership } from './leadership.js'
import { FIRST_MANDATE_WAIT_MS, STORE_STOP_TIMEOUT_MS } from './limits.js'
import { Reign } from './reign.js'
import { coreConfig } from './settings.js'
import { StoreAlarm } from './store-alarm.js'
import { type ListeningThreadData, SupervisedThread } from './supervised-thread.js'
import { gatewayData, webData, webUiUrl as webUiUrlOf } from './thread-data.js'

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

/** Threads started instead of Magneto's own, a core and a recovery mode; for tests. */
export interface MasterParts {
  readonly gatewayEntry?: URL
  readonly webEntry?: URL
  readonly createCore?: (config: Uint8Array) => MasterCore
  readonly recovery?: Recovery
  readonly restartDelayMs?: (deaths: number) => number
}

/** sysexits' EX_SOFTWARE: an invariant is broken, the master must not go on. */
const STATUS_BROKEN = 70
/** As for any other reason not to start. */
const STATUS_REFUSED = 1

const GATEWAY_ENTRY = new URL('../spark/gateway-thread.js', import.meta.url)
const WEB_ENTRY = new URL('../ui/web-thread.js', import.meta.url)
/** What a worker makes of its timeout (T1). */
const HEARTBEATS_PER_TIMEOUT = 4
const STOP_REASON = 'the master stops'

/**
 * @returns when all ports are open, and where nobody else can lead, when this master leads and peers can register
 * @throws UsageError when a setting can't be served @throws Error when a port, a thread or the store can't be had
 */
export async function startMaster(
  options: MasterOptions,
  parts: MasterParts = {},
): Promise<RunningMaster> {
  const log = createLogger('Master')
  const metrics = metricsSettings(options.configuration, options.confDir, 'master')
  const { security, warnings } = webSecurity(options.configuration, 'master')
  for (const warning of [...metrics.warnings, ...warnings]) log.warn(warning)
  const replicas = new ControlReplicas()
  const recovery = parts.recovery ?? (await chooseRecovery(options.configuration, log, replicas))
  const tools = { log, recovery, replicas, clock: new Clock(), sinks: metrics.sinks, security }
  const master = new Master(options, parts, tools)
  try {
    return await master.start()
  } catch (error) {
    await master.stop(STATUS_REFUSED)
    throw error
  }
}

interface Tools {
  readonly log: Logger
  readonly recovery: Recovery
  readonly replicas: ControlReplicas
  readonly clock: Clock
  /** Where metrics go. */
  readonly sinks: readonly MetricsSinkSettings[]
  /** Of the web UI. */
  readonly security: WebSecurity
}

/** Waits for both also when one fails, so that nothing is still starting when that is told. */
async function bothSettled<A, B>(left: Promise<A>, right: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([left, right])
  return Promise.all([left, right])
}

/** @returns when the promise settles, or after so long @throws what it rejects with by then */
async function settledWithin(promise: Promise<void> | undefined, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | null = null
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms)
  })
  await Promise.race([promise, late]).finally(() => clearTimeout(timer!))
}

class Master {
  readonly #options: MasterOptions
  readonly #parts: MasterParts
  readonly #tools: Tools
  readonly #control: ControlServer
  readonly #controlSink: ControlSink
  readonly #intake: Intake
  readonly #metrics: MasterRecorder
  readonly #figures: CommitFigures
  readonly #storeAlarm: StoreAlarm
  readonly #stopped: Promise<number>
  #leave: (status: number) => void = () => {}
  #gateway: SupervisedThread | null = null
  #web: SupervisedThread | null = null
  #leadership: Leadership | null = null
  #reign: Reign | null = null
  /** Questions of the web thread that came before there was anything to tell. */
  readonly #early: (() => void)[] = []
  #stopping: Promise<void> | null = null

  constructor(options: MasterOptions, parts: MasterParts, tools: Tools) {
    this.#options = options
    this.#parts = parts
    this.#tools = tools
    const timeoutMs = options.configuration.read(keys.workerTimeoutMs)
    this.#metrics = new MasterRecorder(timeoutMs / HEARTBEATS_PER_TIMEOUT)
    this.#figures = new CommitFigures(this.#metrics)
    this.#stopped = new Promise((resolve) => {
      this.#leave = resolve
    })
    this.#intake = new Intake({
      close: (session, reason) => {
        const sink = this.#sinks()[sourceOf(session)]
        sink.close(session, reason)
        sink.flush()
      },
      metrics: this.#metrics,
    })
    this.#control = new ControlServer({
      log: tools.log,
      onConnected: (session, address) => this.#intake.connected(session, address),
      onMessage: (session, bytes) => this.#intake.message(session, bytes),
      onDisconnected: (session, reason) => this.#intake.disconnected(session, reason),
      replica: tools.replicas.sessions,
    })
    this.#controlSink = new ControlSink(this.#control)
    tools.replicas.attach(this.#control)
    this.#storeAlarm = new StoreAlarm(tools.log, () => tools.recovery.status().reason)
  }

  async start(): Promise<RunningMaster> {
    const { host, configuration } = this.#options
    this.#tools.recovery.prepare?.()
    const controlPort = await this.#control.listen(
      socketAddress(host),
      configuration.read(keys.controlPort),
    )
    // Both threads start at once: each takes a while to load its modules.
    this.#gateway = this.#startGateway(controlPort)
    this.#web = this.#startWeb()
    const [gateway, web] = await bothSettled(this.#gateway.listening(), this.#web.listening())
    const masterUrl = `spark://${host}:${gateway.port}`
    const webUiUrl = webUiUrlOf(this.#options, web)
    const self = { masterUrl, webUiUrl, controlAddress: `${host}:${controlPort}` }
    this.#leadership = new Leadership({
      self,
      recovery: this.#tools.recovery,
      figures: this.#figures,
      tell: (status) => this.#tellLeadership(status),
    })
    this.#beginReign(self)
    await this.#join(self)
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
    const { log, recovery } = this.#tools
    const written = this.#reign?.endWritten()
    this.#storeAlarm.end()
    this.#metrics.stop()
    this.#leadership?.end()
    const left: [string, () => Promise<void>][] = [
      ['control link', () => this.#control.stop(STOP_REASON)],
      ['gateway thread', async () => this.#gateway?.stop()],
      ['web thread', async () => this.#web?.stop()],
      [
        'recovery store',
        () => settledWithin(written, STORE_STOP_TIMEOUT_MS).then(() => recovery.close()),
      ],
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

  /**
   * Takes part. A mandate that comes soon comes before the ports answer, so that no peer is told of a standby that leads
   * a moment later.
   */
  async #join(self: MasterIdentity): Promise<void> {
    const events: RecoveryEvents = {
      lead: (mandate) => this.#lead(mandate),
      stepDown: (reason) => this.#stepDown(self, reason),
      suspend: (reason) => this.#suspend(reason),
      resume: () => this.#resume(),
      follow: (leader) => {
        this.#reign?.follow(leader)
        this.#leadership?.following(leader)
      },
    }
    let waits = true
    const joined = this.#tools.recovery.start(self, events).catch((error: unknown) => {
      if (waits) throw error
      this.#fail(`can't take part: ${(error as Error).message}`, error as Error, STATUS_REFUSED)
    })
    await settledWithin(joined, FIRST_MANDATE_WAIT_MS)
    waits = false
  }

  #beginReign(self: MasterIdentity): void {
    const { log, clock, recovery } = this.#tools
    const config = coreConfig(this.#options.configuration, self.masterUrl, self.webUiUrl)
    const reign = new Reign({
      log,
      clock,
      core: (this.#parts.createCore ?? createMasterCore)(config),
      recovery,
      figures: this.#figures,
      sinks: this.#sinks(),
      metrics: this.#metrics,
      onBroken: (error) => this.#fail(`the core is broken: ${error.message}`, error),
    })
    this.#reign = reign
    this.#intake.setReign(reign)
    for (const answer of this.#early.splice(0)) answer()
  }

  #lead({ epoch, records, damaged, checked = checkRecords(records) }: Mandate): void {
    if (this.#stopping !== null) return
    const { log } = this.#tools
    const beganMs = performance.now()
    for (const { file, reason } of damaged)
      log.warn(`a damaged part of the recovery store was set aside as ${file}: ${reason}`)
    for (const { key, reason } of checked.damaged.slice(-MAX_DAMAGED_RECORDS))
      log.warn(
        `the record ${key} of the recovery store was set aside as ${DAMAGED_PREFIX}${key}: ${reason}`,
      )
    const dropped = checked.damaged.length - MAX_DAMAGED_RECORDS
    if (dropped > 0)
      log.error(`${dropped} more records of the recovery store were damaged; none of them is kept`)
    this.#reign!.lead(epoch, checked.good, setAside(checked.damaged))
    this.#leadership!.led(epoch, performance.now() - beganMs)
    this.#tellLead()
    log.info(`leads with epoch ${epoch}; ${checked.good.length} records were taken up`)
  }

  #stepDown(self: MasterIdentity, reason: string): void {
    if (this.#stopping !== null) return
    this.#tools.log.error(`steps down: ${reason}; what runs goes on`)
    void this.#reign!.end()
    this.#beginReign(self)
    const why = `the master has stepped down: ${reason}`
    this.#control.closeAll(why)
    this.#gateway!.tell({ kind: 'stepDown', reason: why })
    this.#web!.tell({ kind: 'stepDown', reason: why })
    this.#leadership!.steppedDown()
  }

  #suspend(reason: string): void {
    this.#tools.log.warn(`decides nothing for now: ${reason}`)
    this.#reign!.suspend()
    this.#leadership!.suspended(reason)
  }

  #resume(): void {
    this.#tools.log.info('is sure again that it leads, and goes on')
    this.#leadership!.resumed()
    this.#reign!.resume()
  }

  #tellLeadership(status: LeadershipStatus): void {
    this.#gateway?.tell({ kind: 'leadership', status })
    this.#web?.tell({ kind: 'leadership', status })
  }

  /** Has peers called that do not come by themselves. */
  #tellLead(): void {
    const leader = this.#leadership?.status().leader
    if (this.#leadership?.role !== 'leader' || !leader) return
    this.#gateway!.tell({ kind: 'lead', epoch: leader.epoch, records: this.#reign!.callable() })
  }

  #startGateway(controlPort: number): SupervisedThread {
    return this.#startThread(SessionSource.GATEWAY, {
      name: 'gateway thread',
      entry: this.#parts.gatewayEntry ?? GATEWAY_ENTRY,
      data: gatewayData(this.#options, controlPort),
      onOpened: () => {
        this.#tellStatusTo(this.#gateway)
        this.#tellLead()
      },
    })
  }

  #startWeb(): SupervisedThread {
    return this.#startThread(SessionSource.WEB, {
      name: 'web thread',
      entry: this.#parts.webEntry ?? WEB_ENTRY,
      data: webData(this.#options, this.#tools.security, {
        figures: this.#metrics.buffer,
        sinks: this.#tools.sinks,
      }),
      onOpened: () => this.#tellStatusTo(this.#web),
    })
  }

  #tellStatusTo(thread: SupervisedThread | null): void {
    if (this.#leadership !== null)
      thread?.tell({ kind: 'leadership', status: this.#leadership.status() })
  }

  #startThread(
    source: SessionSource,
    own: { name: string; entry: URL; data: ListeningThreadData; onOpened(): void },
  ): SupervisedThread {
    const { restartDelayMs } = this.#parts
    return new SupervisedThread({
      ...own,
      log: this.#tools.log,
      onBatch: (bytes, ended) => this.#intake.batch(bytes, ended),
      onView: (request, answer) => this.#answerView(request, answer),
      onLost: (sessions, reason) => this.#intake.threadLost(source, sessions, reason),
      onBroken: (error) => this.#fail(error.message, error),
      ...(restartDelayMs === undefined ? {} : { restartDelayMs }),
    })
  }

  #sinks(): Record<SessionSource, SessionSink> {
    return {
      [SessionSource.CONTROL]: this.#controlSink,
      [SessionSource.WEB]: this.#web!,
      [SessionSource.GATEWAY]: this.#gateway!,
    }
  }

  #answerView(request: ViewRequest, answer: (answer: ViewAnswer) => void): void {
    if (this.#stopping !== null) return
    const reign = this.#reign
    if (reign === null) {
      // A browser was there before the master: all its requests would wait for the time-out of this one.
      this.#early.push(() => this.#answerView(request, answer))
      return
    }
    let found: ViewAnswer
    try {
      found = reign.answerView(request)
    } catch (error) {
      return this.#fail(
        `the core can't show its state: ${(error as Error).message}`,
        error as Error,
      )
    }
    answer(found)
  }

  #fail(what: string, error: Error, status = STATUS_BROKEN): void {
    if (this.#stopping !== null) return
    const memoryMb = Math.round(process.memoryUsage.rss() / 2 ** 20)
    this.#tools.log.fatal(
      { error },
      `${what}; stopping: up for ${Math.round(process.uptime())} s, ${memoryMb} MiB in use, ` +
        `${this.#reign?.heldBytes ?? 0} bytes waiting for the store`,
    )
    void this.stop(status)
  }
}
