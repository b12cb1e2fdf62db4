/** A worker of ours with everything but processes: the real link and the real machine, in front of programs of a few timers. */
import { decodeDriver } from '../../src/control/codec.js'
import { MasterLink } from '../../src/control/link.js'
import type { Logger } from '../../src/log/logger.js'
import {
  DriverStateChangedT,
  type LaunchDriverT,
  type LaunchExecutorT,
} from '../../src/schema/magneto.js'
import { WorkerLoop } from '../../src/worker/effects.js'
import { WorkerMachine } from '../../src/worker/state.js'
import type { History, Life } from './history.js'
import type { Dice } from './dice.js'

const startMaxMs = 20
const killMaxMs = 30
const executorMaxMs = 4_000
const driverMaxMs = 1_200

export const coresPerWorker = 32
export const memoryPerWorkerMb = 32 * 1024

export class CrashWorker {
  readonly #name: string
  readonly #masterUrl: string
  readonly #history: History
  readonly #dice: Dice
  readonly #log: Logger
  readonly executors = new Map<string, LaunchExecutorT>()
  readonly drivers = new Map<string, Life>()
  /** Of this process, those that have ended too. */
  readonly #lives = new Map<string, Life>()
  #life = 0
  #loop: WorkerLoop | null = null
  #link: MasterLink | null = null
  #machine: WorkerMachine | null = null

  constructor(name: string, masterUrl: string, history: History, dice: Dice, log: Logger) {
    this.#name = name
    this.#masterUrl = masterUrl
    this.#history = history
    this.#dice = dice
    this.#log = log
  }

  get id(): string {
    return `worker-${this.#name}-${this.#life}`
  }

  get runs(): boolean {
    return this.#machine !== null
  }

  /** Ends of programs that no master has confirmed. */
  get unconfirmed(): number {
    return this.#machine?.unacknowledged().length ?? 0
  }

  start(): void {
    if (this.runs) throw new Error(`${this.id} runs already`)
    this.#life += 1
    const life = this.#life
    const machine = new WorkerMachine({
      workerId: this.id,
      host: '127.0.0.1',
      port: 30_000 + this.#life * 64 + Number(this.#name.slice(1)),
      cores: coresPerWorker,
      memoryMb: memoryPerWorkerMb,
      webUiUrl: 'http://127.0.0.1:1',
      resources: [],
      runtimes: ['node', 'node-driver', 'spark-4.3-driver'],
      initialRegistrationRetries: 6,
      maxRegistrationRetries: null,
      registrationFactor: 0.1,
      decommissionDeadlineMs: null,
    })
    const current = (): boolean => life === this.#life
    const loop = new WorkerLoop(
      machine,
      {
        send: (body) => this.#link?.send(body),
        launch: (order) => this.#launch(order),
        kill: (appId, executorId) => this.#kill(appId, executorId),
        launchDriver: (order) => this.#launchDriver(order),
        killDriver: (driverId) => this.#endDriver(driverId, 'killed', this.#dice.below(killMaxMs)),
        cleanUpApplication: () => {},
        exit: (status, reason) =>
          this.#history.violated(`${this.id} ended with ${status}: ${reason}`),
      },
      this.#log,
    )
    this.#machine = machine
    this.#loop = loop
    loop.handle({ kind: 'started' })
    this.#link = new MasterLink({
      masterUrl: this.#masterUrl,
      log: this.#log,
      onOpen: (changed) => {
        if (current()) loop.handle({ kind: 'linkOpened', changed })
      },
      onMessage: (body) => {
        if (current()) loop.handle({ kind: 'message', body })
      },
      onClose: (reason) => {
        if (current()) loop.handle({ kind: 'linkClosed', reason })
      },
    })
  }

  /** Its process and all that it runs are gone. */
  crash(): void {
    // Ends that no master has confirmed are lost with it.
    for (const report of this.#machine?.unacknowledged() ?? []) {
      if (!(report instanceof DriverStateChangedT)) continue
      const life = this.#lives.get(String(report.driverId))
      if (life === undefined || life.how === 'runs' || life.how === 'lost') continue
      life.unsure = life.how
      life.how = 'lost'
    }
    this.#lives.clear()
    this.#link?.close()
    this.#loop?.stop()
    this.#link = null
    this.#loop = null
    this.#machine = null
    this.executors.clear()
    for (const life of this.drivers.values()) life.how = 'lost'
    this.drivers.clear()
  }

  #launch(order: LaunchExecutorT): void {
    const appId = String(order.appId)
    const { executorId } = order
    const key = `${appId}/${executorId}`
    this.#history.executorLaunched(key, this.id)
    this.executors.set(key, order)
    this.#later(this.#dice.below(startMaxMs), (loop) => {
      if (this.executors.get(key) !== order) return
      loop.handle({ kind: 'executorStarted', appId, executorId, pid: 1 })
    })
    // Most run until they are told to end.
    if (this.#dice.chance(0.2)) this.#endExecutor(order, this.#dice.below(executorMaxMs), 1)
  }

  #kill(appId: string, executorId: number): void {
    this.#history.executorKilled(appId, executorId)
    const order = this.executors.get(`${appId}/${executorId}`)
    if (order !== undefined) this.#endExecutor(order, this.#dice.below(killMaxMs), 143)
  }

  #endExecutor(order: LaunchExecutorT, afterMs: number, exitStatus: number): void {
    const appId = String(order.appId)
    const { executorId } = order
    const key = `${appId}/${executorId}`
    this.#later(startMaxMs + afterMs, (loop) => {
      if (this.executors.get(key) !== order) return
      this.executors.delete(key)
      loop.handle({ kind: 'executorExited', appId, executorId, exitStatus, message: null })
    })
  }

  #launchDriver(order: LaunchDriverT): void {
    const driverId = String(order.driverId)
    const { jarUrl } = decodeDriver(Uint8Array.from(order.description))
    const life = this.#history.driverLaunched(driverId, String(jarUrl), this.id)
    this.drivers.set(driverId, life)
    this.#lives.set(driverId, life)
    const how = this.#dice.chance(0.8) ? 'finished' : 'failed'
    this.#endDriver(driverId, how, this.#dice.below(driverMaxMs))
  }

  #endDriver(driverId: string, how: 'finished' | 'failed' | 'killed', afterMs: number): void {
    this.#later(afterMs, (loop) => {
      const life = this.drivers.get(driverId)
      if (life === undefined) return
      this.drivers.delete(driverId)
      life.how = how
      const exitStatus = { finished: 0, failed: 1, killed: 143 }[how]
      loop.handle({ kind: 'driverExited', driverId, exitStatus })
    })
  }

  #later(delayMs: number, run: (loop: WorkerLoop) => void): void {
    const life = this.#life
    const loop = this.#loop
    setTimeout(() => {
      if (loop !== null && loop === this.#loop && life === this.#life) run(loop)
    }, delayMs)
  }
}
