/**
 * Order among many starts at once: each child is stopped right after its exec until the last of them has had its own. They
 * would all burn CPU from their first instruction on, and the starts that are still to come would wait for a processor behind
 * them: fifty on two cores took a second that way. A start that comes alone is never held.
 */

export interface Holdable {
  /** Nothing happens to one that has ended. */
  signal(name: 'SIGSTOP' | 'SIGCONT'): void
}

/** How often it is asked whether more starts are to come, when the last of them was in another thread. */
const LOOK_MS = 2
/** However many come, nobody is held for longer than about this. */
const MAX_HOLD_MS = 250

export class StartHold {
  #held: Holdable[] = []
  #heldSinceMs = 0
  #timer: NodeJS.Timeout | null = null

  /**
   * To be called right after a start.
   *
   * @param more whether starts are to come
   */
  started(child: Holdable, more: () => boolean): void {
    if (!more()) return this.#release()
    if (this.#held.length === 0) this.#heldSinceMs = performance.now()
    child.signal('SIGSTOP')
    this.#held.push(child)
    this.#look(more)
  }

  #look(more: () => boolean): void {
    if (!more() || performance.now() - this.#heldSinceMs > MAX_HOLD_MS) return this.#release()
    this.#timer ??= setTimeout(() => {
      this.#timer = null
      this.#look(more)
    }, LOOK_MS)
  }

  #release(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    for (const child of this.#held.splice(0)) child.signal('SIGCONT')
  }
}
