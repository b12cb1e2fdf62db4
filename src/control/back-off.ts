/** Growing, jittered pauses between attempts, so that a thousand workers don't knock at a new master at once. */
import { MAX_BACK_OFF_MS, MIN_BACK_OFF_MS } from './limits.js'

export class BackOff {
  #nextMs = MIN_BACK_OFF_MS

  /** @param random from 0 to below 1 @returns ms, at least half of and at most the present step */
  next(random = Math.random()): number {
    const stepMs = this.#nextMs
    this.#nextMs = Math.min(MAX_BACK_OFF_MS, stepMs * 2)
    return Math.round(stepMs / 2 + (random * stepMs) / 2)
  }

  reset(): void {
    this.#nextMs = MIN_BACK_OFF_MS
  }
}
