/** A worker whose disks are nearly full: its master is told, also after each registration; what comes is still tried. */
import { expect, test } from 'vitest'

import { Bench } from './machine.js'

const ill = (report: string) => ({ kind: 'health', healthy: false, report }) as const
const well = { kind: 'health', healthy: true, report: '' } as const

test('health: what is wrong is told at once, anew when it changes, and when it is over', () => {
  const bench = Bench.registered()
  expect(bench.step(ill('/work: full'))).toEqual(['send unhealthy "/work: full"'])
  expect(bench.step(ill('/work: full'))).toEqual([])
  expect(bench.step(ill('/work: gone'))).toEqual(['send unhealthy "/work: gone"'])
  expect(bench.step(well)).toEqual(['send healthy'])
  expect(bench.step(well)).toEqual([])
})

test('health: a worker that was never ill says nothing of its health', () => {
  const bench = new Bench()
  bench.step({ kind: 'started' })
  expect(bench.step(well)).toEqual([])
  bench.step({ kind: 'linkOpened' })
  expect(bench.registered().join()).not.toContain('healthy')
})

test('health, M1: each master that it registers with is told by that', () => {
  const bench = new Bench()
  bench.step({ kind: 'started' })
  expect(bench.step(ill('full'))).toEqual([])
  const sent = (lines: string[]): string[] => lines.filter((line) => line.startsWith('send'))
  const registration = [expect.stringMatching(/^send register \S+ unhealthy "full"$/)]
  expect(sent(bench.step({ kind: 'linkOpened' }))).toEqual(registration)
  expect(sent(bench.registered())).toEqual(['send latest'])
  bench.step({ kind: 'linkClosed', reason: 'failover' })
  expect(sent(bench.step({ kind: 'linkOpened' }))).toEqual(registration)
  expect(sent(bench.registered())).toEqual(['send latest'])
})

test('health: what changes while it registers is told after its state and before what has ended', () => {
  const bench = Bench.registered()
  bench.launch('app', 0)
  bench.step({ kind: 'linkClosed', reason: 'failover' })
  bench.exit('app', 0, 0)
  bench.step({ kind: 'linkOpened' })
  bench.step(ill('full'))
  expect(bench.registered().filter((line) => line.startsWith('send'))).toEqual([
    'send latest',
    'send unhealthy "full"',
    'send #1 app/0 EXITED 0 "Command exited with code 0"',
  ])
})

test('health: well again while no master was there, it says nothing: nobody knows of it', () => {
  const bench = Bench.registered()
  bench.step(ill('full'))
  bench.step({ kind: 'linkClosed', reason: 'failover' })
  expect(bench.step(well)).toEqual([])
  bench.step({ kind: 'linkOpened' })
  expect(bench.registered().join()).not.toContain('healthy')
})

test('health: a launch that comes all the same is tried', () => {
  const bench = Bench.registered()
  bench.step(ill('full'))
  expect(bench.launch('app', 0)).toEqual(['launch app/0'])
})

test('health: a worker that stops says nothing more of it', () => {
  const bench = Bench.registered()
  bench.launch('app', 0)
  bench.step({ kind: 'stop', reason: 'asked to' })
  expect(bench.step(ill('full'))).toEqual([])
})
