/**
 * Order among many starts at once: each child is stopped at its exec until the last of them has had its own. They
 * would all burn CPU from their first instruction on, and the starts that are still to come would wait for a processor behind
 * them: fifty on two cores took a second that way. A start that comes alone is never held.
 */

export interface Holdable {
  /** Nothing happens to one that has ended. */
  signal(name: 'SIGSTOP' | 'SIGCONT'): void
}

/** Starts no further apart than this belong together, also when each was ordered after the one before. */
const QUIET_MS = 10
/** However many come, nobody is held for longer than about this. */
const MAX_HOLD_MS = 250

export class StartHold {
  #held: Holdable[] = []
  #heldSinceMs = 0
  #lastStartMs = -Infinity
  #timer: NodeJS.Timeout | null = null

  /**
   * To be called right before a start.
   *
   * @param more whether starts are to come beside this one
   * @returns whether the child is to be stopped at its exec
   */
  expects(more: () => boolean): boolean {
    return more() || !this.#alone()
  }

  /**
   * To be called right after a start.
   *
   * @param more whether starts are to come beside this one
   * @param stopped as `expects` has said: the child is stopped already
   */
  started(child: Holdable, more: () => boolean, stopped: boolean): void {
    const alone = this.#alone()
    const nowMs = performance.now()
    this.#lastStartMs = nowMs
    if (!stopped) {
      if (alone && !more()) return
      child.signal('SIGSTOP')
    }
    if (this.#held.length === 0) this.#heldSinceMs = nowMs
    this.#held.push(child)
    if (nowMs - this.#heldSinceMs > MAX_HOLD_MS) this.#release()
    else this.#timer ??= setTimeout(() => this.#look(more), QUIET_MS)
  }

  #alone(): boolean {
    return performance.now() - this.#lastStartMs > QUIET_MS
  }

  #look(more: () => boolean): void {
    this.#timer = null
    const nowMs = performance.now()
    const quietMs = nowMs - this.#lastStartMs
    const over = nowMs - this.#heldSinceMs > MAX_HOLD_MS
    if (over || (quietMs >= QUIET_MS && !more())) return this.#release()
    this.#timer = setTimeout(() => this.#look(more), Math.max(1, QUIET_MS - quietMs))
  }

  #release(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    for (const child of this.#held.splice(0)) child.signal('SIGCONT')
  }
}
