/**
 * A peer's connections to all masters, by the rules of src/control/link.ts: each is kept open and opened anew; one of them is
 * active, which is the one on which the leader with the greatest epoch has spoken.
 */
import { decode, encode, type BodyT } from '../../src/control/codec.js'
import { SessionSource } from '../../src/control/records.js'
import {
  ApplicationRegisteredT,
  MasterChangedT,
  MasterInStandbyT,
  WorkerRegisteredT,
} from '../../src/schema/magneto.js'
import type { Timer } from './clock.js'
import type { SimulatedMaster } from './master.js'
import type { Connection, Receiver } from './network.js'
import type { World } from './world.js'

export interface LinkOwner {
  source(): SessionSource
  address(): string
  /** Runs what is due only while the peer lives. */
  later(delayMs: number, run: () => void): Timer
  /** A connection is the active one now. @param changed what its master has said; null: nothing yet */
  opened(changed: MasterChangedT | null): void
  closed(reason: string): void
  take(body: BodyT): void
}

const standbyPauseMaxMs = 5_000
const answerTimeoutMs = 5_000

interface Link {
  readonly master: SimulatedMaster
  connection: Connection | null
  unreachableUntilMs: number
  /** Whether the master of this connection was asked to serve. */
  asked: boolean
}

function epochOf(body: BodyT): number {
  const says = body instanceof WorkerRegisteredT || body instanceof ApplicationRegisteredT
  return says ? body.epoch : 0
}

export class Links {
  readonly #world: World
  readonly #owner: LinkOwner
  /** Pause before another attempt, from and to, in ms. */
  readonly #pauseMs: readonly [number, number]
  readonly #links: readonly Link[]
  #active: Link | null = null
  #served = false
  #named: Link | null = null
  #lastServed: Link | null = null
  /** The greatest epoch of which a master has spoken. */
  #epoch = 0
  /** Counts starts: what was due before belongs to an earlier process. */
  #life = 0
  #roundWaits = false

