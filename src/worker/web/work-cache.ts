/**
 * What the main thread hosts, for many readers at the price of few messages: at most one is asked for at a time, and one
 * younger than FRESH_MS is shown again.
 */
import type { HostedLists } from '../hosted-work.js'

const FRESH_MS = 250
const WAIT_MS = 5_000

/** The main thread did not answer; another try may do. */
export class WorkUnavailable extends Error {
  override readonly name = 'WorkUnavailable'
}

interface Pending {
  id: number
  lists: Promise<HostedLists>
  settle: (lists: HostedLists) => void
}

export class WorkCache {
  readonly #request: (id: number) => void
  #latest: { lists: HostedLists; atMs: number } | null = null
  #pending: Pending | null = null
  #lastId = 0

  /** @param request asks the main thread; the answer comes back through `deliver` with the same id */
  constructor(request: (id: number) => void) {
    this.#request = request
  }

  /** @throws WorkUnavailable when none comes in time */
  async get(): Promise<HostedLists> {
    const latest = this.#latest
    if (latest !== null && performance.now() - latest.atMs < FRESH_MS) return latest.lists
    this.#pending ??= this.#ask()
    return this.#pending.lists
  }

  /** One that nobody waits for any more is dropped. */
  deliver(id: number, lists: HostedLists): void {
    if (this.#pending?.id === id) this.#pending.settle(lists)
  }

  #ask(): Pending {
    this.#lastId += 1
    const id = this.#lastId
    let settle!: Pending['settle']
    const lists = new Promise<HostedLists>((resolve, reject) => {
      const late = setTimeout(() => {
        this.#pending = null
        reject(new WorkUnavailable('the worker did not answer in time; try again'))
      }, WAIT_MS)
      settle = (found) => {
        clearTimeout(late)
        this.#pending = null
        this.#latest = { lists: found, atMs: performance.now() }
        resolve(found)
      }
    })
    this.#request(id)
    return { id, lists, settle }
  }
}
