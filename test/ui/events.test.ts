import { ByteBuffer } from 'flatbuffers'
import { describe, expect, test } from 'vitest'
import { encode } from '../../src/control/codec.js'
import { InboxKind } from '../../src/control/records.js'
import {
  ApplicationState,
  ChangesT,
  ClusterViewT,
  DriverState,
  ExecutorPlace,
  ExecutorRowT,
  ExecutorState,
  ExecutorStateChangedT,
  ExecutorViewT,
  MasterState,
  Record as StoreRecord,
  RegisterWorkerT,
  WorkerHealthT,
  WorkerHeartbeatT,
  WorkerState,
  type ClusterViewT as View,
} from '../../src/schema/magneto.js'
import { ClusterModel } from '../../src/ui/model/cluster-model.js'
import { Events, eventsMax, type ClusterEvent } from '../../src/ui/model/events.js'
import { Driver, registerApplication, type Effect } from '../core/support.js'
import { Random } from '../sim/random.js'
import {
  applicationView,
  changesBytes,
  changesOf,
  clusterView,
  driverView,
  submittedMs,
  waitingDriverView,
  workerView,
} from './views.js'

/** Each at an address of its own. */
function registerWorker(number: number, cores = 4): Uint8Array {
  const body = new RegisterWorkerT(`worker-${number}`, 'host-1', 7000 + number, cores, 4096)
  body.runtimes = ['node']
  return encode(body)
}

const none = { workers: [], activeApplications: [], completedApplications: [] }
const everything = { after: 0, limit: eventsMax }

/** Each new event as `kind id`. */
class Told {
  readonly events = new Events()
  readonly model = new ClusterModel(this.events)

