/**
 * The application's side of the control link: registers once, and reads the news. Whichever master it meets afterwards
 * is asked whether it still has the application (M29): a new leader has it from its store, and what runs goes on under
 * the same id. One that has not (L2, H7) gets a new registration.
 */
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
  MasterChangeAcknowledgedT,
  MasterChangedT,
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
  /** @param changed what its master has said, when it leads anew */
  onOpen(changed: MasterChangedT | null): void
  onMessage(body: ControlBody): void
  onClose(reason: string): void
}

export type LinkFactory = (options: LinkOptions) => Link | Promise<Link>

interface RegistrationEvents {
  /** Under a new id. */
  registered: [ApplicationRegisteredT]
  /** A leader has the application from the one before: the id and its executors stay. */
  reattached: [ApplicationRegisteredT]
  /** No master has the application any more; it registers anew. */
  forgotten: [string]
  /** The master ended the application, or will not have it. */
  removed: [string]
  executorAdded: [ExecutorAddedT]
  executorUpdated: [ExecutorUpdatedT]
  workerRemoved: [WorkerRemovedT]
  closed: [string]
  /** The master will not have it now; it is asked again. */
  postponed: [string]
}

/** How a master says that it knows no application of that id; one that was killed is told how it ended instead. */
const UNKNOWN = 'unknown application'

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
  /** Of the last registration; it outlives its link. */
  #appId: string | null = null
  /** The master of this link has confirmed the application. */
  #attached = false
  /** The master of this link was asked whether it has it. */
  #asked = false
  readonly #expected: () => readonly string[]
  /** Registrations that left since the master last had the application. */
  #attempts = 0
  #registered = false
  readonly #backOff = new BackOff()
  #waitMs = 0
  #waiting: NodeJS.Timeout | null = null

  /** @param expected the ids of the executors that the application counts on */
  constructor(
    settings: PoolSettings,
    driverAddress: string,
    token: string,
    expected: () => readonly string[] = () => [],
  ) {
    super()
    this.#expected = expected
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

  /** The id of the running registration; null while no master has confirmed it. */
  get appId(): string | null {
    return this.#attached ? this.#appId : null
  }

  /** The same, also while no master is there. */
  get lastAppId(): string | null {
    return this.#appId
  }

  async open(masterUrl: string, createLink: LinkFactory): Promise<void> {
    this.#link = await createLink({
      masterUrl,
      // The pool tells its news by events; a library's log is for those who ask for it.
      log: createLogger('ClusterPool', {
        level: process.env['MAGNETO_LOG_LEVEL'] === 'debug' ? 'debug' : 'silent',
      }),
      onOpen: () => this.#openedSoon(),
      onMessage: (body) => this.#read(body),
      onClose: (reason) => {
        this.#attached = false
        this.#asked = false
        this.#stopWaiting()
        this.emit('closed', reason)
      },
    })
  }

  close(): void {
    if (this.#attached) this.#link?.send(new UnregisterApplicationT(this.#appId))
    this.#attached = false
    this.#appId = null
    this.#stopWaiting()
    this.#link?.close()
    this.#link = null
    this.removeAllListeners()
  }

  /** A link may open before its constructor has returned it to us. */
  #openedSoon(): void {
    if (this.#link === null) setImmediate(() => this.#opened())
    else this.#opened()
  }

  /** Who was refused before waits first. */
  #opened(): void {
    if (this.#waitMs === 0) this.#present()
    else this.#waiting = setTimeout(() => this.#present(), this.#waitMs)
  }

  #present(): void {
    if (this.#appId !== null) this.#ask(this.#appId)
    else this.#register()
  }

  /** Whether this master has the application from the leader before it. */
  #ask(appId: string): void {
    this.#asked = true
    this.#link?.send(new MasterChangeAcknowledgedT(appId, [...this.#expected()]))
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

  #taken(body: ApplicationRegisteredT): void {
    const again = this.#appId !== null && body.appId === this.#appId
    this.#appId = body.appId
    this.#attached = true
    this.#asked = false
    this.#registered = true
    this.#attempts = 0
    this.#waitMs = 0
    this.#backOff.reset()
    this.emit(again ? 'reattached' : 'registered', body)
  }

  /** To who has asked, a master that does not know the application says so: it ended with its link (L2), or the store. */
  #removed(message: string): void {
    if (!this.#asked || message !== UNKNOWN) {
      this.emit('removed', `the master removed the application: ${message}`)
      return
    }
    this.#asked = false
    this.#appId = null
    this.emit('forgotten', message)
    this.#register()
  }

  #read(body: ControlBody): void {
    if (body instanceof ApplicationRegisteredT) this.#taken(body)
    // It leads since this link opened. Without an id the registration that is under way is the answer.
    else if (body instanceof MasterChangedT) {
      if (this.#appId !== null) this.#ask(this.#appId)
    } else if (body instanceof ExecutorAddedT) this.emit('executorAdded', body)
    else if (body instanceof ExecutorUpdatedT) this.emit('executorUpdated', body)
    else if (body instanceof WorkerRemovedT) this.emit('workerRemoved', body)
    else if (body instanceof ApplicationRemovedT) this.#removed(body.message ?? 'no reason given')
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
