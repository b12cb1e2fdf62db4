/** How many starts are ordered and not yet made, over all launcher threads: one number in memory that they share. */
export class StartsToCome {
  readonly #count: Int32Array

  /** @param shared what `share` of another thread has given; nothing: a new one */
  constructor(shared: SharedArrayBuffer = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)) {
    this.#count = new Int32Array(shared)
  }

  /** For a message to another thread. */
  share(): SharedArrayBuffer {
    return this.#count.buffer as SharedArrayBuffer
  }

  add(): void {
    Atomics.add(this.#count, 0, 1)
  }

  /** Once for each `add`. */
  remove(): void {
    Atomics.sub(this.#count, 0, 1)
  }

  get count(): number {
    return Atomics.load(this.#count, 0)
  }
}
