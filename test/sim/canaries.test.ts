/** One deliberate fault for each property: a simulator that can't fail proves nothing. */
import { describe, test } from 'vitest'
import { InboxKind, OutboxKind } from '../../src/control/records.js'
import {
  Body,
  ExecutorState,
  ExecutorUpdatedT,
  RegisterWorkerT,
  WorkerHealthT,
  WorkerLatestStateT,
} from '../../src/schema/magneto.js'
import { decode, encode, type BodyT } from '../../src/control/codec.js'
import { WorkerMachine, type WorkerEffect, type WorkerEvent } from '../../src/worker/state.js'
import {
  coreTelling,
  coreWith,
  doubled,
  forgetfulOfReaders,
  hasty,
  misread,
  sameAddress,
  shuffledParts,
  strayAttachments,
  typeOf,
  without,
  withoutMessages,
  withoutSends,
  type MakeCore,
} from './faults.js'
import { mustCatch } from './must-catch.js'

const tries = 40

describe('what is broken in a worker is noticed', () => {
  test('it forgets to say that an executor has ended', () => {
    class Forgetful extends WorkerMachine {
      override step(event: WorkerEvent, nowMs: number): WorkerEffect[] {
        const effects = super.step(event, nowMs)
        return event.kind === 'executorExited'
          ? effects.filter(({ kind }) => kind !== 'send')
          : effects
      }
    }
    mustCatch(tries, { makeWorker: (settings) => new Forgetful(settings) }, /does not come to rest/)
  })

  test('it does not kill', () => {
    class Gentle extends WorkerMachine {
      override step(event: WorkerEvent, nowMs: number): WorkerEffect[] {
        return super.step(event, nowMs).filter(({ kind }) => kind !== 'kill')
      }
    }
    mustCatch(
      tries,
      { makeWorker: (settings) => new Gentle(settings) },
      /what runs there takes|runs and the master has no such|is overfull|twice, or does not have/,
    )
  })

  test('it starts an executor twice', () => {
    class Eager extends WorkerMachine {
      override step(event: WorkerEvent, nowMs: number): WorkerEffect[] {
        const effects = super.step(event, nowMs)
        return [...effects, ...effects.filter(({ kind }) => kind === 'launch')]
      }
    }
    mustCatch(tries, { makeWorker: (settings) => new Eager(settings) }, /and again on/)
  })

  test('it keeps silent about its decommission', () => {
    class Silent extends WorkerMachine {
      override step(event: WorkerEvent, nowMs: number): WorkerEffect[] {
        const effects = super.step(event, nowMs)
        return event.kind === 'decommission'
          ? effects.filter(({ kind }) => kind !== 'send')
          : effects
      }
    }
    mustCatch(
      tries,
      { makeWorker: (settings) => new Silent(settings) },
      /should be listed as DECOMMISSIONED/,
    )
  })

  test('it forgets to say that a driver has ended', () => {
    class Forgetful extends WorkerMachine {
      override step(event: WorkerEvent, nowMs: number): WorkerEffect[] {
        const effects = super.step(event, nowMs)
        return event.kind === 'driverExited'
          ? effects.filter(({ kind }) => kind !== 'send')
          : effects
      }
    }
    mustCatch(
      tries,
      { makeWorker: (settings) => new Forgetful(settings) },
      /driver .* is listed and does not run/,
    )
  })

  test('it does not kill drivers', () => {
    class Gentle extends WorkerMachine {
      override step(event: WorkerEvent, nowMs: number): WorkerEffect[] {
        return super.step(event, nowMs).filter(({ kind }) => kind !== 'killDriver')
      }
    }
    mustCatch(
      tries,
      { makeWorker: (settings) => new Gentle(settings) },
      /runs twice|runs and the master has no such|is still listed as active|what runs there takes/,
    )
  })

  test('it starts a driver twice', () => {
    class Eager extends WorkerMachine {
      override step(event: WorkerEvent, nowMs: number): WorkerEffect[] {
        const effects = super.step(event, nowMs)
        return [...effects, ...effects.filter(({ kind }) => kind === 'launchDriver')]
      }
    }
    mustCatch(tries, { makeWorker: (settings) => new Eager(settings) }, /driver .* and again on/)
  })

  test('it does not say which drivers live on it', () => {
    class Silent extends WorkerMachine {
      override step(event: WorkerEvent, nowMs: number): WorkerEffect[] {
        return super.step(event, nowMs).map((effect) => {
          if (effect.kind !== 'send' || !(effect.body instanceof WorkerLatestStateT)) return effect
          const { workerId, executors } = effect.body
          return { kind: 'send', body: new WorkerLatestStateT(workerId, executors, []) }
        })
      }
    }
    mustCatch(
      tries,
      { makeWorker: (settings) => new Silent(settings) },
      /runs twice|runs and the master has no such/,
    )
  })

  test('an Apache worker that ignores launches', () => {
    mustCatch(tries, { apacheFault: 'ignores launches of executors' }, /is listed and does not run/)
  })

  test('an Apache worker that keeps drivers which it should kill', () => {
    mustCatch(
      tries,
      { apacheFault: 'keeps drivers that it should kill' },
      /runs twice|runs and the master has no such|is still listed as active|what runs there takes/,
    )
  })
})

const { EXITED, FAILED, KILLED, LOST } = ExecutorState
const ends = new Set([EXITED, FAILED, KILLED, LOST])

function isEnd(body: BodyT): boolean {
  return body instanceof ExecutorUpdatedT && ends.has(body.state)
}

