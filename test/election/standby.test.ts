/** When a standby takes over, look by look. */
import { beforeEach, describe, expect, test } from 'vitest'

import * as limits from '../../src/election/zookeeper/limits.js'
import { type View, Watch } from '../../src/election/zookeeper/standby.js'

const identity = (name: string) => ({
  masterUrl: `spark://${name}`,
  webUiUrl: '',
  controlAddress: `${name}:1`,
})
const OWN = 'latch-b'

let nowMs = 0
let watch: Watch

beforeEach(() => {
  nowMs = 1_000
  watch = new Watch(identity('b'), { nowMs: () => nowMs, after: () => () => {} })
})

function view(change: Partial<View> & { leader?: string | null; epoch?: number } = {}): View {
  const { leader = 'a', epoch = 5, ...rest } = change
  return {
    epoch: { epoch, leader: leader === null ? null : identity(leader), latch: 'latch-a' },
    version: 3,
    heartbeatVersion: 10,
    latches: ['latch-a', OWN, 'latch-c'],
    leaderLatch: 'latch-a',
    ...rest,
  }
}

/** In how many ms it takes over, as things are. */
function inMs(seen: View, latch = OWN): number {
  return (watch.judge(seen, latch)?.atMs ?? Infinity) - nowMs
}

describe('a standby', () => {
  test('T12: waits for a heartbeat that stands still', () => {
    expect(inMs(view())).toBe(limits.TAKE_OVER_AFTER_MS)
    nowMs += 2_000
    expect(inMs(view())).toBe(limits.TAKE_OVER_AFTER_MS - 2_000)
    nowMs += 500
    expect(inMs(view({ heartbeatVersion: 11 }))).toBe(limits.TAKE_OVER_AFTER_MS)
    expect(watch.judge(view({ heartbeatVersion: 11 }), OWN)?.onlyIfSilent).toBe(true)
  })

  test('T12: takes no silence for the leader’s that may be ZooKeeper’s', () => {
    watch.judge(view(), OWN)
    nowMs += 2_900
    watch.reset()
    expect(inMs(view())).toBe(limits.TAKE_OVER_AFTER_MS)
  })

  test('T12: waits less where the session of the leader is over', () => {
    const expired = view({ leaderLatch: null, latches: [OWN, 'latch-c'] })
    expect(inMs(expired)).toBe(limits.TAKE_OVER_EXPIRED_AFTER_MS)
    expect(limits.TAKE_OVER_EXPIRED_AFTER_MS).toBeGreaterThan(limits.LEASE_MS)
  })

  test('H5: takes over at once where the leader has left or its port refuses', () => {
    expect(inMs(view({ leader: null }))).toBe(0)
    expect(inMs(view())).toBe(limits.TAKE_OVER_AFTER_MS)
    watch.refused(5)
    expect(inMs(view())).toBe(0)
    expect(watch.judge(view(), OWN)?.onlyIfSilent).toBe(false)
    watch.heard()
    expect(inMs(view())).toBe(limits.TAKE_OVER_AFTER_MS)
    watch.refused(4)
    expect(inMs(view())).toBe(limits.TAKE_OVER_AFTER_MS)
  })

  test('H5: goes by its place in the queue, in which the leader has none', () => {
    watch.refused(5)
    expect(inMs(view(), OWN)).toBe(0)
    expect(inMs(view(), 'latch-c')).toBe(limits.PER_PLACE_MS)
    nowMs += 100
    expect(inMs(view(), 'latch-c')).toBe(limits.PER_PLACE_MS - 100)
  })

  test('H13: takes its own place back once, when it is started anew', () => {
    expect(inMs(view({ leader: 'b' }))).toBe(0)
    expect(inMs(view({ leader: 'b' }))).toBe(limits.TAKE_OVER_AFTER_MS)
    watch.own(5)
    expect(inMs(view({ leader: 'b' }))).toBe(0)
  })
})
