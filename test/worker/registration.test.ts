import { describe, expect, test } from 'vitest'

import { Configuration } from '../../src/conf/configuration.js'
import { keys } from '../../src/conf/keys.js'
import * as schema from '../../src/schema/magneto.js'
import { Bench } from './machine.js'

describe('T4: registration', () => {
  test('registers as soon as the link opens, and again in the short rhythm', () => {
    const bench = new Bench()
    expect(bench.step({ kind: 'started' })).toEqual(['timer registration +10000'])
    expect(bench.step({ kind: 'linkOpened' })).toEqual(['send register worker-1'])
    expect(bench.fire('registration')).toEqual([
      'send register worker-1',
      'timer registration +10000',
    ])
  })

  test('P31: six short waits, ten long ones, then exit 1', () => {
    const bench = new Bench({ registrationFactor: 1.24 })
    bench.step({ kind: 'started' })
    const waits: string[] = []
    let last: string[] = []
    for (let attempt = 0; attempt < 17; attempt += 1) {
      const before = bench.nowMs
      last = bench.fire('registration')
      waits.push(String((bench.nowMs - before) / 1000))
    }
    expect(waits.join(' ')).toBe('12 12 12 12 12 12 74 74 74 74 74 74 74 74 74 74 74')
    expect(last).toEqual(['exit 1'])
  })

  test('P31, decision 3: without a limit it tries for ever, once a minute', () => {
    const bench = new Bench({ maxRegistrationRetries: null })
    bench.step({ kind: 'started' })
    for (let attempt = 0; attempt < 1000; attempt += 1) bench.fire('registration')
    bench.step({ kind: 'linkOpened' })
    expect(bench.fire('registration')).toEqual([
      'send register worker-1',
      'timer registration +60000',
    ])
    expect(bench.registered()).toContain('send latest')
  })

  test('P31, decision 3: without the setting there is no limit', () => {
    const read = (...entries: [string, string][]): number | null =>
      new Configuration(entries).read(keys.maxRegistrationRetries)
    expect(read()).toBe(null)
    expect(read(['spark.worker.maxRegistrationRetries', '0'])).toBe(0)
    expect(read(['spark.worker.maxRegistrationRetries', '16'])).toBe(16)
  })

  test('decision 3: nor does a limit count what lies before a registration', () => {
    const bench = new Bench({ maxRegistrationRetries: 2 })
    bench.step({ kind: 'started' })
    for (let loss = 0; loss < 5; loss += 1) {
      bench.fire('registration')
      bench.fire('registration')
      bench.step({ kind: 'linkOpened' })
      bench.registered()
      bench.step({ kind: 'linkClosed', reason: 'restarted' })
    }
    bench.fire('registration')
    bench.fire('registration')
    expect(bench.fire('registration')).toEqual(['exit 1'])
  })

  test('nothing is sent while the link is closed', () => {
    const bench = new Bench()
    bench.step({ kind: 'started' })
    expect(bench.fire('registration')).toEqual(['timer registration +10000'])
  })

  test('a refusal ends a worker that no master ever took', () => {
    const bench = new Bench()
    bench.step({ kind: 'started' })
    bench.step({ kind: 'linkOpened' })
    expect(bench.message(new schema.RegisterWorkerFailedT('taken'))).toEqual(['exit 1'])
    expect(bench.step({ kind: 'linkOpened' })).toEqual([])
  })

  test('a refusal later does not', () => {
    const bench = Bench.registered()
    bench.step({ kind: 'linkClosed', reason: 'gone' })
    bench.step({ kind: 'linkOpened' })
    expect(bench.message(new schema.RegisterWorkerFailedT('taken'))).toEqual([])
    expect(bench.fire('registration')).toContain('send register worker-1')
  })

  test('M2: being registered stops the attempts, tells the latest state and starts heartbeats', () => {
    const bench = new Bench()
    bench.step({ kind: 'started' })
    bench.step({ kind: 'linkOpened' })
    expect(bench.registered()).toEqual([
      'clear registration',
      'timer heartbeat +15000',
      'send latest',
    ])
    expect(bench.machine.masterUrl).toBe('spark://master:7077')
  })

  test('trap 7: a duplicate answer is an answer', () => {
    const bench = Bench.registered()
    expect(bench.registered(60_000, true)).toEqual(['timer heartbeat +15000', 'send latest'])
  })
})

describe('T1: heartbeats', () => {
  test('come every quarter of the timeout that the master names', () => {
    const bench = Bench.registered()
    bench.registered(8000)
    expect(bench.fire('heartbeat')).toEqual(['send heartbeat worker-1', 'timer heartbeat +2000'])
    expect(bench.fire('heartbeat')).toEqual(['send heartbeat worker-1', 'timer heartbeat +2000'])
  })

  test('stop with the link', () => {
    const bench = Bench.registered()
    expect(bench.step({ kind: 'linkClosed', reason: 'gone' })).toEqual([
      'clear heartbeat',
      'timer registration +10000',
    ])
    expect(bench.step({ kind: 'timer', timer: 'heartbeat' })).toEqual([])
  })

  test('one rhythm only, however often the worker registers', () => {
    const bench = Bench.registered()
    bench.registered()
    bench.registered()
    expect(bench.fire('heartbeat')).toHaveLength(2)
    expect([...bench.timers.keys()]).toEqual(['heartbeat'])
  })
})

describe('M6: ReconnectWorker', () => {
  test('registers anew on the same link', () => {
    const bench = Bench.registered()
    expect(bench.message(new schema.ReconnectWorkerT('spark://master:7077'))).toEqual([
      'clear heartbeat',
      'timer registration +10000',
      'send register worker-1',
    ])
    expect(bench.registered()).toContain('send latest')
  })
})

describe('M4: a standby master', () => {
  test('is asked again in the rhythm of registrations, should the link come back to it', () => {
    const bench = new Bench()
    bench.step({ kind: 'started' })
    bench.step({ kind: 'linkOpened' })
    expect(bench.message(new schema.MasterInStandbyT())).toEqual([])
    expect(bench.fire('registration')).toEqual([
      'send register worker-1',
      'timer registration +10000',
    ])
  })

  test('T4: does not count as a master that took this worker in', () => {
    const bench = new Bench({ maxRegistrationRetries: 2 })
    bench.step({ kind: 'started' })
    for (const _attempt of [1, 2]) {
      bench.step({ kind: 'linkOpened' })
      bench.message(new schema.MasterInStandbyT())
      bench.step({ kind: 'linkClosed', reason: 'it is a standby master' })
      bench.fire('registration')
    }
    expect(bench.fire('registration')).toEqual(['exit 1'])
  })

  test('that was the leader is no master any more: no heartbeats, no orders', () => {
    const bench = Bench.registered()
    bench.launch('app', 0)
    expect(bench.message(new schema.MasterInStandbyT())).toEqual([
      'clear heartbeat',
      'timer registration +10000',
    ])
    expect(bench.kill('app', 0)).toEqual([])
    expect(bench.registered()).toContain('send latest app/0=LAUNCHING')
  })
})