  news(): ClusterEvent[] {
    return [...this.events.page({ after: this.#seen(), limit: eventsMax }).items]
  }

  kinds(): string[] {
    return this.news().map(({ kind, id }) => `${kind} ${id}`)
  }

  #last = 0
  #seen(): number {
    const seen = this.#last
    this.#last = this.events.latest
    return seen
  }
}

/** Reads a real core. */
class Reader extends Told {
  core: Driver
  #anew = true

  constructor(core: Driver) {
    super()
    this.core = core
  }

  /** @returns what was told of it */
  read(anew = this.#anew): string[] {
    this.#anew = false
    const part = (first: boolean) =>
      this.model.apply(this.core.core.changes(this.core.nowMs, first, 4096))
    for (let { more } = part(anew); more;) ({ more } = part(false))
    return this.kinds()
  }
}

/** Is told what is made up. */
class Played extends Told {
  tell(changes: ChangesT): string[] {
    this.model.apply(changesBytes(changes))
    return this.kinds()
  }

  /** @returns the same rows again, once they are known */
  whole(view: View, anew = true): ChangesT {
    return Object.assign(changesOf(view), { anew })
  }

  part(change: Partial<ChangesT>, state = MasterState.ALIVE): ChangesT {
    const cluster = new ClusterViewT('spark://master:7077', state, BigInt(submittedMs))
    return Object.assign(new ChangesT(cluster), change)
  }
}

describe('what happens at a core', () => {
  test('comes as it is seen; what only changes its numbers is none', () => {
    const core = new Driver()
    const reader = new Reader(core)
    expect(reader.read()).toEqual(['master-leading spark://master:7077'])

    const worker = core.connect(1)
    core.message(worker, registerWorker(1))
    expect(reader.read()).toEqual(['worker-registered worker-1'])
    core.nowMs += 1000
    core.message(worker, encode(new WorkerHeartbeatT('worker-1')))
    expect(reader.read()).toEqual([])

    const driver = core.connect(2)
    core.message(driver, registerApplication('pi', 'driver:2'))
    const [app] = core.view().unpack().activeApplications
    const id = String(app?.id)
    expect(reader.read()[0]).toBe(`application-submitted ${id}`)
    const executors = core.view().unpack().activeApplications[0]?.executors ?? []
    expect(executors).not.toEqual([])
    for (const executor of executors) {
      const runs = new ExecutorStateChangedT(1, id, executor.id, ExecutorState.RUNNING)
      core.message(worker, encode(runs))
    }
    reader.read()

    core.message(worker, encode(new WorkerHealthT('worker-1', false, 'disk\nfull')))
    expect(reader.read()).toEqual(['worker-unhealthy worker-1'])
    core.message(worker, encode(new WorkerHealthT('worker-1', true)))
    expect(reader.read()).toEqual(['worker-healthy worker-1'])

    core.step((inbox) => inbox.add(InboxKind.DISCONNECTED, worker, 'gone'))
    const lost = reader.read()
    expect(lost).toContain('worker-lost worker-1')
    expect(lost.filter((told) => told.startsWith('executor-lost'))).toEqual([`executor-lost ${id}`])
    core.step((inbox) => inbox.add(InboxKind.DISCONNECTED, driver, 'gone'))
    expect(reader.read()).toEqual([`application-finished ${id}`])
  })

  test('a reader that begins anew hears of what it missed, and of nothing that it knew', () => {
    const core = new Driver()
    const reader = new Reader(core)
    const workers = [1, 2, 3].map((counter) => {
      const session = core.connect(counter)
      core.message(session, registerWorker(counter))
      return session
    })
    expect(reader.read()).toEqual(['master-leading spark://master:7077'])
    expect(reader.read(true)).toEqual([])
    core.step((inbox) => inbox.add(InboxKind.DISCONNECTED, workers[1]!, 'gone'))
    core.message(core.connect(4), registerWorker(4))
    expect(reader.read(true)).toEqual(['worker-lost worker-2'])
    core.step((inbox) => inbox.add(InboxKind.DISCONNECTED, workers[0]!, 'gone'))
    expect(reader.read()).toEqual(['worker-lost worker-1'])
  })

  test('after any history the last that was told of each is what it is', () => {
    const toldOf: Record<string, readonly string[]> = {
      ALIVE: ['worker-registered'],
      DEAD: ['worker-lost'],
      WAITING: ['application-submitted', 'application-waiting'],
      RUNNING: ['application-running'],
      FINISHED: ['application-finished'],
    }
    let ends = 0
    for (let seed = 1; seed <= 10; ++seed) {
      const random = new Random(seed)
      const core = new Driver()
      const reader = new Reader(core)
      reader.read()
      const sessions: number[] = []
      for (let step = 1; step <= 120; ++step) {
        core.nowMs += 1000
        const dice = random.between(0, 99)
        if (dice < 60) {
          const session = core.connect(step)
          sessions.push(session)
          const worker = registerWorker(step, random.between(1, 4))
          core.message(session, dice < 30 ? worker : registerApplication('pi', `driver:${step}`))
        } else if (sessions.length > 0) {
          const [gone = 0] = sessions.splice(random.between(0, sessions.length - 1), 1)
          core.step((inbox) => inbox.add(InboxKind.DISCONNECTED, gone, 'gone'))
        }
        if (dice % 3 === 0) reader.read(dice < 5)
      }
      reader.read()
      const last = new Map<string, string>()
      for (const { kind, id } of reader.events.page(everything).items)
        if (!kind.startsWith('executor-')) last.set(id, kind)
      const { workers, activeApplications, completedApplications } = reader.model
      const shown = [
        ...[...workers.values()].map(({ worker }) => [worker.id, WorkerState[worker.state]]),
        ...[activeApplications, completedApplications].flatMap((table) =>
          [...table.values()].map(({ application: { id, state } }) => [
            id,
            ApplicationState[state],
          ]),
        ),
      ]
      for (const [id = '', state = ''] of shown) {
        // Of what came while all was told anew nobody knows that it came.
        const kind = last.get(String(id))
        if (kind !== undefined) expect(toldOf[String(state)], `${id}`).toContain(kind)
        else expect(['ALIVE', 'DEAD', 'WAITING', 'RUNNING', 'FINISHED']).toContain(state)
      }
      ends += completedApplications.size
      expect(last.size).toBeGreaterThan(shown.length * 0.7)
    }
    expect(ends).toBeGreaterThan(20)
  })

  test('H8: a new leader tells that it leads, and nothing of what it has read', () => {
    const before = new Driver()
    const records = new Map<string, Uint8Array>()
    const keep = (effects: readonly Effect[]) => {
      for (const { kind, payload } of effects) {
        if (kind === 'FORGET') records.delete(new TextDecoder().decode(payload))
        if (kind !== 'PERSIST') continue
        const record = StoreRecord.getRootAsRecord(new ByteBuffer(payload))
        records.set(String(record.key()), payload)
      }
    }
    keep(before.message(before.connect(1), registerWorker(1)))
    const driver = before.connect(2)
    keep(before.message(driver, registerApplication('ended', 'driver:2')))
    keep(before.step((inbox) => inbox.add(InboxKind.DISCONNECTED, driver, 'gone')))
    keep(before.message(before.connect(3), registerApplication('runs', 'driver:3')))
    expect(records.size).toBeGreaterThan(2)

    const after = new Driver({ standby: true })
    const reader = new Reader(after)
    expect(reader.read()).toEqual(['master-standby spark://master:7077'])
    after.step((inbox) => {
      for (const record of records.values()) inbox.add(InboxKind.RECORD, 0, record)
      inbox.add(InboxKind.ELECTED, 0, '', 2)
    })
    expect(reader.read()).toEqual(['master-recovering spark://master:7077'])
    expect(reader.model.workers.size).toBe(1)
    expect(reader.model.completedApplications.size).toBe(1)

    // Nobody answers it.
    after.nowMs += 24 * 3_600_000
    after.step((inbox) => inbox.add(InboxKind.TIMER, 0))
    const told = reader.read()
    expect(told).toContain('master-leading spark://master:7077')
    expect(told).toContain('worker-lost worker-1')
    expect(told.filter((one) => one.startsWith('application-'))).toHaveLength(1)
  })
})

describe('transitions', () => {
  const states = [
    [WorkerState.ALIVE, 'worker-registered'],
    [WorkerState.DEAD, 'worker-lost'],
    [WorkerState.DECOMMISSIONED, 'worker-decommissioned'],
    [WorkerState.UNKNOWN, null],
  ] as const

  test.each(states)('S2: of a worker to %s: %s', (state, kind) => {
    for (const [from] of states) {
      const played = new Played()
      const workers = (as: WorkerState) =>
        clusterView({ workers: [workerView('w', { state: as })] })
      played.tell(played.whole(workers(from)))
      const confirmed = from === WorkerState.UNKNOWN && state !== WorkerState.DEAD
      const expected = kind === null || from === state || confirmed ? [] : [`${kind} w`]
      expect(played.tell(played.whole(workers(state), false))).toEqual(expected)
    }
  })

  test.each([
    [ApplicationState.WAITING, ['application-submitted a']],
    [ApplicationState.RUNNING, ['application-submitted a', 'application-running a']],
    [ApplicationState.FINISHED, ['application-submitted a', 'application-finished a']],
    [ApplicationState.FAILED, ['application-submitted a', 'application-failed a']],
    [ApplicationState.KILLED, ['application-submitted a', 'application-killed a']],
  ])('S3: an application that comes as %s', (state, expected) => {
    const played = new Played()
    played.tell(played.whole(clusterView(none)))
    const application = applicationView('a', { state, executors: [] })
    const list =
      state <= ApplicationState.RUNNING
        ? { activeApplications: [application] }
        : { completedApplications: [application] }
    expect(played.tell(played.whole(clusterView({ ...none, ...list }), false))).toEqual(expected)
  })

  test.each([
    [DriverState.SUBMITTED, ['driver-submitted d']],
    [DriverState.RUNNING, ['driver-submitted d', 'driver-running d']],
    [DriverState.RELAUNCHING, ['driver-submitted d', 'driver-relaunching d']],
    [DriverState.FINISHED, ['driver-submitted d', 'driver-finished d']],
    [DriverState.FAILED, ['driver-submitted d', 'driver-failed d']],
    [DriverState.KILLED, ['driver-submitted d', 'driver-killed d']],
    [DriverState.ERROR, ['driver-submitted d', 'driver-error d']],
  ])('S4: a driver that comes as %s', (state, expected) => {
    const played = new Played()
    played.tell(played.whole(clusterView(none)))
    const driver =
      state === DriverState.SUBMITTED ? waitingDriverView('d') : driverView('d', { state })
    const view = clusterView({ ...none, activeDrivers: [driver] })
    expect(played.tell(played.whole(view, false))).toEqual(expected)
  })

  test('what goes before its end was seen is told to be gone', () => {
    const played = new Played()
    const view = clusterView({
      activeApplications: [applicationView('a', { executors: [] })],
      completedApplications: [],
      activeDrivers: [driverView('d')],
    })
    const all = played.whole(view)
    played.tell(all)
    const removed = [...all.workers, ...all.applications, ...all.drivers].map(
      ({ number }) => number,
    )
    // worker-2 was lost before.
    expect(played.tell(played.part({ removed }))).toEqual([
      'worker-lost worker-1',
      'application-ended a',
      'driver-ended d',
    ])
  })

  test('executors that end alike make one event for their application', () => {
    const played = new Played()
    const view = clusterView({
      activeApplications: [applicationView('a', { executors: [] })],
      completedApplications: [applicationView('b', { state: ApplicationState.FINISHED })],
    })
    const all = played.whole(view)
    played.tell(all)
    const number = all.applications[0]!.number
    const ended = (id: number, state: ExecutorState, place = ExecutorPlace.REMOVED) => {
      const executor = new ExecutorViewT(id, 'worker-1', 0, 1, 1024, [], state)
      return new ExecutorRowT(1000 + id, number, place, id, executor)
    }
    const many = Array.from({ length: 100 }, (_, id) => ended(id, ExecutorState.LOST))
    expect(played.tell(played.part({ executors: many.slice(0, 60), more: true }))).toEqual([])
    const others = [
      ended(200, ExecutorState.FAILED),
      ended(201, ExecutorState.KILLED),
      ended(202, ExecutorState.EXITED, ExecutorPlace.LAST),
      ended(203, ExecutorState.EXITED),
    ]
    played.model.apply(changesBytes(played.part({ executors: [...many.slice(60), ...others] })))
    expect(played.news().map(({ kind, id, text }) => [kind, id, text])).toEqual([
      [
        'executor-lost',
        'a',
        'executors 0 on worker-1, 1 on worker-1, 2 on worker-1 and 97 more of application a (pi): lost with the worker',
      ],
      ['executor-failed', 'a', 'executor 200 on worker-1 of application a (pi): failed'],
      ['executor-exited', 'a', 'executor 203 on worker-1 of application a (pi): exited'],
    ])
    // The same rows again are no news.
    expect(played.tell(played.part({ executors: others }))).toEqual([])
  })

  test('what strangers say stays on its line, and is cut', () => {
    const played = new Played()
    played.tell(played.part({ anew: true }))
    const name = `\u001B[2J\n${'x'.repeat(4000)}`
    played.model.apply(
      changesBytes(
        played.whole(
          clusterView({
            workers: [workerView('w', { host: 'h\r\nost', healthReport: 'disk\tfull' })],
            activeApplications: [applicationView('a', { name, user: '\u0007' })],
            completedApplications: [],
            activeDrivers: [driverView('d', { state: DriverState.ERROR, exception: 'a\nb' })],
          }),
          false,
        ),
      ),
    )
    for (const { text } of played.news()) {
      expect(text.length).toBeLessThan(700)
      // oxlint-disable-next-line no-control-regex -- these are what must not be there
      expect(text).not.toMatch(/[\u0000-\u001F\u007F-\u009F]/)
    }
    expect(played.events.page(everything).items.map(({ text }) => text)).toEqual(
      expect.arrayContaining([
        'worker w at h ost:7001 is unhealthy: disk full',
        'driver d (org.example.Pi) ended with an error: a b',
      ]),
    )
  })
})

describe('what is kept of them', () => {
  const played = new Played()
  played.tell(played.whole(clusterView({ workers: [workerView('w')] })))
  const flips = eventsMax + 50
  for (let flip = 0; flip < flips; ++flip) {
    const state = flip % 2 === 0 ? WorkerState.DEAD : WorkerState.ALIVE
    const all = played.whole(clusterView({ workers: [workerView('w', { state })] }), false)
    played.model.apply(changesBytes(played.part({ workers: all.workers })))
  }
  const { events } = played
  const latest = flips + 1
  const sequences = (asked: Parameters<Events['page']>[0]) =>
    events.page(asked).items.map(({ sequence }) => sequence)

  test('the last 4,096, without gaps; who comes late hears how many are gone', () => {
    expect(events.latest).toBe(latest)
    const all = events.page(everything)
    expect(all.items.map(({ sequence }) => sequence)).toEqual(
      Array.from({ length: eventsMax }, (_, at) => latest - eventsMax + 1 + at),
    )
    expect([all.next, all.dropped]).toEqual([latest, latest - eventsMax])
    expect(events.page({ after: 30, limit: 1 }).dropped).toBe(latest - eventsMax - 30)
    expect(events.page({ after: latest - 10, limit: 1 }).dropped).toBe(0)
  })

  test('from page to page each comes once, filtered too', () => {
    const lost = ({ kind }: ClusterEvent) => kind === 'worker-lost'
    const seen: number[] = []
    let after = 0
    for (let pages = 0; pages < 10_000; ++pages) {
      const page = events.page({ after, limit: 100, keeps: lost })
      seen.push(...page.items.map(({ sequence }) => sequence))
      if (page.next === events.latest) break
      expect(page.next).toBeGreaterThan(after)
      after = page.next
    }
    expect(seen).toEqual(sequences({ ...everything, keeps: lost }))
    expect(seen.length).toBe(eventsMax / 2)
  })

  test('without a place to begin the newest come, the oldest of them first', () => {
    expect(sequences({ after: null, limit: 3 })).toEqual([latest - 2, latest - 1, latest])
    expect(events.page({ after: null, limit: 3 }).next).toBe(latest)
  })

  test('who knows all hears nothing; one that knows another process hears all', () => {
    expect(events.page({ after: latest, limit: 10 })).toEqual({
      items: [],
      next: latest,
      dropped: 0,
    })
    expect(sequences({ after: latest + 1, limit: eventsMax })).toHaveLength(eventsMax)
  })

  test('of nothing there is nothing', () => {
    expect(new Events().page({ after: null, limit: 10 })).toEqual({
      items: [],
      next: 0,
      dropped: 0,
    })
    expect(new Events().page({ after: 7, limit: 10 })).toEqual({ items: [], next: 0, dropped: 0 })
  })
})
