/**
 * The time that the core is told: ms since the epoch, for time-outs and for people. It runs with the machine's steady
 * clock and follows the wall's only slowly, so that a wall clock that is set ahead makes no worker look silent, and one
 * that is set back stops no time-out.
 */

/**
 * By how much of the time that passes it runs fast or slow while it follows: an hour that the wall clock was set ahead is
 * made up within a day, and a time-out of a minute is three seconds off meanwhile.
 */
export const MAX_SLEW = 0.05

export class Clock {
  readonly #wall: () => number
  readonly #steady: () => number
  #nowMs: number
  #steadyMs: number

  /**
   * @param wall ms since the epoch, as the machine has it now
   * @param steady ms since some moment; never goes back and never jumps
   */
  constructor(wall: () => number = Date.now, steady: () => number = () => performance.now()) {
    this.#wall = wall
    this.#steady = steady
    this.#nowMs = wall()
    this.#steadyMs = steady()
  }

  /** Whole ms since the epoch, never less than before. */
  nowMs(): number {
    const steadyMs = this.#steady()
    const passedMs = steadyMs - this.#steadyMs
    const aheadMs = this.#wall() - (this.#nowMs + passedMs)
    const mostMs = passedMs * MAX_SLEW
    this.#nowMs += passedMs + Math.min(Math.max(aheadMs, -mostMs), mostMs)
    this.#steadyMs = steadyMs
    return Math.floor(this.#nowMs)
  }

  /** Minutes that local time is ahead of UTC (P17). */
  utcOffsetMinutes(): number {
    // Twice negated would give -0 in UTC.
    return 0 - new Date(this.nowMs()).getTimezoneOffset()
  }
}
