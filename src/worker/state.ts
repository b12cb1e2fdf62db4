/**
 * The worker as a function: (state, event, now) -> effects. No socket, file, process, clock, thread, random
 * source or log in here: the real worker (main.ts, effects.ts) and the deterministic simulator both run this.
 *
 * Rules a driver of this machine keeps to:
 * - one `step` at a time; carry the effects out in order;
 * - `linkOpened`/`linkClosed` alternate; messages come only in between, and only of one master, the active one;
 * - after `launch` exactly one of `executorFailed` or `executorExited` comes, `executorStarted` at most once and
 *   before it; `kill` may come at any time in between, and more than once;
 * - after `launchDriver` exactly one of `driverFailed` or `driverExited` comes; `killDriver` at most once before it;
 * - a timer fires once, at or after its due time, unless it was set anew or cleared;
 * - nothing is stepped after an `exit` effect.
 */
import type { BodyT } from '../control/codec.js'
import * as schema from '../schema/magneto.js'
import { DriverTable, MAX_DRIVERS, type Driver } from './driver-table.js'
import {
  assert,
  ExecutorTable,
  MAX_EXECUTORS,
  nameOf,
  type Executor,
  type ExecutorFacts,
} from './executor-table.js'
import { latestState, schedulerState, type Hosted } from './lists.js'
import type {
  ExecutorKey,
  TimerName,
  WorkerEffect,
  WorkerEvent,
  WorkerSettings,
} from './machine-events.js'
import { Reports, type Report } from './reports.js'

export type * from './machine-events.js'

const SHORT_REGISTRATION_INTERVAL_S = 10
const LONG_REGISTRATION_INTERVAL_S = 60
/** Used when a master names no timeout of its own (P18). */
const DEFAULT_WORKER_TIMEOUT_MS = 60_000
const HEARTBEATS_PER_TIMEOUT = 4
const SHUTDOWN_MESSAGE = 'Worker shutting down'

const { RUNNING, KILLED, FAILED, EXITED } = schema.ExecutorState

export class WorkerMachine {
  readonly #settings: WorkerSettings
  readonly #executors = new ExecutorTable()
  readonly #drivers = new DriverTable()
  readonly #reports = new Reports()
  readonly #hosted: Hosted
  #linkOpen = false
  #registered = false
  /** A master leads this worker: it has registered it, or says to have taken over from the one that did. */
  #led = false
  #everRegistered = false
  #registrationWaits = false
  #attempts = 0
  #masterUrl = ''
  #heartbeatMs = DEFAULT_WORKER_TIMEOUT_MS / HEARTBEATS_PER_TIMEOUT
  #decommissioned = false
  #everIll = false
  /** What is wrong with this machine; null: nothing. */
  #illness: string | null = null
  /** What the master has been told of it last; undefined: it may know anything. */
  #illnessTold: string | null | undefined = null
  #stopping = false
  #exited = false
  #nowMs = 0
  #effects: WorkerEffect[] = []

