/** One Apache Worker on its connection: registration, what it tells the core, what the core tells it. */
import { ControlError, encode, type BodyT } from '../control/codec.js'
import {
  ApplicationFinishedT,
  DecommissionWorkerT,
  DriverState,
  DriverStateChangedT,
  ExecutorState,
  ExecutorStateChangedT,
  KillExecutorT,
  LaunchDriverT,
  LaunchExecutorT,
  MasterChangedT,
  ReconnectWorkerT,
  RegisterWorkerFailedT,
  WorkerDecommissioningT,
  WorkerHeartbeatT,
  WorkerRegisteredT,
} from '../schema/magneto.js'
import { NO_REQUEST, respond, type GatewayContext, type GatewaySession } from './gateway-session.js'
import { executorStateAsk } from './gateway-asks.js'
import { TranslationError } from './gateway-translate.js'
import {
  driverStateChangedOf,
  registerWorkerOf,
  schedulerStateOf,
  toWorker,
  workerLatestStateOf,
} from './gateway-translate-worker.js'
import { JavaShapeError } from './java/values.js'
import { LaunchWatch, MAX_LAUNCH_SILENCE_MS, type LaunchedExecutor } from './launch-watch.js'
import {
  JavaStreamError,
  UnsupportedPeerError,
  type EndpointRef,
  type Heartbeat,
  type IncomingMessage,
  type OutgoingMessage,
  type RegisterWorker,
  type RpcAddress,
  type WorkerSchedulerStateResponse,
} from './messages.js'
import { shown, type RpcReply } from './rpc-connection.js'
import type { WorkerVersions } from './worker-versions.js'

/** From a worker of Apache Spark. */
export type WorkerMessage = Extract<
  IncomingMessage,
  {
    kind:
      | 'RegisterWorker'
      | 'Heartbeat'
      | 'WorkerLatestState'
      | 'ExecutorStateChanged'
      | 'DriverStateChanged'
      | 'WorkerDecommissioning'
      | 'WorkerSchedulerStateResponse'
  }
>

export function isOfWorker(message: IncomingMessage): message is WorkerMessage {
  return WORKER_KINDS.has(message.kind)
}

const WORKER_KINDS: ReadonlySet<string> = new Set<WorkerMessage['kind']>([
  'RegisterWorker',
  'Heartbeat',
  'WorkerLatestState',
  'ExecutorStateChanged',
  'DriverStateChanged',
  'WorkerDecommissioning',
  'WorkerSchedulerStateResponse',
])

/** Far above what a worker has to say; what is beyond was not sent by one. */
const MAX_ONE_WAYS_PER_S = 10_000
const WINDOW_MS = 1_000
/** Node's timers fire at once when they are set for longer. */
const MAX_TIMER_MS = 2 ** 31 - 1

export class ApacheWorker {
  readonly #session: GatewaySession
  readonly #context: GatewayContext
  readonly #versions: WorkerVersions
  readonly #watch: LaunchWatch
  #ref: EndpointRef
  /** The last one: a busy worker sends it again before it has the answer (trap 7). */
  #registration: RegisterWorker | null = null
  #isRegistered = false
  /** It was told that this master leads, and may say what it runs. */
  #isToldOfChange: boolean
  /** The core's WorkerRegistered, to come, answers what it runs: Apache's Master sends nothing there. */
  #isStateAnswerDue = false
  #heartbeatDue: NodeJS.Timeout | null = null
  /** As the core takes it, of the worker of this id: it comes every few seconds for as long as the worker lives. */
  #heartbeatBytes = new Uint8Array()
  #heartbeatId: string | null = null
  #stopAsking: (() => void) | null = null
  #oneWays = 0
  #windowStartMs = performance.now()

  /**
   * @param ref its endpoint, as in the first message that told it
   * @param isCalled we opened the connection, and told it that this master leads
   */
  constructor(
    session: GatewaySession,
    ref: EndpointRef,
    context: GatewayContext,
    versions: WorkerVersions,
    isCalled = false,
  ) {
    this.#session = session
    this.#ref = ref
    this.#context = context
    this.#versions = versions
    this.#isToldOfChange = isCalled
    this.#watch = new LaunchWatch((executor) => this.#onSilent(executor))
  }

