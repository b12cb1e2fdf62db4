/** One Spark worker of the generator: it registers, beats, and says at once that what it launches runs. */
import {
  killedExecutor,
  launchedDriverId,
  launchedExecutor,
  onlyText,
  type ExecutorName,
} from './hear.js'
import { Link, type LinkEvents } from './link.js'
import type { WorkerWords } from './words.js'

export interface WorkerSize {
  readonly cores: number
  readonly memoryMb: number
}

/** What is the same for all workers of a cluster. */
export interface WorkerContext {
  readonly words: WorkerWords
  readonly size: WorkerSize
  readonly master: { readonly host: string; readonly port: number }
  readonly port: number
  registered(worker: PlayedWorker): void
  /** @returns whether it says by itself that the executor runs */
  launched(worker: PlayedWorker, executor: ExecutorName): boolean
  /** The master has heard that it runs. */
  acknowledged(worker: PlayedWorker, executor: ExecutorName): void
  /** The master has heard that it was killed. */
  killed(worker: PlayedWorker, executor: ExecutorName): void
  driverLaunched(worker: PlayedWorker, driverId: string): void
  /** A master that has come to lead has called. @returns its WorkerSchedulerStateResponse */
  masterChanged(worker: PlayedWorker): Buffer
  lost(worker: PlayedWorker, reason: string): void
  trouble(reason: string): void
}

export class PlayedWorker implements LinkEvents {
  readonly id: string
  isRegistered = false
  executors = 0
  link: Link | null = null
  readonly #context: WorkerContext
  /** The same for every message: whom it is from. */
  readonly #self: { host: string; port: number; ref: string; id: string }
  #heartbeat: Buffer | null = null

  constructor(
    readonly host: string,
    context: WorkerContext,
    generation: number,
  ) {
    const { port } = context
    this.#context = context
    this.id = `worker-${String(20_261_121_000_000 + generation)}-${host}-${port}`
    this.#self = { host, port, ref: `spark://Worker@${host}:${port}`, id: this.id }
  }

  /** A connection of its own, and the question whether there is a master on it. */
  async connect(): Promise<void> {
    const { master, words } = this.#context
    const link = await Link.open(master.host, master.port, this)
    this.link = link
    await link.lookUp(this.id, (id) => words.lookUp.frame(this.#self, id))
  }

  /** Made beforehand, so that only the writing is left. */
  registration(): Buffer {
    const { words, size, master, port } = this.#context
    return words.register.frame({
      ...this.#self,
      webUiUrl: `http://${this.host}:${port}`,
      cores: size.cores,
      memory: size.memoryMb,
      masterHost: master.host,
      masterPort: master.port,
    })
  }

  heartbeat(): Buffer {
    this.#heartbeat ??= this.#context.words.heartbeat.frame(this.#self)
    return this.#heartbeat
  }

  running(executor: ExecutorName): void {
    const { words } = this.#context
    this.link?.ask(
      (id) => words.executorRunning.frame({ ...this.#self, ...executor }, id),
      (answer, error) => {
        if (answer === null) this.#context.trouble(`${this.id}: ExecutorStateChanged: ${error}`)
        else this.#context.acknowledged(this, executor)
      },
    )
  }

  driverFinished(driverId: string): void {
    this.link?.write(this.#context.words.driverFinished.frame({ ...this.#self, driverId }))
  }

  leave(): void {
    this.link?.leave()
    this.isRegistered = false
  }

  heard(kind: string, stream: Buffer, link: Link): void {
    switch (kind) {
      case 'LaunchExecutor': {
        this.executors++
        const executor = launchedExecutor(stream)
        if (this.#context.launched(this, executor)) this.running(executor)
        break
      }
      case 'KillExecutor':
        this.#kill(killedExecutor(stream))
        break
      case 'LaunchDriver':
        this.#context.driverLaunched(this, launchedDriverId(stream))
        break
      case 'RegisteredWorker':
        this.#registered(link)
        break
      case 'MasterChanged':
        this.link = link
        link.write(this.#context.masterChanged(this))
        break
      case 'RegisterWorkerFailed':
        this.#context.trouble(`${this.id} was refused: ${onlyText(stream, 'message')}`)
        break
      case 'MasterInStandby':
      case 'ReconnectWorker':
        this.#context.trouble(`${this.id} was told ${kind}`)
        break
    }
  }

  lost(reason: string): void {
    this.link = null
    this.#context.lost(this, reason)
  }

  #registered(link: Link): void {
    if (this.isRegistered) return
    this.isRegistered = true
    link.write(this.#context.words.latestState.frame(this.#self))
    link.write(this.heartbeat())
    this.#context.registered(this)
  }

  #kill(executor: ExecutorName): void {
    this.executors--
    const message = `Runner thread for executor ${executor.appId}/${executor.execId} interrupted`
    const { words } = this.#context
    this.link?.ask(
      (id) => words.executorKilled.frame({ ...this.#self, ...executor, message }, id),
      (answer, error) => {
        if (answer === null) this.#context.trouble(`${this.id}: ExecutorStateChanged: ${error}`)
        else this.#context.killed(this, executor)
      },
    )
  }
}
