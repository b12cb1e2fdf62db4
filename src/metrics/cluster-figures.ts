/** What is known of the cluster at one moment, for whoever tells of it in numbers. */
import type {
  ApplicationState,
  ExecutorState,
  ExplanationT,
  WorkerState,
  WorkerViewT,
} from '../schema/magneto.js'

/** An application or driver that has not ended. */
export interface Queued {
  readonly id: string
  readonly submittedMs: number
  /** Nothing of it runs. */
  readonly waiting: boolean
  /** What it would still have, and why it has not; null: that was not asked, because too much else waits. */
  readonly explanations: readonly ExplanationT[] | null
}

export interface ClusterFigures {
  readonly nowMs: number
  /** Sums that are kept as rows change: to read them costs nothing. Cores and memory are those of ALIVE workers. */
  readonly totals: {
    readonly cores: number
    readonly coresUsed: number
    readonly memoryMb: number
    readonly memoryUsedMb: number
    /** ALIVE, and they get nothing new. */
    readonly unhealthyWorkers: number
    workersIn(state: WorkerState): number
    /** Of those that have not ended. */
    applicationsIn(state: ApplicationState): number
    /** Of applications that have not ended. */
    executorsIn(state: ExecutorState): number
  }
  readonly workers: Iterable<WorkerViewT>
  /** In the order of the queue. */
  readonly applications: readonly Queued[]
  readonly drivers: readonly Queued[]
}
