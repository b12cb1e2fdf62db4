/**
 * Views for many readers at the price of few snapshots: at most one request to the main thread is
 * outstanding, and a view younger than `freshMs` is served again. Fifty browsers cost the scheduling
 * thread what one costs.
 */
import { ByteBuffer } from 'flatbuffers'
import { ClusterView, type ClusterViewT } from '../schema/magneto.js'
import { ViewUnavailable } from './errors.js'

export const viewFreshMs = 100
export const viewWaitMs = 5_000

interface Pending {
  readonly id: number
  readonly promise: Promise<ClusterViewT>
  settle(result: ClusterViewT | Error): void
}

export interface ViewCacheOptions {
  /** Asks the main thread; the answer comes back through `deliver` with the same id. */
  readonly request: (id: number) => void
  /** Monotonic milliseconds. */
  readonly nowMs?: () => number
  readonly freshMs?: number
  readonly waitMs?: number
}

export class ViewCache {
  readonly #options: Required<ViewCacheOptions>
  #latest: { view: ClusterViewT; atMs: number } | null = null
  #pending: Pending | null = null
  #nextId = 1

  constructor(options: ViewCacheOptions) {
    this.#options = {
      nowMs: () => performance.now(),
      freshMs: viewFreshMs,
      waitMs: viewWaitMs,
      ...options,
    }
  }

  /** @throws ViewUnavailable when none comes in time */
  async get(): Promise<ClusterViewT> {
    const { nowMs, freshMs } = this.#options
    if (this.#latest !== null && nowMs() - this.#latest.atMs < freshMs) return this.#latest.view
    this.#pending ??= this.#ask()
    return this.#pending.promise
  }

  /** A view that nobody waits for any more is dropped. @param bytes a finished ClusterView */
  deliver(id: number, bytes: Uint8Array): void {
    if (this.#pending?.id !== id) return
    const view = ClusterView.getRootAsClusterView(new ByteBuffer(bytes)).unpack()
    this.#latest = { view, atMs: this.#options.nowMs() }
    this.#pending.settle(view)
  }

  /** Ends every wait; for the thread's own end. */
  close(): void {
    this.#pending?.settle(new ViewUnavailable('the master is stopping'))
  }

  #ask(): Pending {
    const id = this.#nextId++
    const { promise, resolve, reject } = settleable<ClusterViewT>()
    const timer = setTimeout(
      () => pending.settle(new ViewUnavailable('the master did not answer in time')),
      this.#options.waitMs,
    )
    const pending: Pending = {
      id,
      promise,
      settle: (result) => {
        clearTimeout(timer)
        this.#pending = null
        if (result instanceof Error) reject(result)
        else resolve(result)
      },
    }
    this.#options.request(id)
    return pending
  }
}

interface Settleable<T> {
  readonly promise: Promise<T>
  readonly resolve: (value: T) => void
  readonly reject: (error: Error) => void
}

function settleable<T>(): Settleable<T> {
  let resolve!: (value: T) => void
  let reject!: (error: Error) => void
  const promise = new Promise<T>((accept, refuse) => {
    resolve = accept
    reject = refuse
  })
  return { promise, resolve, reject }
}
