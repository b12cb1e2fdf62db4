/**
 * What REST v1 answers under /api/v1/, as types: for whoever asks it. Times are ms since 1970, memory is in MiB, states
 * have Spark's names, and what is absent is null. How each field is made, and what it means, is in the tables beside.
 */
import type {
  ApplicationState,
  DriverState,
  ExecutorState,
  Limit,
  MasterState,
  WorkerState,
} from '../../schema/magneto.js'

/** With 400, 404 and 503: what was wrong, what was expected. */
export interface ErrorAnswer {
  readonly error: string
}

/** `/api/v1/workers`, `applications`, `executors` and `drivers`: one page of a list. */
export interface ListAnswer<Item> {
  readonly items: readonly Item[]
  /** How many match the filters and the search. */
  readonly total: number
  readonly offset: number
  readonly limit: number
  /** By the master's clock. */
  readonly nowMs: number
}

export interface Use {
  readonly total: number
  readonly used: number
}

/** By name of the resource. */
export type ByName<Value> = Readonly<Record<string, Value>>

export interface ResourceAmount {
  readonly name: string
  readonly amount: number
}

export type MasterStateName = keyof typeof MasterState
export type WorkerStateName = keyof typeof WorkerState
export type ApplicationStateName = keyof typeof ApplicationState
export type ExecutorStateName = keyof typeof ExecutorState
export type DriverStateName = keyof typeof DriverState

/** `/api/v1/cluster`. Cores, memory and resources are those of ALIVE workers. */
export interface ClusterAnswer {
  readonly url: string
  readonly restUrl: string | null
  readonly state: MasterStateName
  /** Of a standby: where the leader is, if it knows one. */
  readonly leaderUrl: string | null
  readonly nowMs: number
  readonly workers: {
    readonly total: number
    readonly alive: number
    readonly dead: number
    readonly decommissioned: number
    readonly unknown: number
  }
  readonly cores: Use
  readonly memoryMb: Use
  readonly resources: ByName<Use>
  /** Active ones have not ended; waiting ones are some of these. */
  readonly applications: {
    readonly active: number
    readonly waiting: number
    readonly completed: number
  }
  /** Of active applications. */
  readonly executors: number
  readonly drivers: {
    readonly active: number
    readonly waiting: number
    readonly completed: number
  }
  /** How long the main thread took to answer last. */
  readonly mainThreadAnswerMs: number
}

export interface WorkerResource extends Use {
  readonly addresses: readonly string[]
  readonly usedAddresses: readonly string[]
}

export interface WorkerItem {
  readonly id: string
  readonly host: string
  readonly port: number
  readonly state: WorkerStateName
  readonly cores: number
  readonly coresUsed: number
  readonly memoryMb: number
  readonly memoryUsedMb: number
  readonly resources: ByName<WorkerResource>
  readonly webUiUrl: string | null
  readonly lastHeartbeatMs: number
  /** Why it says that it is unhealthy; null: it is healthy. */
  readonly unhealthyReason: string | null
  /** Such as `spark-4.3` and `node`. */
  readonly runtimes: readonly string[]
  /** Drivers that run there. */
  readonly drivers: readonly string[]
}

export interface ApplicationItem {
  readonly id: string
  readonly name: string
  readonly user: string | null
  readonly state: ApplicationStateName
  /** It has not ended. */
  readonly active: boolean
  /** `applications/{id}/explain` says why. */
  readonly waits: boolean
  readonly cores: number
  /** null: as many as there are. */
  readonly coresMax: number | null
  readonly memoryPerExecutorMb: number
  readonly resourcesPerExecutor: readonly ResourceAmount[]
  /** How many it has now. */
  readonly executors: number
  /** null: as many as there is room for. */
  readonly executorLimit: number | null
  readonly runtime: string | null
  readonly submittedMs: number
  readonly startedMs: number | null
  readonly endedMs: number | null
  readonly durationMs: number
  readonly uiUrl: string | null
}

export interface ExecutorItem {
  /** Within its application. */
  readonly id: number
  readonly application: string
  readonly worker: string
  readonly state: ExecutorStateName
  /** Its application has it now. */
  readonly active: boolean
  readonly profileId: number
  readonly cores: number
  readonly memoryMb: number
  /** Addresses. */
  readonly resources: ByName<readonly string[]>
}

