/**
 * One mandate of a leader: its lease, which heartbeats renew, and its commits, each a transaction that fails when another
 * has taken over. What was sent into a breaking connection is looked up before anything is said about it.
 */
import type { StoreChange } from '../../store/engine.js'
import { StoreError } from '../../store/engine.js'
import type { Clock } from './clock.js'
import { type Layout, decodeNumber, encodeHeartbeat, encodeNumber } from './layout.js'
import * as limits from './limits.js'
import { type CommitPlan, type RecordNodes, groupsOf } from './record-nodes.js'
import { ErrorCode, type Operation, type ZooKeeperSession, ZooKeeperError } from './session.js'

export interface MandateEvents {
  onSuspend(reason: string): void
  onResume(): void
  /** @param deposed whether somebody else leads by now */
  onOver(reason: string, deposed: boolean): void
  /** This is about to be written, if it is not written already. */
  onCommit(number: number, changes: readonly StoreChange[]): void
  onCommitted(number: number): void
}

export interface MandateOptions {
  readonly epoch: number
  /** Of the epoch's node while this mandate lasts. */
  readonly version: number
  /** When the transaction was sent that began it. */
  readonly sentMs: number
  readonly layout: Layout
  readonly clock: Clock
  readonly nodes: RecordNodes
  readonly events: MandateEvents
  /** The session of now; it may be another after one expired. */
  session(): ZooKeeperSession
  /** Path of this master's latch; null: there is none at the moment. */
  latch(): string | null
}

/** Of the operations of a commit, before those of the records. */
const EPOCH_CHECK = 0
const NUMBER_SET = 1
const FENCE_OPERATIONS = 2

export class Mandate {
  readonly epoch: number
  readonly #options: MandateOptions
  readonly #clock: Clock
  /** When the last request that proved the mandate was sent. */
  #provenMs: number
  #suspended = false
  #over: string | null = null
  #lastCommit = 0
  #commitsVersion = 0
  #beating = false
  /** When the last heartbeat was sent that has not failed. */
  #beatMs = -Infinity
  #calledOff: (() => void)[] = []
  #waiting: (() => void)[] = []

  constructor(options: MandateOptions) {
    this.epoch = options.epoch
    this.#options = options
    this.#clock = options.clock
    this.#provenMs = options.sentMs
  }

  /** Heartbeats begin; commits may follow once `adopt` was called. */
  start(): void {
    this.#every(limits.HEARTBEAT_EVERY_MS, () => void this.#beat())
    this.#every(limits.LEASE_CHECK_EVERY_MS, () => this.#checkLease())
  }

  /** @param last number and version of the node of commits, read under this mandate */
  adopt(last: { readonly number: number; readonly version: number }): void {
    this.#lastCommit = last.number
    this.#commitsVersion = last.version
  }

  /** Of the epoch's node while it lasts. */
  get version(): number {
    return this.#options.version
  }

  get lastCommit(): number {
    return this.#lastCommit
  }

  /** Why it is over; null: it lasts. */
  get over(): string | null {
    return this.#over
  }

