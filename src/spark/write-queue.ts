/** Whose frames are to be written: those of a turn for one peer leave in one system call, unless the turn takes long. */

/** The first peers of a long turn don't wait for its end. */
const FIRST_PATIENCE_MS = 2
/** Each further time that a turn does not wait costs its peers one more write: it waits for longer and longer. */
const PATIENCE_GROWTH = 4

export interface Writing {
  /** Hands over to the socket what was written in this turn. */
  writeOut(): void
}

/** One for all connections of a server. */
export class WriteQueue {
  #waiting: Writing[] = []
  #isScheduled = false
  #sinceMs = 0
  #patienceMs = FIRST_PATIENCE_MS
  readonly #endTurn = (): void => {
    this.#isScheduled = false
    this.#patienceMs = FIRST_PATIENCE_MS
    this.#writeOut()
  }

  /** Of one that has nothing waiting. */
  add(writing: Writing): void {
    this.#waiting.push(writing)
    if (!this.#isScheduled) {
      this.#isScheduled = true
      this.#sinceMs = performance.now()
      process.nextTick(this.#endTurn)
      return
    }
    const nowMs = performance.now()
    if (nowMs - this.#sinceMs < this.#patienceMs) return
    this.#sinceMs = nowMs
    this.#patienceMs *= PATIENCE_GROWTH
    this.#writeOut()
  }

  #writeOut(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const writing of waiting) writing.writeOut()
  }
}
