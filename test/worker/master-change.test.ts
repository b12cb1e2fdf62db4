/** M18, M8: another leader takes over, or the same one comes back with its records. */
import { describe, expect, test } from 'vitest'

import * as schema from '../../src/schema/magneto.js'
import { Bench, launchOrder, MASTER } from './machine.js'

const OTHER = 'spark://other:7077'
const changed = (url = OTHER, epoch = 2) => new schema.MasterChangedT(url, 'http://ui', epoch)
const takesBack = (url = OTHER) => new schema.WorkerRegisteredT(url, 'http://ui', true, 60_000, 2)

function sent(lines: readonly string[]): string[] {
  return lines.filter((line) => line.startsWith('send'))
}

/** It runs app/0 and a driver; app/1 has ended and app/2 runs without the master's having answered that. */
function busy(): Bench {
  const bench = Bench.registered()
  for (const id of [0, 1, 2]) bench.launch('app', id)
  bench.start('app', 0)
  bench.acknowledge(1)
  bench.exit('app', 1, 3)
  bench.start('app', 2)
  bench.launchDriver('driver-1')
  bench.launchDriver('driver-2')
  bench.driverExits('driver-2', 0)
  return bench
}

describe('M18: a new leader', () => {
  test('M8: is told what runs and what has ended unheard, before anything else', () => {
    const bench = busy()
    const state = 'send state worker-1 app/0=RUNNING app/2=RUNNING app/1=EXITED driver-1 driver-2'
    expect(bench.message(changed())).toEqual([
      'clear heartbeat',
      'timer registration +10000',
      state,
    ])
    expect(bench.machine.registered).toBe(false)
    expect(sent(bench.message(takesBack()))).toEqual([
      'send latest app/0=RUNNING app/2=RUNNING driver-1 driver-2',
      'send #2 app/1 EXITED 3 "Command exited with code 3"',
      'send #3 app/2 RUNNING',
      'send #4 driver-2 FINISHED',
    ])
    expect(bench.machine.masterUrl).toBe(OTHER)
    expect([...bench.timers.keys()]).toEqual(['heartbeat'])
  })

  test('that speaks on another connection is answered there, and not registered with', () => {
    const bench = busy()
    bench.step({ kind: 'linkClosed', reason: 'another leads' })
    expect(sent(bench.step({ kind: 'linkOpened', changed: changed() }))).toEqual([
      expect.stringMatching(/^send state worker-1 app\/0=RUNNING/),
    ])
  })

  test('M9, M10: hears which addresses executors and drivers hold, also those that have ended', () => {
    const bench = Bench.registered()
    const gpus = (...all: string[]) => [new schema.ResourceT('gpu', all)]
    for (const id of [0, 1]) {
      const order = launchOrder('app', id)
      order.resources = gpus(String(id))
      bench.message(order)
    }
    bench.message(new schema.LaunchDriverT('driver-1', new Uint8Array(), gpus('2', '3')))
    bench.exit('app', 1, 0)
    expect(sent(bench.message(changed()))).toEqual([
      'send state worker-1 app/0=LAUNCHING(gpu 0) app/1=EXITED(gpu 1) driver-1(gpu 2,3)',
    ])
  })

  test('hears of an end no more once it was confirmed', () => {
    const bench = busy()
    bench.acknowledge(2)
    bench.acknowledge(4)
    expect(sent(bench.message(changed())).join()).not.toMatch(/app\/1|driver-2/)
  })

  test('what ends while nobody leads is listed, and reported to the next one that takes it in', () => {
    const bench = busy()
    bench.step({ kind: 'linkClosed', reason: 'gone' })
    expect(bench.exit('app', 0, 0)).toEqual([])
    expect(sent(bench.step({ kind: 'linkOpened', changed: changed() }))[0]).toContain(
      'app/0=EXITED',
    )
    // Between the two nothing is reported twice.
    expect(sent(bench.exit('app', 2, 0))).toEqual([])
    expect(sent(bench.message(takesBack()))).toContain(
      'send #5 app/0 EXITED 0 "Command exited with code 0"',
    )
  })

  test('its orders count from its first word on; those of the one before do not', () => {
    const bench = busy()
    bench.message(changed())
    expect(bench.launch('app', 7)).toEqual([])
    expect(bench.kill('app', 0)).toEqual([])
    expect(bench.launch('app', 8, OTHER)).toEqual(['launch app/8'])
    expect(bench.kill('app', 0, OTHER)).toEqual(['kill app/0'])
  })

  test('W19: it kills what it does not know', () => {
    const bench = busy()
    bench.message(changed())
    bench.message(takesBack())
    expect(bench.kill('app', 2, OTHER)).toEqual(['kill app/2'])
    expect(bench.exit('app', 2, 143)).toEqual([
      'send #5 app/2 KILLED 143 "Command exited with code 143"',
    ])
  })

  test('M6: that does not know this worker is registered with', () => {
    const bench = busy()
    bench.message(changed())
    expect(sent(bench.message(new schema.ReconnectWorkerT(OTHER)))).toEqual([
      'send register worker-1',
    ])
    bench.message(new schema.WorkerRegisteredT(OTHER, null, false, 60_000))
    expect(bench.machine.registered).toBe(true)
  })

  test('that does not answer is registered with after a while', () => {
    const bench = busy()
    bench.message(changed())
    expect(sent(bench.fire('registration'))).toEqual(['send register worker-1'])
    // It knows the worker, and asks again what runs (spec M1 with M18).
    bench.message(takesBack())
    expect(sent(bench.message(changed()))).toEqual([expect.stringContaining('send state worker-1')])
    expect(bench.message(takesBack())).toContain('clear registration')
  })

  test('that says it twice is told twice', () => {
    const bench = busy()
    const first = sent(bench.message(changed()))
    expect(sent(bench.message(changed()))).toEqual(first)
  })

  test('the same master, back with its records, is a new leader as any other', () => {
    const bench = busy()
    bench.step({ kind: 'linkClosed', reason: 'killed' })
    expect(sent(bench.step({ kind: 'linkOpened' }))).toEqual(['send register worker-1'])
    expect(sent(bench.registered(60_000, true))[0]).toContain('send latest')
    expect(sent(bench.message(changed(MASTER)))).toEqual([
      expect.stringContaining('send state worker-1'),
    ])
    expect(bench.message(takesBack(MASTER))).toContain('timer heartbeat +15000')
  })

  test('H7: one that knows nothing takes the worker in anew, and may kill what runs', () => {
    const bench = busy()
    bench.step({ kind: 'linkClosed', reason: 'killed' })
    bench.step({ kind: 'linkOpened' })
    expect(sent(bench.registered())[0]).toBe(
      'send latest app/0=RUNNING app/2=RUNNING driver-1 driver-2',
    )
    expect(bench.kill('app', 0)).toEqual(['kill app/0'])
  })

  test('D5: hears from a decommissioned worker that it leaves', () => {
    const bench = Bench.registered()
    bench.step({ kind: 'decommission' })
    bench.message(changed())
    expect(sent(bench.message(takesBack()))).toEqual([
      'send latest',
      'send decommissioning worker-1',
    ])
    expect(sent(bench.launch('app', 0, OTHER))).toEqual([
      'send #1 app/0 FAILED "this worker is decommissioned"',
    ])
    expect(sent(bench.message(changed(OTHER, 3)))).toEqual(['send state worker-1 app/0=FAILED'])
  })

  test('hears of its health if it has ever been ill: what the store says may be old', () => {
    const bench = Bench.registered()
    bench.step({ kind: 'health', healthy: false, report: 'full' })
    bench.message(changed())
    expect(sent(bench.message(takesBack()))).toEqual(['send latest', 'send unhealthy "full"'])
    bench.step({ kind: 'health', healthy: true, report: '' })
    bench.message(changed())
    expect(sent(bench.message(takesBack()))).toEqual(['send latest', 'send healthy'])
  })

  test('a worker that stops tells it nothing more', () => {
    const bench = busy()
    bench.step({ kind: 'stop', reason: 'asked to' })
    expect(bench.message(changed())).toEqual([])
  })
})
