/**
 * Who hangs on which AbortSignal: one listener for each signal, however many tasks are given it. Node takes more than ten
 * for a leak and says so, and looks at all of them to take one away.
 */
export class AbortSignals {
  readonly #acts = new Map<AbortSignal, Set<() => void>>()
  readonly #heard = (event: Event): void => {
    const signal = event.target as AbortSignal
    const acts = this.#acts.get(signal)
    this.#acts.delete(signal)
    for (const act of acts ?? []) act()
  }

  /** @param act called when the signal is aborted; another function each time @returns takes that back */
  listen(signal: AbortSignal, act: () => void): () => void {
    let acts = this.#acts.get(signal)
    if (acts === undefined) {
      this.#acts.set(signal, (acts = new Set()))
      signal.addEventListener('abort', this.#heard, { once: true })
    }
    const those = acts.add(act)
    return () => {
      those.delete(act)
      if (those.size > 0 || this.#acts.get(signal) !== those) return
      this.#acts.delete(signal)
      signal.removeEventListener('abort', this.#heard)
    }
  }
}
