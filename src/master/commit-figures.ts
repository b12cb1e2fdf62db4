/** What is counted of the store, since the master started. */
import type { StoreFigures } from '../control/leadership.js'
import type { MasterRecorder } from '../metrics/master-recorder.js'
import { KEPT_LATENCIES } from './limits.js'

export class CommitFigures {
  readonly #latencies = new Float64Array(KEPT_LATENCIES)
  #commits = 0
  #records = 0
  #failures = 0
  readonly #metrics: MasterRecorder | null

  constructor(metrics: MasterRecorder | null = null) {
    this.#metrics = metrics
  }

  /** @param records changes that it wrote */
  committed(records: number, tookMs: number): void {
    this.#latencies[this.#commits % KEPT_LATENCIES] = tookMs
    this.#commits += 1
    this.#records += records
    this.#metrics?.committed(records, tookMs)
  }

  failed(): void {
    this.#failures += 1
    this.#metrics?.failed()
  }

  read(mode: string): StoreFigures {
    const latencies = this.#latencies.slice(0, this.#commits).sort()
    return {
      mode,
      commits: this.#commits,
      records: this.#records,
      commitP50Ms: quantile(latencies, 0.5),
      commitP99Ms: quantile(latencies, 0.99),
      failures: this.#failures,
    }
  }
}

/** @returns rounded to 0.01; 0: of nothing */
function quantile(sorted: Float64Array, part: number): number {
  const at = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]
  return at === undefined ? 0 : Math.round(at * 100) / 100
}
