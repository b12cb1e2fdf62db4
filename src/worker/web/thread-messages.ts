/** What the worker's main thread and its web thread say to each other. */
import type { MetricsSinkSettings } from '../../conf/metrics-settings.js'
import type { WebSecurity } from '../../security/web-security.js'
import type { HostedLists, HostedResource } from '../hosted-work.js'

/** What a worker is, as its page and its JSON document show it (U21, J5). */
export interface WorkerFacts {
  readonly workerId: string
  /** Of its RPC. */
  readonly address: string
  readonly cores: number
  readonly memoryMb: number
  readonly resources: readonly HostedResource[]
}

/** `workerData` of the web thread. */
export interface WebThreadData {
  host: string
  /** 0: any free one. */
  port: number
  /** How many ports after `port` may be tried (C16). */
  maxRetries: number
  /** spark.ui.requestHeaderSize (P52). */
  headerBytesMax: number
  /** Absent: Spark's defaults: everybody may see everything, without TLS. */
  security?: WebSecurity
  worker: WorkerFacts
  workDir: string
  logDir: string
  rememberedLengths: number
  /** spark.ui.reverseProxy (P47): links to applications lead through the master. */
  reverseProxy: boolean
  /** Absent: nothing is told of metrics. */
  metrics?: {
    /** What the main thread counts (src/metrics). */
    figures: SharedArrayBuffer
    sinks: readonly MetricsSinkSettings[]
  }
}

export interface MasterNote {
  kind: 'master'
  url: string
  webUiUrl: string
}

/** The answer to a WorkRequest, with its id. */
export interface WorkNote {
  kind: 'work'
  id: number
  lists: HostedLists
}

export interface WorkRequest {
  kind: 'work'
  id: number
}

export type ToWebThread = MasterNote | WorkNote | { kind: 'stop' }

/** The first thing that it says. */
export type WebThreadStart =
  /** `securePort`: where the pages are over TLS; absent: nowhere. */
  { kind: 'listening'; port: number; securePort?: number } | { kind: 'failed'; message: string }

export type FromWebThread = WebThreadStart | WorkRequest
