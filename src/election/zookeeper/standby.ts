/** What a standby sees in ZooKeeper, and when that is a reason to take over. Nothing here waits or writes. */
import type { MasterIdentity } from '../../control/leadership.js'
import type { Clock } from './clock.js'
import { type EpochRecord, type Layout, decodeEpoch, inOrder, latchOfHeartbeat } from './layout.js'
import * as limits from './limits.js'
import type { ZooKeeperSession } from './session.js'

export interface View {
  readonly epoch: EpochRecord
  /** Of the epoch's node. */
  readonly version: number
  readonly heartbeatVersion: number
  /** In the order in which they were made. */
  readonly latches: readonly string[]
  /** The leader's latch, where it is still there. */
  readonly leaderLatch: string | null
}

/** null: the nodes are not there. @throws ZooKeeperError, and Error when they hold what nobody of ours wrote */
export async function look(session: ZooKeeperSession, layout: Layout): Promise<View | null> {
  const [epochNode, heartbeat, names] = await Promise.all([
    session.get(layout.epoch),
    session.get(layout.heartbeat),
    session.children(layout.latches),
  ])
  if (epochNode === null || heartbeat === null || names === null) return null
  const epoch = decodeEpoch(epochNode.data)
  const latch = latchOfHeartbeat(heartbeat.data, epoch.epoch) ?? epoch.latch
  const latches = inOrder(names)
  return {
    epoch,
    version: epochNode.stat.version,
    heartbeatVersion: heartbeat.stat.version,
    latches,
    leaderLatch: latches.includes(latch) ? latch : null,
  }
}

export interface Takeover {
  readonly cause: string
  readonly atMs: number
  /** The leader lives if it has a heartbeat in between. */
  readonly onlyIfSilent: boolean
}

/** Judges one look after the other. */
export class Watch {
  readonly #self: MasterIdentity
  readonly #clock: Clock
  #sign = ''
  #stillSinceMs = 0
  #vacantSinceMs: number | null = null
  #refused: { readonly epoch: number; readonly sinceMs: number } | null = null
  #first = true
  #ownEpoch = -1

  constructor(self: MasterIdentity, clock: Clock) {
    this.#self = self
    this.#clock = clock
  }

  /** ZooKeeper was out of reach, perhaps for the leader too: what stood still until now proves nothing. */
  reset(): void {
    this.#sign = ''
  }

  /** Nothing listens where the leader of this epoch was. */
  refused(epoch: number): void {
    if (this.#refused?.epoch === epoch) return
    this.#refused = { epoch, sinceMs: this.#clock.nowMs() }
  }

  /** The leader has answered: it is there after all. */
  heard(): void {
    this.#refused = null
  }

  /** A mandate of this master itself, which it holds no more. */
  own(epoch: number): void {
    this.#ownEpoch = epoch
  }

  /** @param latch the own one @returns null: somebody leads, as far as can be told */
  judge(view: View, latch: string): Takeover | null {
    const nowMs = this.#clock.nowMs()
    const sign = `${view.version} ${view.heartbeatVersion}`
    if (sign !== this.#sign) this.#stillSinceMs = nowMs
    this.#sign = sign
    const first = this.#first
    this.#first = false
    const queue = view.latches.filter((name) => name !== view.leaderLatch || name === latch)
    const waitMs = Math.max(0, queue.indexOf(latch)) * limits.PER_PLACE_MS
    const { epoch, leader } = view.epoch
    if (leader === null) {
      this.#vacantSinceMs ??= nowMs
      return at('nobody leads', this.#vacantSinceMs + waitMs, false)
    }
    this.#vacantSinceMs = null
    if (epoch === this.#ownEpoch || (first && leader.masterUrl === this.#self.masterUrl))
      return at('the last to lead was this master', nowMs, false)
    if (this.#refused?.epoch === epoch)
      return at('the leader is gone', this.#refused.sinceMs + waitMs, false)
    if (view.leaderLatch === null) {
      const afterMs = limits.TAKE_OVER_EXPIRED_AFTER_MS + waitMs
      return at("the leader's session is over", this.#stillSinceMs + afterMs, true)
    }
    return at('the leader is silent', this.#stillSinceMs + limits.TAKE_OVER_AFTER_MS + waitMs, true)
  }
}

function at(cause: string, atMs: number, onlyIfSilent: boolean): Takeover {
  return { cause, atMs, onlyIfSilent }
}
