/** What the worker's machine (state.ts) knows from the start, what enters it and what leaves it. */
import type { BodyT } from '../control/codec.js'
import type * as schema from '../schema/magneto.js'

/** What cannot change while the worker process lives. */
export interface WorkerSettings {
  workerId: string
  host: string
  port: number
  cores: number
  memoryMb: number
  webUiUrl: string
  resources: readonly schema.ResourceT[]
  /** "node", "spark-4.3", "node-driver", "spark-4.3-driver", ... */
  runtimes: readonly string[]
  /** P31: attempts in the short rhythm. */
  initialRegistrationRetries: number
  /** P31: attempts in all before the worker gives up and exits with 1; null: it never does (decision 3). */
  maxRegistrationRetries: number | null
  /** T4: 0.5 to 1.5, drawn once a process, so that workers do not come all at once. */
  registrationFactor: number
  /** Y9: from its decommission until the worker ends even if something runs; null: it never ends by itself. */
  decommissionDeadlineMs: number | null
}

export type TimerName = 'registration' | 'heartbeat' | 'decommission'

export interface ExecutorKey {
  appId: string
  executorId: number
}

export type WorkerEvent =
  | { kind: 'started' }
  /** changed: its master has said to be a new leader; it is answered instead of being registered with (M18). */
  | { kind: 'linkOpened'; changed?: schema.MasterChangedT | null }
  | { kind: 'linkClosed'; reason: string }
  | { kind: 'message'; body: BodyT }
  | ({ kind: 'executorStarted'; pid: number } & ExecutorKey)
  /** It could not be started. */
  | ({ kind: 'executorFailed'; message: string } & ExecutorKey)
  /** exitStatus as a JVM sees it: the exit code, or 128 plus the signal's number. */
  | ({ kind: 'executorExited'; exitStatus: number; message: string | null } & ExecutorKey)
  /** It could not be started: its jar was not there, or its program. */
  | { kind: 'driverFailed'; driverId: string; message: string }
  /** Its last attempt ended. */
  | { kind: 'driverExited'; driverId: string; exitStatus: number }
  | { kind: 'timer'; timer: TimerName }
  /** Its disks are nearly full or gone, or well again; `report` says what is wrong. */
  | { kind: 'health'; healthy: boolean; report: string }
  /** The operator's signal: no new executors from now on (D1, D2). */
  | { kind: 'decommission' }
  /** SIGTERM, SIGINT or stop(): end all executors and drivers, then exit with 0. */
  | { kind: 'stop'; reason: string }

export type WorkerEffect =
  | { kind: 'send'; body: BodyT }
  | { kind: 'launch'; order: schema.LaunchExecutorT }
  | ({ kind: 'kill' } & ExecutorKey)
  | { kind: 'launchDriver'; order: schema.LaunchDriverT }
  | { kind: 'killDriver'; driverId: string }
  /** Its local folders can go: no executor of it is left here (W3). */
  | { kind: 'cleanUpApplication'; appId: string }
  /** dueMs: ms since the epoch; replaces the timer of that name. */
  | { kind: 'setTimer'; timer: TimerName; dueMs: number }
  | { kind: 'clearTimer'; timer: TimerName }
  | { kind: 'log'; level: 'debug' | 'info' | 'warn' | 'error'; text: string }
  /** The last effect ever. */
  | { kind: 'exit'; status: number; reason: string }