  /**
   * @param reply of ExecutorStateChanged only
   * @throws TranslationError when a number makes no sense
   */
  receive(message: WorkerMessage, reply: RpcReply | null): void {
    if (message.kind === 'ExecutorStateChanged') return this.#executorStateChanged(message, reply)
    if (!this.#mayGoOn()) return
    if (message.kind === 'RegisterWorker') this.#register(message)
    else if (message.kind === 'Heartbeat') this.#heartbeat(message)
    else if (message.kind === 'WorkerSchedulerStateResponse') this.#tellState(message)
    else if (this.#isRegistered) this.#forward(message)
    else
      this.#context.log.debug(`${this.#peer}: ${message.kind} of a worker that is not registered`)
  }

  /** A message of the core. @returns false when workers have no such message */
  take(body: BodyT): boolean {
    const { master } = this.#context
    if (master === null) return false
    if (body instanceof LaunchExecutorT) {
      this.#launchExecutor(body, master.address)
      return true
    }
    if (body instanceof LaunchDriverT) {
      this.#launchDriver(body, master.address)
      return true
    }
    const masterAddress = this.#registration?.masterAddress ?? master.address
    const { version } = this.#session.connection.dialect
    const message = toWorker(body, { master: master.address, masterAddress, version })
    if (message === null) return false
    const isAnswerToState = this.#isStateAnswerDue && body instanceof WorkerRegisteredT
    this.#note(body)
    if (isAnswerToState) this.#awaitHeartbeat(body.workerTimeoutMs)
    else this.send(message)
    return true
  }

  /** This master leads now, and did not when the worker registered. */
  again(): void {
    if (this.#registration !== null && !this.#isRegistered) this.#register(this.#registration)
  }

  /** The core ends the session: a worker that has registered tries again by itself, any other is told why. */
  refused(reason: string): void {
    if (!this.#isRegistered) this.send({ kind: 'RegisterWorkerFailed', message: reason })
  }

  /** What can't be written in the worker's version ends its connection. */
  send(message: OutgoingMessage): void {
    const { connection } = this.#session
    try {
      connection.send(this.#ref, message, this.#context.master?.address ?? null)
    } catch (error) {
      if (!(error instanceof UnsupportedPeerError)) throw error
      connection.destroy(`${message.kind} can't be written for it: ${error.message}`)
    }
  }

  /** The connection is gone. */
  ended(): void {
    this.#stopAsking?.()
    this.#stopAwaitingHeartbeat()
    this.#watch.forgetAll()
  }

  get #masterUrl(): string {
    return this.#context.master?.url ?? ''
  }

  get #peer(): string {
    return this.#session.connection.peer
  }

  #register(message: RegisterWorker): void {
    const isAnother = this.#registration !== null && this.#registration.id !== message.id
    this.#registration = message
    this.#isStateAnswerDue = false
    this.#ref = message.worker
    if (isAnother) this.#stopAsking?.()
    else if (this.#stopAsking !== null) return
    const { connection } = this.#session
    this.#context.log.info(`${this.#peer}: worker ${shown(message.id)} of Apache Spark registers`)
    this.#stopAsking = this.#versions.find(connection, message, (answer) => {
      this.#stopAsking = null
      try {
        if (connection.closed) return
        if ('refusal' in answer) this.#turnAway(answer.refusal)
        else this.#session.tell(registerWorkerOf(this.#registration ?? message, answer.version))
      } catch (error) {
        if (!(error instanceof TranslationError || error instanceof ControlError)) throw error
        this.#turnAway(error.message)
      }
    })
  }

  #turnAway(reason: string): void {
    this.#context.log.warn(`${this.#peer}: worker refused: ${reason}`)
    this.send({ kind: 'RegisterWorkerFailed', message: reason })
    this.#session.connection.close(reason)
  }

  /** L5: one that was dropped must register again; one that was never here is ignored. */
  #heartbeat({ workerId }: Heartbeat): void {
    this.#stopAwaitingHeartbeat()
    if (this.#isRegistered) {
      if (this.#heartbeatId !== workerId) {
        this.#heartbeatBytes = encode(new WorkerHeartbeatT(workerId))
        this.#heartbeatId = workerId
      }
      this.#session.tellEncoded(this.#heartbeatBytes, true)
    } else if (this.#stopAsking === null && this.#versions.knows(workerId))
      this.send({ kind: 'ReconnectWorker', masterUrl: this.#masterUrl })
  }

  /** M8: from now on it is registered, and what it reports next counts; the core says otherwise where it is not. */
  #tellState(state: WorkerSchedulerStateResponse): void {
    if (!this.#isToldOfChange) {
      this.#session.connection.complain(`${state.kind}: this master did not ask for it`)
      return
    }
    this.#session.tell(schedulerStateOf(state))
    this.#isRegistered = true
    this.#isStateAnswerDue = true
    this.#context.log.debug(
      `${this.#peer}: worker ${shown(state.id)} of Apache Spark is back with ` +
        `${state.executors.length} executors and ${state.drivers.length} drivers`,
    )
  }

  /**
   * RegisteredWorker is what starts a worker's heartbeats, each time anew. One that has had it from an earlier leader must
   * not get it again; one whose leader died before it could send it is silent, and has to register.
   */
  #awaitHeartbeat(workerTimeoutMs: number): void {
    this.#stopAwaitingHeartbeat()
    if (workerTimeoutMs === 0) return
    this.#heartbeatDue = setTimeout(
      () => this.send({ kind: 'ReconnectWorker', masterUrl: this.#masterUrl }),
      Math.min(workerTimeoutMs / 2, MAX_TIMER_MS),
    )
    this.#heartbeatDue.unref()
  }

