/**
 * A host with an Apache worker, and the gateway's side of its connection (src/spark/apache-worker.ts). The worker
 * repeats a registration by its own clock (T4), asks until a report is answered (T11), tells the end of a driver
 * once and never again, and keeps silent about executors that come after its decommission (W4). The gateway lets
 * nothing but registrations through before the worker is registered, and fails launches of which it hears nothing.
 */
import type { BodyT } from '../../src/control/codec.js'
import { SessionSource } from '../../src/control/records.js'
import * as schema from '../../src/schema/magneto.js'
import { MAX_LAUNCH_SILENCE_MS } from '../../src/spark/launch-watch.js'
import type { Timer } from './clock.js'
import { SimulatedHost } from './host.js'
import type { DriverProcess, ExecutorProcess } from './process.js'

const heartbeatMs = 5_000
const shortAttempts = 6
const attemptsMax = 16
/** Apache waits for the timeout of an ask, 120 s; less makes histories shorter. */
const askRetryMs = 20_000
const askFailuresMax = 5

interface Ask {
  readonly report: schema.ExecutorStateChangedT
  failures: number
}

function descriptionOf(process: ExecutorProcess): schema.ExecutorDescriptionT {
  const { appId, executorId, profileId, cores, memoryMb, started } = process
  const state = started ? schema.ExecutorState.RUNNING : schema.ExecutorState.LAUNCHING
  return new schema.ExecutorDescriptionT(appId, executorId, profileId, cores, memoryMb, state)
}

export class ApacheHost extends SimulatedHost {
  readonly source = SessionSource.GATEWAY
  #registered = false
  #everRegistered = false
  /** It leaves, and the master may not have heard so or may have forgotten: it never says so again. */
  unheard = false
  /** The gateway's: this connection is of a registered worker. */
  #passed = false
  /** The gateway's: launches that the worker has not spoken of. */
  readonly #watched = new Set<string>()
  #masterUrl = ''
  #attempts = 0
  #factor = 1
  #registrationTimer: Timer | null = null
  #nextRequest = 1
  readonly #asks = new Map<number, Ask>()

  get registered(): boolean {
    return this.up && this.#registered
  }

  get unacknowledged(): number {
    return this.#asks.size
  }

  protected override booted(): void {
    this.#registered = false
    this.#passed = false
    this.#watched.clear()
    this.#everRegistered = false
    this.#masterUrl = ''
    this.#asks.clear()
    this.#registrationTimer = null
    this.unheard = false
    this.#factor = 0.5 + this.world.random.next()
    this.#beginRegistration()
    this.#heartbeat()
  }

