/**
 * What applications were promised, across all masters: an id is one application's for ever, nobody is forgotten who did not end, what
 * was asked for last counts, and nothing that runs is killed unasked.
 */
import type { BodyT } from '../../src/control/codec.js'
import type { Mandate } from '../../src/election/agent.js'
import { MAX_SLEW } from '../../src/master/clock.js'
import {
  ApplicationState,
  CompletedApplicationRecordT,
  ExecutorState,
  KillApplicationT,
  KillExecutorsT,
  KillExecutorT,
  LaunchExecutorT,
  RequestExecutorsT,
  type CoreConfigT,
} from '../../src/schema/magneto.js'
import { valueOf } from './callers.js'
import type { Clock } from './clock.js'
import type { Coverage } from './coverage.js'
import { Violation } from './violation.js'

interface Known {
  readonly name: string
  id: string | null
  /** It has ended, or its driver or an operator asked for that, or a leader saw its connection end (L2). */
  mayBeOver: boolean
  /** The last leader that has told it its id. */
  toldEpoch: number
  /** What it asked for last and was told that it is so, by profile. */
  readonly targets: Map<number, number>
  /** Asked for and not answered. */
  readonly asked: RequestExecutorsT[]
}

export class ApplicationLedger {
  readonly #clock: Clock
  readonly #recoveryTimeoutMs: number
  readonly #known = new Map<string, Known>()
  readonly #nameOf = new Map<string, string>()
  readonly #speakers = new Map<number, string>()
  readonly #killAsked = new Set<string>()
  #epoch = 0
  #ledSinceMs = 0
  /** Leaders that led until their recovery was over, and that an application did not tell that it is there. */
  readonly #epochs: { epoch: number; sinceMs: number }[] = []

  constructor(_coverage: Coverage, clock: Clock, config: CoreConfigT) {
    this.#clock = clock
    this.#recoveryTimeoutMs = config.recoveryTimeoutMs
  }

  /** Whose connection a session is. */
  speaks(session: number, name: string): void {
    this.#speakers.set(session, name)
    this.#of(name)
  }

  /** A master tells a session its id. */
  named(session: number, id: string, epoch: number): void {
    const name = this.#speakers.get(session)
    if (name === undefined) throw new Violation(`${id} is told to nobody's application`)
    const before = this.#nameOf.get(id)
    if (before !== undefined && before !== name) {
      throw new Violation(`application id ${id} was given to ${before} and to ${name}`)
    }
    this.#nameOf.set(id, name)
    this.#of(name).toldEpoch = epoch
  }

  /** Its driver has heard its id. */
  acknowledged(name: string, id: string): void {
    this.#of(name).id = id
  }

  /** Its driver ends it. */
  ending(name: string): void {
    this.#of(name).mayBeOver = true
  }

  /** A master says that it is over, or that it knows no such. */
  removed(name: string, message: string): void {
    const known = this.#of(name)
    if (known.id === null || !message.includes('unknown') || this.mayBeOver(name)) return
    throw new Violation(`${known.id} is unknown to a leader, and nothing ended it: ${message}`)
  }

  /** Whether a leader may rightly not have it any more. */
  mayBeOver(name: string): boolean {
    const known = this.#of(name)
    return known.mayBeOver || this.#wasSilent(known)
  }

  gone(session: number): void {
    const name = this.#speakers.get(session)
    if (name !== undefined) this.#of(name).mayBeOver = true
  }

  leads({ epoch, records }: Mandate): void {
    this.#epochs.push({ epoch, sinceMs: this.#clock.nowMs })
    this.#epoch = epoch
    this.#ledSinceMs = this.#clock.nowMs
    // What the leader before had no time to hear of.
    for (const { key, record } of records) this.wrote(key, record)
    const kept = new Set(records.map(({ key }) => key))
    for (const known of this.#known.values()) {
      const { id, name } = known
      if (id === null || kept.has(`app_${id}`) || this.mayBeOver(name)) continue
      throw new Violation(`${id} was told that it is registered, and the next leader has no such`)
    }
  }

  wrote(key: string, record: Uint8Array | null): void {
    if (record === null || !key.startsWith('completed_app_')) return
    const value = valueOf(record)
    if (!(value instanceof CompletedApplicationRecordT)) return
    // Why it is FINISHED has to be known; the rest is said to its driver or asked for by somebody.
    const { KILLED, FAILED } = ApplicationState
    const name = this.#nameOf.get(String(value.appId))
    const ended = value.state === (KILLED as number) || value.state === (FAILED as number)
    if (ended && name !== undefined) this.#of(name).mayBeOver = true
  }

  received(body: BodyT): void {
    if (body instanceof KillApplicationT) {
      const name = this.#nameOf.get(String(body.appId))
      if (name !== undefined) this.#of(name).mayBeOver = true
    } else if (body instanceof KillExecutorsT) {
      for (const id of body.executorIds) this.#killAsked.add(`${body.appId}/${String(id)}`)
    }
  }

  /** Leaders whose recovery was over before they heard of it (H9). */
  #wasSilent({ toldEpoch }: Known): boolean {
    const overMs = this.#recoveryTimeoutMs * (1 - MAX_SLEW)
    return this.#epochs.some(({ epoch, sinceMs }, at) => {
      const untilMs = this.#epochs[at + 1]?.sinceMs ?? this.#clock.nowMs
      return epoch > toldEpoch && untilMs - sinceMs >= overMs
    })
  }

  #of(name: string): Known {
    const known = this.#known.get(name)
    if (known !== undefined) return known
    const made: Known = {
      name,
      id: null,
      mayBeOver: false,
      toldEpoch: 0,
      targets: new Map(),
      asked: [],
    }
    this.#known.set(name, made)
    return made
  }
}
