/**
 * What the main thread of the master and its two other threads say to each other over their ports. Order of a
 * thread's life: it starts with its data, says `listening` or `failed`, hears `ready`, then batches go both ways
 * until it hears `stop`, closes its sockets and ends by itself with status 0.
 *
 * A batch is made of whole records (records.ts): inbox records towards the main thread, outbox records (SEND, CLOSE) from
 * it. Its bytes are in a ring that both share, or transferred (batch-port.ts).
 */

import type { MetricsSinkSettings } from '../conf/metrics-settings.js'
import type { TokenRules } from '../security/signed-token.js'
import type { WebSecurity } from '../security/web-security.js'
import type { SharedRings } from './batch-port.js'
import type { LeadershipStatus } from './leadership.js'

/** `workerData` of the gateway thread. */
export interface GatewayThreadData {
  /** Absent: batches are transferred. */
  readonly rings?: SharedRings
  readonly host: string
  readonly port: number
  /** How many ports after `port` may be tried (spec C16). */
  readonly maxRetries: number
  /** What `GET /control` answers. */
  readonly controlPort: number
  /** spark.magneto.apacheWorkerVersion, such as 4.3. */
  readonly apacheWorkerVersion?: string | null
  /** spark.master.useDriverIdAsAppName.enabled (spec P30); absent: false. */
  readonly useDriverIdAsAppName?: boolean
  /** spark.deploy.recoveryTimeout; absent: its default. */
  readonly recoveryTimeoutMs?: number
  /** Absent: spark.master.rest.enabled is false, and submissions over HTTP are refused. */
  readonly rest?: RestRules
}

/** From where workers may be decommissioned over HTTP (spec P22). */
export type DecommissionAllowMode = 'LOCAL' | 'ALLOW' | 'DENY'

/** What the REST protocol goes by, on whichever port it is served (spec section 9). */
export interface RestRules {
  /** `spark.master.rest.port`: what clients may name where the master's port belongs (spec R6). */
  readonly configuredPort: number
  /** A longer body of a submission is answered with 413. */
  readonly maxBodyBytes: number
  /** One of them must match an app resource; none: any is taken. */
  readonly allowedAppResources: readonly RegExp[]
  /** `spark.master.useDriverIdAsAppName.enabled` (spec P30). */
  readonly useDriverIdAsAppName: boolean
  /** null: everybody may. */
  readonly tokens: TokenRules | null
}

/** The REST server (spec R1) of the web thread. */
export interface RestServerData extends RestRules {
  readonly host: string
  /** 0: any free one. */
  readonly port: number
}

export interface EnvironmentFact {
  readonly name: string
  readonly value: string
  /** Where it was set, such as `conf/spark-defaults.conf line 3`; absent: nobody says. */
  readonly origin?: string
}

/** What the Environment page shows (spec U7), what looks secret already left out (P55). */
export interface EnvironmentFacts {
  readonly runtime: readonly EnvironmentFact[]
  readonly spark: readonly EnvironmentFact[]
  readonly system: readonly EnvironmentFact[]
  readonly metrics: readonly EnvironmentFact[]
  /** Those that spark.master.ui.visibleEnvVarPrefixes lets be seen (P23). */
  readonly variables: readonly EnvironmentFact[]
}

/** `workerData` of the web thread. */
export interface WebThreadData {
  /** Absent: batches are transferred. */
  readonly rings?: SharedRings
  readonly host: string
  readonly port: number
  readonly maxRetries: number
  /** spark.ui.requestHeaderSize (spec P52); absent: 8 KiB. */
  readonly headerBytesMax?: number
  /** The host that links on pages name. */
  readonly publicHost: string
  /** SPARK_LOG_DIR (spec E10), where the master's own log is looked for. */
  readonly logDir?: string
  /** Absent: Spark's defaults: everybody may see and do everything, without TLS. */
  readonly security?: WebSecurity
  /** spark.ui.killEnabled (spec P46); absent: true. */
  readonly killEnabled?: boolean
  /** spark.master.ui.title (spec P20). */
  readonly title?: string | null
  /** spark.master.ui.historyServerUrl (spec P21). */
  readonly historyServerUrl?: string | null
  /** Absent: there is no such page. */
  readonly environment?: EnvironmentFacts
  /** Absent: spark.ui.reverseProxy is false, and nothing is below /proxy (spec P47). */
  readonly reverseProxy?: {
    /** spark.ui.reverseProxyUrl. */
    readonly frontUrl: string | null
  }
  /** Absent: spark.decommission.enabled is false, and there is no such page. */
  readonly decommissionAllowMode?: DecommissionAllowMode
  /** Absent: spark.master.rest.enabled is false, and nothing listens. */
  readonly rest?: RestServerData
  /** Absent: nothing is told of metrics. */
  readonly metrics?: {
    /** What the main thread counts (src/metrics). */
    readonly figures: SharedArrayBuffer
    readonly sinks: readonly MetricsSinkSettings[]
  }
}

