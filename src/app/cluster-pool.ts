/** A pool of tasks over a cluster: in the user's process, on its main thread (or whichever made it). */
import { randomBytes } from 'node:crypto'
import { EventEmitter } from 'node:events'

import {
  type ApplicationRegisteredT,
  type ExecutorAddedT,
  ExecutorState,
  type ExecutorUpdatedT,
} from '../schema/magneto.js'
import { AbortSignals } from './abort-signals.js'
import { type ConnectedExecutor, Dispatcher } from './dispatcher.js'
import { DriverServer } from './driver-server.js'
import { reviveThrown, type ThrownRecord } from './error-record.js'
import {
  AbortError,
  ApplicationRemovedError,
  OptionError,
  PoolClosedError,
  QueueFullError,
} from './errors.js'
import {
  DEFAULT_MAP_CONCURRENCY,
  EXIT_NEWS_MS,
  MAX_EXECUTORS,
  MAX_QUEUE_BYTES,
  NEEDS_DRAIN_TASKS,
  STARVATION_WARNING_MS,
} from './limits.js'
import { addressFacing } from './local-address.js'
import { type ClusterPoolOptions, parseOptions, type PoolSettings } from './options.js'
import { fromPayload, type Payload, payloadBytes, toPayload } from './payload.js'
import { ResultStatus, type WireResult } from './protocol.js'
import { type LinkFactory, masterLink, Registration } from './registration.js'
import type { PoolTask } from './task-queue.js'

export interface RunOptions {
  /** Which of the module's exports to call; `default` when absent. */
  name?: string | undefined
  /** Aborted: a waiting task is removed, a running one's signal is aborted and its thread ended soon after. */
  signal?: AbortSignal | undefined
}

export interface MapOptions extends RunOptions {
  /** Tasks in flight at once. */
  concurrency?: number | undefined
}

export interface ExecutorInfo {
  readonly id: string
  readonly appId: string
  readonly host: string
  readonly cores: number
  /** Tasks it finished. */
  readonly completed: number
  /** Tasks it holds: running, and fetched ahead. */
  readonly inFlight: number
}

export interface ExecutorRemoval extends ExecutorInfo {
  readonly reason: string
  /** The process's exit status, when the master knew it. */
  readonly exitStatus: number | null
}

export interface ClusterPoolEvents {
  /** A master has the application; again, under the same id or a new one, after the master was lost and found. */
  ready: [{ applicationId: string; masterUrl: string }]
  executorAdded: [ExecutorInfo]
  executorRemoved: [ExecutorRemoval]
  /** Many tasks wait: better add no more until `drain`. */
  needsDrain: []
  /** After `needsDrain`: nothing waits any more. */
  drain: []
  /** Something a person may want to know, in words. */
  warning: [string]
  /** The pool can't go on. Emitted only when somebody listens: `run` and `ready` reject with it anyway. */
  error: [Error]
}

const finished = new Set([
  ExecutorState.KILLED,
  ExecutorState.FAILED,
  ExecutorState.LOST,
  ExecutorState.EXITED,
])

export class ClusterPool<Task = unknown, Result = unknown> extends EventEmitter<ClusterPoolEvents> {
  readonly #settings: PoolSettings
  readonly #token = randomBytes(32).toString('hex')
  readonly #server = new DriverServer(this.#token)
  readonly #dispatcher: Dispatcher
  readonly #signals = new AbortSignals()
  readonly #started: Promise<void>
  /** Tasks that are not settled. */
  #pending = 0
  /** Lost executors on whose end the master has not had its say. */
  readonly #leaving = new Map<ConnectedExecutor, { timer: NodeJS.Timeout; reason: string }>()
  /** What the master told about an executor's end before its connection closed, by app and executor id. */
  readonly #ended = new Map<string, ExecutorUpdatedT>()
  /** Of the present registration: they have not reached this driver yet. */
  readonly #launched = new Map<number, ExecutorAddedT>()
  /** Decommissioned before they reached this driver: ids of the present registration. */
  readonly #decommissioned = new Set<string>()
  readonly #ready = deferred()
  readonly #starvation: NodeJS.Timeout
  #registration: Registration | null = null
  #lastClose: string | null = null
  #nextId = 0
  #needsDrain = false
  #closed: Error | null = null
  #destroying: Promise<void> | null = null

