/** Says each minute what keeps the master from its store or from leading; who finds out says it first. */
import type { Logger } from '../log/logger.js'
import { STORE_ALARM_PERIOD_MS } from './limits.js'

export class StoreAlarm {
  readonly #log: Logger
  readonly #reason: () => string
  readonly #timer: NodeJS.Timeout

  /** @param reason empty: nothing is wrong */
  constructor(log: Logger, reason: () => string) {
    this.#log = log
    this.#reason = reason
    this.#timer = setInterval(() => this.#check(), STORE_ALARM_PERIOD_MS)
  }

  #check(): void {
    const reason = this.#reason()
    if (reason === '') return
    this.#log.error(
      `this master can't lead now: ${reason}; what runs goes on, and the master leads again by itself when the ` +
        'cause is gone',
    )
  }

  end(): void {
    clearInterval(this.#timer)
  }
}
