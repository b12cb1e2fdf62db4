/**
 * ZOOKEEPER by decision 8: every commit checks the epoch; a leader decides only while its last heartbeat is younger than a lease; a
 * standby takes over at once where the leader's process is gone, else when its heartbeat has stood still for longer than that.
 */
import type { RecoveryEvents } from '../../src/election/agent.js'
import type { Leader } from '../../src/control/leadership.js'
import type { StoreChange } from '../../src/store/engine.js'
import type { Coverage } from './coverage.js'
import type { Ensemble } from './ensemble.js'
import type { Life } from './life.js'
import type { Random } from './random.js'
import type { SimulatedRecovery } from './recovery.js'

const beatMs = 500
const leaseMs = 3_000
const retryMaxMs = 300

/** Another master, as one sees it on the network. */
export interface OtherMaster {
  readonly name: string
  readonly masterUrl: string
  /** Its port refuses connections. */
  readonly up: boolean
}

export interface ElectedParts {
  readonly name: string
  readonly life: Life
  readonly random: Random
  readonly coverage: Coverage
  readonly ensemble: Ensemble
  others(this: void): readonly OtherMaster[]
  /** Whether a leader minds that its lease is over; false shows that the simulator notices. */
  readonly minds: boolean
}

export class ElectedRecovery implements SimulatedRecovery {
  readonly #parts: ElectedParts
  #events: RecoveryEvents | null = null
  /** null: it does not lead. */
  #epoch: number | null = null
  #commits = 0
  #certainUntilMs = 0
  #suspended = false
  /** What the leader's heartbeat was, and since when it has stood there. */
  #seen = { epoch: -1, heartbeats: -1, sinceMs: 0 }
  #following: number | null = null

  constructor(parts: ElectedParts) {
    this.#parts = parts
  }

  start(events: RecoveryEvents): void {
    this.#events = events
    this.#tick()
  }

  certain(): boolean {
    if (!this.#parts.minds) return true
    if (this.#epoch !== null && !this.#suspended && !this.#inLease()) this.#suspend()
    return this.#epoch !== null && !this.#suspended
  }

  commit(changes: readonly StoreChange[], settled: (error: Error | null) => void): void {
    this.#commits += 1
    this.#write(changes, this.#commits, settled)
  }

  #write(
    changes: readonly StoreChange[],
    number: number,
    settled: (error: Error | null) => void,
  ): void {
    const { name, life, random, ensemble } = this.#parts
    const epoch = this.#epoch
    if (epoch === null) return settled(new Error('it does not lead'))
    ensemble.ask(
      name,
      life,
      () => ensemble.commit(epoch, number, changes),
      (answer) => {
        if (epoch !== this.#epoch) return settled(new Error('another one leads'))
        if (answer === true) return settled(null)
        if (answer === false) {
          settled(new Error('another one leads'))
          return this.#depose()
        }
        // It may be there or not: the number tells.
        life.after(random.between(0, retryMaxMs), () => this.#write(changes, number, settled))
      },
    )
  }

  #inLease(): boolean {
    return this.#parts.life.steadyMs < this.#certainUntilMs
  }

  #tick(): void {
    const { life, random } = this.#parts
    if (this.#epoch === null) this.#look()
    else this.#beat(this.#epoch)
    life.after(beatMs + random.between(0, 50), () => this.#tick())
  }

  // ---- of a leader ----

  #beat(epoch: number): void {
    const { name, life, ensemble, minds } = this.#parts
    if (minds && !this.#suspended && !this.#inLease()) this.#suspend()
    const sentMs = life.steadyMs
    ensemble.ask(
      name,
      life,
      () => ensemble.beat(epoch),
      (answer) => {
        if (epoch !== this.#epoch || answer === null) return
        if (!answer) return this.#depose()
        this.#certainUntilMs = Math.max(this.#certainUntilMs, sentMs + leaseMs)
        if (!this.#inLease() || !this.#suspended) return
        this.#suspended = false
        this.#events?.resume()
      },
    )
  }

  #suspend(): void {
    this.#suspended = true
    this.#parts.life.after(0, () => {
      if (this.#suspended) this.#events?.suspend('ZooKeeper has not answered for a lease')
    })
  }

  #depose(): void {
    this.#parts.coverage.happened('a leader is deposed')
    this.#epoch = null
    this.#suspended = false
    this.#following = null
    this.#events?.stepDown('another one leads')
  }

  // ---- of a standby ----

  #look(): void {
    const { name, life, ensemble } = this.#parts
    ensemble.ask(
      name,
      life,
      () => ensemble.state(),
      (state) => {
        if (state === null || this.#epoch !== null) return
        const { epoch, leader, heartbeats } = state
        const { steadyMs } = life
        if (epoch !== this.#seen.epoch || heartbeats !== this.#seen.heartbeats) {
          this.#seen = { epoch, heartbeats, sinceMs: steadyMs }
        }
        if (this.#isGone(leader)) return this.#takeOver(epoch, null)
        if (steadyMs - this.#seen.sinceMs > leaseMs) return this.#takeOver(epoch, heartbeats)
        this.#follow(epoch, leader)
      },
    )
  }

  #isGone(leader: string | null): boolean {
    const { name, ensemble, others } = this.#parts
    // It led itself, in an earlier life or with an answer that was lost.
    if (leader === null || leader === name) return true
    if (ensemble.separated) return false
    return others().some((other) => other.name === leader && !other.up)
  }

  #follow(epoch: number, leader: string | null): void {
    if (this.#following === epoch) return
    this.#following = epoch
    const other = this.#parts.others().find(({ name }) => name === leader)
    const found: Leader | null =
      other === undefined
        ? null
        : { masterUrl: other.masterUrl, webUiUrl: 'http://m:8080', controlAddress: 'm:1', epoch }
    this.#events?.follow(found)
  }

  /** @param seenHeartbeats null: the leader is known to be gone */
  #takeOver(seenEpoch: number, seenHeartbeats: number | null): void {
    const { name, life, ensemble, coverage } = this.#parts
    const sentMs = life.steadyMs
    ensemble.ask(
      name,
      life,
      () => (ensemble.takeOver(name, seenEpoch, seenHeartbeats) ? ensemble.shelf.records() : null),
      (records) => {
        if (records === null || this.#epoch !== null) return
        coverage.happened(
          seenHeartbeats === null
            ? 'a standby takes over at once'
            : 'a standby takes over after a lease',
        )
        this.#epoch = seenEpoch + 1
        this.#commits = 0
        this.#certainUntilMs = sentMs + leaseMs
        this.#suspended = false
        this.#events?.lead({ epoch: this.#epoch, records, damaged: [] })
      },
    )
  }
}
