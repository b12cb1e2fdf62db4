/** Simulated time: events in order of their due time, and of their making where that is equal. */
interface Event {
  readonly dueMs: number
  readonly order: number
  readonly run: () => void
}

export interface Timer {
  cancel(): void
}

function before(a: Event, b: Event): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order)
}

export class Clock {
  /** A binary heap. */
  readonly #events: Event[] = []
  #nowMs: number
  #order = 0

  constructor(startMs: number) {
    this.#nowMs = startMs
  }

  get nowMs(): number {
    return this.#nowMs
  }

  after(delayMs: number, run: () => void): Timer {
    let live = true
    this.#order += 1
    this.#push({
      dueMs: this.#nowMs + Math.max(0, delayMs),
      order: this.#order,
      run: () => {
        if (live) run()
      },
    })
    return {
      cancel: () => {
        live = false
      },
    }
  }

  /** Runs everything that is due until then, and stands there afterwards. @returns events run */
  runUntil(endMs: number): number {
    let ran = 0
    for (;;) {
      const next = this.#events[0]
      if (next === undefined || next.dueMs > endMs) break
      this.#pop()
      this.#nowMs = Math.max(this.#nowMs, next.dueMs)
      next.run()
      ran += 1
    }
    this.#nowMs = Math.max(this.#nowMs, endMs)
    return ran
  }

  #push(event: Event): void {
    const heap = this.#events
    let at = heap.length
    heap.push(event)
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = heap[parent] as Event
      if (!before(event, above)) break
      heap[at] = above
      at = parent
    }
    heap[at] = event
  }

  #pop(): void {
    const heap = this.#events
    const last = heap.pop() as Event
    if (heap.length === 0) return
    let at = 0
    for (;;) {
      let child = at * 2 + 1
      if (child >= heap.length) break
      const right = child + 1
      if (right < heap.length && before(heap[right] as Event, heap[child] as Event)) child = right
      if (!before(heap[child] as Event, last)) break
      heap[at] = heap[child] as Event
      at = child
    }
    heap[at] = last
  }
}
