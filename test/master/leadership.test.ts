/** What the threads are told of who leads, and how often. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'

import type { LeadershipStatus } from '../../src/control/leadership.js'
import { CommitFigures } from '../../src/master/commit-figures.js'
import { Leadership } from '../../src/master/leadership.js'
import { FIGURES_PERIOD_MS } from '../../src/master/limits.js'

const self = { masterUrl: 'spark://m:7077', webUiUrl: 'http://m:8080', controlAddress: 'm:7078' }

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

function setUp() {
  const told: LeadershipStatus[] = []
  const figures = new CommitFigures()
  const recovery = { reason: 'not connected' }
  const leadership = new Leadership({
    self,
    recovery: {
      mode: 'ZOOKEEPER',
      status: () => ({ followers: [], behind: null, reason: recovery.reason }),
    },
    figures,
    tell: (status) => void told.push(status),
  })
  return { leadership, figures, recovery, told }
}

test('S1: is everything that there is to know', () => {
  const { leadership, recovery, figures } = setUp()
  expect(leadership.status()).toEqual({
    self,
    role: 'standby',
    leader: null,
    reason: 'not connected',
    followers: [],
    behind: null,
    elections: 0,
    lastTakeoverMs: null,
    store: figures.read('ZOOKEEPER'),
  })
  recovery.reason = ''
  leadership.led(7, 12.3456)
  expect(leadership.status()).toMatchObject({
    role: 'leader',
    leader: { ...self, epoch: 7 },
    reason: '',
    elections: 1,
    lastTakeoverMs: 12.35,
  })
  leadership.suspended('no heartbeat')
  expect(leadership.status()).toMatchObject({ role: 'suspended', reason: 'no heartbeat' })
  leadership.steppedDown()
  leadership.following({ ...self, masterUrl: 'spark://n:1', epoch: 8 })
  expect(leadership.status()).toMatchObject({
    role: 'standby',
    leader: { masterUrl: 'spark://n:1', epoch: 8 },
    reason: '',
    elections: 1,
  })
})

test('is told at each change of who leads, and of figures once in a while, if there is a change', () => {
  const { leadership, figures, told } = setUp()
  leadership.led(7, 1)
  leadership.led(7, 1)
  expect(told.map(({ elections }) => elections)).toEqual([1, 2])
  for (let commit = 0; commit < 100; commit += 1) figures.committed(10, 1)
  expect(told).toHaveLength(2)
  vi.advanceTimersByTime(FIGURES_PERIOD_MS)
  expect(told.at(-1)?.store).toMatchObject({ commits: 100, records: 1000, commitP50Ms: 1 })
  vi.advanceTimersByTime(10 * FIGURES_PERIOD_MS)
  expect(told).toHaveLength(3)
  leadership.end()
  figures.committed(1, 1)
  vi.advanceTimersByTime(10 * FIGURES_PERIOD_MS)
  expect(told).toHaveLength(3)
})