  certain(): boolean {
    const certain = this.#over === null && this.#leaseLeftMs() > 0
    // The master is told too, in a turn of its own: it would wait for ever for the end of a doubt that it was not told.
    if (!certain && this.#over === null && !this.#suspended)
      this.#clock.after(0, () => this.#checkLease())
    return certain
  }

  /** A connection, a session or a latch is there again. */
  nudge(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const go of waiting) go()
    if (this.#clock.nowMs() - this.#beatMs >= limits.HEARTBEAT_EVERY_MS) void this.#beat()
  }

  /** Ends it, and says so. */
  giveUp(reason: string): void {
    this.#giveUp(reason, false)
  }

  /** Ends it silently. */
  end(reason: string): void {
    if (this.#over !== null) return
    this.#over = reason
    for (const callOff of this.#calledOff) callOff()
    this.#calledOff = []
    this.nudge()
  }

  /** @throws StoreError when it may not be written, after which the mandate is over */
  async commit(changes: readonly StoreChange[]): Promise<void> {
    for (const group of groupsOf(changes)) {
      const number = this.#lastCommit + 1
      // Whatever fails here ends the mandate: a leader that writes nothing any more would keep everybody waiting.
      try {
        this.#options.events.onCommit(number, group)
        const plan = this.#options.nodes.plan(group, this.epoch, number)
        await this.#write(plan)
        this.clean(this.#options.nodes.done(plan))
        this.#lastCommit = number
        this.#options.events.onCommitted(number)
      } catch (error) {
        this.#giveUp(`a commit failed: ${(error as Error).message}`, false)
        throw new StoreError(`ZooKeeper: ${this.#over}`, { cause: error })
      }
    }
  }

  /** Removes nodes that nothing refers to, as far as that goes: the next leader finds what is left. */
  clean(paths: readonly string[]): void {
    for (const path of paths)
      void this.#send([this.#fence(), { kind: 'delete', path }]).catch(() => {})
  }

  async #write(plan: CommitPlan): Promise<void> {
    const untilMs = this.#clock.nowMs() + limits.COMMIT_WITHIN_MS
    for (const { path, data } of plan.parts)
      await this.#retried(untilMs, () => this.#writePart(path, data))
    await this.#retried(untilMs, () => this.#writePlan(plan))
  }

  /** Tries until it is known what came of it. @param attempt false: it is not yet known */
  async #retried(untilMs: number, attempt: () => Promise<boolean>): Promise<void> {
    for (;;) {
      if (this.#over !== null) throw new Error(this.#over)
      try {
        if (await attempt()) return
      } catch (error) {
        if (!(error instanceof ZooKeeperError) || !error.unknownOutcome) throw error
      }
      if (this.#clock.nowMs() > untilMs)
        throw new Error(`it was not carried out within ${limits.COMMIT_WITHIN_MS} ms`)
      await this.#connected()
    }
  }

  async #writePart(path: string, data: Uint8Array): Promise<boolean> {
    try {
      await this.#send([this.#fence(), { kind: 'create', path, data }])
    } catch (error) {
      this.#judge(error)
      // An earlier attempt came through: parts have the number of their commit in their names.
      if (!(error instanceof ZooKeeperError) || error.code !== ErrorCode.NODE_EXISTS) throw error
    }
    return true
  }

  async #writePlan(plan: CommitPlan): Promise<boolean> {
    const { nodes, layout } = this.#options
    for (let repairs = 0; repairs <= limits.MAX_REPAIRS; repairs += 1) {
      const { operations, keys } = nodes.operations(plan)
      const number: Operation = {
        kind: 'set',
        path: layout.commits,
        data: encodeNumber(plan.number),
        version: this.#commitsVersion,
      }
      try {
        const versions = await this.#send([this.#fence(), number, ...operations])
        this.#commitsVersion = versions[NUMBER_SET] as number
        return true
      } catch (error) {
        this.#judge(error)
        if (!(error instanceof ZooKeeperError)) throw error
        if (error.unknownOutcome || error.index === NUMBER_SET) return this.#lookUp(plan.number)
        const key = keys[error.index - FENCE_OPERATIONS]
        const known = error.code === ErrorCode.NODE_EXISTS || error.code === ErrorCode.NO_NODE
        if (key === undefined || !known) throw error
        nodes.correct(key, error.code === ErrorCode.NODE_EXISTS)
      }
    }
    throw new Error('the nodes of records change under the leader')
  }

  /** Whether the commit of this number is written. The epoch is read after it: only its leader can have written that. */
  async #lookUp(number: number): Promise<boolean> {
    await this.#connected()
    const { layout } = this.#options
    const session = this.#options.session()
    const [commits, epoch] = await Promise.all([
      session.get(layout.commits),
      session.get(layout.epoch),
    ])
    if (epoch?.stat.version !== this.#options.version) this.#depose()
    if (this.#over !== null) throw new Error(this.#over)
    if (commits === null) throw new Error(`the node ${layout.commits} is gone`)
    this.#commitsVersion = commits.stat.version
    const last = decodeNumber(commits.data)
    if (last !== number && last !== number - 1)
      throw new Error(`commit ${last} is written where ${number} is due`)
    return last === number
  }

  async #beat(): Promise<void> {
    const latch = this.#options.latch()
    const session = this.#options.session()
    if (this.#beating || this.#over !== null || latch === null) return
    if (session.state !== 'connected') return
    this.#beating = true
    this.#beatMs = this.#clock.nowMs()
    try {
      await this.#send([
        this.#fence(),
        { kind: 'check', path: latch },
        {
          kind: 'set',
          path: this.#options.layout.heartbeat,
          data: encodeHeartbeat(this.epoch, latch.slice(latch.lastIndexOf('/') + 1)),
        },
      ])
    } catch (error) {
      this.#beatMs = -Infinity
      this.#judge(error)
      const gone = error instanceof ZooKeeperError && error.index === 1
      if (gone && this.#options.latch() === latch && session === this.#options.session())
        this.#giveUp('its latch node was removed', false)
    } finally {
      this.#beating = false
    }
  }

  /** A transaction that succeeded proves the mandate from when it was sent. */
  async #send(operations: readonly Operation[]): Promise<number[]> {
    const sentMs = this.#clock.nowMs()
    const versions = await this.#options.session().multi(operations)
    if (this.#over === null && sentMs > this.#provenMs) this.#provenMs = sentMs
    this.#checkLease()
    return versions
  }

  #fence(): Operation {
    return { kind: 'check', path: this.#options.layout.epoch, version: this.#options.version }
  }

  #judge(error: unknown): void {
    if (error instanceof ZooKeeperError && error.index === EPOCH_CHECK) this.#depose()
  }

  #depose(): void {
    this.#giveUp('another master has taken over', true)
  }

  #giveUp(reason: string, deposed: boolean): void {
    if (this.#over !== null) return
    this.end(reason)
    this.#options.events.onOver(reason, deposed)
  }

  #leaseLeftMs(): number {
    return this.#provenMs + limits.LEASE_MS - this.#clock.nowMs()
  }

  #checkLease(): void {
    if (this.#over !== null) return
    const leftMs = this.#leaseLeftMs()
    if (leftMs > 0 && this.#suspended) {
      this.#suspended = false
      this.#options.events.onResume()
    } else if (leftMs <= 0 && !this.#suspended) {
      this.#suspended = true
      this.#options.events.onSuspend(this.#doubt())
    } else if (leftMs <= -limits.KEEP_SUSPENDED_MS) this.#giveUp(this.#doubt(), false)
  }

  #doubt(): string {
    const { trouble } = this.#options.session()
    const silent = Math.round(this.#clock.nowMs() - this.#provenMs)
    return `no heartbeat has reached ZooKeeper for ${silent} ms${trouble === '' ? '' : ` (${trouble})`}`
  }

  /** Resolves when there is something new to try with, or the mandate is over. */
  async #connected(): Promise<void> {
    await new Promise<void>((done) => this.#clock.after(limits.TRY_AGAIN_AFTER_MS, done))
    if (this.#over === null && this.#options.session().state !== 'connected')
      await new Promise<void>((done) => this.#waiting.push(done))
  }

  #every(ms: number, action: () => void): void {
    const at = this.#calledOff.length
    const again = (): void => {
      this.#calledOff[at] = this.#clock.after(ms, () => {
        again()
        action()
      })
    }
    again()
  }
}
