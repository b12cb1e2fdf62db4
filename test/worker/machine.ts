/** A worker's machine on a bench: a fake clock, every effect recorded, every step followed by check(). */
import type { BodyT } from '../../src/control/codec.js'
import * as schema from '../../src/schema/magneto.js'
import {
  WorkerMachine,
  type TimerName,
  type WorkerEffect,
  type WorkerEvent,
  type WorkerSettings,
} from '../../src/worker/state.js'

export const MASTER = 'spark://master:7077'

export const settings: WorkerSettings = {
  workerId: 'worker-1',
  host: 'here',
  port: 4040,
  cores: 8,
  memoryMb: 4096,
  webUiUrl: '',
  resources: [],
  runtimes: ['node', 'spark-4.3'],
  initialRegistrationRetries: 6,
  maxRegistrationRetries: 16,
  registrationFactor: 1,
  decommissionDeadlineMs: null,
}

export function launchOrder(appId: string, executorId: number, from = MASTER) {
  return new schema.LaunchExecutorT(from, appId, executorId, 0, 2, 1024, [], new Uint8Array())
}

/** One line an effect, without log lines: what a table of expected effects is made of. */
function line(effect: WorkerEffect, nowMs: number): string[] {
  switch (effect.kind) {
    case 'log':
      return []
    case 'send':
      return [`send ${bodyLine(effect.body)}`]
    case 'launch':
      return [`launch ${effect.order.appId}/${effect.order.executorId}`]
    case 'kill':
      return [`kill ${effect.appId}/${effect.executorId}`]
    case 'launchDriver':
      return [`launch driver ${effect.order.driverId}`]
    case 'killDriver':
      return [`kill driver ${effect.driverId}`]
    case 'cleanUpApplication':
      return [`clean ${effect.appId}`]
    case 'setTimer':
      return [`timer ${effect.timer} +${effect.dueMs - nowMs}`]
    case 'clearTimer':
      return [`clear ${effect.timer}`]
    case 'exit':
      return [`exit ${effect.status}`]
    default:
      return effect satisfies never
  }
}

function bodyLine(body: BodyT): string {
  if (body instanceof schema.RegisterWorkerT) {
    const health = body.healthReport === null ? '' : ` unhealthy "${body.healthReport}"`
    return `register ${body.workerId}${health}`
  }
  if (body instanceof schema.WorkerHeartbeatT) return `heartbeat ${body.workerId}`
  if (body instanceof schema.WorkerLatestStateT) {
    const list = body.executors.map(
      (e) => ` ${e.appId}/${e.executorId}=${schema.ExecutorState[e.state]}`,
    )
    return `latest${[...list, ...body.driverIds.map((id) => ` ${id}`)].join('')}`
  }
  if (body instanceof schema.WorkerSchedulerStateResponseT) {
    const executors = body.executors.map(({ description: e, resources }) => {
      const state = schema.ExecutorState[e!.state]
      return ` ${e!.appId}/${e!.executorId}=${state}${addresses(resources)}`
    })
    const drivers = body.drivers.map((each) => ` ${each.driverId}${addresses(each.resources)}`)
    return `state ${body.workerId}${[...executors, ...drivers].join('')}`
  }
  if (body instanceof schema.ExecutorStateChangedT) {
    const status = body.exitStatus === null ? '' : ` ${body.exitStatus}`
    const message = body.message === null ? '' : ` "${body.message}"`
    const key = `${body.appId}/${body.executorId}`
    return `#${body.requestId} ${key} ${schema.ExecutorState[body.state]}${status}${message}`
  }
  if (body instanceof schema.WorkerHealthT) {
    return body.healthy ? 'healthy' : `unhealthy "${body.report}"`
  }
  if (body instanceof schema.WorkerDecommissioningT) return `decommissioning ${body.workerId}`
  if (body instanceof schema.DriverStateChangedT) {
    const exception = body.exception === null ? '' : ` "${body.exception}"`
    return `#${body.requestId} ${body.driverId} ${schema.DriverState[body.state]}${exception}`
  }
  return body.constructor.name
}

function addresses(resources: readonly schema.ResourceT[]): string {
  return resources.map(({ name, addresses: all }) => `(${name} ${all.join(',')})`).join('')
}

export class Bench {
  readonly machine: WorkerMachine
  readonly timers = new Map<TimerName, number>()
  nowMs = 1_000_000

  constructor(changes: Partial<WorkerSettings> = {}) {
    this.machine = new WorkerMachine({ ...settings, ...changes })
  }

  step(event: WorkerEvent): string[] {
    const effects = this.machine.step(event, this.nowMs)
    this.machine.check()
    for (const effect of effects) {
      if (effect.kind === 'setTimer') this.timers.set(effect.timer, effect.dueMs)
      if (effect.kind === 'clearTimer') this.timers.delete(effect.timer)
    }
    return effects.flatMap((effect) => line(effect, this.nowMs))
  }

  message(body: BodyT): string[] {
    return this.step({ kind: 'message', body })
  }

  /** Lets the clock run to a timer that is set. */
  fire(timer: TimerName): string[] {
    const dueMs = this.timers.get(timer)
    if (dueMs === undefined) throw new Error(`timer ${timer} is not set`)
    this.timers.delete(timer)
    this.nowMs = Math.max(this.nowMs, dueMs)
    return this.step({ kind: 'timer', timer })
  }

  registered(timeoutMs = 60_000, duplicate = false): string[] {
    return this.message(new schema.WorkerRegisteredT(MASTER, 'http://master', duplicate, timeoutMs))
  }

  /** A worker as it is after its first registration. */
  static registered(changes: Partial<WorkerSettings> = {}): Bench {
    const bench = new Bench(changes)
    bench.step({ kind: 'started' })
    bench.step({ kind: 'linkOpened' })
    bench.registered()
    return bench
  }

  launch(appId: string, executorId: number, from = MASTER): string[] {
    return this.message(launchOrder(appId, executorId, from))
  }

  start(appId: string, executorId: number): string[] {
    return this.step({ kind: 'executorStarted', appId, executorId, pid: 100 + executorId })
  }

  exit(appId: string, executorId: number, exitStatus: number): string[] {
    const message = `Command exited with code ${exitStatus}`
    return this.step({ kind: 'executorExited', appId, executorId, exitStatus, message })
  }

  kill(appId: string, executorId: number, from = MASTER): string[] {
    return this.message(new schema.KillExecutorT(from, appId, executorId))
  }

  launchDriver(driverId: string): string[] {
    return this.message(new schema.LaunchDriverT(driverId, new Uint8Array()))
  }

  killDriver(driverId: string): string[] {
    return this.message(new schema.KillDriverT(driverId))
  }

  driverExits(driverId: string, exitStatus: number): string[] {
    return this.step({ kind: 'driverExited', driverId, exitStatus })
  }

  driverFails(driverId: string, message: string): string[] {
    return this.step({ kind: 'driverFailed', driverId, message })
  }

  acknowledge(requestId: number, ok = true): string[] {
    return this.message(new schema.ReplyT(requestId, ok, null))
  }
}
