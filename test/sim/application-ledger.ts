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
  ExecutorStateChangedT,
  ExecutorUpdatedT,
  KillApplicationT,
  KillExecutorsT,
  KillExecutorT,
  LaunchExecutorT,
  ReplyT,
  RequestExecutorsT,
  WorkerRemovedT,
  type CoreConfigT,
} from '../../src/schema/magneto.js'
import { keyOf, valueOf } from './callers.js'
import type { Clock } from './clock.js'
import type { Coverage } from './coverage.js'
import { Violation } from './violation.js'

const { KILLED, FAILED, LOST, EXITED } = ExecutorState
const over = new Set([KILLED, FAILED, LOST, EXITED])

interface Known {
  readonly name: string
  id: string | null
  /** It has ended, or its driver or an operator asked for that, or a leader saw its connection end (L2). */
  mayBeOver: boolean
  /** The last leader that has told it its id. */
  toldEpoch: number
  /** What it asked for last and was told that it is so, by profile. */
  readonly targets: Map<number, number>
  /** Asked for and not answered, by "session request". */
  readonly asked: Map<string, RequestExecutorsT>
}

export class ApplicationLedger {
  readonly #coverage: Coverage
  readonly #clock: Clock
  readonly #recoveryTimeoutMs: number
  readonly #known = new Map<string, Known>()
  readonly #nameOf = new Map<string, string>()
  readonly #idOf = new Map<string, string>()
  readonly #speakers = new Map<number, string>()
  readonly #killAsked = new Set<string>()
  /** Executors whose end a leader has decided on, as "application/executor". */
  readonly #ended = new Set<string>()
  /** Workers that a leader has given up, and with them what they ran. */
  readonly #dropped = new Set<string>()
  readonly #epochs: { epoch: number; sinceMs: number }[] = []

  constructor(coverage: Coverage, clock: Clock, config: CoreConfigT) {
    this.#coverage = coverage
    this.#clock = clock
    this.#recoveryTimeoutMs = config.recoveryTimeoutMs
  }

  /** Whose connection a session is. */
  speaks(session: number, name: string): void {
    this.#speakers.set(session, name)
    this.#of(name)
  }

  /** A master tells a session its id. @param epoch of that master, which may have been replaced meanwhile */
  named(session: number, id: string, epoch: number): void {
    const name = this.#speakers.get(session)
    if (name === undefined) throw new Violation(`${id} is told to nobody's application`)
    const before = this.#nameOf.get(id)
    if (before !== undefined && before !== name) {
      throw new Violation(`application id ${id} was given to ${before} and to ${name}`)
    }
    this.#nameOf.set(id, name)
    this.#idOf.set(name, id)
    const known = this.#of(name)
    known.toldEpoch = Math.max(known.toldEpoch, epoch)
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
    // Who was frozen, and its clock with it, answers from what it knew then until its next heartbeat.
    if (this.#coverage.events.has('a master is frozen')) return
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
    // What the leader before had no time to hear of.
    for (const { key, record } of records) this.wrote(key, record)
    const kept = new Set(records.map(({ key }) => key))
    for (const known of this.#known.values()) {
      const { id, name } = known
      // What nobody answered may count or not.
      for (const { targets } of known.asked.values()) {
        for (const { profile } of targets) known.targets.delete(profile?.id ?? 0)
      }
      known.asked.clear()
      if (id === null || kept.has(`app_${id}`) || this.mayBeOver(name)) continue
      throw new Violation(`${id} was told that it is registered, and the next leader has no such`)
    }
  }

  wrote(key: string, record: Uint8Array | null): void {
    if (record !== null) this.writes(record)
    else if (key.startsWith('worker_')) this.#dropped.add(key.slice('worker_'.length))
  }

  /** Why an application is FINISHED has to be known; the rest is said to its driver or asked for by somebody. */
  writes(record: Uint8Array): void {
    if (!keyOf(record).startsWith('completed_app_')) return
    const value = valueOf(record)
    if (!(value instanceof CompletedApplicationRecordT)) return
    const ends: readonly number[] = [ApplicationState.KILLED, ApplicationState.FAILED]
    const name = this.#nameOf.get(String(value.appId))
    if (ends.includes(value.state) && name !== undefined) this.#of(name).mayBeOver = true
  }

  received(session: number, body: BodyT): void {
    if (body instanceof KillApplicationT) {
      const name = this.#nameOf.get(String(body.appId))
      if (name !== undefined) this.#of(name).mayBeOver = true
    } else if (body instanceof KillExecutorsT) {
      for (const id of body.executorIds) this.#killAsked.add(`${body.appId}/${id}`)
    } else if (body instanceof ExecutorStateChangedT && over.has(body.state)) {
      this.#ended.add(`${body.appId}/${body.executorId}`)
    } else if (body instanceof RequestExecutorsT) {
      this.#speaker(session)?.asked.set(`${session} ${body.requestId}`, body)
    }
  }

  /** In the order in which the leader decides. */
  decided(session: number, body: BodyT, workerId: string | undefined): void {
    if (body instanceof WorkerRemovedT) this.#dropped.add(String(body.workerId))
    else if (body instanceof ExecutorUpdatedT && over.has(body.state)) {
      const id = this.#idOf.get(this.#speakers.get(session) ?? '')
      this.#ended.add(`${id}/${body.executorId}`)
    } else if (body instanceof KillExecutorT) this.#mayKill(body, String(workerId))
    else if (body instanceof LaunchExecutorT) this.#mayLaunch(body)
  }

  sent(session: number, body: BodyT): void {
    if (!(body instanceof ReplyT)) return
    const known = this.#speaker(session)
    const key = `${session} ${body.requestId}`
    const request = known?.asked.get(key)
    if (known === undefined || request === undefined) return
    known.asked.delete(key)
    if (!body.ok) return
    for (const { profile, total } of request.targets) known.targets.set(profile?.id ?? 0, total)
  }

  /** What runs is killed where somebody asked for that or where it was given up; not since another leads. */
  #mayKill({ appId, executorId }: KillExecutorT, workerId: string): void {
    const name = this.#nameOf.get(String(appId))
    const key = `${appId}/${executorId}`
    if (name === undefined || this.mayBeOver(name) || this.#killAsked.has(key)) return
    // A driver that never heard its id has registered anew: its first life ends.
    if (this.#of(name).id !== appId) return
    if (this.#ended.has(key) || this.#dropped.has(workerId)) return
    throw new Violation(`executor ${key} on ${workerId} is killed, and nobody asked for that`)
  }

  /** What an application asked for last counts for every leader (A15). */
  #mayLaunch({ appId, executorId, profileId }: LaunchExecutorT): void {
    const name = this.#nameOf.get(String(appId))
    if (name === undefined) return
    const { targets, asked } = this.#of(name)
    if (asked.size > 0 || targets.get(profileId) !== 0) return
    throw new Violation(`${appId} asked for none of profile ${profileId} and gets ${executorId}`)
  }

  #speaker(session: number): Known | undefined {
    const name = this.#speakers.get(session)
    return name === undefined ? undefined : this.#of(name)
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
      asked: new Map(),
    }
    this.#known.set(name, made)
    return made
  }
}
