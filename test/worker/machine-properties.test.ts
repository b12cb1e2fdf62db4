/** What holds for the worker's machine whatever happens, in whatever order. */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'

import type { BodyT } from '../../src/control/codec.js'
import * as schema from '../../src/schema/magneto.js'
import type { Report } from '../../src/worker/reports.js'
import { WorkerMachine, type WorkerEffect, type WorkerEvent } from '../../src/worker/state.js'
import { launchOrder, MASTER, settings } from './machine.js'

const appIds = ['a', 'b']
const { EXITED, FAILED, KILLED, RUNNING } = schema.ExecutorState
const SECOND_MS = 1000

/** What can happen, as often as it stands here. */
const DEEDS = words(
  'launch launch launch launch start start start exit exit exit fail kill finish',
  'acknowledge acknowledge link register register register reconnect heartbeat registration',
  'decommission standby change change',
  'driver driver driverEnd driverEnd driverKill',
  'ill well',
)

function words(...lines: string[]): string[] {
  return lines.flatMap((line) => line.split(' '))
}

/** app and id matter only to what is done to one executor or application. */
interface Step {
  do: string
  app: number
  id: number
}

const steps = fc.array(
  fc.record({ do: fc.constantFrom(...DEEDS), app: fc.nat(1), id: fc.nat(3) }),
  { size: 'max', minLength: 20, maxLength: 120 },
)

/** The world around one machine: it keeps to the rules that state.ts names, and writes down what it sees. */
class World {
  readonly machine = new WorkerMachine({ ...settings, maxRegistrationRetries: 1000 })
  readonly live = new Map<string, { started: boolean; killing: boolean }>()
  readonly launched: string[] = []
  readonly ended = new Set<string>()
  /** What the master has got and confirmed, by executor. */
  readonly heard = new Map<string, schema.ExecutorState[]>()
  readonly heardDrivers = new Map<string, schema.DriverState[]>()
  readonly underWay: Report[] = []
  readonly drivers = new Set<string>()
  readonly endedDrivers = new Set<string>()
  healthy = true
  everIll = false
  /** What a master that has heard all knows of its health: what was said last, in a registration or alone. */
  knownHealthy = true
  linkOpen = false
  exited = false
  decommissioned = false
  nowMs = 0

  send(event: WorkerEvent): void {
    this.nowMs += SECOND_MS
    const effects = this.machine.step(event, this.nowMs)
    this.machine.check()
    for (const effect of effects) this.see(effect)
  }

  see(effect: WorkerEffect): void {
    if (effect.kind === 'exit') this.exited = true
    if (effect.kind === 'launch') {
      expect(this.decommissioned).toBe(false)
      const key = `${effect.order.appId}/${effect.order.executorId}`
      this.launched.push(key)
      this.live.set(key, { started: false, killing: false })
    }
    if (effect.kind === 'kill') {
      const live = this.live.get(`${effect.appId}/${effect.executorId}`)
      expect(live?.killing).toBe(false)
      live!.killing = true
    }
    if (effect.kind === 'launchDriver') {
      const id = String(effect.order.driverId)
      this.launched.push(id)
      this.drivers.add(id)
    }
    if (effect.kind === 'killDriver') expect(this.drivers.has(effect.driverId)).toBe(true)
    if (effect.kind === 'cleanUpApplication') {
      const left = [...this.live.keys()].filter((key) => key.startsWith(`${effect.appId}/`))
      expect(left).toEqual([])
    }
    if (effect.kind === 'send') {
      expect(this.linkOpen).toBe(true)
      if (effect.body instanceof schema.WorkerHealthT) this.knownHealthy = effect.body.healthy
      if (effect.body instanceof schema.RegisterWorkerT)
        this.knownHealthy = !effect.body.healthReport
      this.seeSent(effect.body)
    }
  }

  seeSent(body: BodyT): void {
    if (body instanceof schema.ExecutorStateChangedT || body instanceof schema.DriverStateChangedT)
      this.underWay.push(body)
    if (body instanceof schema.WorkerSchedulerStateResponseT) this.seeState(body)
    if (!(body instanceof schema.WorkerLatestStateT)) return
    // A master that misses one would start it again.
    for (const id of this.drivers) expect(body.driverIds).toContain(id)
    for (const id of this.endedDrivers) {
      expect(body.driverIds.includes(id)).toBe(!this.heardDrivers.has(id))
    }
  }