  protected override linkOpened(changed: schema.MasterChangedT | null): void {
    if (changed !== null) return this.#changed(changed)
    // A report may open the connection; the registration then comes by its own clock.
    if (this.#everRegistered && this.world.random.chance(0.3)) return
    this.#register()
    if (!this.world.random.chance(0.1)) return
    this.world.coverage.happened('a worker registers twice')
    this.#register()
  }

  protected override linkClosed(): void {
    this.#registered = false
    this.#passed = false
    this.unheard ||= this.decommissioned
    this.#watched.clear()
    this.#beginRegistration()
  }

  protected override take(body: BodyT): void {
    if (body instanceof schema.WorkerRegisteredT) this.#onRegistered(body)
    else if (body instanceof schema.RegisterWorkerFailedT) {
      this.#passed = false
      if (!this.#everRegistered) this.exit(1, String(body.message))
    } else if (body instanceof schema.ReconnectWorkerT) {
      this.#registered = false
      this.#beginRegistration()
      this.#register()
    } else if (body instanceof schema.LaunchExecutorT) this.#onLaunchExecutor(body)
    else if (body instanceof schema.KillExecutorT) {
      if (body.masterUrl === this.#masterUrl) this.killExecutor(`${body.appId}/${body.executorId}`)
    } else if (body instanceof schema.LaunchDriverT) this.launchDriver(body)
    else if (body instanceof schema.KillDriverT) {
      if (this.world.apacheFault !== 'keeps drivers that it should kill')
        this.killDriver(String(body.driverId))
    } else if (body instanceof schema.DecommissionWorkerT) {
      this.decommissioned = true
      this.#watched.clear()
    } else if (body instanceof schema.ReplyT) this.#asks.delete(body.requestId)
    else if (body instanceof schema.MasterChangedT) this.#changed(body)
  }

  /** M18: the leader is told all that runs. What has ended while nobody led is told by asks that repeat themselves. */
  #changed({ masterUrl }: schema.MasterChangedT): void {
    this.#registered = true
    // The gateway lets through what comes behind its answer.
    this.#passed = true
    this.#everRegistered = true
    this.#masterUrl = String(masterUrl)
    this.#registrationTimer?.cancel()
    this.#registrationTimer = null
    const executors = [...this.executors.values()].map(
      (process) =>
        new schema.WorkerExecutorStateResponseT(descriptionOf(process), [...process.resources]),
    )
    const drivers = [...this.drivers.values()].map(
      ({ driverId, resources }) => new schema.WorkerDriverStateResponseT(driverId, [...resources]),
    )
    this.send(new schema.WorkerSchedulerStateResponseT(this.workerId, executors, drivers))
  }

  protected override executorStarted(process: ExecutorProcess): void {
    this.#report(process, schema.ExecutorState.RUNNING, null)
  }

  protected override executorFailed(process: ExecutorProcess): void {
    this.#report(process, schema.ExecutorState.FAILED, null)
  }

  protected override executorExited(process: ExecutorProcess, exitStatus: number): void {
    const state = process.killed ? schema.ExecutorState.KILLED : schema.ExecutorState.EXITED
    this.#report(process, state, process.killed ? null : exitStatus)
  }

  protected override driverEnded(
    { driverId, killed }: DriverProcess,
    how: 'ended' | 'failed' | 'no start',
  ): void {
    const { ERROR, KILLED, FINISHED, FAILED } = schema.DriverState
    const state = how === 'no start' ? ERROR : killed ? KILLED : how === 'ended' ? FINISHED : FAILED
    const exception = how === 'no start' ? 'java.io.FileNotFoundException' : null
    this.#forward(new schema.DriverStateChangedT(driverId, state, exception))
  }

  protected override stopped(): void {
    this.exit(143, 'SIGTERM')
  }

  protected override signalled(): void {
    if (this.#passed) this.#watched.clear()
    else this.unheard = true
    this.#forward(new schema.WorkerDecommissioningT(this.workerId))
  }

  #onRegistered({ masterUrl }: schema.WorkerRegisteredT): void {
    this.#registered = true
    this.#passed = true
    this.#everRegistered = true
    this.#masterUrl = String(masterUrl)
    this.#registrationTimer?.cancel()
    this.#registrationTimer = null
    const executors = [...this.executors.values()].map(descriptionOf)
    const drivers = [...this.drivers.keys()]
    this.#forward(new schema.WorkerLatestStateT(this.workerId, executors, drivers))
  }

  #onLaunchExecutor(order: schema.LaunchExecutorT): void {
    if (order.masterUrl !== this.#masterUrl || this.decommissioned) {
      this.trace(() => `ignores ${order.appId}/${order.executorId}`)
      this.#watch(String(order.appId), order.executorId)
      return
    }
    if (this.world.apacheFault === 'ignores launches of executors') return
    this.launchExecutor(order)
  }

  /** The gateway's: a launch that nobody speaks of has failed. */
  #watch(appId: string, executorId: number): void {
    const key = `${appId}/${executorId}`
    this.#watched.add(key)
    this.later(MAX_LAUNCH_SILENCE_MS, () => {
      if (!this.#watched.delete(key)) return
      this.send(
        new schema.ExecutorStateChangedT(
          0,
          appId,
          executorId,
          schema.ExecutorState.FAILED,
          'no word of it',
        ),
      )
    })
  }

  /** One way, through the gateway. */
  #forward(body: BodyT): void {
    if (this.#passed) this.send(body)
  }

  #beginRegistration(): void {
    if (this.#registrationTimer !== null) return
    this.#attempts = 0
    this.#awaitRegistration()
  }

  #awaitRegistration(): void {
    const seconds = this.#attempts < shortAttempts ? 10 : 60
    this.#registrationTimer = this.later(Math.round(seconds * this.#factor) * 1000, () => {
      this.#attempts += 1
      if (this.#attempts > attemptsMax) return this.exit(1, 'no master took this worker in')
      this.#register()
      this.#awaitRegistration()
    })
  }

  #register(): void {
    if (!this.linked) return
    const { host, port, cores, memoryMb, resources, runtimes } = this.facts
    this.send(
      new schema.RegisterWorkerT(
        this.workerId,
        host,
        port,
        cores,
        memoryMb,
        `http://${host}:8081`,
        [...resources],
        [...runtimes],
        null,
        'Worker',
      ),
    )
  }

  #heartbeat(): void {
    this.later(heartbeatMs, () => {
      if (this.#registered) this.#forward(new schema.WorkerHeartbeatT(this.workerId))
      this.#heartbeat()
    })
  }

  #report(
    { appId, executorId }: ExecutorProcess,
    state: schema.ExecutorState,
    exitStatus: number | null,
  ): void {
    const id = this.#nextRequest
    this.#nextRequest += 1
    const report = new schema.ExecutorStateChangedT(id, appId, executorId, state, null, exitStatus)
    const ask = { report, failures: 0 }
    this.#asks.set(id, ask)
    this.#ask(ask)
  }

  #ask(ask: Ask): void {
    if (!this.#passed && this.reaches) {
      // An ask opens a connection. The gateway answers by itself: what still runs is told with the registration.
      this.world.coverage.happened('a worker reports before it is registered')
      this.#asks.delete(ask.report.requestId)
      return
    }
    if (this.#passed) this.send(ask.report)
    this.later(askRetryMs, () => {
      if (!this.#asks.has(ask.report.requestId)) return
      ask.failures += 1
      if (ask.failures >= askFailuresMax) return this.exit(1, 'no answer to a report')
      this.#ask(ask)
    })
  }
}
