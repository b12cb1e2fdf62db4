/** Faults of masters that are killed, deposed and started again: the simulator must notice each. */
import { describe, test } from 'vitest'
import { decode, encode } from '../../src/control/codec.js'
import {
  Body,
  WorkerSchedulerStateResponseT,
  ApplicationRecordT,
  DriverRecordT,
} from '../../src/schema/magneto.js'
import { WorkerMachine, type WorkerEffect, type WorkerEvent } from '../../src/worker/state.js'
import { coreWith, recordsLost, recordsUnder, typeOf } from './faults.js'
import { mustCatch } from './must-catch.js'
import type { Options } from './simulator.js'

const tries = 400
const maxMs = 120_000

/** It drops what it has to say again to a new leader. */
class Forgetful extends WorkerMachine {
  override step(event: WorkerEvent, nowMs: number): WorkerEffect[] {
    const effects = super.step(event, nowMs)
    return event.kind === 'driverExited' || event.kind === 'executorExited'
      ? effects
      : effects.filter(
          ({ kind, ...rest }) =>
            kind !== 'send' ||
            !('body' in rest) ||
            !/StateChanged/.test(rest.body?.constructor.name ?? ''),
        )
  }
}

describe('what is broken in a store or an election is noticed', () => {
  const faults: [string, Options, RegExp][] = [
    [
      'P1: a store that says so before it is on disk',
      { kind: 'restarted', storeFault: 'says that it is on disk before it is' },
      /before that was on disk/,
    ],
    [
      'H1: a store that forgets records',
      { kind: 'restarted', storeFault: 'forgets some records' },
      /and the next leader has no such|was promised to a client, and is not found/,
    ],
    [
      'A15: a store that forgets what applications asked for',
      { kind: 'restarted', storeFault: 'forgets what was asked for' },
      /asked for none of profile|could have one more executor/,
    ],
    [
      'H5: commits that do not check the epoch',
      { kind: 'elected', storeFault: 'does not check the epoch' },
      /no such|was given to|on disk is|ordered twice|nobody asked for|several|listed/,
    ],
    [
      'H5: a leader that decides after its lease',
      { kind: 'elected', storeFault: 'decides after its lease' },
      /decides, and epoch \d+ has begun/,
    ],
  ]
  test.each(faults)('%s', (_, options, expected) => mustCatch(tries, options, expected), maxMs)
})

describe('what is broken in recovery is noticed', () => {
  const faults: [string, Options, RegExp][] = [
    [
      'L9: executors are counted from the start',
      {
        kind: 'restarted',
        core: coreWith({
          inbox: recordsUnder('app_', ApplicationRecordT, (value) => (value.nextExecutorId = 0)),
        }),
      },
      /was ordered twice|twice/,
    ],
    [
      'H9: a launched driver is taken for one that waits',
      {
        kind: 'restarted',
        core: coreWith({
          inbox: recordsUnder('driver_', DriverRecordT, (value) => {
            value.workerId = null
            value.workerHostPort = null
          }),
        }),
      },
      /was ordered twice|is not supervised|runs twice|and again on/,
    ],
    [
      'H9: that a driver is to be killed is forgotten',
      {
        kind: 'restarted',
        core: coreWith({
          inbox: recordsUnder('driver_', DriverRecordT, (value) => (value.killAsked = false)),
        }),
      },
      /was killed and/,
    ],
    [
      'H11: what has ended is forgotten',
      { kind: 'restarted', core: coreWith({ inbox: recordsLost('completed_') }) },
      /of what has ended|is not found/,
    ],
    [
      'M8: what runs on workers is not taken up',
      {
        kind: 'elected',
        core: coreWith({
          inbox: (entry, batch) => {
            const { kind, session, payload, argument } = entry
            if (typeOf(entry) !== Body.WorkerSchedulerStateResponse) {
              return batch.add(kind, session, payload, argument)
            }
            const body = decode(payload) as WorkerSchedulerStateResponseT
            const nothing = new WorkerSchedulerStateResponseT(body.workerId, [], [])
            batch.add(kind, session, encode(nothing), argument)
          },
        }),
      },
      /is killed, and nobody asked for that/,
    ],
    [
      'M11: a worker does not say again what no leader has answered',
      { kind: 'restarted', makeWorker: (settings) => new Forgetful(settings) },
      /confirmations|is listed and does not run|thinks|is listed as/,
    ],
  ]
  test.each(faults)('%s', (_, options, expected) => mustCatch(tries, options, expected), maxMs)
})