  /** M8: a new leader hears of all that lives, and of all that is being killed or whose end nobody has confirmed; nothing else. */
  seeState(body: schema.WorkerSchedulerStateResponseT): void {
    const listed = body.executors.map(({ description }) => description!)
    const isEnd = ({ state }: schema.ExecutorDescriptionT) =>
      [EXITED, FAILED, KILLED].includes(state)
    const keyOf = (one: schema.ExecutorDescriptionT) => `${one.appId}/${one.executorId}`
    const live = listed.filter((one) => !isEnd(one))
    const namesOf = (killing: boolean) =>
      [...this.live].filter(([, each]) => each.killing === killing).map(([name]) => name)
    expect(new Set(live.map(keyOf))).toEqual(new Set(namesOf(false)))
    for (const one of live) expect(one.state === RUNNING).toBe(this.live.get(keyOf(one))?.started)
    const open = this.machine
      .unacknowledged()
      .filter((report) => report instanceof schema.ExecutorStateChangedT)
      .filter(({ state }) => state !== RUNNING)
    expect(new Set(listed.filter(isEnd).map((one) => `${keyOf(one)} ${one.state}`))).toEqual(
      new Set([
        ...open.map(({ appId, executorId, state }) => `${appId}/${executorId} ${state}`),
        ...namesOf(true).map((name) => `${name} ${KILLED}`),
      ]),
    )
    const drivers = new Set(body.drivers.map(({ driverId }) => driverId))
    const due = [...this.endedDrivers].filter((id) => !this.heardDrivers.has(id))
    expect(drivers).toEqual(new Set([...this.drivers, ...due]))
  }

  /** Another leader: what it knows is of any moment before. */
  change(id: number): void {
    const body = new schema.MasterChangedT(id < 2 ? MASTER : 'spark://other:7077', null, 1)
    this.underWay.length = 0
    this.knownHealthy = !this.everIll || id % 2 === 0
    if (this.linkOpen && id % 2 === 0) return this.message(body)
    if (this.linkOpen) this.toggleLink()
    this.linkOpen = true
    this.send({ kind: 'linkOpened', changed: body })
  }

  message(body: Extract<WorkerEvent, { kind: 'message' }>['body']): void {
    if (!this.linkOpen) return
    this.send({ kind: 'message', body })
  }

  toggleLink(): void {
    this.linkOpen = !this.linkOpen
    if (this.linkOpen) return this.send({ kind: 'linkOpened' })
    this.underWay.length = 0
    this.send({ kind: 'linkClosed', reason: 'chance' })
  }

  acknowledge(): void {
    const report = this.underWay.shift()
    if (report === undefined) return
    if (report instanceof schema.DriverStateChangedT) {
      const id = String(report.driverId)
      this.heardDrivers.set(id, [...(this.heardDrivers.get(id) ?? []), report.state])
    } else {
      const key = `${report.appId}/${report.executorId}`
      this.heard.set(key, [...(this.heard.get(key) ?? []), report.state])
    }
    this.message(new schema.ReplyT(report.requestId, true, null))
  }

  /** As most histories begin. */
  begin(): void {
    this.send({ kind: 'started' })
    this.toggleLink()
    this.message(new schema.WorkerRegisteredT(MASTER, null, false, 60_000))
  }

  act(step: Step): void {
    if (step.do === 'link') return this.toggleLink()
    if (step.do === 'acknowledge') return this.acknowledge()
    if (step.do === 'register') {
      return this.message(new schema.WorkerRegisteredT(MASTER, null, false, 60_000))
    }
    if (step.do === 'decommission') {
      this.decommissioned = true
      return this.send({ kind: 'decommission' })
    }
    if (step.do === 'change') return this.change(step.id)
    if (step.do === 'standby') return this.message(new schema.MasterInStandbyT())
    if (step.do === 'reconnect') return this.message(new schema.ReconnectWorkerT(MASTER))
    if (step.do === 'heartbeat' || step.do === 'registration') {
      return this.send({ kind: 'timer', timer: step.do })
    }
    if (step.do === 'ill' || step.do === 'well') {
      this.healthy = step.do === 'well'
      this.everIll ||= !this.healthy
      return this.send({ kind: 'health', healthy: this.healthy, report: `full ${step.id}` })
    }
    if (step.do.startsWith('driver')) return this.actOnDriver(step.do, `d${step.app}${step.id}`)
    const appId = appIds[step.app] ?? 'a'
    if (step.do === 'finish') return this.message(new schema.ApplicationFinishedT(appId))
    return this.actOn(step.do, appId, step.id)
  }

