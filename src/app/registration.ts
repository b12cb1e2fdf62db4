/** The application's side of the control link: registers, again after each reconnect, and reads the news. */
import { EventEmitter } from 'node:events'
import { userInfo } from 'node:os'

import { BackOff } from '../control/back-off.js'
import { encodeApplication } from '../control/codec.js'
import { NODE_RUNTIME } from '../control/runtimes.js'
import { createLogger, type Logger } from '../log/logger.js'
import {
  ApplicationDescriptionT,
  ApplicationRegisteredT,
  ApplicationRemovedT,
  Command,
  ExecutorAddedT,
  ExecutorUpdatedT,
  MasterInStandbyT,
  type MessageT,
  NodeCommandT,
  PropertyT,
  RefusedT,
  RegisterApplicationT,
  ResourceAmountT,
  ResourceProfileT,
  UnregisterApplicationT,
  WorkerRemovedT,
} from '../schema/magneto.js'
import type { PoolSettings } from './options.js'
import { TOKEN_VARIABLE } from './protocol.js'

export type ControlBody = NonNullable<MessageT['body']>

export interface Link {
  send(body: ControlBody): void
  close(): void
}

export interface LinkOptions {
  masterUrl: string
  log: Logger
  onOpen(): void
  onMessage(body: ControlBody): void
  onClose(reason: string): void
}

export type LinkFactory = (options: LinkOptions) => Link | Promise<Link>

interface RegistrationEvents {
  registered: [ApplicationRegisteredT]
  /** The master ended the application, or will not have it. */
  removed: [string]
  executorAdded: [ExecutorAddedT]
  executorUpdated: [ExecutorUpdatedT]
  workerRemoved: [WorkerRemovedT]
  closed: [string]
  /** The master will not have it now; it is asked again. */
  postponed: [string]
}

/** What executors are started with; the worker fills in the braces (spec W7). */
function commandOf(settings: PoolSettings, driverUrl: string, token: string): NodeCommandT {
  const args = ['--driver-url', driverUrl]
  args.push(
    '--executor-id',
    '{{EXECUTOR_ID}}',
    '--hostname',
    '{{HOSTNAME}}',
    '--cores',
    '{{CORES}}',
  )
  args.push('--app-id', '{{APP_ID}}', '--worker-url', '{{WORKER_URL}}')
  const environment = Object.entries({ ...settings.env, [TOKEN_VARIABLE]: token })
  return new NodeCommandT(
    settings.modulePath,
    args,
    environment.map(([key, value]) => new PropertyT(key, value)),
    [...settings.nodeOptions],
  )
}

export class Registration extends EventEmitter<RegistrationEvents> {
  readonly #body: RegisterApplicationT
  #link: Link | null = null
  #appId: string | null = null
  /** Registrations that left since the master last had the application. */
  #attempts = 0
  #registered = false
  readonly #backOff = new BackOff()
  #waitMs = 0
  #waiting: NodeJS.Timeout | null = null

  constructor(settings: PoolSettings, driverAddress: string, token: string) {
    super()
    const { executorCores, executorMemoryMib, executorResources } = settings
    const description = new ApplicationDescriptionT(
      settings.name,
      userInfo().username,
      null,
      settings.maxCores,
      null,
      new ResourceProfileT(
        0,
        executorCores,
        executorMemoryMib,
        Object.entries(executorResources).map(
          ([name, amount]) => new ResourceAmountT(name, amount),
        ),
      ),
      Command.NodeCommand,
      commandOf(settings, `ws://${driverAddress}`, token),
      NODE_RUNTIME,
    )
    this.#body = new RegisterApplicationT(encodeApplication(description), driverAddress)
  }

  /** The id of the running registration; null while there is none. */
  get appId(): string | null {
    return this.#appId
  }

  async open(masterUrl: string, createLink: LinkFactory): Promise<void> {
    this.#link = await createLink({
      masterUrl,
      // The pool tells its news by events; a library's log is for those who ask for it.
      log: createLogger('ClusterPool', {
        level: process.env['MAGNETO_LOG_LEVEL'] === 'debug' ? 'debug' : 'silent',
      }),
      // The master ended the application with the old link (spec L2): each link registers a new one.
      onOpen: () => this.#registerSoon(),
      onMessage: (body) => this.#read(body),
      onClose: (reason) => {
        this.#appId = null
        this.#stopWaiting()
        this.emit('closed', reason)
      },
    })
  }

  close(): void {
    if (this.#appId !== null) this.#link?.send(new UnregisterApplicationT(this.#appId))
    this.#appId = null
    this.#stopWaiting()
    this.#link?.close()
    this.#link = null
    this.removeAllListeners()
  }

  #registerSoon(): void {
    // A link may open before its constructor has returned it to us.
    if (this.#link === null && this.#waitMs === 0) setImmediate(() => this.#register())
    else if (this.#waitMs === 0) this.#register()
    else this.#waiting = setTimeout(() => this.#register(), this.#waitMs)
  }

  #register(): void {
    this.#attempts++
    this.#link?.send(this.#body)
  }

  #stopWaiting(): void {
    if (this.#waiting !== null) clearTimeout(this.#waiting)
    this.#waiting = null
  }

  /**
   * The master may still count the link that was lost, and then it refuses a second registration from the same
   * address (spec L1). It closes this link too, and the next one waits before it asks again. A first try that is
   * refused has no such excuse.
   */
  #refused(message: string): void {
    const again = this.#registered || this.#attempts > 1
    if (!again) return void this.emit('removed', `the master refused the application: ${message}`)
    this.#waitMs = this.#backOff.next()
    this.emit('postponed', `the master refuses the application for now: ${message}`)
  }

  #read(body: ControlBody): void {
    if (body instanceof ApplicationRegisteredT) {
      this.#appId = body.appId
      this.#registered = true
      this.#attempts = 0
      this.#waitMs = 0
      this.#backOff.reset()
      this.emit('registered', body)
    } else if (body instanceof ExecutorAddedT) this.emit('executorAdded', body)
    else if (body instanceof ExecutorUpdatedT) this.emit('executorUpdated', body)
    else if (body instanceof WorkerRemovedT) this.emit('workerRemoved', body)
    else if (body instanceof ApplicationRemovedT)
      this.emit(
        'removed',
        `the master removed the application: ${body.message ?? 'no reason given'}`,
      )
    else if (body instanceof RefusedT) this.#refused(body.message ?? 'no reason given')
    // It has not looked at the application, so it counts for nothing; the link goes on to the next master (M4).
    else if (body instanceof MasterInStandbyT) this.#attempts = Math.max(0, this.#attempts - 1)
  }
}

/** The real link; loaded here so that nothing of the control room is needed to check options. */
export const masterLink: LinkFactory = async (options) => {
  const { MasterLink } = await import('../control/link.js')
  return new MasterLink(options)
}
