/**
 * What piscina asks of a signal and no more. A real AbortSignal for each task costs more than a tiny task does, and
 * nearly none is ever aborted.
 */
export class TaskAbort {
  aborted = false
  #listener: (() => void) | null = null

  addEventListener(_type: 'abort', listener: () => void): void {
    this.#listener = listener
  }

  removeEventListener(): void {
    this.#listener = null
  }

  abort(): void {
    this.aborted = true
    this.#listener?.()
  }
}
