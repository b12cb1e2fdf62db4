/**
 * What the web thread of a master shows: a model that takes what has changed a part at a time, between steps as they come, and is
 * held against a whole view of the core now and then. It outlives cores, as the thread does, and is lost at times, as it is. It draws
 * nothing: a history is the same with it and without it.
 */
import { ByteBuffer } from 'flatbuffers'
import type { MasterCore } from '../../src/core/native.js'
import { ClusterView, type ClusterViewT } from '../../src/schema/magneto.js'
import { ClusterModel } from '../../src/ui/model/cluster-model.js'
import { differencesOf } from '../ui/model-view.js'
import type { Coverage } from './coverage.js'
import { Violation } from './violation.js'

const stepsBetweenReadings = 10
const stepsBetweenChecks = 200
/** Whole views that others have taken, of which one is looked at. */
const viewsBetweenChecks = 4
/** Another reader is there from then on. */
const checksBetweenReaders = 3
const partBytesMax = 4000
/** More parts than any cluster of a simulation has. */
const partsMax = 10_000

export function wholeView(core: MasterCore, nowMs: number): ClusterViewT {
  return ClusterView.getRootAsClusterView(new ByteBuffer(core.view(nowMs))).unpack()
}

export class Reader {
  readonly #coverage: Coverage
  #model = new ClusterModel()
  /** It has nothing. */
  #anew = true
  #readings = 0
  #steps = 0
  #views = 0
  #checks = 0

  constructor(coverage: Coverage) {
    this.#coverage = coverage
  }

  /** @throws Violation */
  stepped(core: MasterCore, nowMs: number): void {
    this.#steps += 1
    if (this.#steps % stepsBetweenReadings === 0) this.#read(core, nowMs)
    if (this.#steps % stepsBetweenChecks === 0) this.#check(core, nowMs, wholeView(core, nowMs))
  }

  /** @param view of the core at that time @throws Violation */
  viewed(core: MasterCore, nowMs: number, view: ClusterViewT): void {
    this.#views += 1
    if (this.#views % viewsBetweenChecks === 0) this.#check(core, nowMs, view)
  }

  /** Takes all that there is. @throws Violation when it shows something else than the view */
  #check(core: MasterCore, nowMs: number, view: ClusterViewT): void {
    let parts = 0
    while (this.#read(core, nowMs)) {
      parts += 1
      if (parts > partsMax) throw new Violation('the reader never has everything')
    }
    const [difference] = differencesOf(this.#model, view)
    if (difference !== undefined) throw new Violation(`the web thread shows ${difference}`)
    this.#checks += 1
    if (this.#checks % checksBetweenReaders !== 0) return
    this.#coverage.happened('a reader is lost')
    this.#model = new ClusterModel()
    this.#anew = true
  }

  /** The next part. @returns whether there is more */
  #read(core: MasterCore, nowMs: number): boolean {
    this.#readings += 1
    const mostBytes = 1 + ((this.#readings * 7919) % partBytesMax)
    const isFirst = this.#anew
    this.#anew = false
    const { anew, more } = this.#model.apply(core.changes(nowMs, isFirst, mostBytes))
    if (anew && !isFirst) this.#coverage.happened('a reader meets another core')
    return more
  }
}
