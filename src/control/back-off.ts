/** Growing, jittered pauses between attempts, so that a thousand workers don't knock at a new master at once. */
import { MAX_BACK_OFF_MS, MIN_BACK_OFF_MS } from './limits.js'

export class BackOff {
  readonly #minMs: number
  readonly #maxMs: number
  #nextMs: number

  constructor(minMs = MIN_BACK_OFF_MS, maxMs = MAX_BACK_OFF_MS) {
    this.#minMs = minMs
    this.#maxMs = maxMs
    this.#nextMs = minMs
  }

  /** @param random from 0 to below 1 @returns ms, at least half of and at most the present step */
  next(random = Math.random()): number {
    const stepMs = this.#nextMs
    this.#nextMs = Math.min(this.#maxMs, stepMs * 2)
    return Math.round(stepMs / 2 + (random * stepMs) / 2)
  }

  reset(): void {
    this.#nextMs = this.#minMs
  }
}
