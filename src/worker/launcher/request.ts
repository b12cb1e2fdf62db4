/** What goes to and comes from a launcher thread. Plain data: it is copied between threads. */
import type { MessagePort } from 'node:worker_threads'

import type { LogRolling } from '../log-rolling.js'
import type { SparkHome } from '../spark-homes.js'

/** What is the same for every executor of this worker. */
export interface LauncherSettings {
  workDir: string
  workerUrl: string
  host: string
  sparkHomes: readonly SparkHome[]
  /** Magneto's own conf folder. */
  ownConfDir: string
  redactionPattern: RegExp
  /** The program and main module of Node executors. */
  execPath: string
  executorMain: string
  /** TERM, then so long, then KILL, then so long again until it counts as an orphan (T8). */
  killTimeoutMs: number
  /** How logs of executors are rolled (W12); null: not at all. */
  rolling: LogRolling | null
  /** Where the worker's guardian is told of starts and ends; open for as long as launcher threads live. */
  guardianFd: number
}

export interface ExecutorRequest {
  settings: LauncherSettings
  appId: string
  executorId: number
  profileId: number
  cores: number
  memoryMb: number
  resources: readonly { name: string; addresses: readonly string[] }[]
  /** A finished ApplicationDescription. */
  application: Uint8Array
  /** Scratch folders of the application on this worker (W3). */
  localDirs: readonly string[]
  /** Progress goes out of it, `kill` comes in. */
  port: MessagePort
}

/** From the thread, as soon as a process runs: once for an executor, for a driver at each attempt. */
export interface StartedNote {
  kind: 'started'
  pid: number
  /** ms since the epoch, right after exec. */
  execMs: number
}

/** From the thread: that process is gone, and another may follow. A task that returns need not say it. */
export interface EndedNote {
  kind: 'ended'
}

export type ChildNote = StartedNote | EndedNote

/** To the thread: end it (T8). Any number of times. */
export interface KillNote {
  kind: 'kill'
}

/** How it ended. `failed`: it never ran. `exitStatus` is what a JVM would see: the code, or 128 + signal. */
export type ExecutorResult =
  | { kind: 'failed'; message: string }
  | { kind: 'exited'; exitStatus: number; message: string }
