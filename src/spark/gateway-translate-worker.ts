/** What Apache Workers say to control messages and back: functions of one message, which remember nothing but what is the same. */
import { decodeDriver, sparkDescriptionOf, type BodyT } from '../control/codec.js'
import {
  ApplicationFinishedT,
  DecommissionWorkerT,
  DriverState,
  DriverStateChangedT,
  ExecutorDescriptionT,
  ExecutorState,
  ExecutorStateChangedT,
  KillDriverT,
  KillExecutorT,
  LaunchDriverT,
  LaunchExecutorT,
  MasterChangedT,
  MasterInStandbyT,
  ReconnectWorkerT,
  RegisterWorkerFailedT,
  RegisterWorkerT,
  ResourceT,
  WorkerDriverStateResponseT,
  WorkerExecutorStateResponseT,
  WorkerLatestStateT,
  WorkerRegisteredT,
  WorkerSchedulerStateResponseT,
  type DriverDescriptionT,
} from '../schema/magneto.js'
import { TranslationError, unsigned } from './gateway-translate.js'
import type { ClassDescriptor } from './java/tree.js'
import { descriptions } from './messages/descriptions.js'
import type {
  DriverStateChanged,
  ExecutorDescriptionFields,
  ExecutorStateChanged,
  LaunchDriver,
  OutgoingMessage,
  RegisterWorker,
  RemoteException,
  ResourceInformation,
  RpcAddress,
  SparkVersion,
  WorkerLatestState,
  WorkerSchedulerStateResponse,
} from './messages.js'
import { withDriverId } from '../control/driver-name.js'
import { driverRuntimeOf, executorRuntimeOf, SPARK_VERSIONS } from '../control/runtimes.js'
import { versionsWith } from './tables/class-table.js'

const MAX_PORT = 65_535

/** What an Apache Worker hosts: executors and cluster drivers of its own version. */
export function runtimesOf(version: SparkVersion): string[] {
  return [executorRuntimeOf(version), driverRuntimeOf(version)]
}

/** @throws TranslationError when a number in it makes no sense */
export function registerWorkerOf(worker: RegisterWorker, version: SparkVersion): RegisterWorkerT {
  const port = unsigned(worker.port, 'the port of the worker')
  if (port > MAX_PORT) throw new TranslationError(`the port of the worker is ${port}`)
  return new RegisterWorkerT(
    worker.id,
    worker.host,
    port,
    unsigned(worker.cores, 'the number of cores of the worker'),
    unsigned(worker.memoryMb, 'the memory of the worker'),
    worker.workerWebUiUrl,
    resourcesToCore(worker.resources),
    runtimesOf(version),
    null,
    worker.worker.address === null ? null : worker.worker.name,
  )
}

/** @throws TranslationError when a number in it makes no sense */
export function workerLatestStateOf(state: WorkerLatestState): WorkerLatestStateT {
  return new WorkerLatestStateT(
    state.id,
    state.executors.map((executor) => executorOf(executor)),
    [...state.driverIds],
  )
}

/**
 * All that a worker runs, as its answer to MasterChanged (M8 to M10).
 *
 * @throws TranslationError when a number in it makes no sense
 */
export function schedulerStateOf(
  state: WorkerSchedulerStateResponse,
): WorkerSchedulerStateResponseT {
  return new WorkerSchedulerStateResponseT(
    state.id,
    state.executors.map(
      ({ description, resources }) =>
        new WorkerExecutorStateResponseT(executorOf(description), resourcesToCore(resources)),
    ),
    state.drivers.map(
      ({ driverId, resources }) =>
        new WorkerDriverStateResponseT(driverId, resourcesToCore(resources)),
    ),
  )
}

function executorOf(executor: ExecutorDescriptionFields): ExecutorDescriptionT {
  return new ExecutorDescriptionT(
    executor.appId,
    unsigned(executor.execId, 'the id of an executor'),
    unsigned(executor.rpId, 'the id of a resource profile'),
    unsigned(executor.cores, 'the cores of an executor'),
    unsigned(executor.memoryMb, 'the memory of an executor'),
    ExecutorState[executor.state],
  )
}

function resourcesToCore(resources: readonly ResourceInformation[]): ResourceT[] {
  return resources.map(({ name, addresses }) => new ResourceT(name, [...addresses]))
}

/** @throws TranslationError when a number in it makes no sense */
export function executorStateChangedOf(
  changed: ExecutorStateChanged,
  requestId: number,
): ExecutorStateChangedT {
  return new ExecutorStateChangedT(
    requestId,
    changed.appId,
    unsigned(changed.execId, 'the id of an executor'),
    ExecutorState[changed.state],
    changed.message,
    changed.exitStatus,
  )
}

export function driverStateChangedOf(changed: DriverStateChanged): DriverStateChangedT {
  const { driverId, state, exception } = changed
  return new DriverStateChangedT(
    driverId,
    DriverState[state],
    exception === null ? null : textOf(exception),
  )
}

/** As Java's own toString of it. */
function textOf({ className, message }: RemoteException): string {
  return message === null ? className : `${className}: ${message}`
}

/** What messages to a worker have in common. */
export interface WorkerContext {
  readonly master: RpcAddress
  /** As in the worker's registration, which hears it back. */
  readonly masterAddress: RpcAddress
  readonly version: SparkVersion | null
}

