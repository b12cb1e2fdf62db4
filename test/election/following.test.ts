/** A leader's log and a standby that follows it, without a network: what is applied, and what is never. */
import { describe, expect, test } from 'vitest'

import type { Leader } from '../../src/control/leadership.js'
import { monotonicClock } from '../../src/election/zookeeper/clock.js'
import { Followers } from '../../src/election/zookeeper/followers.js'
import { Following } from '../../src/election/zookeeper/following.js'
import * as limits from '../../src/election/zookeeper/limits.js'
import type {
  FollowerEvents,
  ReplicaSessions,
  ReplicaTransport,
} from '../../src/election/zookeeper/replica-transport.js'
import { put, quietLog } from './zookeeper-node.js'

/** One line between a leader and a follower, which a test may hold up. */
class Line {
  followers: ReplicaSessions | null = null
  follower: FollowerEvents | null = null
  readonly closed: string[] = []
  /** Messages to the leader that wait. */
  held: Uint8Array[] | null = null
  readonly leader: ReplicaTransport = {
    serve: (sessions) => (this.followers = sessions),
    send: (_session, bytes) => this.follower?.onMessage(bytes),
    close: (_session, reason) => this.closed.push(reason),
    connect: () => ({ send: () => {}, close: () => {} }),
  }
  readonly standby: ReplicaTransport = {
    serve: () => {},
    send: () => {},
    close: () => {},
    connect: (_address, events) => {
      this.follower = events
      return {
        send: (bytes) => {
          if (this.held === null) this.followers?.onMessage(1, bytes)
          else this.held.push(bytes)
        },
        close: () => this.closed.push('by the follower'),
      }
    },
  }

  open(): void {
    this.followers?.onConnected(1, 'here')
    this.follower?.onOpen()
  }

  goOn(): void {
    const held = this.held ?? []
    this.held = null
    for (const bytes of held) this.followers?.onMessage(1, bytes)
  }
}

function leaderOf(epoch: number): Leader {
  return { epoch, masterUrl: 'spark://a:7077', webUiUrl: '', controlAddress: 'a:1' }
}

function pair(count = 3) {
  const line = new Line()
  const refused: number[] = []
  const followers = new Followers(line.leader, monotonicClock, quietLog)
  const following = new Following({
    masterUrl: 'spark://b:7077',
    transport: line.standby,
    clock: monotonicClock,
    log: quietLog,
    events: {
      onFollowed: () => {},
      onBroken: () => {},
      onRefused: ({ epoch }) => refused.push(epoch),
    },
  })
  const found = Array.from({ length: count }, (_, at) => put(`k${at}`, `v${at}`))
  followers.lead(leaderOf(5), found, 10)
  return { line, followers, following, refused }
}

function keys(following: Following, epoch: number, number: number): string | null {
  const records = following.upTo(epoch, number)
  return records === null
    ? null
    : records
        .map(({ key }) => key)
        .toSorted()
        .join(' ')
}

describe('a standby that follows a log', () => {
  test('P1: has the image, then what is written, and what may be', () => {
    const { line, followers, following } = pair()
    following.follow(leaderOf(5))
    expect(keys(following, 5, 10)).toBeNull()
    line.open()
    expect(following.behind()).toEqual({ commits: 0, ms: 0 })
    followers.commit(11, [put('k9', 'new'), { key: 'k0', record: null }])
    expect(following.behind()?.commits).toBe(1)
    followers.committed(11)
    expect(following.behind()?.commits).toBe(0)
    followers.commit(12, [put('k10', 'may be')])
    expect(keys(following, 5, 13), 'one is missing').toBeNull()
    expect(keys(following, 5, 10), 'it is ahead already').toBeNull()
    expect(keys(following, 5, 12)).toBe('k1 k10 k2 k9')
    following.stop()
  })

  test('P1: drops what was not written', () => {
    const { line, followers, following } = pair()
    following.follow(leaderOf(5))
    line.open()
    followers.commit(11, [put('k9', 'never written')])
    expect(keys(following, 5, 10)).toBe('k0 k1 k2')
    following.stop()
  })

  test('P1: has nothing to say of a leader that it did not hear', () => {
    const { line, followers, following } = pair()
    following.follow(leaderOf(5))
    line.open()
    followers.commit(11, [put('k9', 'never written')])
    // Another leader wrote a commit 11 of its own under epoch 6.
    expect(keys(following, 6, 11)).toBeNull()
    following.stop()
  })

  test('P1: that comes while a commit is written gets it too', () => {
    const { line, followers, following } = pair()
    followers.commit(11, [put('k9', 'new')])
    following.follow(leaderOf(5))
    line.open()
    followers.committed(11)
    expect(keys(following, 5, 11)).toBe('k0 k1 k2 k9')
    following.stop()
  })

  test('P1: takes an image in parts, with commits in between', () => {
    const { line, followers, following } = pair(0)
    const record = new Uint8Array(limits.IMAGE_CHUNK_BYTES)
    const large = Array.from({ length: 2 * limits.IMAGE_WINDOW }, (_, at) => ({
      key: `k${at}`,
      record,
    }))
    followers.lead(leaderOf(5), large, 10)
    following.follow(leaderOf(5))
    line.held = []
    line.followers?.onConnected(1, 'here')
    line.follower?.onOpen()
    line.goOn()
    line.held = []
    followers.commit(11, [{ key: 'k0', record: null }])
    followers.committed(11)
    line.goOn()
    expect(keys(following, 5, 11)?.split(' ')).toHaveLength(large.length - 1)
    following.stop()
  })

  test('one that confirms nothing is cut', () => {
    const { line, followers, following } = pair()
    following.follow(leaderOf(5))
    line.open()
    line.held = []
    const record = new Uint8Array(limits.MAX_UNCONFIRMED_BYTES / 4)
    for (let number = 11; number < 17; number += 1) {
      followers.commit(number, [{ key: 'k0', record }])
      followers.committed(number)
    }
    expect(line.closed).toEqual([expect.stringMatching(/has not confirmed/)])
    expect(followers.status()).toEqual([])
    following.stop()
  })

  test('a refusal counts only where this leader was heard before', () => {
    const { line, following, refused } = pair()
    following.follow(leaderOf(5))
    line.follower?.onClose('refused', true)
    expect(refused).toEqual([])
    expect(following.trouble).toBe("the leader spark://a:7077 can't be followed: refused")
    following.follow(null)
    following.follow(leaderOf(5))
    line.open()
    expect(following.trouble).toBe('')
    line.follower?.onClose('refused', true)
    expect(refused).toEqual([5])
    following.stop()
  })

  test.each([
    ['of another epoch', (followers: Followers) => followers.lead(leaderOf(6), [], 0)],
    ['that leads no more', (followers: Followers) => followers.end('over')],
  ])('a leader %s is not followed', (_, change) => {
    const { line, followers, following } = pair()
    change(followers)
    following.follow(leaderOf(5))
    line.open()
    expect(line.closed).toHaveLength(1)
    expect(following.behind()).toBeNull()
    following.stop()
  })
})
