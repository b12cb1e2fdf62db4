/** A host with a worker of ours: the real state machine. */
import type { BodyT } from '../../src/control/codec.js'
import { SessionSource } from '../../src/control/records.js'
import { DecommissionWorkerT, type MasterChangedT } from '../../src/schema/magneto.js'
import { WorkerMachine, type WorkerEffect, type WorkerEvent } from '../../src/worker/state.js'
import type { Timer } from './clock.js'
import { SimulatedHost } from './host.js'
import type { DriverProcess, ExecutorProcess, HostFacts } from './process.js'
import type { World } from './world.js'

export class MagnetoHost extends SimulatedHost {
  readonly source = SessionSource.CONTROL
  readonly #deadlineMs: number | null
  #machine: WorkerMachine | null = null
  #healthy = true
  readonly #timers = new Map<string, Timer>()

  /** @param deadlineMs how long it may stay after its decommission; null: for ever */
  constructor(world: World, facts: HostFacts, deadlineMs: number | null) {
    super(world, facts)
    this.#deadlineMs = deadlineMs
  }

  get registered(): boolean {
    return this.up && this.#machine?.registered === true
  }

  get unacknowledged(): number {
    return this.#machine?.unacknowledged().length ?? 0
  }

  protected override booted(): void {
    const { name: _, ...facts } = this.facts
    for (const timer of this.#timers.values()) timer.cancel()
    this.#timers.clear()
    this.#healthy = true
    this.#machine = this.world.makeWorker({
      ...facts,
      workerId: this.workerId,
      webUiUrl: `http://${facts.host}:8081`,
      initialRegistrationRetries: 6,
      maxRegistrationRetries: 16,
      registrationFactor: 0.5 + this.world.random.next(),
      decommissionDeadlineMs: this.#deadlineMs,
    })
    this.#step({ kind: 'started' })
  }

  override setHealthy(healthy: boolean): void {
    const { random, coverage } = this.world
    if (!this.up || healthy === this.#healthy) return
    coverage.happened(healthy ? 'a worker is healthy again' : 'a worker falls ill')
    this.#healthy = healthy
    const report = healthy ? '' : `its disk is ${random.between(95, 100)} % full`
    this.#step({ kind: 'health', healthy, report })
  }

  protected override linkOpened(changed: MasterChangedT | null): void {
    this.#step({ kind: 'linkOpened', changed })
  }

  protected override linkClosed(reason: string): void {
    this.#step({ kind: 'linkClosed', reason })
  }

  protected override take(body: BodyT): void {
    if (body instanceof DecommissionWorkerT) this.decommissioned = true
    this.#step({ kind: 'message', body })
  }

  protected override executorStarted({ appId, executorId }: ExecutorProcess): void {
    this.#step({ kind: 'executorStarted', pid: 1, appId, executorId })
  }

  protected override executorFailed({ appId, executorId }: ExecutorProcess, message: string): void {
    this.#step({ kind: 'executorFailed', message, appId, executorId })
  }

  protected override executorExited(
    { appId, executorId }: ExecutorProcess,
    exitStatus: number,
  ): void {
    this.#step({ kind: 'executorExited', exitStatus, message: null, appId, executorId })
  }

  protected override driverEnded(
    { driverId, killed }: DriverProcess,
    how: 'ended' | 'failed' | 'no start',
  ): void {
    if (how === 'no start') {
      return this.#step({ kind: 'driverFailed', driverId, message: 'no such file' })
    }
    const exitStatus = killed ? 143 : how === 'ended' ? 0 : 1
    this.#step({ kind: 'driverExited', driverId, exitStatus })
  }

  protected override stopped(): void {
    this.#step({ kind: 'stop', reason: 'SIGTERM' })
  }

  protected override signalled(): void {
    this.#step({ kind: 'decommission' })
  }

  #step(event: WorkerEvent): void {
    const machine = this.#machine
    if (machine === null || !this.up) return
    if (event.kind !== 'message') this.trace(() => JSON.stringify(event))
    const effects = machine.step(event, this.world.clock.nowMs)
    machine.check()
    for (const effect of effects) this.#carryOut(effect)
  }

  #carryOut(effect: WorkerEffect): void {
    switch (effect.kind) {
      case 'send':
        return this.send(effect.body)
      case 'launch':
        return this.launchExecutor(effect.order)
      case 'kill':
        return this.killExecutor(`${effect.appId}/${effect.executorId}`)
      case 'launchDriver':
        return this.launchDriver(effect.order)
      case 'killDriver':
        return this.killDriver(effect.driverId)
      case 'setTimer': {
        const { timer, dueMs } = effect
        this.#timers.get(timer)?.cancel()
        const due = this.later(dueMs - this.world.clock.nowMs, () =>
          this.#step({ kind: 'timer', timer }),
        )
        this.#timers.set(timer, due)
        return
      }
      case 'clearTimer':
        this.#timers.get(effect.timer)?.cancel()
        return
      case 'exit':
        return this.exit(effect.status, effect.reason)
      case 'log':
        return this.trace(() => `log ${effect.level}: ${effect.text}`)
      case 'cleanUpApplication':
        this.trace(() => `cleans up ${effect.appId}`)
        this.scratch.delete(effect.appId)
        return
    }
  }
}
