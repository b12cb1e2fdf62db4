/** H5: what a mandate does when what it needs fails in a way that nobody foresaw. */
import { expect, test, vi } from 'vitest'

import { layoutOf } from '../../src/election/zookeeper/layout.js'
import { Mandate } from '../../src/election/zookeeper/mandate.js'
import { RecordNodes } from '../../src/election/zookeeper/record-nodes.js'
import type { ZooKeeperSession } from '../../src/election/zookeeper/session.js'
import { put } from './zookeeper-node.js'

const layout = layoutOf('/spark')

/** Of a session that carries out every transaction. */
const session = {
  state: 'connected',
  trouble: '',
  multi: (operations: readonly unknown[]) => Promise.resolve(operations.map(() => 1)),
} as unknown as ZooKeeperSession

test.each(['onCommit', 'onCommitted'] as const)(
  'a fault in %s ends it: nobody waits for a commit that never comes',
  async (which) => {
    const events = {
      onSuspend: vi.fn(),
      onResume: vi.fn(),
      onOver: vi.fn(),
      onCommit: vi.fn(),
      onCommitted: vi.fn(),
    }
    events[which].mockImplementation(() => {
      throw new Error('a follower that can not be told')
    })
    const mandate = new Mandate({
      epoch: 1,
      version: 1,
      sentMs: 0,
      layout,
      clock: { nowMs: () => 0, after: () => () => {} },
      nodes: new RecordNodes(layout, null),
      events,
      session: () => session,
      latch: () => null,
    })
    await expect(mandate.commit([put('app_1', 'one')])).rejects.toThrow(/can not be told/)
    expect(events.onOver.mock.calls).toEqual([
      ['a commit failed: a follower that can not be told', false],
    ])
    expect(mandate.certain()).toBe(false)
  },
)