  #stopAwaitingHeartbeat(): void {
    if (this.#heartbeatDue !== null) clearTimeout(this.#heartbeatDue)
    this.#heartbeatDue = null
  }

  #forward(
    message: Exclude<
      WorkerMessage,
      { kind: 'ExecutorStateChanged' | 'WorkerSchedulerStateResponse' }
    >,
  ): void {
    switch (message.kind) {
      case 'WorkerLatestState':
        this.#session.tell(workerLatestStateOf(message))
        break
      case 'DriverStateChanged':
        this.#session.tell(driverStateChangedOf(message))
        break
      case 'WorkerDecommissioning':
        // It launches nothing any more, and says nothing about that.
        this.#watch.forgetAll()
        this.#session.tell(new WorkerDecommissioningT(message.id))
        break
    }
  }

  #executorStateChanged(
    message: Extract<WorkerMessage, { kind: 'ExecutorStateChanged' }>,
    reply: RpcReply | null,
  ): void {
    if (reply === null) {
      this.#session.connection.complain('ExecutorStateChanged was not sent as an ask; dropped')
      return
    }
    // What it still runs, it tells when it has registered.
    if (!this.#isRegistered) return respond(reply, { kind: 'BooleanReply', value: true })
    this.#session.ask(reply, executorStateAsk(message))
    this.#watch.forget(message.appId, message.execId)
  }

  #note(body: BodyT): void {
    if (body instanceof MasterChangedT) this.#isToldOfChange = true
    else if (body instanceof WorkerRegisteredT) {
      this.#isRegistered = true
      this.#isStateAnswerDue = false
      if (!body.duplicate && this.#registration !== null)
        this.#context.log.info(`${this.#peer}: registered as ${shown(this.#registration.id)}`)
    } else if (body instanceof RegisterWorkerFailedT || body instanceof ReconnectWorkerT) {
      this.#isRegistered = false
      this.#isStateAnswerDue = false
    } else if (body instanceof KillExecutorT) this.#watch.forget(body.appId ?? '', body.executorId)
    else if (body instanceof ApplicationFinishedT) this.#watch.forgetApplication(body.appId ?? '')
    else if (body instanceof DecommissionWorkerT) this.#watch.forgetAll()
  }

  #launchExecutor(body: LaunchExecutorT, master: RpcAddress): void {
    const executor = { appId: body.appId ?? '', executorId: body.executorId }
    const reason = this.#sendLaunch(body, master)
    if (reason === null) this.#watch.launched(executor)
    else this.#reportFailed(executor, reason)
  }

  #launchDriver(body: LaunchDriverT, master: RpcAddress): void {
    const reason = this.#sendLaunch(body, master)
    if (reason === null) return
    this.#context.log.error(`${this.#peer}: ${body.driverId} can't be launched: ${reason}`)
    this.#session.tell(new DriverStateChangedT(body.driverId, DriverState.ERROR, reason))
  }

  /** @returns why it can't be sent; null: it was */
  #sendLaunch(body: LaunchExecutorT | LaunchDriverT, master: RpcAddress): string | null {
    try {
      const { connection } = this.#session
      const { version } = connection.dialect
      const message = toWorker(body, { master, masterAddress: master, version })
      connection.send(this.#ref, message!, master)
      return null
    } catch (error) {
      if (!isOfDescription(error)) throw error
      return error.message
    }
  }

  #onSilent(executor: LaunchedExecutor): void {
    const { appId, executorId } = executor
    this.send({ kind: 'KillExecutor', masterUrl: this.#masterUrl, appId, execId: executorId })
    this.#reportFailed(
      executor,
      `worker ${this.#registration?.id ?? ''} has said nothing about it for ` +
        `${MAX_LAUNCH_SILENCE_MS / 1000} s: most likely its Spark is another release than the ` +
        "application's, and could not read the order; run the same release on both",
    )
  }

  #reportFailed({ appId, executorId }: LaunchedExecutor, reason: string): void {
    this.#context.log.error(`${this.#peer}: executor ${appId}/${executorId} failed: ${reason}`)
    this.#session.tell(
      new ExecutorStateChangedT(NO_REQUEST, appId, executorId, ExecutorState.FAILED, reason),
    )
  }

  #mayGoOn(): boolean {
    this.#oneWays++
    if (this.#oneWays <= MAX_ONE_WAYS_PER_S) return true
    const nowMs = performance.now()
    if (nowMs - this.#windowStartMs > WINDOW_MS) {
      this.#windowStartMs = nowMs
      this.#oneWays = 0
      return true
    }
    this.#session.connection.destroy(`over ${MAX_ONE_WAYS_PER_S} messages of a worker in a second`)
    return false
  }
}

/** What is wrong with one description must not cost its worker the connection. */
function isOfDescription(error: unknown): error is Error {
  return (
    error instanceof TranslationError ||
    error instanceof UnsupportedPeerError ||
    error instanceof ControlError ||
    error instanceof JavaStreamError ||
    error instanceof JavaShapeError
  )
}
