/**
 * How long applications waited for their first executor, and for what: seen from look to look, so as exact as somebody looks
 * often. Kept for each application that waits, and given up with it.
 */
import { WAIT } from './buckets.js'
import type { ClusterFigures } from './cluster-figures.js'
import type { RecordedFamily, Sampled } from './family.js'
import { Figures, type Histogram } from './figures.js'
import { queuedReason, WAIT_REASONS, type WaitReason } from './wait-reason.js'

const MS_PER_S = 1000

/** What nobody has seen waiting. */
const AT_ONCE = 'none'

export const WAIT_FAMILY: RecordedFamily = {
  name: 'magneto_application_wait_seconds',
  type: 'histogram',
  unit: 'seconds',
  help: 'How long applications waited for their first executor, by what they waited for at last; none: for nothing that was seen.',
  label: { name: 'reason', values: [AT_ONCE, ...WAIT_REASONS] },
  bounds: WAIT,
}

export class WaitTimes {
  readonly #figures = new Figures([WAIT_FAMILY])
  readonly #waits: ReadonlyMap<string, Histogram>
  /** Applications that wait, with what for; and those that were there before and waited no more: null. */
  #seen = new Map<string, WaitReason | null>()
  #lastMs = 0

  constructor() {
    this.#waits = this.#figures.histograms(WAIT_FAMILY.name)
  }

  /** Of one moment after the other. */
  see({ applications, nowMs }: Pick<ClusterFigures, 'applications' | 'nowMs'>): void {
    const seen = new Map<string, WaitReason | null>()
    for (const application of applications) {
      const { id, submittedMs } = application
      const reason = queuedReason(application)
      const before = this.#seen.get(id)
      // One whose executors are all lost again is no application that waits for its first.
      seen.set(id, before === null ? null : reason)
      // One that ran when it was first looked for may have waited at any time before.
      const isNew = before === undefined && this.#lastMs > 0 && submittedMs >= this.#lastMs
      if (reason !== null || (before === undefined && !isNew) || before === null) continue
      this.#waits.get(before ?? AT_ONCE)!.observe((nowMs - submittedMs) / MS_PER_S)
    }
    this.#seen = seen
    this.#lastMs = nowMs
  }

  samples(): Sampled[] {
    return this.#figures.samples()
  }
}
