const LOOKS = 10

/**
 * Tells, once, when nothing has come for a time. So many looks make up that time: one in which this process stood still is one
 * look, and no silence of the other side.
 */
export class Silence {
  #silentLooks = 0
  readonly #timer: NodeJS.Timeout

  /** @param isBusy nothing can come while this holds, and that counts for nothing */
  constructor(limitMs: number, tell: () => void, isBusy = (): boolean => false) {
    this.#timer = setInterval(() => {
      this.#silentLooks = isBusy() ? 0 : this.#silentLooks + 1
      if (this.#silentLooks === LOOKS) tell()
    }, limitMs / LOOKS)
  }

  heard(): void {
    this.#silentLooks = 0
    this.#timer.refresh()
  }

  /** To be called whatever came; nothing is told afterwards. */
  end(): void {
    clearInterval(this.#timer)
  }
}
