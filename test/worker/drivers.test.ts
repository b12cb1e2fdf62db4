/** Drivers in the worker's machine: orders in, ends out (W14, W18, W19, S5, M12, M15, M16). */
import { describe, expect, test } from 'vitest'

import * as schema from '../../src/schema/magneto.js'
import { MAX_DRIVERS, MAX_FINISHED_DRIVERS } from '../../src/worker/driver-table.js'
import { MAX_UNCONFIRMED_DRIVERS } from '../../src/worker/reports.js'
import { Bench } from './machine.js'

function reconnected(bench: Bench): string[] {
  bench.step({ kind: 'linkClosed', reason: 'gone' })
  bench.step({ kind: 'linkOpened' })
  return bench.registered()
}

describe('S5, W14: how a driver ends', () => {
  const launched = (): Bench => {
    const bench = Bench.registered()
    expect(bench.launchDriver('d')).toEqual(['launch driver d'])
    return bench
  }

  test('with 0: FINISHED', () => {
    expect(launched().driverExits('d', 0)).toEqual(['send #1 d FINISHED'])
  })

  test('with anything else: FAILED', () => {
    expect(launched().driverExits('d', 3)).toEqual(['send #1 d FAILED'])
  })

  test('it could not be started: ERROR, with the reason', () => {
    expect(launched().driverFails('d', 'no such jar')).toEqual(['send #1 d ERROR "no such jar"'])
  })

  test('M16: on order, once: KILLED', () => {
    const bench = launched()
    expect(bench.killDriver('d')).toEqual(['kill driver d'])
    expect(bench.killDriver('d')).toEqual([])
    expect(bench.driverExits('d', 143)).toEqual(['send #1 d KILLED'])
    expect(bench.machine.drivers()).toEqual([])
  })

  test('on order while its jar was fetched: KILLED, without a reason', () => {
    const bench = launched()
    bench.killDriver('d')
    expect(bench.driverFails('d', 'Killed before it started')).toEqual(['send #1 d KILLED'])
  })

  test('with 0 although it was killed: FINISHED', () => {
    const bench = launched()
    bench.killDriver('d')
    expect(bench.driverExits('d', 0)).toEqual(['send #1 d FINISHED'])
  })

  test('events of drivers that are gone change nothing', () => {
    const bench = launched()
    bench.driverExits('d', 0)
    expect(bench.driverExits('d', 1)).toEqual([])
    expect(bench.driverFails('d', 'late')).toEqual([])
    expect(bench.killDriver('d')).toEqual([])
  })
})

describe('M15: which orders count', () => {
  test('a duplicate launches nothing, neither while it lives nor after', () => {
    const bench = Bench.registered()
    bench.launchDriver('d')
    expect(bench.launchDriver('d')).toEqual([])
    bench.driverExits('d', 0)
    expect(bench.launchDriver('d')).toEqual([])
  })

  test('none before the worker is registered', () => {
    const bench = new Bench()
    bench.step({ kind: 'started' })
    bench.step({ kind: 'linkOpened' })
    expect(bench.launchDriver('d')).toEqual([])
  })

  test('D2: a decommissioned worker runs what was on its way', () => {
    const bench = Bench.registered()
    bench.step({ kind: 'decommission' })
    expect(bench.launchDriver('d')).toEqual(['launch driver d'])
  })

  test('an order to kill what is not here is no accident', () => {
    expect(Bench.registered().killDriver('d')).toEqual([])
  })
})