  /**
   * @param createLink how to reach the master; for tests
   * @throws OptionError that names the option
   */
  constructor(options: ClusterPoolOptions, createLink: LinkFactory = masterLink) {
    super()
    this.#settings = parseOptions(options)
    this.#dispatcher = new Dispatcher(this.#settings.maxRetries)
    this.#dispatcher.on('result', (task, result) => this.#finish(task, result))
    this.#dispatcher.on('rejected', (task, error) => this.#settle(task, () => task.reject(error)))
    this.#listenToServer()
    this.#ready.promise.catch(() => {})
    this.#starvation = setInterval(() => this.#warnOfStarvation(), STARVATION_WARNING_MS)
    this.#started = this.#start(createLink).catch((error: unknown) => this.#fail(error as Error))
  }

  /** Tasks that wait for an executor. */
  get queueSize(): number {
    return this.#dispatcher.queue.size
  }

  /** Tasks that executors hold. */
  get runningTasks(): number {
    return this.#dispatcher.inFlight
  }

  get executors(): ExecutorInfo[] {
    return [...this.#dispatcher.executors].map(infoOf)
  }

  /** Null until registered, and while the master is lost. */
  get applicationId(): string | null {
    return this.#registration?.appId ?? null
  }

  get needsDrain(): boolean {
    return this.#needsDrain
  }

  /** Which part of the executors' cores is busy, from 0 to 1. */
  get utilization(): number {
    const { cores, inFlight } = this.#dispatcher
    return cores === 0 ? 0 : Math.min(1, inFlight / cores)
  }

  /** Resolves when the master has registered the application. */
  ready(): Promise<void> {
    return this.#ready.promise
  }

  /**
   * Calls the module's function with `task` in an executor.
   *
   * @returns what the function returned; rejects with what it threw, or with an error of errors.ts
   */
  run(task: Task, options: RunOptions = {}): Promise<Result> {
    const { name = 'default', signal } = options
    let payload: Payload
    try {
      checkRunOptions(options)
      if (this.#closed !== null) throw this.#closed
      if (signal?.aborted === true) throw aborted(signal)
      payload = toPayload(task, 'the task')
      this.#checkQueue(payloadBytes(payload))
    } catch (error) {
      return Promise.reject(error)
    }
    return new Promise<Result>((resolve, reject) => {
      const entry: PoolTask = {
        id: this.#nextId++,
        name,
        payload,
        losses: 0,
        settled: false,
        resolve: resolve as (value: unknown) => void,
        reject,
        forgetSignal: null,
      }
      if (signal !== undefined) {
        const abort = (): void => this.#abort(entry, aborted(signal))
        entry.forgetSignal = this.#signals.listen(signal, abort)
      }
      this.#pending++
      this.#dispatcher.queue.push(entry)
      this.#watchQueue()
      this.#dispatcher.schedule()
    })
  }

  /**
   * Runs a task for each item, never more than `concurrency` at once, and yields results in the items' order.
   * The first error ends it; what is in flight is aborted then, and also when the caller stops early.
   */
  async *map(
    items: Iterable<Task> | AsyncIterable<Task>,
    options: MapOptions = {},
  ): AsyncGenerator<Awaited<Result>> {
    const { concurrency = DEFAULT_MAP_CONCURRENCY, name, signal } = options
    if (!Number.isSafeInteger(concurrency) || concurrency < 1)
      throw new OptionError(`option concurrency is ${concurrency}: expected a whole number from 1`)
    const stop = new AbortController()
    const either = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal])
    const inFlight: Promise<Result>[] = []
    try {
      for await (const item of items) {
        const result = this.run(item, { name, signal: either })
        // Looked at in its turn; until then its rejection is nobody's fault.
        result.catch(() => {})
        inFlight.push(result)
        if (inFlight.length >= concurrency) yield await inFlight.shift()!
      }
      while (inFlight.length > 0) yield await inFlight.shift()!
    } finally {
      stop.abort()
    }
  }

