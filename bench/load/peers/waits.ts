/** Waits that end: with what was waited for, with what went wrong anywhere, or with a text that says what is missing. */

export class LoadError extends Error {
  override readonly name = 'LoadError'
}

export class Waits {
  #failure: LoadError | null = null
  readonly #failing = new Set<(error: LoadError) => void>()

  /** Ends every wait, now and later: only the first one counts. */
  fail(reason: string): void {
    this.#failure ??= new LoadError(reason)
    for (const reject of this.#failing) reject(this.#failure)
    this.#failing.clear()
  }

  /** @param what is waited for, as in "waited 5 s for ..." @throws LoadError when it does not come or something fails */
  async within<T>(seconds: number, what: string | (() => string), awaited: Promise<T>): Promise<T> {
    if (this.#failure !== null) throw this.#failure
    let timer: NodeJS.Timeout | undefined
    let failing: ((error: LoadError) => void) | undefined
    const trouble = new Promise<never>((_, reject) => {
      failing = reject
      this.#failing.add(reject)
      timer = setTimeout(() => {
        const text = typeof what === 'string' ? what : what()
        reject(new LoadError(`waited ${seconds} s for ${text}`))
      }, seconds * 1000)
    })
    try {
      return await Promise.race([awaited, trouble])
    } finally {
      clearTimeout(timer)
      if (failing !== undefined) this.#failing.delete(failing)
    }
  }
}

/** Counts up to a number, at which `reached` resolves. */
export class Tally {
  readonly reached: Promise<void>
  #count = 0
  #reach!: () => void

  constructor(readonly target: number) {
    this.reached = new Promise((resolve) => {
      this.#reach = resolve
    })
    if (target === 0) this.#reach()
  }

  get count(): number {
    return this.#count
  }

  add(): void {
    this.#count++
    if (this.#count === this.target) this.#reach()
  }

  /** For an error: how far it has come. */
  of(what: string): () => string {
    return () => `${what}: ${this.#count} of ${this.target} have come`
  }
}
