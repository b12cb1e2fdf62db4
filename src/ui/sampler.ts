/** Looks at the cluster once a second, whether anybody else does or not: what history and events are made of. */
import { ViewUnavailable } from './errors.js'
import type { ClusterFeed } from './model/cluster-feed.js'
import { intervalsMs, sampleOf, type History } from './model/history.js'

export interface SamplerOptions {
  readonly cluster: Pick<ClusterFeed, 'glance' | 'answeredInMs'>
  readonly history: Pick<History, 'add'>
  /** Since it was asked last; null: nothing was scheduled, or nobody knows. */
  readonly schedulingP99Us: () => number | null
  /** What is neither a sample nor a master that does not answer. */
  readonly onFault: (error: unknown) => void
}

export class Sampler {
  readonly #options: SamplerOptions
  #timer: NodeJS.Timeout | null = null
  #busy = false

  constructor(options: SamplerOptions) {
    this.#options = options
  }

  /** Begins at once. Keeps no process alive. */
  start(periodMs = intervalsMs['1s']): void {
    if (this.#timer !== null) return
    this.#timer = setInterval(() => void this.look(), periodMs).unref()
    void this.look()
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer)
  }

  /** One that the master has not answered yet stands for all until it does. */
  async look(): Promise<void> {
    if (this.#busy) return
    this.#busy = true
    const { cluster, history, schedulingP99Us, onFault } = this.#options
    try {
      const model = await cluster.glance()
      const { answeredInMs: mainThreadAnswerMs } = cluster
      history.add(sampleOf(model, { mainThreadAnswerMs, schedulingP99Us: schedulingP99Us() }))
    } catch (error) {
      // No sample: what is not known is not made up.
      if (!(error instanceof ViewUnavailable)) onFault(error)
    }
    this.#busy = false
  }
}