/**
 * @returns null when workers have no such message
 * @throws TranslationError when a launch lacks what an Apache Worker needs
 * @throws JavaStreamError JavaShapeError ControlError when a description can't be read
 */
export function toWorker(body: BodyT, context: WorkerContext): OutgoingMessage | null {
  if (body instanceof WorkerRegisteredT) {
    const { master, masterAddress } = context
    return {
      kind: 'RegisteredWorker',
      master,
      masterAddress,
      masterWebUiUrl: body.masterWebUiUrl ?? '',
      duplicate: body.duplicate,
    }
  }
  if (body instanceof RegisterWorkerFailedT)
    return { kind: 'RegisterWorkerFailed', message: body.message ?? '' }
  if (body instanceof ReconnectWorkerT)
    return { kind: 'ReconnectWorker', masterUrl: body.masterUrl ?? '' }
  if (body instanceof LaunchExecutorT) return launchExecutorOf(body)
  if (body instanceof KillExecutorT) {
    return {
      kind: 'KillExecutor',
      masterUrl: body.masterUrl ?? '',
      appId: body.appId ?? '',
      execId: body.executorId,
    }
  }
  if (body instanceof ApplicationFinishedT)
    return { kind: 'ApplicationFinished', id: body.appId ?? '' }
  if (body instanceof LaunchDriverT) return launchDriverOf(body, context.version)
  if (body instanceof KillDriverT) return { kind: 'KillDriver', driverId: body.driverId ?? '' }
  if (body instanceof DecommissionWorkerT) return { kind: 'DecommissionWorker' }
  if (body instanceof MasterInStandbyT) return { kind: 'MasterInStandby' }
  if (body instanceof MasterChangedT) {
    const { master } = context
    return { kind: 'MasterChanged', master, masterWebUiUrl: body.masterWebUiUrl ?? '' }
  }
  return null
}

function launchExecutorOf(body: LaunchExecutorT): OutgoingMessage {
  if (body.sparkDescription.byteLength === 0) {
    throw new TranslationError(
      "the application's description is too large for Apache Workers; shorten its environment " +
        'or its Java options, or let workers of Magneto run it',
    )
  }
  return {
    kind: 'LaunchExecutor',
    masterUrl: body.masterUrl ?? '',
    appId: body.appId ?? '',
    execId: body.executorId,
    rpId: body.profileId,
    appDescription: body.sparkDescription,
    cores: body.cores,
    memoryMb: body.memoryMb,
    resources: resourcesOf(body.resources),
  }
}

function launchDriverOf(body: LaunchDriverT, version: SparkVersion | null): LaunchDriver {
  const driverId = body.driverId ?? ''
  const sparkDescription = sparkDescriptionOf(body.description)
  return {
    kind: 'LaunchDriver',
    driverId,
    driverDescription: isReadableFor(version, sparkDescription)
      ? sparkDescription
      : driverFieldsOf(decodeDriver(body.description), driverId),
    resources: resourcesOf(body.resources),
  }
}

/**
 * Did a Spark process write it that has the worker's classes? One with others would drop the order in silence.
 *
 * @param version null: the worker is of any
 * @throws JavaStreamError JavaShapeError when the description can't be read
 */
function isReadableFor(version: SparkVersion | null, sparkDescription: Uint8Array): boolean {
  if (sparkDescription.byteLength === 0) return false
  const { descriptors } = descriptions.read(sparkDescription)
  return version === null || readersOf(descriptors).includes(version)
}

/** By the classes of a description, which are one array for all of one shape. */
const READERS = new WeakMap<readonly ClassDescriptor[], readonly SparkVersion[]>()

/** Versions that have these classes. */
function readersOf(descriptors: readonly ClassDescriptor[]): readonly SparkVersion[] {
  let readers = READERS.get(descriptors)
  if (readers === undefined) {
    const allowed = descriptors
      .map(({ name, serialVersionUid }) => versionsWith(name, serialVersionUid))
      .filter((versions) => versions.length > 0)
    readers = SPARK_VERSIONS.filter((version) =>
      allowed.every((versions) => versions.includes(version)),
    )
    READERS.set(descriptors, readers)
  }
  return readers
}

/** Of a driver whose description has to be written anew. */
function driverFieldsOf(
  description: DriverDescriptionT,
  driverId: string,
): LaunchDriver['driverDescription'] {
  const command = withDriverId(description.command!, driverId)
  return {
    jarUrl: description.jarUrl ?? '',
    memoryMb: description.memoryMb,
    cores: description.cores,
    supervise: description.supervise,
    command: {
      mainClass: command.mainClass ?? '',
      arguments: command.args,
      environment: command.environment.map(({ key, value }) => [key ?? '', value ?? ''] as const),
      classPathEntries: command.classPath,
      libraryPathEntries: command.libraryPath,
      javaOpts: command.javaOptions,
    },
    resourceRequirements: description.resources.map(({ name, amount }) => ({
      resourceName: name ?? '',
      amount,
    })),
  }
}

function resourcesOf(resources: readonly ResourceT[]): ResourceInformation[] {
  return resources.map(({ name, addresses }) => ({ name: name ?? '', addresses }))
}
