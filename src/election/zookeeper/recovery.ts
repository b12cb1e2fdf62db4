/**
 * The recovery mode ZOOKEEPER (spec H5, docs/decisions/0008): masters elect one leader, whose every write is a transaction
 * that fails when another has taken over. A standby looks at ZooKeeper a few times a second and follows the leader's log.
 */
import { randomUUID } from 'node:crypto'

import type { Leader, MasterIdentity } from '../../control/leadership.js'
import type { Logger } from '../../log/logger.js'
import { type CodecName, loadCodec } from '../../store/codec/codec.js'
import { StoreError, type StoreChange } from '../../store/engine.js'
import { separateDamaged } from '../../store/records.js'
import type { Recovery, RecoveryEvents, RecoveryStatus } from '../agent.js'
import { nextEpoch } from '../epoch.js'
import { MANDATE_PROVEN_MS, MAX_RETRY_DELAY_MS, MIN_RETRY_DELAY_MS } from '../limits.js'
import { ZooKeeperClient, parseConnectString } from './client.js'
import { type Clock, monotonicClock } from './clock.js'
import { Followers } from './followers.js'
import { Following } from './following.js'
import {
  type EpochRecord,
  type Layout,
  type ValueCodec,
  decodeNumber,
  encodeEpoch,
  encodeHeartbeat,
  layoutOf,
  leaderOf,
} from './layout.js'
import * as limits from './limits.js'
import { Mandate } from './mandate.js'
import { Membership } from './membership.js'
import { type LoadedRecords, RecordNodes } from './record-nodes.js'
import type { ReplicaTransport } from './replica-transport.js'
import {
  ErrorCode,
  type Operation,
  type SessionEvents,
  type ZooKeeperSession,
  ZooKeeperError,
  hasCode,
} from './session.js'
import { type Takeover, type View, Watch, look } from './standby.js'

export interface ZooKeeperOptions {
  readonly connect: (events: SessionEvents) => ZooKeeperSession
  /** spark.deploy.zookeeper.dir */
  readonly dir: string
  readonly log: Logger
  readonly replicas: ReplicaTransport
  /** spark.deploy.recoveryCompressionCodec */
  readonly codec: CodecName | null
  readonly clock?: Clock
  /** Wall clock, ms since 1970. */
  readonly wallMs?: () => number
  /** Unique to each session of each master. */
  readonly newId?: () => string
}

/** @param url spark.deploy.zookeeper.url @throws StoreError when it is none */
export function connectTo(url: string): (events: SessionEvents) => ZooKeeperSession {
  try {
    const ensemble = parseConnectString(url)
    return (events) => new ZooKeeperClient(ensemble, limits.SESSION_TIMEOUT_MS, events)
  } catch (error) {
    throw new StoreError(`spark.deploy.zookeeper.url: ${(error as Error).message}`)
  }
}

/** @throws StoreError when the folder can be none */
export function zooKeeperRecovery(options: ZooKeeperOptions): Recovery {
  return new ZooKeeperRecovery(options)
}

/** What a mandate begins with. */
interface Won {
  readonly epoch: number
  readonly version: number
  readonly sentMs: number
  /** The epoch before, whose log may have been followed. */
  readonly after: number
}

class ZooKeeperRecovery implements Recovery {
  readonly mode = 'ZOOKEEPER'
  readonly #options: ZooKeeperOptions
  readonly #log: Logger
  readonly #layout: Layout
  readonly #clock: Clock
  readonly #followers: Followers
  #self: MasterIdentity = { masterUrl: '', webUiUrl: '', controlAddress: '' }
  #events: RecoveryEvents | null = null
  #membership: Membership | null = null
  #following: Following | null = null
  #watch: Watch | null = null
  #codec: ValueCodec | null = null
  #mandate: Mandate | null = null
  /** The master was told to lead under the mandate. */
  #leads = false
  #doubt = ''
  #reason = 'not connected to ZooKeeper yet'
  #closed = false
  #closing: Promise<void> | null = null
  #committing: Promise<void> = Promise.resolve()
  #turning: Promise<void> | null = null
  #turnAgain = false
  #timer: (() => void) | null = null
  #leader: Leader | null = null
  #greatestEpoch = 0
  /** A takeover whose answer was lost. */
  #attempt: Won | null = null
  /** A mandate that ended otherwise than by somebody else's: its version, to be marked as over. */
  #leaving: number | null = null
  #failures = 0
  #notBeforeMs = 0
  #joined: (() => void) | null = null
  #refuse: ((error: Error) => void) | null = null

