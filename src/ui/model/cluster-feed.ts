/**
 * Keeps the model current for many readers at the price of few requests: at most one to the main thread is
 * outstanding, and what is younger than `freshMs` is read as it is. Each request costs the main thread what has
 * changed, in parts of a bounded size.
 */
import { Builder, ByteBuffer } from 'flatbuffers'
import { ExplainAnswer, ExplainRequestT, type ExplanationT } from '../../schema/magneto.js'
import { ViewUnavailable } from '../errors.js'
import {
  ClusterModel,
  type ApplicationRow,
  type DriverRow,
  type ModelObserver,
} from './cluster-model.js'

export const feedFreshMs = 100
export const feedWaitMs = 5_000
/** Once everything is there, a reader waits for so many parts and no more; the rest comes behind its back. */
export const roundPartsMax = 16
export const explanationFreshMs = 1_000
/** limits::max_explained of the core. */
export const explainedMax = 500

export interface ClusterFeedOptions {
  /** Asks the main thread for the next part; the answer comes back through `deliver`. */
  readonly request: (anew: boolean) => void
  /** Asks the main thread for an ExplainAnswer; it comes back through `deliverExplanations` with the same id. */
  readonly explain: (id: number, request: Uint8Array) => void
  /** Of the model. */
  readonly observer?: ModelObserver
  /** Monotonic milliseconds. */
  readonly nowMs?: () => number
  readonly freshMs?: number
  readonly waitMs?: number
}

interface Waiting {
  readonly promise: Promise<void>
  settle(error?: Error): void
}

export interface Explainable {
  readonly applications: readonly ApplicationRow[]
  readonly drivers: readonly DriverRow[]
}

export class ClusterFeed {
  readonly #options: Required<Omit<ClusterFeedOptions, 'observer'>>
  readonly #model: ClusterModel
  #anew = true
  /** Every row has been there once since the reader began anew. */
  #whole = false
  #currentAtMs = -Infinity
  #requestedAtMs = 0
  #round: (Waiting & { parts: number }) | null = null
  readonly #explaining = new Map<number, Waiting & { rows: Explainable }>()
  readonly #explained = new WeakMap<object, number>()
  #nextId = 1
  /** How long the main thread took to answer last, ms to the microsecond: what a message to it waits. */
  answeredInMs = 0

  constructor({ observer, ...options }: ClusterFeedOptions) {
    this.#model = new ClusterModel(observer)
    this.#options = {
      nowMs: () => performance.now(),
      freshMs: feedFreshMs,
      waitMs: feedWaitMs,
      ...options,
    }
  }

  /** @throws ViewUnavailable when it does not become current in time */
  async current(): Promise<ClusterModel> {
    const { nowMs, freshMs } = this.#options
    if (!this.#whole || nowMs() - this.#currentAtMs >= freshMs) {
      this.#round ??= this.#begin()
      await this.#round.promise
    }
    return this.#model
  }

  /** The same for who looks unasked: the next reader asks again, and is shown nothing old for its sake. @throws ViewUnavailable */
  async glance(): Promise<ClusterModel> {
    const model = await this.current()
    this.#currentAtMs = -Infinity
    return model
  }

  /** @param bytes a finished Changes: whatever the core gave away counts, however late it comes */
  deliver(bytes: Uint8Array): void {
    const { nowMs } = this.#options
    this.answeredInMs = Math.round(1000 * (nowMs() - this.#requestedAtMs)) / 1000
    this.#anew = false
    const { anew, more } = this.#model.apply(bytes)
    if (anew) this.#whole = false
    if (more) {
      this.#ask()
      const round = this.#round
      if (round !== null && this.#whole && ++round.parts >= roundPartsMax) round.settle()
      return
    }
    this.#whole = true
    this.#currentAtMs = nowMs()
    this.#round?.settle()
  }

  /** Asks why those of the rows wait that do, and writes it into them. @throws ViewUnavailable */
  async explain({ applications, drivers }: Explainable): Promise<void> {
    const old = (row: { readonly waits: boolean }) =>
      row.waits &&
      this.#options.nowMs() - (this.#explained.get(row) ?? -Infinity) >= explanationFreshMs
    // Rows of today: what was asked of one that is replaced meanwhile is in nobody's way.
    const asked = {
      applications: applications.filter(old).slice(0, explainedMax),
      drivers: drivers.filter(old).slice(0, explainedMax),
    }
    asked.drivers = asked.drivers.slice(0, explainedMax - asked.applications.length)
    if (asked.applications.length + asked.drivers.length === 0) return
    const id = this.#nextId++
    const builder = new Builder(1024)
    const request = new ExplainRequestT(
      asked.applications.map(({ application }) => String(application.id)),
      asked.drivers.map(({ driver }) => String(driver.id)),
    )
    builder.finish(request.pack(builder))
    const waiting = this.#waiting(() => this.#explaining.delete(id))
    this.#explaining.set(id, Object.assign(waiting, { rows: asked }))
    this.#options.explain(id, builder.asUint8Array().slice())
    await waiting.promise
  }

  /** @param bytes a finished ExplainAnswer; one that nobody waits for any more is dropped */
  deliverExplanations(id: number, bytes: Uint8Array): void {
    const waiting = this.#explaining.get(id)
    if (waiting === undefined) return
    this.#write(waiting.rows, bytes)
    waiting.settle()
  }

  /** Ends every wait; for the thread's own end. */
  close(): void {
    const stopping = new ViewUnavailable('the master is stopping')
    this.#round?.settle(stopping)
    for (const waiting of this.#explaining.values()) waiting.settle(stopping)
  }

  #ask(): void {
    this.#requestedAtMs = this.#options.nowMs()
    this.#options.request(this.#anew)
  }

  #begin(): Waiting & { parts: number } {
    const waiting = this.#waiting(() => {
      this.#round = null
    })
    this.#ask()
    return Object.assign(waiting, { parts: 0 })
  }

  #waiting(done: () => void): Waiting {
    const { promise, resolve, reject } = settleable()
    const settle = (error?: Error) => {
      clearTimeout(timer)
      done()
      if (error === undefined) resolve()
      else reject(error)
    }
    const timer = setTimeout(
      () => settle(new ViewUnavailable('the master did not answer in time')),
      this.#options.waitMs,
    )
    return { promise, settle }
  }

  #write({ applications, drivers }: Explainable, bytes: Uint8Array): void {
    const answer = ExplainAnswer.getRootAsExplainAnswer(new ByteBuffer(bytes)).unpack()
    const byId = (all: typeof answer.applications) =>
      new Map<string, ExplanationT[]>(all.map(({ id, explanations }) => [String(id), explanations]))
    const now = this.#options.nowMs()
    const ofApplications = byId(answer.applications)
    for (const row of applications) {
      row.application.explanations = ofApplications.get(String(row.application.id)) ?? []
      this.#explained.set(row, now)
    }
    const ofDrivers = byId(answer.drivers)
    for (const row of drivers) {
      row.driver.explanation = ofDrivers.get(String(row.driver.id))?.[0] ?? null
      this.#explained.set(row, now)
    }
  }
}

interface Settleable {
  readonly promise: Promise<void>
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

function settleable(): Settleable {
  let resolve!: () => void
  let reject!: (error: Error) => void
  const promise = new Promise<void>((accept, refuse) => {
    resolve = accept
    reject = refuse
  })
  return { promise, resolve, reject }
}
