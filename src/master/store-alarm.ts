/** Says that the store has failed, and again each minute: the master serves on, but not as it was asked to. */
import type { Logger } from '../log/logger.js'
import { STORE_ALARM_PERIOD_MS } from './limits.js'

export class StoreAlarm {
  readonly #log: Logger
  #timer: NodeJS.Timeout | null = null

  constructor(log: Logger) {
    this.#log = log
  }

  /** Only the first failure counts. */
  raise(error: Error): void {
    if (this.#timer !== null) return
    const say = (): void =>
      this.#log.error(
        `the recovery store can't be written: ${error.message}; what runs goes on, but no worker and no ` +
          'application can register: correct the cause and restart the master',
      )
    say()
    this.#timer = setInterval(say, STORE_ALARM_PERIOD_MS)
  }

  end(): void {
    if (this.#timer !== null) clearInterval(this.#timer)
  }
}
