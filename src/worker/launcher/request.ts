/** What goes to and comes from a launcher thread. Plain data: it is copied between threads. */
import type { Training } from '../class-data/choose.js'
import type { LogRolling } from '../log-rolling.js'
import type { SparkHome } from '../spark-homes.js'

/** What is the same for every child of this worker. */
export interface ChildSettings {
  workDir: string
  workerUrl: string
  sparkHomes: readonly SparkHome[]
  /** Magneto's own conf folder. */
  ownConfDir: string
  redactionPattern: RegExp
  /** The program of Node executors and drivers. */
  execPath: string
  /** Of this worker, for links to logs; empty: it has none. */
  webUiUrl: string
  /** TERM, then so long, then KILL, then so long again until it counts as an orphan (T8, P34). */
  killTimeoutMs: number
}

/** What is the same for every executor of this worker. */
export interface LauncherSettings extends ChildSettings {
  host: string
  /** The main module of Node executors. */
  executorMain: string
  /** How logs of executors are rolled (W12); null: not at all. */
  rolling: LogRolling | null
  /** Where class-data archives are; null: executors start without. */
  classDataDir: string | null
}

/** The addresses of a custom resource that were assigned. */
export interface Resource {
  name: string
  addresses: readonly string[]
}

export interface ExecutorRequest {
  settings: LauncherSettings
  appId: string
  executorId: number
  profileId: number
  cores: number
  memoryMb: number
  resources: readonly Resource[]
  /** A finished ApplicationDescription. */
  application: Uint8Array
  /** Scratch folders of the application on this worker (W3); made by the first that needs them. */
  localDirs: readonly string[]
  /** A StartsToCome in which this start is counted. */
  startsToCome: SharedArrayBuffer
}

/** From the thread, as soon as a process runs: once for an executor, for a driver at each attempt. */
export interface StartedNote {
  kind: 'started'
  pid: number
  /** ms since the epoch, as near to the exec as can be told. */
  execMs: number
  /** Of an executor's scratch folders: one line for each that can't be used. */
  problems?: readonly string[]
  /** Of an executor that lists its classes for an archive. */
  training?: Training | null
}

/** From the thread: that process is gone, and another may follow. A task that returns need not say it. */
export interface EndedNote {
  kind: 'ended'
}

export type ChildNote = StartedNote | FetchingNote | RetryingNote | EndedNote

/** How it ended. `failed`: it never ran. `exitStatus` is what a JVM would see: the code, or 128 + signal. */
export type ExecutorResult =
  | { kind: 'failed'; message: string }
  | { kind: 'exited'; exitStatus: number; message: string }

/** What is the same for every driver of this worker. */
export interface DriverSettings extends ChildSettings {
  /** As the worker was told it. */
  masterUrl: string
  /** The root of this package, for Node drivers that are fetched. */
  packageRoot: string
}

export interface DriverRequest {
  settings: DriverSettings
  driverId: string
  /** A finished DriverDescription. */
  description: Uint8Array
  resources: readonly Resource[]
}

/** From the thread: a process that fetches the driver's jar runs. */
export interface FetchingNote {
  kind: 'fetching'
  pid: number
}

/** From the thread: an attempt has failed, and another will follow. */
export interface RetryingNote {
  kind: 'retrying'
  exitStatus: number
  waitMs: number
}

/** How its last attempt ended. `failed`: there was none. */
export type DriverResult =
  | { kind: 'failed'; message: string }
  | { kind: 'exited'; exitStatus: number }
