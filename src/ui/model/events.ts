/**
 * What happened: a bounded list of the transitions that the model went through, as its readers saw it. Rows that are
 * there when a reader begins anew, or when this master takes the lead, make no event: nobody saw them come.
 */
import { MasterState } from '../../schema/magneto.js'
import { singleLine } from '../../http/single-line.js'
import type { ClusterEvent, EventsAnswer } from '../api/shapes.js'
import type {
  ApplicationRow,
  ClusterModel,
  DriverRow,
  ExecutorRow,
  ModelObserver,
  RowChange,
  WorkerRow,
} from './cluster-model.js'
import {
  applicationNews,
  applicationText,
  driverNews,
  driverText,
  executorNews,
  executorsText,
  masterText,
  masterTold,
  workerNews,
  workerText,
  type EndedExecutors,
  type Told,
} from './transitions.js'

export type { ClusterEvent, EventKind } from '../api/shapes.js'

/** The oldest go. */
export const eventsMax = 4096
/** Of executors of one application that ended alike at one time: one event names so many. */
const executorsNamedMax = 3

interface Ended extends EndedExecutors {
  /** The number of its row. */
  readonly application: number
  readonly first: ExecutorRow[]
  count: number
}

interface Remembered {
  readonly workers: ReadonlyMap<string, WorkerRow>
  readonly applications: ReadonlyMap<string, ApplicationRow>
  readonly drivers: ReadonlyMap<string, DriverRow>
}

const nothing: Remembered = { workers: new Map(), applications: new Map(), drivers: new Map() }

/** By their ids, which outlive the numbers of rows. @param earlier what has not come again yet */
function rowsOf(model: ClusterModel, earlier: Remembered): Remembered {
  const workers = new Map(earlier.workers)
  for (const row of model.workers.values()) workers.set(String(row.worker.id), row)
  const applications = new Map(earlier.applications)
  for (const table of [model.activeApplications, model.completedApplications])
    for (const row of table.values()) applications.set(String(row.application.id), row)
  const drivers = new Map(earlier.drivers)
  for (const table of [model.activeDrivers, model.completedDrivers])
    for (const row of table.values()) drivers.set(String(row.driver.id), row)
  return { workers, applications, drivers }
}

export interface EventsAsked {
  /** Sequence of the last event that is known; null: the newest are wanted. */
  readonly after: number | null
  readonly limit: number
  /** Absent: all of them. */
  readonly keeps?: (event: ClusterEvent) => boolean
}

export class Events implements ModelObserver {
  readonly #events: ClusterEvent[] = []
  #latest = 0
  #nowMs = 0
  #master: MasterState | null = null
  /** What comes now was there before. */
  #adopting = false
  #before = nothing
  readonly #endedExecutors = new Map<string, Ended>()

  /** Sequence of the last event; 0: there was none. */
  get latest(): number {
    return this.#latest
  }

  /** Oldest first. An `after` that has not been yet is of another process: then all that is kept comes. */
  page({ after, limit, keeps = () => true }: EventsAsked): EventsAnswer {
    const events = this.#events
    const gone = this.#latest - events.length
    const items: ClusterEvent[] = []
    if (after === null) {
      for (let at = events.length - 1; at >= 0 && items.length < limit; --at)
        if (keeps(events[at]!)) items.push(events[at]!)
      return { items: items.toReversed(), next: this.#latest, dropped: 0 }
    }
    const from = after > this.#latest ? 0 : after
    let at = Math.max(0, from - gone)
    for (; at < events.length && items.length < limit; ++at)
      if (keeps(events[at]!)) items.push(events[at]!)
    return { items, next: gone + at, dropped: Math.max(0, gone - from) }
  }

  begins(model: ClusterModel, anew: boolean): void {
    this.#nowMs = model.nowMs
    const { state, masterUrl } = model.cluster
    const was = this.#master
    this.#master = state
    if (was === null || masterTold[was][0] !== masterTold[state][0])
      this.#tell(masterTold[state], String(masterUrl), masterText(model.cluster))
    if (anew) {
      this.#before = rowsOf(model, this.#before)
      this.#endedExecutors.clear()
    }
    // Whoever takes the lead has read what was there.
    if (anew || (was === MasterState.STANDBY && state !== was)) this.#adopting = true
  }

  worker({ before: last, now }: RowChange<WorkerRow>): void {
    const before = last ?? this.#before.workers.get(String(now?.worker.id))
    const row = now ?? before
    if (row === undefined || this.#unseen(before)) return
    for (const told of workerNews({ before, now }))
      this.#tell(told, String(row.worker.id), workerText(row.worker, told))
  }

  application({ before: last, now }: RowChange<ApplicationRow>): void {
    const before = last ?? this.#before.applications.get(String(now?.application.id))
    const row = now ?? before
    if (row === undefined || this.#unseen(before)) return
    for (const told of applicationNews({ before, now }))
      this.#tell(told, String(row.application.id), applicationText(row.application, told))
  }

  driver({ before: last, now }: RowChange<DriverRow>): void {
    const before = last ?? this.#before.drivers.get(String(now?.driver.id))
    const row = now ?? before
    if (row === undefined || this.#unseen(before)) return
    for (const told of driverNews({ before, now }))
      this.#tell(told, String(row.driver.id), driverText(row.driver, told))
  }

  /** A rack that is lost takes thousands with it: they make one event for each application. */
  executor(change: RowChange<ExecutorRow>): void {
    const { now } = change
    const told = this.#adopting ? null : executorNews(change)
    if (now === undefined || told === null) return
    const key = `${now.application} ${told[0]}`
    const ended = this.#endedExecutors.get(key)
    if (ended === undefined) {
      const { application } = now
      this.#endedExecutors.set(key, { told, application, first: [now], count: 1 })
      return
    }
    ended.count += 1
    if (ended.first.length < executorsNamedMax) ended.first.push(now)
  }

  ends(model: ClusterModel, more: boolean): void {
    if (more) return
    for (const ended of this.#endedExecutors.values()) {
      const application = model.applicationOf(ended.application)?.application
      // One that is forgotten already is nobody's concern.
      if (application !== undefined)
        this.#tell(ended.told, String(application.id), executorsText(application, ended))
    }
    this.#endedExecutors.clear()
    this.#adopting = false
    this.#before = nothing
  }

  /** Nobody saw it come: it was there when all was told anew. */
  #unseen(before: WorkerRow | ApplicationRow | DriverRow | undefined): boolean {
    return before === undefined && this.#adopting
  }

  #tell([kind]: Told, id: string, text: string): void {
    this.#latest += 1
    this.#events.push({
      sequence: this.#latest,
      atMs: this.#nowMs,
      kind,
      id,
      text: singleLine(text),
    })
    if (this.#events.length > eventsMax) this.#events.shift()
  }
}