/** The thread listens; `port` is where, after retries. */
export interface ThreadListening {
  readonly kind: 'listening'
  readonly port: number
  /** Where the web thread serves its pages over TLS; absent: nowhere. */
  readonly securePort?: number
  /** Where the web thread serves REST; absent: nowhere. */
  readonly restPort?: number
  /** What a thread started in its place is to get besides `port`: further ports that peers know by now. */
  readonly again?: object
}

/** The thread can't do its work; it ends after this. */
export interface ThreadFailed {
  readonly kind: 'failed'
  readonly message: string
}

export interface ThreadBatch {
  readonly kind: 'batch'
  readonly bytes: Uint8Array
}

/** The core runs; comes once, before any batch. */
export interface ThreadReady {
  readonly kind: 'ready'
  readonly masterUrl: string
  readonly webUiUrl: string
  /** null: REST has no port of its own. */
  readonly restPort: number | null
}

/** Who leads has changed, or something about it; comes after `ready`, and then at most a few times a second. */
export interface ThreadLeadership {
  readonly kind: 'leadership'
  readonly status: LeadershipStatus
}

/**
 * This master has begun to lead: peers of the leader before that speak Spark RPC are to be told (spec M18), each where its
 * record says. Comes after the `leadership` of it. `records` are finished store Records: WorkerRecords and
 * ApplicationRecords with an `endpoint`.
 */
export interface ThreadLead {
  readonly kind: 'lead'
  readonly epoch: number
  readonly records: readonly Uint8Array[]
}

/** This master leads no more: every session is over, whatever its peer does; the core of the next mandate is another. */
export interface ThreadStepDown {
  readonly kind: 'stepDown'
  readonly reason: string
}

export interface ThreadStop {
  readonly kind: 'stop'
}

/** Asks for the next part of what has changed; each is answered once, in the order of asking. */
export interface ChangesRequest {
  readonly kind: 'changes'
  /** Whoever asks has nothing yet. */
  readonly anew: boolean
}

/** A finished Changes (schemas/view.fbs), in bytes of its own. */
export interface ChangesAnswer {
  readonly kind: 'changes'
  readonly bytes: Uint8Array
}

/** Asks why something waits; the answer carries the same id. */
export interface ExplainRequestMessage {
  readonly kind: 'explain'
  readonly id: number
  /** A finished ExplainRequest (schemas/view.fbs). */
  readonly request: Uint8Array
}

/** A finished ExplainAnswer, in bytes of its own. */
export interface ExplainAnswerMessage {
  readonly kind: 'explain'
  readonly id: number
  readonly bytes: Uint8Array
}

/** What a thread asks of the core's state. */
export type ViewRequest = ChangesRequest | ExplainRequestMessage
export type ViewAnswer = ChangesAnswer | ExplainAnswerMessage

export type FromGatewayThread = ThreadListening | ThreadFailed | ThreadBatch
export type ToGatewayThread =
  | ThreadReady
  | ThreadBatch
  | ThreadStop
  | ThreadLeadership
  | ThreadLead
  | ThreadStepDown

export type FromWebThread = ThreadListening | ThreadFailed | ThreadBatch | ViewRequest
export type ToWebThread =
  | ThreadReady
  | ThreadBatch
  | ThreadStop
  | ViewAnswer
  | ThreadLeadership
  | ThreadStepDown
