/** What the worker's main thread and its web thread say to each other. */

/** `workerData` of the web thread. */
export interface WebThreadData {
  host: string
  /** 0: any free one. */
  port: number
  /** How many ports after `port` may be tried (C16). */
  maxRetries: number
  /** spark.ui.requestHeaderSize (P52). */
  headerBytesMax: number
  workerId: string
  workDir: string
  logDir: string
  rememberedLengths: number
}

export interface MasterNote {
  kind: 'master'
  url: string
  webUiUrl: string
}

export type ToWebThread = MasterNote | { kind: 'stop' }

/** One of them, once, first. */
export type FromWebThread =
  | { kind: 'listening'; port: number }
  | { kind: 'failed'; message: string }
