/** How late timers of this thread come: what else waits for it waits as long. One timer for all, whatever happens. */
import type { Histogram } from './figures.js'

const PERIOD_MS = 250
const MS_PER_S = 1000

export class LoopDelay {
  readonly #timer: NodeJS.Timeout
  #dueMs = performance.now() + PERIOD_MS

  constructor(delays: Histogram) {
    this.#timer = setInterval(() => {
      const nowMs = performance.now()
      delays.observe((nowMs - this.#dueMs) / MS_PER_S)
      this.#dueMs = nowMs + PERIOD_MS
    }, PERIOD_MS).unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}
