/** D1, D2, D4, M19 to M21, Y9: a worker that is told to leave. */
import { describe, expect, test } from 'vitest'

import * as schema from '../../src/schema/magneto.js'
import { Bench } from './machine.js'

const signal = { kind: 'decommission' } as const
const ordered = new schema.DecommissionWorkerT()
const deadline = { decommissionDeadlineMs: 600_000 }

describe('D2: a decommissioned worker', () => {
  test('M20, M21: tells its master when a signal asked for it', () => {
    const bench = Bench.registered()
    expect(bench.step(signal)).toEqual(['send decommissioning worker-1'])
  })

  test('M19: does not when its master asked for it', () => {
    const bench = Bench.registered()
    expect(bench.message(ordered)).toEqual([])
    expect(bench.launch('app', 0)).toHaveLength(1)
  })

  test('asked again, does nothing more', () => {
    const bench = Bench.registered()
    bench.step(signal)
    expect(bench.step(signal)).toEqual([])
    expect(bench.message(ordered)).toEqual([])
  })

  test('W4: launches nothing, and says so: the executor would hang else', () => {
    const bench = Bench.registered()
    bench.launch('app', 0)
    bench.step(signal)
    expect(bench.launch('app', 1)).toEqual(['send #1 app/1 FAILED "this worker is decommissioned"'])
    expect(bench.launch('app', 2, 'spark://other:7077')).toEqual([])
    expect(bench.launch('app', 0)).toEqual([])
  })

  test('D4: keeps what runs, goes on with heartbeats and obeys kills, and does not end', () => {
    const bench = Bench.registered()
    bench.launch('app', 0)
    bench.launch('app', 1)
    bench.step(signal)
    expect(bench.fire('heartbeat')).toContain('send heartbeat worker-1')
    expect(bench.start('app', 0)).toEqual(['send #1 app/0 RUNNING'])
    expect(bench.kill('app', 1)).toEqual(['kill app/1'])
    bench.exit('app', 1, 143)
    expect(bench.exit('app', 0, 0)).toEqual(['send #3 app/0 EXITED 0 "Command exited with code 0"'])
    for (const id of [1, 2, 3]) expect(bench.acknowledge(id)).toEqual([])
    expect([...bench.timers.keys()]).toEqual(['heartbeat'])
  })

  test('tells each master that takes it in, after its state and before what has ended', () => {
    const bench = Bench.registered()
    bench.launch('app', 0)
    bench.launch('app', 1)
    bench.message(ordered)
    bench.step({ kind: 'linkClosed', reason: 'failover' })
    bench.exit('app', 1, 0)
    bench.step({ kind: 'linkOpened' })
    expect(bench.registered()).toEqual([
      'clear registration',
      'timer heartbeat +15000',
      'send latest app/0=LAUNCHING',
      'send decommissioning worker-1',
      'send #1 app/1 EXITED 0 "Command exited with code 0"',
    ])
  })

  test('without a master, tells the next one', () => {
    const bench = new Bench()
    bench.step({ kind: 'started' })
    expect(bench.step(signal)).toEqual([])
    bench.step({ kind: 'linkOpened' })
    expect(bench.registered()).toContain('send decommissioning worker-1')
  })
})

describe('Y9: with a deadline', () => {
  test('ends at once when nothing runs', () => {
    const bench = Bench.registered(deadline)
    expect(bench.step(signal)).toEqual([
      'send decommissioning worker-1',
      'timer decommission +600000',
      'clear heartbeat',
      'exit 0',
    ])
  })

  test('ends with the last executor, once its end is confirmed', () => {
    const bench = Bench.registered(deadline)
    bench.launch('app', 0)
    bench.start('app', 0)
    bench.acknowledge(1)
    expect(bench.message(ordered)).toEqual(['timer decommission +600000'])
    expect(bench.exit('app', 0, 0)).toHaveLength(1)
    expect(bench.acknowledge(2)).toContain('exit 0')
  })

  test('ends what runs when the time is over, and leaves with 0', () => {
    const bench = Bench.registered(deadline)
    bench.launch('app', 0)
    bench.message(ordered)
    expect(bench.fire('decommission')).toEqual([
      'send #1 app/0 FAILED "Worker shutting down"',
      'kill app/0',
      'clear heartbeat',
    ])
    expect(bench.exit('app', 0, 143)).toEqual(['clean app', 'exit 0'])
  })

  test('is not held up by a master that is away', () => {
    const bench = Bench.registered(deadline)
    bench.launch('app', 0)
    bench.step(signal)
    bench.step({ kind: 'linkClosed', reason: 'gone' })
    expect(bench.exit('app', 0, 0)).toEqual(['clean app'])
    expect(bench.fire('decommission')).toContain('exit 0')
  })

  test('0: at once', () => {
    const bench = Bench.registered({ decommissionDeadlineMs: 0 })
    bench.launch('app', 0)
    bench.step(signal)
    expect(bench.timers.get('decommission')).toBe(bench.nowMs)
  })

  test('a stop before it is a stop', () => {
    const bench = Bench.registered(deadline)
    bench.launch('app', 0)
    bench.step(signal)
    bench.step({ kind: 'stop', reason: 'TERM' })
    expect(bench.step(signal)).toEqual([])
    expect(bench.fire('decommission')).toEqual([])
    expect(bench.exit('app', 0, 143)).toContain('exit 0')
  })
})
