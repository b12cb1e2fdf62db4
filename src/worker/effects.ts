/** Carries out what the worker's machine decides. The only file that knows both the machine and the world. */
import type { BodyT } from '../control/codec.js'
import type { Logger } from '../log/logger.js'
import type { LaunchDriverT, LaunchExecutorT } from '../schema/magneto.js'
import type { ExecutorStart } from './launcher/pool.js'
import type { DriverResult, ExecutorResult } from './launcher/request.js'
import type { WorkerMachine, TimerName, WorkerEffect, WorkerEvent } from './state.js'

/** The machine's reach into the world. */
export interface WorkerPort {
  send(body: BodyT): void
  /** @param receivedMs when the order came, ms since the epoch */
  launch(order: LaunchExecutorT, receivedMs: number): void
  kill(appId: string, executorId: number): void
  launchDriver(order: LaunchDriverT): void
  killDriver(driverId: string): void
  cleanUpApplication(appId: string): void
  exit(status: number, reason: string): void
}

/** Longer waits than setTimeout can hold are cut into several. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1

export class WorkerLoop {
  readonly #machine: WorkerMachine
  readonly #port: WorkerPort
  readonly #log: Logger
  readonly #timers = new Map<TimerName, NodeJS.Timeout>()
  readonly #events: WorkerEvent[] = []
  #running = false
  /** When the event that is handled came, ms since the epoch. */
  #eventMs = 0

  constructor(machine: WorkerMachine, port: WorkerPort, log: Logger) {
    this.#machine = machine
    this.#port = port
    this.#log = log
  }

  /** One event through the machine. An effect that causes another event at once doesn't nest: it comes after. */
  handle(event: WorkerEvent): void {
    this.#events.push(event)
    if (this.#running) return
    this.#eventMs = performance.timeOrigin + performance.now()
    this.#running = true
    try {
      for (let next = this.#events.shift(); next !== undefined; next = this.#events.shift()) {
        for (const effect of this.#machine.step(next, Date.now())) this.#carryOut(effect)
      }
    } finally {
      this.#running = false
    }
  }

  onStarted(order: LaunchExecutorT, { pid, receivedMs, execMs }: ExecutorStart): void {
    const { executorId } = order
    this.#log.info(
      { receivedMs, execMs },
      `executor ${order.appId}/${executorId} runs as process ${pid}`,
    )
    this.handle({ kind: 'executorStarted', appId: String(order.appId), executorId, pid })
  }

  onEnded(order: LaunchExecutorT, result: ExecutorResult): void {
    const key = { appId: String(order.appId), executorId: order.executorId }
    this.#log.info(`executor ${key.appId}/${key.executorId} ended: ${result.message}`)
    if (result.kind === 'failed') {
      this.handle({ kind: 'executorFailed', ...key, message: result.message })
    } else {
      const { exitStatus, message } = result
      this.handle({ kind: 'executorExited', ...key, exitStatus, message })
    }
  }

  onDriverEnded(driverId: string, result: DriverResult): void {
    if (result.kind === 'failed') {
      const { message } = result
      this.#log.info(`driver ${driverId} did not run: ${message}`)
      this.handle({ kind: 'driverFailed', driverId, message })
    } else {
      const { exitStatus } = result
      this.#log.info(`driver ${driverId} ended with ${exitStatus}`)
      this.handle({ kind: 'driverExited', driverId, exitStatus })
    }
  }

  /** No timer fires any more. */
  stop(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer)
    this.#timers.clear()
  }

  #carryOut(effect: WorkerEffect): void {
    switch (effect.kind) {
      case 'send':
        return this.#port.send(effect.body)
      case 'launch':
        return this.#port.launch(effect.order, this.#eventMs)
      case 'kill':
        return this.#port.kill(effect.appId, effect.executorId)
      case 'launchDriver':
        return this.#port.launchDriver(effect.order)
      case 'killDriver':
        return this.#port.killDriver(effect.driverId)
      case 'cleanUpApplication':
        return this.#port.cleanUpApplication(effect.appId)
      case 'setTimer':
        return this.#setTimer(effect.timer, effect.dueMs)
      case 'clearTimer':
        return this.#clearTimer(effect.timer)
      case 'log':
        return this.#log[effect.level](effect.text)
      case 'exit':
        this.stop()
        return this.#port.exit(effect.status, effect.reason)
    }
  }

  #setTimer(timer: TimerName, dueMs: number): void {
    this.#clearTimer(timer)
    const delayMs = Math.min(Math.max(dueMs - Date.now(), 0), MAX_TIMEOUT_MS)
    const handle = setTimeout(() => {
      if (delayMs === MAX_TIMEOUT_MS) return this.#setTimer(timer, dueMs)
      this.#timers.delete(timer)
      this.handle({ kind: 'timer', timer })
    }, delayMs)
    this.#timers.set(timer, handle)
  }

  #clearTimer(timer: TimerName): void {
    clearTimeout(this.#timers.get(timer))
    this.#timers.delete(timer)
  }
}