describe('M7, M12: what the master hears', () => {
  test('W19: a lost master costs no driver, and the next one is told which live here', () => {
    const bench = Bench.registered()
    bench.launchDriver('d')
    expect(bench.step({ kind: 'linkClosed', reason: 'gone' })).not.toContain('kill driver d')
    bench.step({ kind: 'linkOpened' })
    expect(bench.registered()).toContain('send latest d')
  })

  test('an end is told again until it is confirmed, and is listed meanwhile', () => {
    const bench = Bench.registered()
    bench.launchDriver('d')
    bench.step({ kind: 'linkClosed', reason: 'gone' })
    expect(bench.driverExits('d', 0)).toEqual([])
    bench.step({ kind: 'linkOpened' })
    const told = ['send latest d', 'send #1 d FINISHED']
    expect(bench.registered().slice(-2)).toEqual(told)
    expect(reconnected(bench).slice(-2)).toEqual(told)
    bench.acknowledge(1)
    expect(bench.machine.unacknowledged()).toEqual([])
    expect(reconnected(bench).at(-1)).toBe('send latest')
  })

  test('reports of executors and drivers are confirmed by their own numbers', () => {
    const bench = Bench.registered()
    bench.launch('app', 0)
    bench.launchDriver('d')
    expect(bench.start('app', 0)).toEqual(['send #1 app/0 RUNNING'])
    expect(bench.driverExits('d', 0)).toEqual(['send #2 d FINISHED'])
    bench.acknowledge(2, false)
    expect(bench.machine.unacknowledged()).toMatchObject([{ requestId: 1, appId: 'app' }])
  })
})

describe('W18: shutting down', () => {
  test('kills drivers, says nothing of them, and waits for their ends', () => {
    const bench = Bench.registered()
    bench.launchDriver('d')
    bench.launch('app', 0)
    const effects = bench.step({ kind: 'stop', reason: 'TERM' })
    expect(effects).toContain('kill driver d')
    expect(effects.join()).not.toContain('send #2')
    expect(bench.launchDriver('e')).toEqual([])
    expect(bench.exit('app', 0, 143)).toEqual(['clean app'])
    expect(bench.driverExits('d', 143)).toEqual(['exit 0'])
  })

  test('a worker that gives up takes its drivers along', () => {
    const bench = Bench.registered({ maxRegistrationRetries: 0 })
    bench.launchDriver('d')
    bench.step({ kind: 'linkClosed', reason: 'gone' })
    expect(bench.fire('registration')).toEqual(['kill driver d', 'exit 1'])
  })

  test('Y9: a decommissioned worker with a deadline stays for its drivers', () => {
    const bench = Bench.registered({ decommissionDeadlineMs: 60_000 })
    bench.launchDriver('d')
    expect(bench.step({ kind: 'decommission' })).not.toContain('exit 0')
    expect(bench.driverExits('d', 0)).toEqual(['send #1 d FINISHED'])
    expect(bench.acknowledge(1)).toContain('exit 0')
  })
})

describe('bounds', () => {
  test('drivers', () => {
    const bench = Bench.registered()
    for (let at = 0; at < MAX_DRIVERS; at += 1) bench.launchDriver(`d${at}`)
    expect(bench.machine.drivers()).toHaveLength(MAX_DRIVERS)
    expect(bench.launchDriver('more')).toEqual([
      `send #1 more ERROR "worker worker-1 hosts ${MAX_DRIVERS} drivers, its limit"`,
    ])
  })

  test('W17: ended drivers that are remembered', () => {
    const bench = Bench.registered()
    for (let at = 0; at <= MAX_FINISHED_DRIVERS; at += 1) {
      bench.launchDriver(`d${at}`)
      bench.driverExits(`d${at}`, 0)
    }
    expect(bench.launchDriver('d0')).toEqual(['launch driver d0'])
    expect(bench.launchDriver(`d${MAX_FINISHED_DRIVERS}`)).toEqual([])
  })

  test('ends that a master of old never confirms: the oldest go', () => {
    const bench = Bench.registered()
    for (let at = 0; at <= MAX_UNCONFIRMED_DRIVERS; at += 1) {
      bench.launchDriver(`d${at}`)
      bench.driverExits(`d${at}`, 0)
    }
    const kept = bench.machine.unacknowledged() as schema.DriverStateChangedT[]
    expect(kept).toHaveLength(MAX_UNCONFIRMED_DRIVERS)
    expect(kept[0]).toMatchObject({ driverId: 'd1' })
  })
})
