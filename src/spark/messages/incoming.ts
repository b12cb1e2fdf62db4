/**
 * What Spark processes tell a Master or a Worker, with typed fields picked by name from the generic tree.
 * Field names are Spark's, with the unit added where Spark leaves it out.
 */
import type { JavaStream } from '../java/tree.js'

export const EXECUTOR_STATES = [
  'LAUNCHING',
  'RUNNING',
  'KILLED',
  'FAILED',
  'LOST',
  'EXITED',
  'DECOMMISSIONED',
] as const
/** ExecutorState by name; the index in EXECUTOR_STATES is the number on the wire. */
export type ExecutorStateName = (typeof EXECUTOR_STATES)[number]

export const DRIVER_STATES = [
  'SUBMITTED',
  'RUNNING',
  'FINISHED',
  'RELAUNCHING',
  'UNKNOWN',
  'KILLED',
  'FAILED',
  'ERROR',
] as const
export type DriverStateName = (typeof DRIVER_STATES)[number]

export interface RpcAddress {
  /** A name or an address; an IPv6 address is in brackets. */
  readonly host: string
  readonly port: number
}

/** An endpoint of the peer. It is bound to the connection that it arrived on, whatever its address. */
export interface EndpointRef {
  readonly name: string
  /** null: the peer has no server. */
  readonly address: RpcAddress | null
}

export interface CommandFields {
  readonly mainClass: string
  readonly arguments: readonly string[]
  /** In the order of the wire. */
  readonly environment: readonly (readonly [string, string])[]
  readonly classPathEntries: readonly string[]
  readonly libraryPathEntries: readonly string[]
  readonly javaOpts: readonly string[]
}

export interface ExecutorResourceRequest {
  readonly resourceName: string
  readonly amount: number
  readonly discoveryScript: string
  readonly vendor: string
}

export interface TaskResourceRequest {
  readonly resourceName: string
  readonly amount: number
}

export interface ResourceProfileFields {
  readonly id: number
  /** Cores of one executor; null: all that the worker has to give. */
  readonly cores: number | null
  /** MiB of one executor; null: the profile leaves it to the default. */
  readonly memoryMb: number | null
  /** Everything that is neither cores nor a kind of memory: gpus and the like. */
  readonly resources: readonly ExecutorResourceRequest[]
  /** All requests as they came, `cores`, `memory`, `memoryOverhead`, `offHeap`, ... included. */
  readonly executorResources: readonly ExecutorResourceRequest[]
  readonly taskResources: readonly TaskResourceRequest[]
}

export interface ApplicationDescriptionFields {
  readonly name: string
  readonly maxCores: number | null
  readonly command: CommandFields
  readonly appUiUrl: string
  readonly defaultProfile: ResourceProfileFields
  readonly eventLogDir: string | null
  readonly eventLogCodec: string | null
  readonly initialExecutorLimit: number | null
  readonly user: string
  /** As received, as a stream of its own: what an Apache worker of the same version must get unchanged (WIRE 8.15). */
  readonly javaStream: Uint8Array
}

export interface ResourceRequirement {
  readonly resourceName: string
  readonly amount: number
}

export interface DriverDescriptionFields {
  readonly jarUrl: string
  readonly memoryMb: number
  readonly cores: number
  readonly supervise: boolean
  readonly command: CommandFields
  readonly resourceRequirements: readonly ResourceRequirement[]
  /** As received, see ApplicationDescriptionFields.javaStream. */
  readonly javaStream: Uint8Array
}

/** Addresses of one resource of a worker, such as gpu 0 and 1. */
export interface ResourceInformation {
  readonly name: string
  readonly addresses: readonly string[]
}

export interface ExecutorDescriptionFields {
  readonly appId: string
  readonly execId: number
  readonly rpId: number
  readonly cores: number
  readonly memoryMb: number
  readonly state: ExecutorStateName
}

export interface WorkerExecutorState {
  readonly description: ExecutorDescriptionFields
  readonly resources: readonly ResourceInformation[]
}

export interface WorkerDriverState {
  readonly driverId: string
  readonly resources: readonly ResourceInformation[]
}

/** A Throwable of the peer: its class and its message. */
export interface RemoteException {
  readonly className: string
  readonly message: string | null
}

/** The classes of a stream, which PeerDialect.learn takes from here. */
export type SeenClasses = Pick<JavaStream, 'descriptors'>

interface Received<Kind extends string> {
  readonly kind: Kind
  readonly stream: SeenClasses
}