  /** Takes no more tasks, waits for those it has, then destroys the pool. */
  async close(): Promise<void> {
    this.#closed ??= new PoolClosedError('the pool is closed and takes no more tasks')
    while (this.#pending > 0 && this.#destroying === null)
      await new Promise<void>((resolve) => this.#emptied.push(resolve))
    await this.destroy()
  }

  /** Rejects what is not done, unregisters, stops the executors and closes every socket. */
  destroy(): Promise<void> {
    this.#destroying ??= this.#destroy(new PoolClosedError('the pool was destroyed'))
    return this.#destroying
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.destroy()
  }

  readonly #emptied: (() => void)[] = []

  async #start(createLink: LinkFactory): Promise<void> {
    const { masters, masterUrl, port } = this.#settings
    const host = this.#settings.host ?? (await addressFacing(masters))
    if (host === null)
      throw new OptionError(
        `option master is "${masterUrl}": none of its names can be resolved, so the address of this ` +
          'machine is unknown; correct it, or set option host',
      )
    const listening = await this.#server.listen(host, port)
    if (this.#closed !== null && this.#pending === 0) return
    const address = `${host.includes(':') ? `[${host}]` : host}:${listening}`
    const expected = (): string[] => this.#expectedExecutors()
    const registration = new Registration(this.#settings, address, this.#token, expected)
    this.#registration = registration
    this.#listenToMaster(registration)
    await registration.open(masterUrl, createLink)
  }

  #listenToServer(): void {
    this.#server.on('connected', (executor) => {
      this.#dispatcher.add(executor)
      this.emit('executorAdded', infoOf(executor))
      const { appId, id } = executor.identity
      if (appId !== this.#lastAppId) return
      this.#launched.delete(Number(id))
      if (this.#decommissioned.delete(id)) this.#dispatcher.decommission(executor)
    })
    this.#server.on('message', (executor, message) => {
      if (message.kind === 'results') this.#dispatcher.finish(executor, message.results)
      else this.#dispatcher.giveBack(executor, message.ids)
    })
    this.#server.on('writable', () => {
      if (this.queueSize > 0) this.#dispatcher.schedule()
    })
    this.#server.on('refused', (reason) =>
      this.emit('warning', `a connection was refused: ${reason}`),
    )
    this.#server.on('closed', (executor, reason) => this.#leave(executor, reason))
  }

  #listenToMaster(registration: Registration): void {
    const ready = ({ appId, masterUrl }: ApplicationRegisteredT) => {
      this.#ready.resolve()
      this.emit('ready', { applicationId: appId ?? '', masterUrl: masterUrl ?? '' })
    }
    registration.on('registered', (body) => {
      this.#launched.clear()
      this.#decommissioned.clear()
      ready(body)
    })
    registration.on('reattached', ready)
    registration.on('forgotten', (reason) => {
      this.emit(
        'warning',
        `no master has the application any more, so it registers anew: ${reason}`,
      )
    })
    registration.on('executorAdded', (added) => {
      // A new leader repeats those that are here.
      const isHere = [...this.#dispatcher.executors].some(this.#isOf(added))
      if (!isHere) this.#launched.set(added.executorId, added)
    })
    registration.on('executorUpdated', (update) => {
      if (finished.has(update.state)) this.#hearOfEnd(update)
      else if (update.state === ExecutorState.DECOMMISSIONED) this.#decommission(update)
    })
    registration.on('workerRemoved', ({ host, message }) => {
      this.emit('warning', `the master removed the worker on ${host ?? '?'}: ${message ?? ''}`)
    })
    registration.on('removed', (reason) => this.#fail(new ApplicationRemovedError(reason)))
    registration.on('postponed', (reason) => this.emit('warning', reason))
    registration.on('closed', (reason) => {
      this.#lastClose = reason
      this.emit('warning', `no link to ${this.#settings.masterUrl}: ${reason}`)
    })
  }

  /** Of the registration that masters may still have, also while none is there. */
  get #lastAppId(): string | null {
    return this.#registration?.lastAppId ?? null
  }

  /** M29: what a new leader need not start again, and tells the end of if nobody has it. */
  #expectedExecutors(): string[] {
    const appId = this.#lastAppId
    const here = [...this.#dispatcher.executors].filter(({ identity }) => identity.appId === appId)
    return [
      ...new Set([
        ...[...this.#launched.keys()].map(String),
        ...here.map(({ identity }) => identity.id),
      ]),
    ]
  }

  /** The connection of an executor closed; the master often knows the exit status a moment later. */
  #leave(executor: ConnectedExecutor, reason: string): void {
    const key = `${executor.identity.appId}/${executor.identity.id}`
    const news = this.#ended.get(key)
    this.#ended.delete(key)
    const timer = afterNews(() => this.#lose(executor, null))
    this.#leaving.set(executor, { timer, reason })
    if (news !== undefined || this.#closed !== null) this.#lose(executor, news ?? null)
  }

  /** Its worker leaves (D3): no failure, and for the master it has left already. Its end shows in its connection. */
  #decommission(update: ExecutorUpdatedT): void {
    const executor = [...this.#dispatcher.executors].find(this.#isOf(update))
    if (executor !== undefined) this.#dispatcher.decommission(executor)
    else if (this.#launched.has(update.executorId)) {
      const [oldest] = this.#decommissioned
      if (oldest !== undefined && this.#decommissioned.size >= MAX_EXECUTORS)
        this.#decommissioned.delete(oldest)
      this.#decommissioned.add(String(update.executorId))
    }
    this.#launched.delete(update.executorId)
  }

  #isOf({ executorId }: { readonly executorId: number }): (executor: ConnectedExecutor) => boolean {
    const appId = this.#lastAppId
    return ({ identity }) => identity.appId === appId && identity.id === String(executorId)
  }

  #hearOfEnd(update: ExecutorUpdatedT): void {
    const appId = this.#lastAppId
    const isIt = this.#isOf(update)
    const launched = this.#launched.get(update.executorId)
    this.#launched.delete(update.executorId)
    this.#decommissioned.delete(String(update.executorId))
    const leaving = [...this.#leaving.keys()].find(isIt)
    if (leaving !== undefined) return this.#lose(leaving, update)
    const connected = [...this.#dispatcher.executors].find(isIt)
    if (connected !== undefined) {
      this.#ended.set(`${appId}/${update.executorId}`, update)
      // Its last results may be under way; a machine that vanished never closes its connection.
      afterNews(() => connected.port.disconnect()).unref()
      return
    }
    if (launched !== undefined)
      this.emit(
        'warning',
        `executor ${update.executorId} on ${launched.host} ended before it connected: ${wordsFor(update)}`,
      )
  }

  #lose(executor: ConnectedExecutor, news: ExecutorUpdatedT | null): void {
    const leaving = this.#leaving.get(executor)
    if (leaving === undefined) return
    clearTimeout(leaving.timer)
    this.#leaving.delete(executor)
    const why = executor.decommissioned ? 'it was decommissioned: ' : ''
    const reason = why + (news === null ? leaving.reason : wordsFor(news))
    const info = infoOf(executor)
    this.#dispatcher.lose(executor, reason)
    this.emit('executorRemoved', { ...info, reason, exitStatus: news?.exitStatus ?? null })
  }

  #finish(task: PoolTask, result: WireResult): void {
    this.#settle(task, () => {
      try {
        const value = fromPayload(result.payload)
        if (result.status === ResultStatus.DONE) task.resolve(value)
        else task.reject(reviveThrown(value as ThrownRecord))
      } catch (error) {
        task.reject(error)
      }
    })
    this.#watchQueue()
  }

  #abort(task: PoolTask, error: AbortError): void {
    if (task.settled) return
    const held = [...this.#dispatcher.executors].some(({ inFlight }) => inFlight.has(task.id))
    if (!held) this.#dispatcher.queue.forget(task)
    this.#settle(task, () => task.reject(error))
    if (held) this.#dispatcher.abort(task)
  }

  #settle(task: PoolTask, tell: () => void): void {
    task.settled = true
    task.forgetSignal?.()
    this.#pending--
    tell()
    if (this.#pending === 0) for (const resolve of this.#emptied.splice(0)) resolve()
  }

  #checkQueue(bytes: number): void {
    const { queue } = this.#dispatcher
    if (queue.size >= this.#settings.maxQueue)
      throw new QueueFullError(
        `${queue.size} tasks wait and maxQueue is ${this.#settings.maxQueue}: wait for drain, use map, or raise it`,
      )
    if (queue.bytes + bytes > MAX_QUEUE_BYTES)
      throw new QueueFullError(
        `waiting tasks take ${queue.bytes} bytes of at most ${MAX_QUEUE_BYTES}: wait for drain, or use map`,
      )
  }

  #watchQueue(): void {
    const size = this.queueSize
    const many = Math.min(NEEDS_DRAIN_TASKS, Math.ceil(this.#settings.maxQueue / 2))
    if (!this.#needsDrain && size >= many) {
      this.#needsDrain = true
      this.emit('needsDrain')
    } else if (this.#needsDrain && size === 0) {
      this.#needsDrain = false
      this.emit('drain')
    }
  }

  #warnOfStarvation(): void {
    const busy = [...this.#dispatcher.executors].some(({ decommissioned }) => !decommissioned)
    if (this.queueSize === 0 || busy) return
    const { masterUrl, executorMemoryMib, executorCores, executorResources } = this.#settings
    const resources = Object.entries(executorResources).map(
      ([name, amount]) => `, ${amount} ${name}`,
    )
    const known =
      this.applicationId === null
        ? `no master at ${masterUrl} has registered the application (${this.#lastClose ?? 'no answer yet'})`
        : this.#launched.size > 0
          ? `${this.#launched.size} executors were launched but have not reached this driver; see their stderr on the workers, and option host`
          : `${this.applicationId} has no executor: is a worker registered with ${executorMemoryMib} MiB, ${executorCores || 1} cores${resources.join('')} free, that runs Node applications?`
    this.emit('warning', `${this.queueSize} tasks wait: ${known}`)
  }

  #fail(error: Error): void {
    if (this.#destroying !== null) return
    this.#destroying = this.#destroy(error)
    if (this.listenerCount('error') > 0) this.emit('error', error)
  }

  async #destroy(error: Error): Promise<void> {
    this.#closed = error
    clearInterval(this.#starvation)
    this.#ready.reject(error)
    for (const task of this.#dispatcher.drain()) this.#settle(task, () => task.reject(error))
    await this.#started
    this.#registration?.close()
    await this.#server.close()
    for (const executor of this.#leaving.keys()) this.#lose(executor, null)
  }
}

/** Once news has had its time, and what came while this process was busy with something else has been read. */
function afterNews(act: () => void): NodeJS.Timeout {
  return setTimeout(() => setImmediate(act), EXIT_NEWS_MS)
}

/** A promise with its ends; Node 20 has none of its own. */
function deferred() {
  let resolve!: () => void
  let reject!: (error: Error) => void
  const promise = new Promise<void>((onResolve, onReject) => {
    resolve = onResolve
    reject = onReject
  })
  return { promise, resolve, reject }
}

function infoOf({ identity, completed, inFlight }: ConnectedExecutor): ExecutorInfo {
  return { ...identity, completed, inFlight: inFlight.size }
}

function wordsFor({ state, message, exitStatus }: ExecutorUpdatedT): string {
  const status = exitStatus === null ? '' : `, exit status ${exitStatus}`
  return `${ExecutorState[state]}${status}${message ? `: ${message}` : ''}`
}

function aborted(signal: AbortSignal): AbortError {
  return new AbortError('the task was aborted', { cause: signal.reason })
}

function checkRunOptions(options: RunOptions): void {
  if (typeof options !== 'object' || options === null)
    throw new OptionError(`the options of run are ${String(options)}: expected an object`)
  const { name, signal } = options
  if ('transferList' in options)
    throw new OptionError(
      'option transferList is not supported: tasks leave this process, so they are copied',
    )
  if (name !== undefined && (typeof name !== 'string' || name === ''))
    throw new OptionError(`option name is ${JSON.stringify(name)}: expected the name of an export`)
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw new OptionError(`option signal is ${String(signal)}: expected an AbortSignal`)
}