  constructor(options: ZooKeeperOptions) {
    this.#options = options
    this.#log = options.log
    this.#clock = options.clock ?? monotonicClock
    try {
      this.#layout = layoutOf(options.dir)
    } catch (error) {
      throw new StoreError(`spark.deploy.zookeeper.dir: ${(error as Error).message}`)
    }
    this.#followers = new Followers(options.replicas, this.#clock, this.#log)
  }

  async start(self: MasterIdentity, events: RecoveryEvents): Promise<void> {
    this.#self = self
    this.#events = events
    this.#codec = this.#options.codec === null ? null : await loadCodec(this.#options.codec)
    this.#watch = new Watch(self, this.#clock)
    this.#following = new Following({
      masterUrl: self.masterUrl,
      transport: this.#options.replicas,
      clock: this.#clock,
      log: this.#log,
      events: {
        onFollowed: () => this.#watch?.heard(),
        onBroken: () => this.#turn(),
        onRefused: ({ epoch }) => {
          this.#watch?.refused(epoch)
          this.#turn()
        },
      },
    })
    const started = new Promise<void>((resolve, reject) => {
      this.#joined = resolve
      this.#refuse = reject
    })
    this.#membership = new Membership({
      layout: this.#layout,
      masterUrl: self.masterUrl,
      connect: this.#options.connect,
      newId: this.#options.newId ?? randomUUID,
      onState: () => this.#turn(),
    })
    const late = this.#clock.after(limits.START_WITHIN_MS, () => {
      this.#log.warn(`ZooKeeper can't be reached yet, this master waits for it: ${this.#trouble()}`)
      this.#joined?.()
    })
    this.#look()
    try {
      await started
    } catch (error) {
      await this.close()
      throw error
    } finally {
      late()
    }
  }

  async commit(changes: readonly StoreChange[]): Promise<void> {
    const mandate = this.#mandate
    if (mandate === null || !this.#leads)
      throw new StoreError(`this master does not lead: ${this.#reason}`)
    const written = mandate.commit(changes)
    this.#committing = written.catch(() => {})
    await written
  }

  certain(): boolean {
    return this.#leads && this.#mandate !== null && this.#mandate.certain()
  }

  status(): RecoveryStatus {
    return {
      followers: this.#followers.status(),
      behind: this.#mandate === null ? (this.#following?.behind() ?? null) : null,
      reason: this.#leads ? this.#doubt : this.#reason || (this.#following?.trouble ?? ''),
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await this.#withinLeave(this.#committing)
    this.#closed = true
    this.#timer?.()
    this.#joined?.()
    this.#following?.stop()
    // It may be taking over at this very moment.
    await this.#turning
    const mandate = this.#mandate
    mandate?.end('this master leaves')
    this.#followers.end('this master leaves')
    const membership = this.#membership
    if (membership === null) return
    const left = async (): Promise<void> => {
      if (mandate !== null) await this.#vacate(membership.session, mandate.version).catch(() => {})
      await membership.close()
    }
    await this.#withinLeave(left())
  }

  /** Settles when that does, or when leaving has taken long enough. */
  async #withinLeave(settles: Promise<void>): Promise<void> {
    await new Promise<void>((done) => {
      const off = this.#clock.after(limits.LEAVE_WITHIN_MS, done)
      void settles.finally(() => {
        off()
        done()
      })
    })
  }

  /** Looks now and from then on regularly. */
  #look(): void {
    this.#timer?.()
    if (this.#closed) return
    this.#timer = this.#clock.after(limits.LOOK_EVERY_MS, () => this.#look())
    this.#turn()
  }

  /** One turn after the other; what happens during one leads to another. */
  #turn(): void {
    if (this.#closed) return
    this.#turnAgain = true
    this.#turning ??= this.#turns().finally(() => (this.#turning = null))
  }

  async #turns(): Promise<void> {
    while (this.#turnAgain && !this.#closed) {
      this.#turnAgain = false
      try {
        await this.#oneTurn(this.#membership as Membership)
      } catch (error) {
        this.#watch?.reset()
        const before = this.#reason
        this.#reason = (error as Error).message
        if (error instanceof ZooKeeperError) continue
        if (this.#reason !== before) this.#log.error(`recovery over ZooKeeper: ${this.#reason}`)
        if (error instanceof StoreError) this.#refuse?.(error)
      }
    }
  }

  async #oneTurn(membership: Membership): Promise<void> {
    if (membership.session.state !== 'connected') {
      this.#watch?.reset()
      this.#reason = `not connected to ZooKeeper: ${this.#trouble()}`
      return
    }
    if (this.#mandate !== null) {
      await membership.join()
      this.#mandate?.nudge()
      return
    }
    if (this.#leaving !== null) await this.#leave(membership, this.#leaving)
    await membership.join()
    const view = await look(membership.session, this.#layout)
    if (view === null) {
      membership.lost('layout')
      this.#turnAgain = true
      return
    }
    const latch = membership.latch
    if (latch === null || !view.latches.includes(latch)) {
      membership.lost('latch')
      this.#turnAgain = true
      return
    }
    this.#notice(view)
    this.#joined?.()
    await this.#stand(membership, view, latch)
  }

  async #stand(membership: Membership, view: View, latch: string): Promise<void> {
    const attempt = this.#attempt
    if (attempt !== null && attempt.after !== view.epoch.epoch) {
      this.#attempt = null
      const own = view.epoch.leader?.masterUrl === this.#self.masterUrl
      if (own && attempt.epoch === view.epoch.epoch)
        return this.#reign({ ...attempt, version: view.version })
    }
    const takeover = (this.#watch as Watch).judge(view, latch)
    if (takeover === null) return
    const leftMs = Math.max(takeover.atMs, this.#notBeforeMs) - this.#clock.nowMs()
    if (leftMs <= 0) await this.#takeOver(membership, view, latch, takeover)
    else if (leftMs < limits.LOOK_EVERY_MS) this.#clock.after(leftMs, () => this.#turn())
  }

  #notice(view: View): void {
    this.#greatestEpoch = Math.max(this.#greatestEpoch, view.epoch.epoch)
    const found = leaderOf(view.epoch)
    // A mandate of this master that is over is nobody's.
    const leader = found?.masterUrl === this.#self.masterUrl ? null : found
    this.#reason = leader === null ? 'nobody leads' : ''
    if (leader?.epoch === this.#leader?.epoch) return
    this.#leader = leader
    this.#following?.follow(leader)
    this.#tell((events) => events.follow(leader))
  }

  async #takeOver(
    membership: Membership,
    view: View,
    latch: string,
    takeover: Takeover,
  ): Promise<void> {
    const after = view.epoch.epoch
    const wallMs = (this.#options.wallMs ?? Date.now)()
    // An attempt whose answer was lost may yet be carried out: the same epoch is then known to be ours.
    const won = this.#attempt ?? {
      epoch: nextEpoch(Math.max(this.#greatestEpoch, after), wallMs),
      sentMs: this.#clock.nowMs(),
      version: -1,
      after,
    }
    this.#attempt = won
    const { epoch } = won
    const record: EpochRecord = { epoch, leader: this.#self, latch }
    const layout = this.#layout
    const operations: Operation[] = [
      { kind: 'check', path: `${layout.latches}/${latch}` },
      { kind: 'set', path: layout.epoch, data: encodeEpoch(record), version: view.version },
      {
        kind: 'set',
        path: layout.heartbeat,
        data: encodeHeartbeat(epoch, latch),
        ...(takeover.onlyIfSilent ? { version: view.heartbeatVersion } : {}),
      },
    ]
    // Who has left removes its own.
    const led = view.epoch.leader !== null
    if (led && view.leaderLatch !== null && view.leaderLatch !== latch)
      operations.push({ kind: 'delete', path: `${layout.latches}/${view.leaderLatch}` })
    let versions: number[]
    try {
      versions = await membership.session.multi(operations)
    } catch (error) {
      if (error instanceof ZooKeeperError && error.unknownOutcome) throw error
      this.#attempt = null
      // Somebody was faster, or something has changed: the next look tells.
      this.#log.info(`not taken over (${takeover.cause}): ${(error as Error).message}`)
      const changed = hasCode(error, ErrorCode.BAD_VERSION) || hasCode(error, ErrorCode.NO_NODE)
      if (!changed) throw error
      this.#turnAgain = true
      return
    }
    this.#attempt = null
    this.#log.info(`taking over under epoch ${epoch}: ${takeover.cause}`)
    await this.#reign({ ...won, version: versions[1] as number })
  }

  async #reign(won: Won): Promise<void> {
    const membership = this.#membership as Membership
    const nodes = new RecordNodes(this.#layout, this.#codec)
    const mandate: Mandate = new Mandate({
      ...won,
      layout: this.#layout,
      clock: this.#clock,
      nodes,
      session: () => membership.session,
      latch: () => membership.latchPath,
      events: {
        onSuspend: (reason) => this.#doubted(reason),
        onResume: () => this.#doubted(''),
        onOver: (reason, deposed) => this.#ended(mandate, won, reason, deposed),
        onCommit: (number, changes) => this.#followers.commit(number, changes),
        onCommitted: (number) => this.#followers.committed(number),
      },
    })
    this.#mandate = mandate
    this.#greatestEpoch = won.epoch
    this.#doubt = ''
    mandate.start()
    // In the background, since a session that expires meanwhile has to be replaced by turns.
    void this.#begin(mandate, won, nodes, membership)
  }

  async #begin(
    mandate: Mandate,
    won: Won,
    nodes: RecordNodes,
    membership: Membership,
  ): Promise<void> {
    const startMs = this.#clock.nowMs()
    while (mandate.over === null && !this.#closed) {
      try {
        const { found, warm } = await this.#take(mandate, won, nodes, membership.session)
        if (mandate.over !== null || this.#closed) return
        const spentMs = Math.round(this.#clock.nowMs() - startMs)
        this.#log.info(
          `leading under epoch ${won.epoch} from commit ${mandate.lastCommit}: ` +
            `${found.records.length} records ${warm ? 'followed' : 'loaded'}, ${spentMs} ms`,
        )
        this.#lead(won, found, mandate)
        await this.#sweep(mandate, nodes, membership.session)
        return
      } catch (error) {
        if (error instanceof ZooKeeperError && error.unknownOutcome) {
          await new Promise<void>((done) => this.#clock.after(limits.LOOK_EVERY_MS, done))
        } else mandate.giveUp(`the records can't be read: ${(error as Error).message}`)
      }
    }
  }

  /** All records as of the last commit of the leaders before. */
  async #take(
    mandate: Mandate,
    won: Won,
    nodes: RecordNodes,
    session: ZooKeeperSession,
  ): Promise<{ found: LoadedRecords; warm: boolean }> {
    const commits = await session.get(this.#layout.commits)
    if (commits === null) throw new Error(`the node ${this.#layout.commits} is gone`)
    const last = decodeNumber(commits.data)
    mandate.adopt({ number: last, version: commits.stat.version })
    const followed = this.#following?.upTo(won.after, last) ?? null
    if (followed !== null) nodes.assume(followed.map(({ key }) => key))
    const found = followed === null ? await nodes.load(session) : { records: followed, damaged: [] }
    const { prune } = separateDamaged(found.records)
    if (prune.length === 0) return { found, warm: followed !== null }
    await mandate.commit(prune)
    const gone = new Set(prune.map(({ key }) => key))
    const records = found.records.filter(({ key }) => !gone.has(key))
    return { found: { ...found, records }, warm: followed !== null }
  }

  #lead(won: Won, found: LoadedRecords, mandate: Mandate): void {
    const { epoch } = won
    this.#following?.stop()
    this.#following?.forget()
    this.#leader = null
    this.#followers.lead({ ...this.#self, epoch }, found.records, mandate.lastCommit)
    this.#leads = true
    const { live } = separateDamaged(found.records)
    this.#tell((events) => events.lead({ epoch, records: live, damaged: found.damaged }))
    const doubt = this.#doubt
    if (doubt !== '') this.#tell((events) => events.suspend(doubt))
  }

  /** What leaders before left half done. */
  async #sweep(mandate: Mandate, nodes: RecordNodes, session: ZooKeeperSession): Promise<void> {
    try {
      mandate.clean(await nodes.orphans(session, mandate.epoch))
    } catch (error) {
      this.#log.info(`parts without a value stay for now: ${(error as Error).message}`)
    }
  }

  #doubted(reason: string): void {
    this.#doubt = reason
    if (!this.#leads) return
    this.#tell((events) => (reason === '' ? events.resume() : events.suspend(reason)))
  }

  #ended(mandate: Mandate, won: Won, reason: string, deposed: boolean): void {
    if (this.#mandate !== mandate) return
    this.#log.warn(`epoch ${won.epoch} is over for this master: ${reason}`)
    const led = this.#leads
    this.#mandate = null
    this.#leads = false
    this.#reason = reason
    this.#followers.end('this master leads no more')
    this.#watch?.own(won.epoch)
    this.#watch?.reset()
    if (!deposed) {
      this.#leaving = won.version
      const nowMs = this.#clock.nowMs()
      const proven = nowMs - won.sentMs > MANDATE_PROVEN_MS
      this.#failures = proven ? 1 : this.#failures + 1
      const delayMs = MIN_RETRY_DELAY_MS * 2 ** Math.min(this.#failures - 1, 10)
      // Others first; and what failed may fail again.
      this.#notBeforeMs = nowMs + Math.min(delayMs, MAX_RETRY_DELAY_MS)
    }
    if (led) this.#tell((events) => events.stepDown(reason))
    this.#turn()
  }

  /** Makes way for another at once, and goes to the end of the queue. */
  async #leave(membership: Membership, version: number): Promise<void> {
    await this.#vacate(membership.session, version).catch((error: unknown) => {
      if (!hasCode(error, ErrorCode.BAD_VERSION) && !hasCode(error, ErrorCode.NO_NODE)) throw error
    })
    await membership.requeue()
    this.#leaving = null
  }

  async #vacate(session: ZooKeeperSession, version: number): Promise<void> {
    const data = encodeEpoch({ epoch: this.#greatestEpoch, leader: null, latch: '' })
    await session.multi([{ kind: 'set', path: this.#layout.epoch, data, version }])
  }

  /** The master hears of it in a turn of its own. */
  #tell(say: (events: RecoveryEvents) => void): void {
    const events = this.#events
    if (events === null) return
    queueMicrotask(() => {
      if (!this.#closed) say(events)
    })
  }

  #trouble(): string {
    return this.#membership?.session.trouble || 'no server has answered yet'
  }
}
