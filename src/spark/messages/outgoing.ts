/** What we tell Spark processes. PeerDialect.encode writes it in the peer's own version. */
import type {
  DriverDescriptionFields,
  DriverStateName,
  ExecutorStateName,
  ResourceInformation,
  RpcAddress,
} from './incoming.js'

/** The reply to CheckExistence, ExecutorStateChanged, RequestExecutors, KillExecutors, ... */
export interface BooleanReply {
  readonly kind: 'BooleanReply'
  readonly value: boolean
}

/** The reply to DecommissionWorkersOnHosts. */
export interface IntegerReply {
  readonly kind: 'IntegerReply'
  readonly value: number
}

// To a driver

/**
 * `master` is, here and below, the Master's public address: the peer derives `spark://host:port` from it.
 */
export interface RegisteredApplication {
  readonly kind: 'RegisteredApplication'
  readonly appId: string
  readonly master: RpcAddress
}

export interface ExecutorAdded {
  readonly kind: 'ExecutorAdded'
  readonly id: number
  readonly workerId: string
  /** `host:port` of the worker. */
  readonly hostPort: string
  readonly cores: number
  readonly memoryMb: number
}

export interface ExecutorUpdated {
  readonly kind: 'ExecutorUpdated'
  readonly id: number
  readonly state: ExecutorStateName
  readonly message: string | null
  readonly exitStatus: number | null
  /** Only when the worker is lost or decommissioned. */
  readonly workerHost: string | null
}

export interface WorkerRemoved {
  readonly kind: 'WorkerRemoved'
  readonly id: string
  readonly host: string
  readonly message: string
}

export interface ApplicationRemoved {
  readonly kind: 'ApplicationRemoved'
  /** `FAILED` or `KILLED`. */
  readonly message: string
}

/** To a driver or to a worker. */
export interface MasterChanged {
  readonly kind: 'MasterChanged'
  readonly master: RpcAddress
  readonly masterWebUiUrl: string
}

// To a worker

export interface RegisteredWorker {
  readonly kind: 'RegisteredWorker'
  readonly master: RpcAddress
  readonly masterWebUiUrl: string
  /** As in the worker's RegisterWorker. */
  readonly masterAddress: RpcAddress
  readonly duplicate: boolean
}

export interface RegisterWorkerFailed {
  readonly kind: 'RegisterWorkerFailed'
  readonly message: string
}

export interface MasterInStandby {
  readonly kind: 'MasterInStandby'
}

export interface ReconnectWorker {
  readonly kind: 'ReconnectWorker'
  readonly masterUrl: string
}

export interface LaunchExecutor {
  readonly kind: 'LaunchExecutor'
  readonly masterUrl: string
  readonly appId: string
  readonly execId: number
  readonly rpId: number
  /** ApplicationDescriptionFields.javaStream of the RegisterApplication, unchanged. */
  readonly appDescription: Uint8Array
  readonly cores: number
  readonly memoryMb: number
  readonly resources: readonly ResourceInformation[]
}

export interface KillExecutor {
  readonly kind: 'KillExecutor'
  readonly masterUrl: string
  readonly appId: string
  readonly execId: number
}

export interface ApplicationFinished {
  readonly kind: 'ApplicationFinished'
  readonly id: string
}

export interface LaunchDriver {
  readonly kind: 'LaunchDriver'
  readonly driverId: string
  /** DriverDescriptionFields.javaStream of the RequestSubmitDriver, unchanged; fields when no Spark wrote one. */
  readonly driverDescription: Uint8Array | Omit<DriverDescriptionFields, 'javaStream'>
  readonly resources: readonly ResourceInformation[]
}

export interface KillDriver {
  readonly kind: 'KillDriver'
  readonly driverId: string
}

export interface DecommissionWorker {
  readonly kind: 'DecommissionWorker'
}

// To a submit client. Its version is not known well enough to write a master ref: clients only store
// it, and get null (WIRE 5).

export interface SubmitDriverResponse {
  readonly kind: 'SubmitDriverResponse'
  readonly success: boolean
  readonly driverId: string | null
  readonly message: string
}

export interface KillDriverResponse {
  readonly kind: 'KillDriverResponse'
  readonly driverId: string
  readonly success: boolean
  readonly message: string
}

/** Spark 4 and later. */
export interface KillAllDriversResponse {
  readonly kind: 'KillAllDriversResponse'
  readonly success: boolean
  readonly message: string
}

export interface DriverStatusResponse {
  readonly kind: 'DriverStatusResponse'
  readonly found: boolean
  readonly state: DriverStateName | null
  readonly workerId: string | null
  readonly workerHostPort: string | null
  /** Message of a plain `java.lang.Exception`, or null. */
  readonly exceptionMessage: string | null
}

export interface BoundPortsResponse {
  readonly kind: 'BoundPortsResponse'
  readonly rpcEndpointPort: number
  readonly webUiPort: number
  readonly restPort: number | null
}

export type OutgoingMessage =
  | BooleanReply
  | IntegerReply
  | RegisteredApplication
  | ExecutorAdded
  | ExecutorUpdated
  | WorkerRemoved
  | ApplicationRemoved
  | MasterChanged
  | RegisteredWorker
  | RegisterWorkerFailed
  | MasterInStandby
  | ReconnectWorker
  | LaunchExecutor
  | KillExecutor
  | ApplicationFinished
  | LaunchDriver
  | KillDriver
  | DecommissionWorker
  | SubmitDriverResponse
  | KillDriverResponse
  | KillAllDriversResponse
  | DriverStatusResponse
  | BoundPortsResponse