const faults: [string, MakeCore, RegExp][] = [
  [
    'promises that do not wait for the disk',
    coreWith({
      outbox: ({ kind, session, payload, argument }, batch) => {
        batch.add(kind, session, payload, kind === (OutboxKind.SEND as number) ? 0 : argument)
      },
    }),
    /before that was on disk/,
  ],
  [
    'answers to submissions that do not wait for the disk',
    coreWith({ outbox: hasty(Body.Reply) }),
    /a client was promised driver .* before that was on disk/,
  ],
  [
    'drivers that are launched before they are on disk',
    coreWith({ outbox: hasty(Body.LaunchDriver) }),
    /driver .* was ordered before it was on disk/,
  ],
  ['lost connections are missed', coreWith({ inbox: without(InboxKind.DISCONNECTED) }), /is gone/],
  ['no timer', coreWith({ inbox: without(InboxKind.TIMER) }), /is gone/],
  [
    'heartbeats are missed',
    coreWith({ inbox: withoutMessages(Body.WorkerHeartbeat) }),
    /was dropped although it beat/,
  ],
  ['no election', coreWith({ inbox: without(InboxKind.ELECTED) }), /does not come to rest/],
  ['an address is given twice', coreWith({ outbox: sameAddress }), /gives gpu\/0 twice/],
  [
    'an executor is launched twice',
    coreWith({ outbox: doubled(Body.LaunchExecutor) }),
    /was ordered twice/,
  ],
  [
    'a driver is launched twice',
    coreWith({ outbox: doubled(Body.LaunchDriver) }),
    /driver .* was ordered twice/,
  ],
  [
    'a launch of a driver is lost',
    coreWith({ outbox: withoutSends(Body.LaunchDriver) }),
    /is listed and does not run/,
  ],
  [
    'a kill of a driver is lost',
    coreWith({ outbox: withoutSends(Body.KillDriver) }),
    /is still listed as active|runs twice|runs and the master has no such|what runs there takes/,
  ],
  [
    'the end of an executor is told twice',
    coreWith({ outbox: doubled(Body.ExecutorUpdated, isEnd) }),
    /heard twice that executor/,
  ],
  [
    'the end of an executor is never told',
    coreWith({ outbox: withoutSends(Body.ExecutorUpdated, isEnd) }),
    /is counted on by its driver/,
  ],
  [
    'an answer is lost',
    coreWith({ outbox: withoutSends(Body.DriverStatusResponse) }),
    /a client waits for/,
  ],
  [
    'an answer comes twice',
    coreWith({ outbox: doubled(Body.DriverStatusResponse) }),
    /which waits for none/,
  ],
  [
    'decommissions are missed',
    coreWith({ inbox: withoutMessages(Body.WorkerDecommissioning) }),
    /which is leaving|should be listed as DECOMMISSIONED/,
  ],
  [
    'what workers say of their health is missed',
    coreWith({ inbox: withoutMessages(Body.WorkerHealth) }),
    /which is unhealthy/,
  ],
  [
    'a worker is never taken for healthy again',
    coreWith({
      inbox: (record, batch) => {
        const { kind, session, payload, argument } = record
        const health = typeOf(record) === Body.WorkerHealth ? decode(payload) : null
        if (!(health instanceof WorkerHealthT) || !health.healthy)
          batch.add(kind, session, payload, argument)
      },
    }),
    /could have one more executor|fit, nothing limits it|could run on/,
  ],
  ['parts of a step are carried out in another order', shuffledParts, /before|they must grow/],
  [
    'a launch goes with the description of another application',
    (config) => coreWith({ outbox: strayAttachments() })(config),
    /asked for|lacks|has not exactly one/,
  ],
  [
    'workers are taken for able to run what they lack',
    coreWith({
      inbox: (record, batch) => {
        const { kind, session, payload, argument } = record
        if (typeOf(record) !== Body.RegisterWorker)
          return batch.add(kind, session, payload, argument)
        const body = decode(payload) as RegisterWorkerT
        body.runtimes = ['node', 'spark-3.5', 'spark-4.3']
        batch.add(kind, session, encode(body), argument)
      },
    }),
    /lacks/,
  ],
  [
    'a supervised driver is not started again',
    coreWith({ inbox: misread((description) => (description.supervise = false)) }),
    /is neither waiting nor running/,
  ],
  [
    'a driver waits for more than it asked for',
    coreWith({ inbox: misread((description) => (description.cores += 100)) }),
    /could run on/,
  ],
  [
    'a driver is given addresses that it did not ask for',
    coreWith({ inbox: misread((description) => (description.resources = [])) }),
    /addresses, got \[\]/,
  ],
]

const shown = /the web thread shows/
const told: [string, MakeCore, RegExp][] = [
  [
    'what has gone is not told',
    coreTelling((changes) => {
      changes.removed = []
    }),
    shown,
  ],
  [
    'a worker that changes is not told again',
    coreTelling((changes) => {
      if (!changes.anew) changes.workers = changes.workers.slice(1)
    }),
    shown,
  ],
  [
    'heartbeats are not told',
    coreTelling((changes) => {
      changes.heartbeats = []
    }),
    /the web thread shows workers/,
  ],
  [
    'an executor is told of another application',
    coreTelling((changes) => {
      for (const row of changes.executors) row.application += 1
    }),
    /the web thread shows (active|completed)Applications/,
  ],
  [
    'what waits is not told to wait',
    coreTelling((changes) => {
      for (const row of [...changes.applications, ...changes.drivers]) row.waits = false
    }),
    /the web thread shows what waits/,
  ],
  ['a reader that comes anew is taken for the one before', forgetfulOfReaders, shown],
]

describe('what is broken in the master is noticed', () => {
  test.each([...faults, ...told])('%s', (_, core, expected) => {
    mustCatch(tries, { core }, expected)
  })
})
