/** The time that the core is told: the wall clock, but never backwards, whatever an operator or NTP does to it. */
export class Clock {
  readonly #read: () => number
  #lastMs = 0

  constructor(read: () => number = Date.now) {
    this.#read = read
  }

  /** ms since the epoch, never smaller than before */
  nowMs(): number {
    this.#lastMs = Math.max(this.#lastMs, this.#read())
    return this.#lastMs
  }

  /** Minutes that local time is ahead of UTC (P17). */
  utcOffsetMinutes(): number {
    // Twice negated would give -0 in UTC.
    return 0 - new Date(this.nowMs()).getTimezoneOffset()
  }
}