export interface CheckExistence extends Received<'CheckExistence'> {
  /** The endpoint that is looked up. */
  readonly name: string
}

// From a worker

export interface RegisterWorker extends Received<'RegisterWorker'> {
  readonly id: string
  readonly host: string
  readonly port: number
  readonly worker: EndpointRef
  readonly cores: number
  readonly memoryMb: number
  readonly workerWebUiUrl: string
  readonly masterAddress: RpcAddress
  readonly resources: readonly ResourceInformation[]
}

export interface Heartbeat extends Received<'Heartbeat'> {
  readonly workerId: string
  readonly worker: EndpointRef
}

export interface WorkerLatestState extends Received<'WorkerLatestState'> {
  readonly id: string
  readonly executors: readonly ExecutorDescriptionFields[]
  readonly driverIds: readonly string[]
}

/** An ask: the answer is BooleanReply true, whatever it says (WIRE 8.10). */
export interface ExecutorStateChanged extends Received<'ExecutorStateChanged'> {
  readonly appId: string
  readonly execId: number
  readonly state: ExecutorStateName
  readonly message: string | null
  readonly exitStatus: number | null
}

export interface DriverStateChanged extends Received<'DriverStateChanged'> {
  readonly driverId: string
  readonly state: DriverStateName
  readonly exception: RemoteException | null
}

export interface WorkerDecommissioning extends Received<'WorkerDecommissioning'> {
  readonly id: string
  readonly worker: EndpointRef
}

export interface WorkerSchedulerStateResponse extends Received<'WorkerSchedulerStateResponse'> {
  readonly id: string
  readonly executors: readonly WorkerExecutorState[]
  readonly drivers: readonly WorkerDriverState[]
}

// From a driver

export interface RegisterApplication extends Received<'RegisterApplication'> {
  readonly appDescription: ApplicationDescriptionFields
  readonly driver: EndpointRef
}

/** A RegisterApplication whose application can't be read: of a Spark that is not served. */
export interface UnservedApplication extends Received<'UnservedApplication'> {
  readonly driver: EndpointRef
  /** Meant for the driver's user. */
  readonly reason: string
}

export interface UnregisterApplication extends Received<'UnregisterApplication'> {
  readonly appId: string
}

export interface MasterChangeAcknowledged extends Received<'MasterChangeAcknowledged'> {
  /** null: nobody has told the driver its id yet. */
  readonly appId: string | null
}

/** An ask, answered by BooleanReply: is the application known. */
export interface RequestExecutors extends Received<'RequestExecutors'> {
  readonly appId: string
  /** Absolute totals. */
  readonly totals: readonly { readonly profile: ResourceProfileFields; readonly total: number }[]
}

/** An ask, answered by BooleanReply: is the application known. */
export interface KillExecutors extends Received<'KillExecutors'> {
  readonly appId: string
  readonly executorIds: readonly string[]
}

// From a submit client and others; all are asks

export interface RequestSubmitDriver extends Received<'RequestSubmitDriver'> {
  readonly driverDescription: DriverDescriptionFields
}

export interface RequestKillDriver extends Received<'RequestKillDriver'> {
  readonly driverId: string
}

export interface RequestDriverStatus extends Received<'RequestDriverStatus'> {
  readonly driverId: string
}

export interface DecommissionWorkersOnHosts extends Received<'DecommissionWorkersOnHosts'> {
  readonly hostnames: readonly string[]
}

/** Asks without fields. */
export type PlainRequest = Received<
  | 'BoundPortsRequest'
  | 'RequestKillAllDrivers'
  | 'RequestClearCompletedDriversAndApps'
  | 'RequestReadyz'
  | 'RequestMasterState'
  | 'RequestWorkerState'
>

/** Well-formed, but none of the above. */
export interface Unknown extends Received<'Unknown'> {
  readonly className: string
}

export type IncomingMessage =
  | CheckExistence
  | RegisterWorker
  | Heartbeat
  | WorkerLatestState
  | ExecutorStateChanged
  | DriverStateChanged
  | WorkerDecommissioning
  | WorkerSchedulerStateResponse
  | RegisterApplication
  | UnservedApplication
  | UnregisterApplication
  | MasterChangeAcknowledged
  | RequestExecutors
  | KillExecutors
  | RequestSubmitDriver
  | RequestKillDriver
  | RequestDriverStatus
  | DecommissionWorkersOnHosts
  | PlainRequest
  | Unknown
