/** One life of a process: what it had in mind dies with it, and waits while it is stopped (SIGSTOP). */
import type { Clock, Timer } from './clock.js'

export class Life {
  readonly #clock: Clock
  #stoppedUntilMs = 0
  #frozenMs = 0
  alive = true

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The clock of the machine that nobody sets; it stands still where the whole machine is frozen. */
  get steadyMs(): number {
    return this.#clock.nowMs - this.#frozenMs
  }

  get stopped(): boolean {
    return this.#clock.nowMs < this.#stoppedUntilMs
  }

  end(): void {
    this.alive = false
  }

  /** @param frozen the clock stands still too, as on a virtual machine that is moved */
  stop(forMs: number, frozen: boolean): void {
    if (this.stopped) return
    this.#stoppedUntilMs = this.#clock.nowMs + forMs
    if (frozen) this.#frozenMs += forMs
  }

  after(delayMs: number, run: () => void): Timer {
    let timer = this.#clock.after(delayMs, () => due())
    const due = (): void => {
      if (!this.alive) return
      const waitMs = this.#stoppedUntilMs - this.#clock.nowMs
      if (waitMs > 0) timer = this.#clock.after(waitMs, due)
      else run()
    }
    return { cancel: () => timer.cancel() }
  }
}