  constructor(settings: WorkerSettings) {
    this.#settings = settings
    const { workerId } = settings
    const [executors, drivers, reports] = [this.#executors, this.#drivers, this.#reports]
    this.#hosted = { workerId, executors, drivers, reports }
  }

  get registered(): boolean {
    return this.#registered
  }

  /** Of the master that this worker obeys; empty before the first registration. */
  get masterUrl(): string {
    return this.#masterUrl
  }

  executors(): readonly Readonly<Executor>[] {
    return this.#executors.values()
  }

  drivers(): readonly Readonly<Driver>[] {
    return this.#drivers.values()
  }

  /** Reports that the master has not confirmed yet, oldest first. */
  unacknowledged(): readonly Report[] {
    return this.#reports.values()
  }

  /** @param nowMs wall clock, ms since the epoch @returns what to do, in this order */
  step(event: WorkerEvent, nowMs: number): WorkerEffect[] {
    if (this.#exited) return []
    this.#nowMs = nowMs
    this.#effects = []
    this.#dispatch(event)
    if (this.#mayLeave()) this.#onStop('it is decommissioned, and nothing runs here any more')
    if (this.#stopping && this.#isIdle()) this.#leave()
    return this.#effects
  }

  /** Walks the whole state. @throws Error naming the first broken invariant */
  check(): void {
    assert(!this.#registered || this.#linkOpen, 'registered without a link')
    assert(!this.#registered || this.#led, 'registered and not led')
    assert(!this.#led || this.#linkOpen, 'led without a link')
    assert(!this.#led || this.#masterUrl !== '', 'led by a nameless master')
    assert(!(this.#registered && this.#registrationWaits), 'registered and still trying')
    this.#executors.check()
    this.#drivers.check()
    this.#reports.check()
  }

  #dispatch(event: WorkerEvent): void {
    switch (event.kind) {
      case 'started':
        return this.#waitForRegistration()
      case 'linkOpened':
        this.#linkOpen = true
        return event.changed ? this.#onMasterChanged(event.changed) : this.#register()
      case 'linkClosed':
        return this.#onLinkClosed(event.reason)
      case 'message':
        return this.#onMessage(event.body)
      case 'executorStarted':
        return this.#onStarted(event)
      case 'executorFailed':
        return this.#onEnded(event, FAILED, event.message, null)
      case 'executorExited':
        return this.#onEnded(event, EXITED, event.message, event.exitStatus)
      case 'driverFailed':
        return this.#onDriverEnded(event.driverId, schema.DriverState.ERROR, event.message)
      case 'driverExited':
        return this.#onDriverEnded(event.driverId, exitState(event.exitStatus), null)
      case 'timer':
        return this.#onTimer(event.timer)
      case 'health':
        return this.#onHealth(event.healthy ? null : event.report)
      case 'decommission':
        return this.#onDecommission('signal')
      case 'stop':
        return this.#onStop(event.reason)
    }
  }

  #onTimer(timer: TimerName): void {
    if (timer === 'heartbeat') this.#onHeartbeat()
    else if (timer === 'registration') this.#onRegistrationTimer()
    else this.#onStop('the deadline of its decommission has come')
  }

  #onMessage(body: BodyT): void {
    if (!this.#linkOpen) return this.#log('warn', 'a message of a closed link is ignored')
    if (body instanceof schema.WorkerRegisteredT) this.#onRegistered(body)
    else if (body instanceof schema.RegisterWorkerFailedT) this.#onRefused(body.message)
    else if (body instanceof schema.ReconnectWorkerT) this.#onReconnect(body)
    else if (body instanceof schema.MasterChangedT) this.#onMasterChanged(body)
    else if (body instanceof schema.LaunchExecutorT) this.#onLaunch(body)
    else if (body instanceof schema.KillExecutorT) this.#onKill(body)
    else if (body instanceof schema.ApplicationFinishedT) this.#onApplicationFinished(body)
    else if (body instanceof schema.ReplyT) this.#onReply(body)
    else if (body instanceof schema.MasterInStandbyT) this.#onStandby()
    else if (body instanceof schema.DecommissionWorkerT) this.#onDecommission('master')
    else if (body instanceof schema.LaunchDriverT) this.#onLaunchDriver(body)
    else if (body instanceof schema.KillDriverT) this.#onKillDriver(String(body.driverId))
    else if (body instanceof schema.RefusedT) {
      this.#log('error', `the master ended this connection: ${body.message}`)
    } else this.#log('warn', `a worker has no use for ${body.constructor.name}; ignored`)
  }

  // ---- registration (T1, T4, T5) ----

  #register(): void {
    if (this.#stopping || !this.#linkOpen) return
    const s = this.#settings
    this.#send(
      new schema.RegisterWorkerT(
        s.workerId,
        s.host,
        s.port,
        s.cores,
        s.memoryMb,
        s.webUiUrl,
        [...s.resources],
        [...s.runtimes],
        this.#illness,
      ),
    )
    this.#illnessTold = this.#illness
  }

  #waitForRegistration(): void {
    if (this.#registrationWaits || this.#stopping) return
    this.#registrationWaits = true
    this.#attempts = 0
    this.#setRegistrationTimer()
  }

  #setRegistrationTimer(): void {
    const seconds =
      this.#attempts < this.#settings.initialRegistrationRetries
        ? SHORT_REGISTRATION_INTERVAL_S
        : LONG_REGISTRATION_INTERVAL_S
    const delayMs = Math.round(seconds * this.#settings.registrationFactor) * 1000
    this.#effects.push({ kind: 'setTimer', timer: 'registration', dueMs: this.#nowMs + delayMs })
  }

  #onRegistrationTimer(): void {
    if (!this.#registrationWaits || this.#stopping) return
    this.#attempts += 1
    const tries = this.#settings.maxRegistrationRetries
    if (tries !== null && this.#attempts > tries) {
      return this.#exit(1, `no master took this worker in after ${tries} attempts; giving up`)
    }
    this.#log('info', `not registered yet: attempt ${this.#attempts}`)
    this.#register()
    this.#setRegistrationTimer()
  }

  #onRegistered(body: schema.WorkerRegisteredT): void {
    if (this.#stopping) return
    // A master that did not know this worker may have ended applications without telling it.
    if (!body.duplicate) this.#executors.doubtAll()
    this.#registered = true
    this.#led = true
    this.#everRegistered = true
    this.#masterUrl = String(body.masterUrl)
    if (this.#registrationWaits) {
      this.#registrationWaits = false
      this.#effects.push({ kind: 'clearTimer', timer: 'registration' })
    }
    const timeoutMs = body.workerTimeoutMs || DEFAULT_WORKER_TIMEOUT_MS
    this.#heartbeatMs = Math.max(1, Math.floor(timeoutMs / HEARTBEATS_PER_TIMEOUT))
    this.#setHeartbeat()
    this.#log(
      body.duplicate ? 'warn' : 'info',
      body.duplicate
        ? `${this.#masterUrl} knew this worker already`
        : `registered with ${this.#masterUrl}`,
    )
    // The list first: the master kills what it does not know, then learns what has ended meanwhile.
    this.#send(latestState(this.#hosted))
    // A master that takes this worker in takes it for able; what it sends meanwhile fails after this.
    if (this.#decommissioned) this.#sendDecommissioning()
    if (this.#illness !== this.#illnessTold) this.#sendHealth()
    for (const report of this.#reports.values()) this.#send(report)
    for (const appId of this.#executors.applicationIds()) this.#maybeCleanUp(appId)
  }

  /** M4. The link goes on to the next master; should it come back to this one, the timer asks again (T4). */
  #onStandby(): void {
    this.#log('info', 'this master is a standby, which takes no workers; trying the next one')
    this.#unregister()
  }

  #onRefused(message: string | null): void {
    const text = `the master refuses this worker: ${message ?? 'no reason given'}`
    if (!this.#everRegistered) return this.#exit(1, text)
    this.#log('error', text)
  }

  #onReconnect(body: schema.ReconnectWorkerT): void {
    if (this.#stopping) return
    this.#log('info', `${body.masterUrl} asks this worker to register again`)
    this.#unregister()
    this.#register()
  }

  /**
   * M18: a leader that has taken over. It knows this worker from its store, and is told what runs here (M8); its
   * WorkerRegistered, or ReconnectWorker, is the answer. Should none come, the timer registers.
   */
  #onMasterChanged(body: schema.MasterChangedT): void {
    if (this.#stopping) return
    this.#log('info', `${body.masterUrl} leads now; ${this.#kept()} go on`)
    this.#unregister()
    this.#masterUrl = String(body.masterUrl)
    this.#led = true
    // What its store says of the health here may be anything that was said once.
    this.#illnessTold = this.#everIll ? undefined : null
    this.#send(schedulerState(this.#hosted))
  }

  #unregister(): void {
    this.#led = false
    if (this.#registered) {
      this.#registered = false
      this.#effects.push({ kind: 'clearTimer', timer: 'heartbeat' })
    }
    this.#executors.doubtAll()
    this.#waitForRegistration()
  }

  #onLinkClosed(reason: string): void {
    this.#linkOpen = false
    if (!this.#stopping) {
      this.#log('warn', `no master (${reason}); ${this.#kept()} go on meanwhile`)
    }
    this.#unregister()
  }

  #setHeartbeat(): void {
    const dueMs = this.#nowMs + this.#heartbeatMs
    this.#effects.push({ kind: 'setTimer', timer: 'heartbeat', dueMs })
  }

  #onHeartbeat(): void {
    if (!this.#registered) return
    this.#send(new schema.WorkerHeartbeatT(this.#settings.workerId))
    this.#setHeartbeat()
  }

  // ---- executors (W3, W4, W13, W18, W19) ----

  #onLaunch(order: schema.LaunchExecutorT): void {
    const appId = String(order.appId)
    const { executorId } = order
    const { profileId, cores, memoryMb, resources } = order
    const key = { appId, executorId }
    const facts = { ...key, profileId, cores, memoryMb, resources }
    const ignore = (why: string): void =>
      this.#log('warn', `launch of ${nameOf(key)} is ignored: ${why}`)
    if (this.#stopping) return ignore('this worker shuts down')
    if (!this.#obeys(order.masterUrl)) {
      return ignore(`it is from ${order.masterUrl}, not from ${this.#masterUrl || 'a master'}`)
    }
    if (this.#executors.knows(key)) return ignore('it is a duplicate')
    if (this.#decommissioned) {
      // Spark's worker keeps silent here. The master has been told before it gets this, so it counts against
      // nobody (D5), and no core stays granted to what will never run.
      return this.#reportEnd(facts, FAILED, 'this worker is decommissioned', null)
    }
    if (this.#executors.size >= MAX_EXECUTORS) {
      const message = `this worker runs ${MAX_EXECUTORS} executors, which is its limit`
      return this.#reportEnd(facts, FAILED, message, null)
    }
    this.#executors.add(facts)
    this.#effects.push({ kind: 'launch', order })
  }

  #onKill(body: schema.KillExecutorT): void {
    const key = { appId: String(body.appId), executorId: body.executorId }
    if (!this.#obeys(body.masterUrl)) {
      return this.#log('warn', `kill of ${nameOf(key)} is ignored: it is from ${body.masterUrl}`)
    }
    const executor = this.#executors.get(key)
    if (executor === undefined)
      return this.#log('info', `asked to kill ${nameOf(key)}, which is not here`)
    this.#kill(executor)
  }

  #obeys(masterUrl: string | null): boolean {
    return this.#led && masterUrl === this.#masterUrl
  }

  #kill(executor: Executor): void {
    if (executor.killing) return
    executor.killing = true
    const { appId, executorId } = executor
    this.#effects.push({ kind: 'kill', appId, executorId })
  }

  #onStarted(event: ExecutorKey & { pid: number }): void {
    const executor = this.#executors.get(event)
    if (executor === undefined || executor.state === RUNNING) return
    executor.state = RUNNING
    executor.pid = event.pid
    if (this.#stopping) return
    const { appId, executorId } = event
    const report = new schema.ExecutorStateChangedT(0, appId, executorId, RUNNING, null, null)
    this.#reports.addExecutor(report, null)
    if (this.#registered) this.#send(report)
  }

  #onEnded(
    event: ExecutorKey,
    state: schema.ExecutorState.FAILED | schema.ExecutorState.EXITED,
    message: string | null,
    exitStatus: number | null,
  ): void {
    const executor = this.#executors.get(event)
    if (executor === undefined) return
    this.#executors.end(event)
    // A stopping worker has told the last word of each executor already.
    if (!this.#stopping)
      this.#reportEnd(executor, executor.killing ? KILLED : state, message, exitStatus)
    this.#maybeCleanUp(event.appId)
  }

  #onApplicationFinished(body: schema.ApplicationFinishedT): void {
    this.#executors.finish(String(body.appId))
    this.#maybeCleanUp(String(body.appId))
  }

  #maybeCleanUp(appId: string): void {
    if (!this.#executors.release(appId, this.#stopping)) return
    this.#effects.push({ kind: 'cleanUpApplication', appId })
  }

  // ---- reports (M11) ----

  #reportEnd(
    executor: ExecutorFacts,
    state: schema.ExecutorState,
    message: string | null,
    exitStatus: number | null,
  ): void {
    const { appId, executorId } = executor
    const args = [0, appId, executorId, state, message, exitStatus] as const
    const report = new schema.ExecutorStateChangedT(...args)
    this.#reports.addExecutor(report, executor)
    if (this.#registered) this.#send(report)
  }

  #tell(report: schema.DriverStateChangedT): void {
    this.#reports.add(report)
    if (this.#registered) this.#send(report)
  }

  #onReply(body: schema.ReplyT): void {
    const report = this.#reports.confirm(body.requestId)
    if (report !== null && !body.ok) {
      this.#log('warn', `the master refuses the report ${textOf(report)}: ${body.message}`)
    }
  }

  // ---- drivers (W14, W18, M12, M15, M16) ----

  /** A decommissioned worker runs it, as Spark's does: its end would be the end of the submission. */
  #onLaunchDriver(order: schema.LaunchDriverT): void {
    const driverId = String(order.driverId)
    const ignore = (why: string): void =>
      this.#log('warn', `launch of ${driverId} is ignored: ${why}`)
    if (this.#stopping) return ignore('this worker shuts down')
    if (!this.#led) return ignore('no master has taken this worker in')
    if (this.#drivers.knows(driverId)) return ignore('it is a duplicate')
    if (this.#drivers.size >= MAX_DRIVERS) {
      const reason = `worker ${this.#settings.workerId} hosts ${MAX_DRIVERS} drivers, its limit`
      return this.#tell(new schema.DriverStateChangedT(driverId, schema.DriverState.ERROR, reason))
    }
    this.#drivers.add(driverId, order.resources)
    this.#effects.push({ kind: 'launchDriver', order })
  }

  #onKillDriver(driverId: string): void {
    const driver = this.#drivers.get(driverId)
    if (driver === undefined)
      return this.#log('info', `asked to kill driver ${driverId}, which is not here`)
    this.#killDriver(driver)
  }

  #killDriver(driver: Driver): void {
    if (driver.killing) return
    driver.killing = true
    this.#effects.push({ kind: 'killDriver', driverId: driver.driverId })
  }

  #onDriverEnded(driverId: string, state: schema.DriverState, exception: string | null): void {
    const driver = this.#drivers.get(driverId)
    if (driver === undefined) return
    this.#drivers.end(driverId)
    // The master learns of a stopping worker's drivers by losing it, and starts those again that are supervised.
    if (this.#stopping) return
    const killed = driver.killing && state !== schema.DriverState.FINISHED
    this.#tell(
      killed
        ? new schema.DriverStateChangedT(driverId, schema.DriverState.KILLED, null)
        : new schema.DriverStateChangedT(driverId, state, exception),
    )
  }

  // ---- health: a master gives nothing new to a worker that is ill; what comes all the same is tried ----

  #onHealth(illness: string | null): void {
    if (illness === this.#illness) return
    this.#illness = illness
    this.#everIll = true
    if (illness === null) this.#log('info', 'healthy again: this worker takes new work')
    else this.#log('error', `unhealthy, no new work until this is mended: ${illness}`)
    if (this.#registered && !this.#stopping) this.#sendHealth()
  }

  #sendHealth(): void {
    const { workerId } = this.#settings
    this.#send(new schema.WorkerHealthT(workerId, this.#illness === null, this.#illness))
    this.#illnessTold = this.#illness
  }

  // ---- decommission (D1, D2, M19 to M21, Y9) ----

  /** @param by who asks; a master that does has marked this worker already */
  #onDecommission(by: 'signal' | 'master'): void {
    if (this.#decommissioned) return this.#log('info', 'this worker is decommissioned already')
    this.#decommissioned = true
    this.#log('info', `decommissioned (${by}): no new executors from now on; ${this.#kept()} go on`)
    if (by === 'signal' && this.#registered) this.#sendDecommissioning()
    const { decommissionDeadlineMs } = this.#settings
    if (decommissionDeadlineMs === null || this.#stopping) return
    const dueMs = this.#nowMs + decommissionDeadlineMs
    this.#effects.push({ kind: 'setTimer', timer: 'decommission', dueMs })
  }

  #sendDecommissioning(): void {
    this.#send(new schema.WorkerDecommissioningT(this.#settings.workerId))
  }

  /** Y9: with a deadline the worker goes as soon as nothing runs and the master knows all ends. */
  #mayLeave(): boolean {
    const { decommissionDeadlineMs } = this.#settings
    if (!this.#decommissioned || decommissionDeadlineMs === null || this.#stopping) return false
    return this.#isIdle() && this.#reports.size === 0
  }

  // ---- the end (W18) ----

  #onStop(reason: string): void {
    if (this.#stopping) return
    this.#log('info', `shutting down: ${reason}`)
    for (const executor of this.#executors.values()) {
      this.#reportEnd(executor, FAILED, SHUTDOWN_MESSAGE, null)
      this.#kill(executor)
    }
    for (const driver of this.#drivers.values()) this.#killDriver(driver)
    this.#stopping = true
    if (this.#registered) this.#effects.push({ kind: 'clearTimer', timer: 'heartbeat' })
    if (this.#registrationWaits) this.#effects.push({ kind: 'clearTimer', timer: 'registration' })
    this.#registrationWaits = false
  }

  #leave(): void {
    for (const appId of this.#executors.applicationIds()) this.#maybeCleanUp(appId)
    this.#exit(0, SHUTDOWN_MESSAGE)
  }

  #exit(status: number, reason: string): void {
    // A worker that gives up takes along what runs on it.
    for (const executor of this.#executors.values()) this.#kill(executor)
    for (const driver of this.#drivers.values()) this.#killDriver(driver)
    this.#exited = true
    this.#effects.push({ kind: 'exit', status, reason })
  }

  /** Whether nothing runs here. */
  #isIdle(): boolean {
    return this.#executors.size === 0 && this.#drivers.size === 0
  }

  #kept(): string {
    return `${this.#executors.size} executors and ${this.#drivers.size} drivers`
  }

  #send(body: BodyT): void {
    this.#effects.push({ kind: 'send', body })
  }

  #log(level: 'debug' | 'info' | 'warn' | 'error', text: string): void {
    this.#effects.push({ kind: 'log', level, text })
  }
}

/** W14 */
function exitState(exitStatus: number): schema.DriverState {
  return exitStatus === 0 ? schema.DriverState.FINISHED : schema.DriverState.FAILED
}

function textOf(report: Report): string {
  return report instanceof schema.DriverStateChangedT
    ? `${report.driverId} ${schema.DriverState[report.state]}`
    : `${report.appId}/${report.executorId} ${schema.ExecutorState[report.state]}`
}