  constructor(world: World, owner: LinkOwner, pauseMs: readonly [number, number]) {
    this.#world = world
    this.#owner = owner
    this.#pauseMs = pauseMs
    this.#links = world.masters.map((master) => ({
      master,
      connection: null,
      unreachableUntilMs: 0,
      asked: false,
    }))
  }

  /** Of the connection that counts; null: there is none. */
  get session(): number | null {
    return this.#active?.connection?.session ?? null
  }

  get reaches(): boolean {
    return this.#links.some((link) => this.#reaches(link))
  }

  /** Starts over, as a new process does. */
  open(delayMs: number): void {
    this.drop()
    this.#epoch = 0
    this.#named = null
    this.#lastServed = null
    for (const link of this.#links) this.#connect(link, delayMs)
  }

  /** Forgets all connections, without a word. */
  drop(): void {
    this.#life += 1
    this.#active = null
    this.#roundWaits = false
    for (const link of this.#links) link.connection = null
  }

  send(body: BodyT): void {
    this.#active?.connection?.sendToMaster(encode(body))
  }

  each(what: (connection: Connection) => void): void {
    for (const { connection } of this.#links) if (connection !== null) what(connection)
  }

  some(): Connection | null {
    const open = this.#links.flatMap(({ connection }) => (connection === null ? [] : [connection]))
    return open.length === 0 ? null : this.#world.random.pick(open)
  }

  /** Some master can't be reached for a while; everything arrives afterwards. */
  stall(forMs: number): void {
    const link = this.#world.random.pick(this.#links)
    link.unreachableUntilMs = this.#world.clock.nowMs + forMs
    link.connection?.stall(forMs)
  }

  /** A leader's gateway calls the peer where its record says (M18). @returns whether it got through */
  called(master: SimulatedMaster, body: MasterChangedT): boolean {
    const link = this.#links.find((each) => each.master === master)
    if (link === undefined || !this.#reaches(link)) return false
    if (link.connection === null) this.#dial(link)
    this.#receive(link, body)
    return true
  }

  #reaches({ master, unreachableUntilMs }: Link): boolean {
    return this.#world.clock.nowMs >= unreachableUntilMs && master.reachable(this.#owner.source())
  }

  #connect(link: Link, delayMs: number): void {
    const life = this.#life
    this.#owner.later(delayMs, () => {
      if (life !== this.#life || link.connection !== null) return
      if (!this.#reaches(link)) {
        return this.#connect(link, this.#world.random.between(...this.#pauseMs))
      }
      this.#dial(link)
      this.#offer()
    })
  }

  #dial(link: Link): void {
    const life = this.#life
    const { random, delayMaxMs } = this.#world
    const counts = (): boolean => life === this.#life && link.connection === connection
    const receiver: Receiver = {
      receive: (bytes) => {
        if (counts()) this.#receive(link, decode(bytes))
      },
      closed: (reason) => {
        if (counts()) this.#lost(link, reason)
      },
    }
    const source = this.#owner.source()
    const address = this.#owner.address()
    const delayMs = random.between(0, delayMaxMs)
    const connection: Connection = link.master.accept(source, address, receiver, delayMs)
    link.connection = connection
    link.asked = false
  }

  // ---- finding the master that leads ----

  #offer(): void {
    if (this.#active !== null) return
    const candidates = [this.#named, this.#lastServed, ...this.#links]
    const next = candidates.find((link) => link !== null && link.connection !== null && !link.asked)
    if (next === null || next === undefined) return this.#askAgainLater()
    next.asked = true
    this.#activate(next, null)
  }

  #askAgainLater(): void {
    if (this.#roundWaits || this.#links.every(({ connection }) => connection === null)) return
    this.#roundWaits = true
    const life = this.#life
    this.#owner.later(this.#world.random.between(50, standbyPauseMaxMs), () => {
      if (life !== this.#life) return
      this.#roundWaits = false
      if (this.#active !== null) return
      for (const link of this.#links) if (link.connection !== null) this.#cut(link, 'anew', 0)
    })
  }

  #activate(link: Link, changed: MasterChangedT | null): void {
    this.#active = link
    this.#served = false
    if (changed === null) this.#watchAnswer(link)
    else this.#serves(link, changed.epoch)
    this.#owner.opened(changed)
  }

  /** One that was asked and keeps silent must not keep its owner from the others. */
  #watchAnswer(link: Link): void {
    const life = this.#life
    const { connection } = link
    this.#owner.later(answerTimeoutMs, () => {
      if (life !== this.#life || link !== this.#active || this.#served) return
      if (link.connection !== connection) return
      this.#watchAnswer(link)
      const others = this.#links.some((each) => each.connection !== null && !each.asked)
      if (others) this.#cut(link, 'it has not answered', this.#pauseMs[1])
    })
  }

  #serves(link: Link, epoch: number): void {
    this.#served = true
    this.#lastServed = link
    this.#named = null
    if (epoch !== 0) this.#epoch = epoch
  }

  // ---- what masters say ----

  #receive(link: Link, body: BodyT): void {
    if (body instanceof MasterInStandbyT) return this.#standsBy(link, body)
    if (body instanceof MasterChangedT) return this.#changed(link, body)
    // Orders of who led before are nobody's any more.
    if (link !== this.#active) return
    const epoch = epochOf(body)
    if (this.#isOutdated(epoch)) return this.#cut(link, 'another one leads', this.#pauseMs[1])
    this.#serves(link, epoch)
    this.#owner.take(body)
  }

  #standsBy(link: Link, body: MasterInStandbyT): void {
    this.#world.coverage.happened('a registration is refused in standby')
    link.asked = true
    this.#named = this.#links.find(({ master }) => master.masterUrl === body.leaderUrl) ?? null
    if (link !== this.#active) return
    const life = this.#life
    this.#owner.take(body)
    // Spark's own ask a single master again on the same connection, by their own clock.
    const alone = this.#links.length === 1 && this.#owner.source() === SessionSource.GATEWAY
    if (life === this.#life && link === this.#active && !alone) {
      this.#deactivate('it is a standby master')
    }
  }

  #changed(link: Link, body: MasterChangedT): void {
    const { epoch } = body
    if (link === this.#active) {
      if (this.#isOutdated(epoch)) return this.#cut(link, 'another one leads', this.#pauseMs[1])
      this.#world.coverage.happened('a peer hears of a new leader')
      this.#serves(link, epoch)
      return this.#owner.take(body)
    }
    const isNews =
      this.#active !== null && this.#served ? epoch > this.#epoch : !this.#isOutdated(epoch)
    if (!isNews) return
    this.#world.coverage.happened('a peer hears of a new leader')
    const before = this.#active
    const life = this.#life
    this.#active = null
    if (before !== null) this.#owner.closed('another one leads now')
    if (life !== this.#life) return
    this.#activate(link, body)
    if (before !== null && life === this.#life) {
      this.#cut(before, 'another one leads now', this.#pauseMs[1])
    }
  }

  #isOutdated(epoch: number): boolean {
    return epoch !== 0 && epoch < this.#epoch && this.#links.length > 1
  }

  // ---- the end of connections ----

  #deactivate(reason: string): void {
    const life = this.#life
    this.#active = null
    this.#owner.closed(reason)
    if (life === this.#life) this.#offer()
  }

  #cut(link: Link, reason: string, pauseMaxMs: number): void {
    link.connection?.closeByPeer(reason)
    this.#lost(link, reason, pauseMaxMs)
  }

  #lost(link: Link, reason: string, pauseMaxMs = this.#pauseMs[1]): void {
    const life = this.#life
    link.connection = null
    if (link === this.#active) this.#deactivate(reason)
    // The owner may be over now.
    if (life === this.#life) this.#connect(link, this.#world.random.between(0, pauseMaxMs))
  }
}
