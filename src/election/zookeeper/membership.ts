/** A master's place in ZooKeeper: a session, renewed when it expired, the nodes that all need, and its own latch. */
import { Buffer } from 'node:buffer'

import { StoreError } from '../../store/engine.js'
import { type Layout, encodeEpoch, encodeNumber, inOrder, latchPrefix, lineage } from './layout.js'
import {
  ErrorCode,
  type SessionEvents,
  type SessionState,
  type ZooKeeperSession,
  hasCode,
} from './session.js'

export interface MembershipOptions {
  readonly layout: Layout
  /** What the latch says, for whoever looks at it. */
  readonly masterUrl: string
  /** A new session, which starts to connect. */
  connect(events: SessionEvents): ZooKeeperSession
  newId(): string
  /** Of the session of now; after `expired` the next one connects already. */
  onState(state: SessionState): void
}

export class Membership {
  readonly #options: MembershipOptions
  #session: ZooKeeperSession
  #id = ''
  #latch: string | null = null
  #laidOut = false

  constructor(options: MembershipOptions) {
    this.#options = options
    this.#session = this.#open()
  }

  get session(): ZooKeeperSession {
    return this.#session
  }

  /** Name of the own latch; null: there is none now. */
  get latch(): string | null {
    return this.#latch
  }

  get latchPath(): string | null {
    return this.#latch === null ? null : `${this.#options.layout.latches}/${this.#latch}`
  }

  /**
   * Makes what is missing.
   *
   * @throws StoreError when the folder is another's
   * @throws ZooKeeperError when it can't now
   */
  async join(): Promise<void> {
    const session = this.#session
    if (!this.#laidOut) await this.#layOut()
    if (this.#latch !== null || session !== this.#session) return
    const { latches } = this.#options.layout
    const prefix = latchPrefix(this.#id)
    // One may be there from an attempt whose answer was lost.
    const names = (await session.children(latches)) ?? []
    const made = inOrder(names.filter((name) => name.startsWith(prefix)))[0]
    const said = Buffer.from(this.#options.masterUrl)
    const path =
      made === undefined
        ? await session.create(`${latches}/${prefix}`, said, 'ephemeral-sequential')
        : `${latches}/${made}`
    if (session === this.#session) this.#latch = path.slice(latches.length + 1)
  }

  /** The own latch is gone, or the nodes that all need: the next `join` makes them anew. */
  lost(what: 'latch' | 'layout'): void {
    if (what === 'layout') this.#laidOut = false
    this.#latch = null
    this.#id = this.#options.newId()
  }

  /** Goes to the end of the queue. @throws ZooKeeperError */
  async requeue(): Promise<void> {
    const path = this.latchPath
    if (path === null) return
    await this.#session.remove(path).catch((error: unknown) => {
      if (!hasCode(error, ErrorCode.NO_NODE)) throw error
    })
    this.lost('latch')
  }

  async close(): Promise<void> {
    await this.#session.close()
  }

  #open(): ZooKeeperSession {
    this.#id = this.#options.newId()
    this.#latch = null
    const session: ZooKeeperSession = this.#options.connect({
      onState: (state) => {
        if (session !== this.#session) return
        if (state === 'expired') this.#session = this.#open()
        this.#options.onState(state)
      },
    })
    return session
  }

  async #layOut(): Promise<void> {
    const { layout } = this.#options
    const session = this.#session
    // In this order: a master of ours that is making them makes the epoch before it writes records.
    const records = await session.children(layout.records)
    const [epoch, commits] = await Promise.all([
      session.get(layout.epoch),
      session.get(layout.commits),
    ])
    if (epoch === null && commits === null && (records?.length ?? 0) > 0) {
      throw new StoreError(
        `ZooKeeper: ${layout.records} holds records of another program, such as Apache's Master: ` +
          "name a folder that is Magneto's alone (spark.deploy.zookeeper.dir)",
      )
    }
    const make = async (path: string, data: Uint8Array): Promise<void> => {
      await session.create(path, data, 'persistent').catch((error: unknown) => {
        if (!hasCode(error, ErrorCode.NODE_EXISTS)) throw error
      })
    }
    const nothing = new Uint8Array()
    for (const folder of [layout.latches, layout.parts])
      for (const path of lineage(folder)) await make(path, nothing)
    await make(layout.commits, encodeNumber(0))
    await make(layout.heartbeat, nothing)
    await make(layout.epoch, encodeEpoch({ epoch: 0, leader: null, latch: '' }))
    await make(layout.records, nothing)
    this.#laidOut = true
  }
}