export interface DriverItem {
  readonly id: string
  readonly state: DriverStateName
  /** It has not ended. */
  readonly active: boolean
  /** `drivers/{id}/explain` says why. */
  readonly waits: boolean
  readonly worker: string | null
  readonly cores: number
  readonly memoryMb: number
  /** Addresses that its worker gave it. */
  readonly resources: ByName<readonly string[]>
  readonly resourcesAsked: readonly ResourceAmount[]
  readonly mainClass: string | null
  readonly supervise: boolean
  readonly submittedMs: number
  readonly startedMs: number | null
  readonly endedMs: number | null
  /** How it failed. */
  readonly exception: string | null
}

/** What happened to whom: before the dash the subject of the event. */
export type EventKind =
  | `master-${'standby' | 'recovering' | 'leading'}`
  | `worker-${'registered' | 'lost' | 'decommissioned' | 'unhealthy' | 'healthy'}`
  | `application-${'submitted' | 'waiting' | 'running' | 'finished' | 'failed' | 'killed' | 'ended'}`
  | `driver-${'submitted' | 'running' | 'relaunching' | 'finished' | 'failed' | 'killed' | 'error' | 'ended'}`
  | `executor-${'failed' | 'lost' | 'exited'}`

export interface ClusterEvent {
  /** From 1, without gaps. */
  readonly sequence: number
  /** When it was seen, by the master's clock. */
  readonly atMs: number
  readonly kind: EventKind
  /** Of the worker, application or driver; of executors that of their application, of the master its URL. */
  readonly id: string
  /** One line that says it all. */
  readonly text: string
}

/** `/api/v1/events`: oldest first. */
export interface EventsAnswer {
  readonly items: readonly ClusterEvent[]
  /** What to ask for as `after` the next time. */
  readonly next: number
  /** How many events after `after` are no longer kept. */
  readonly dropped: number
}

/** One look at the cluster. Cores and memory are those of ALIVE workers. */
export interface Sample {
  readonly atMs: number
  readonly cores: number
  readonly coresUsed: number
  readonly memoryMb: number
  readonly memoryUsedMb: number
  readonly executors: number
  readonly workersAlive: number
  readonly applicationsActive: number
  readonly applicationsWaiting: number
  readonly driversWaiting: number
  readonly mainThreadAnswerMs: number
  /** Upper bound of the bucket that it fell into, us; null: nothing was decided since the sample before. */
  readonly schedulingP99Us: number | null
}

/** `/api/v1/history`. Where the master did not answer there is no sample: times between samples tell. */
export interface HistoryAnswer {
  readonly intervalMs: number
  readonly samples: readonly Sample[]
}

/** `/api/v1/applications/{id}/explain` and `/api/v1/drivers/{id}/explain` (docs/explain.md). */
export interface ExplainAnswer {
  readonly id: string
  readonly state: string
  readonly waiting: boolean
  /** Of drivers: how it failed. */
  readonly exception?: string | null
  /** One for each resource profile that waits. */
  readonly explanations: readonly ExplanationItem[]
}

export interface ClosestItem {
  readonly workerId: string
  readonly coresMissing: number
  readonly memoryMissingMb: number
  readonly resourcesMissing: readonly ResourceAmount[]
  readonly fitsWhenIdle: boolean
}

export interface ExplanationItem {
  readonly profileId: number
  readonly cores: number
  readonly memoryMb: number
  readonly resources: readonly ResourceAmount[]
  readonly runtimes: readonly string[]
  readonly wanted: number | null
  readonly limit: keyof typeof Limit
  readonly workers: number
  readonly ruledOutByState: number
  readonly ruledOutByRuntime: number
  readonly ruledOutByCores: number
  readonly ruledOutByMemory: number
  readonly ruledOutByResources: number
  readonly fitting: number
  readonly fittingWhenIdle: number
  readonly closest: ClosestItem | null
  readonly reason: string
  readonly advice: string
  readonly unhealthy: number
}