  actOn(what: string, appId: string, executorId: number) {
    const key = `${appId}/${executorId}`
    if (what === 'launch') return this.message(launchOrder(appId, executorId))
    if (what === 'kill') return this.message(new schema.KillExecutorT(MASTER, appId, executorId))
    const process = this.live.get(key)
    if (process === undefined) return undefined
    if (what === 'start') {
      if (process.started) return undefined
      process.started = true
      return this.send({ kind: 'executorStarted', appId, executorId, pid: 1 })
    }
    if (what === 'fail' && process.started) return undefined
    this.live.delete(key)
    this.ended.add(key)
    return what === 'fail'
      ? this.send({ kind: 'executorFailed', appId, executorId, message: 'no' })
      : this.send({ kind: 'executorExited', appId, executorId, exitStatus: 0, message: null })
  }

  actOnDriver(what: string, driverId: string) {
    if (what === 'driver')
      return this.message(new schema.LaunchDriverT(driverId, new Uint8Array(), []))
    if (what === 'driverKill') return this.message(new schema.KillDriverT(driverId))
    if (!this.drivers.delete(driverId)) return undefined
    this.endedDrivers.add(driverId)
    return this.send({ kind: 'driverExited', driverId, exitStatus: 1 })
  }

  /** In the end the link stays and the master answers everything. */
  settle(): void {
    if (!this.linkOpen) this.toggleLink()
    this.message(new schema.WorkerRegisteredT(MASTER, null, false, 60_000))
    while (this.underWay.length > 0) this.acknowledge()
  }
}

test('nothing is launched twice, and every end is told and confirmed, whatever the link does', () => {
  fc.assert(
    fc.property(steps, (history) => {
      const world = new World()
      world.begin()
      for (const step of history) world.act(step)
      world.settle()
      expect(world.machine.unacknowledged()).toEqual([])
      expect(new Set(world.launched).size).toBe(world.launched.length)
      for (const key of world.ended) {
        const told = new Set(world.heard.get(key))
        expect([EXITED, FAILED, KILLED].filter((state) => told.has(state))).toHaveLength(1)
      }
      for (const id of world.endedDrivers) {
        // Told again over a broken link, it is the same end.
        const told = new Set(world.heardDrivers.get(id))
        expect([...told]).toHaveLength(1)
        expect([schema.DriverState.FAILED, schema.DriverState.KILLED]).toContain([...told][0])
      }
      for (const [key, process] of world.live) {
        expect(world.heard.get(key)?.includes(RUNNING) ?? false).toBe(process.started)
      }
    }),
    { numRuns: 500 },
  )
})

test('health: a master that has taken the worker in knows whether it is well', () => {
  fc.assert(
    fc.property(steps, (history) => {
      const world = new World()
      world.begin()
      for (const step of history) {
        world.act(step)
        if (world.machine.registered) expect(world.knownHealthy).toBe(world.healthy)
      }
    }),
    { numRuns: 500 },
  )
})

test('W18: a stop at any moment ends with every executor and driver gone and exit 0', () => {
  fc.assert(
    fc.property(steps, steps, (before, after) => {
      const world = new World()
      world.begin()
      for (const step of before) world.act(step)
      const launched = world.launched.length
      world.send({ kind: 'stop', reason: 'test' })
      for (const step of after) if (!world.exited) world.act(step)
      expect(world.launched).toHaveLength(launched)
      for (const key of world.live.keys()) {
        expect(world.exited).toBe(false)
        world.actOn('exit', key.charAt(0), Number(key.slice(2)))
      }
      for (const id of world.drivers) {
        expect(world.exited).toBe(false)
        world.actOnDriver('driverEnd', id)
      }
      expect(world.exited).toBe(true)
    }),
    { numRuns: 500 },
  )
})
