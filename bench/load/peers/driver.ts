/** One Spark driver of the generator: it registers an application, hears of its executors, and ends it. */
import type { RpcAddress } from '../../../src/spark/messages.js'
import { addedExecutorId, onlyText, registeredAppId } from './hear.js'
import { Link, type LinkEvents } from './link.js'
import type { DriverWords } from './words.js'

/** What is the same for all applications of a scenario. */
export interface DriverContext {
  readonly words: DriverWords
  readonly master: RpcAddress
  readonly port: number
  registered?(driver: PlayedDriver): void
  executorAdded?(driver: PlayedDriver, executorId: number): void
  /** Of an executor that runs, mostly. */
  executorUpdated?(driver: PlayedDriver): void
  /** A master that has come to lead has called, and was answered. */
  masterChanged?(driver: PlayedDriver): void
  /** Absent: it must not happen. */
  lost?(driver: PlayedDriver): void
  trouble(reason: string): void
}

export class PlayedDriver implements LinkEvents {
  /** Empty until it is registered. */
  appId = ''
  executors = 0
  link: Link | null = null
  readonly #context: DriverContext
  readonly #self: { host: string; port: number; ref: string; name: string }

  constructor(
    readonly host: string,
    name: string,
    context: DriverContext,
  ) {
    const { port } = context
    this.#context = context
    this.#self = { host, port, ref: `spark://AppClient@${host}:${port}`, name }
  }

  /** A connection of its own, and the question whether there is a master on it. */
  async connect(): Promise<void> {
    const { master, words } = this.#context
    const link = await Link.open(master.host, master.port, this)
    this.link = link
    await link.lookUp(this.#self.name, (id) => words.lookUp.frame(this.#self, id))
  }

  register(): void {
    this.link?.write(this.#context.words.register.frame(this.#self))
  }

  /** What the generator knows under it is to be forgotten by its owner; the connection ends as a driver's does. */
  unregister(): void {
    this.link?.write(this.#context.words.unregister.frame({ ...this.#self, appId: this.appId }))
    this.link?.finish()
  }

  leave(): void {
    this.link?.leave()
  }

  heard(kind: string, stream: Buffer, link: Link): void {
    switch (kind) {
      case 'ExecutorAdded':
        this.executors++
        this.#context.executorAdded?.(this, addedExecutorId(stream))
        break
      case 'ExecutorUpdated':
        this.#context.executorUpdated?.(this)
        break
      case 'RegisteredApplication':
        this.appId = registeredAppId(stream)
        this.#context.registered?.(this)
        break
      case 'ApplicationRemoved':
        this.#context.trouble(`${this.#self.name} was removed: ${onlyText(stream, 'message')}`)
        break
      case 'MasterChanged':
        this.link = link
        link.write(this.#context.words.acknowledge.frame({ ...this.#self, appId: this.appId }))
        this.#context.masterChanged?.(this)
        break
    }
  }

  lost(reason: string): void {
    this.link = null
    if (this.#context.lost !== undefined) this.#context.lost(this)
    else this.#context.trouble(`${this.#self.name}: connection lost: ${reason}`)
  }
}
