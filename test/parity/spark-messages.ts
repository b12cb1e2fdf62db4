/** What Spark 4.3 workers, drivers and submit clients say to a Master, as Java streams. */
import { ValueBuilder } from '../../src/spark/java/build.js'
import type { ClassSource } from '../../src/spark/java/build.js'
import { readJavaStream } from '../../src/spark/java/reader.js'
import { BlockData } from '../../src/spark/java/tree.js'
import type { ClassDescriptor, JavaNode, JavaObject, JavaValue } from '../../src/spark/java/tree.js'
import { fieldOf, objectOf } from '../../src/spark/java/values.js'
import { writeJavaStream } from '../../src/spark/java/writer.js'
import { DRIVER_STATES, EXECUTOR_STATES } from '../../src/spark/messages.js'
import type { DriverStateName } from '../../src/spark/messages.js'
import { sample, samples } from '../spark/golden-vectors.js'
import type {
  ApplicationAction,
  DriverAction,
  NamedAddresses,
  Profile,
  ProfileTarget,
  StateAction,
  WorkerAction,
} from './action.js'

const RELEASE = '4.3.0'
const DEPLOY_MESSAGES = 'org.apache.spark.deploy.DeployMessages$'
const RESOURCE = 'org.apache.spark.resource.'
const ASK_TIMEOUT_S = 120n

/** Every class that the golden samples of the release describe. */
function sampledClasses(): ClassSource {
  const byName = new Map<string, ClassDescriptor>()
  for (const { bytes } of samples(RELEASE)) {
    for (const descriptor of readJavaStream(bytes).descriptors)
      byName.set(descriptor.name, descriptor)
  }
  return {
    has: (name) => byName.has(name),
    descriptor: (name) => {
      const found = byName.get(name)
      if (found === undefined) throw new Error(`no sample of ${RELEASE} has class ${name}`)
      return found
    },
  }
}

const CLASSES = sampledClasses()

/** A part of a golden sample that is sent as it is: its content decides nothing. */
function sampledPart(name: string, ...path: string[]): JavaValue {
  let value: JavaValue = readJavaStream(sample(RELEASE, name)).root
  for (const field of path) value = fieldOf(objectOf(value), field)
  return value
}

const TASK_RESOURCES = sampledPart(
  'msg/RegisterApplication-full',
  'appDescription',
  'defaultProfile',
  'taskResources',
)
const EXECUTOR_COMMAND = sampledPart('msg/RegisterApplication-full', 'appDescription', 'command')
const DRIVER_COMMAND = sampledPart('msg/RequestSubmitDriver', 'driverDescription', 'command')

function message(name: string, fields: (builder: ValueBuilder) => Record<string, JavaValue>) {
  const builder = new ValueBuilder(CLASSES)
  return writeJavaStream(builder.object(DEPLOY_MESSAGES + name, fields(builder)))
}

function singleton(className: string): Uint8Array {
  return writeJavaStream(new ValueBuilder(CLASSES).module(className))
}

function list(builder: ValueBuilder, elements: readonly JavaNode[]): JavaObject {
  const count = new Uint8Array(4)
  new DataView(count.buffer).setInt32(0, elements.length)
  const factory = builder.object('scala.collection.IterableFactory$ToFactory', {
    factory: builder.module('scala.collection.immutable.List$'),
  })
  const proxy = builder.object('scala.collection.generic.DefaultSerializationProxy', { factory })
  proxy.data.at(-1)!.custom!.push(new BlockData(count), ...elements)
  return proxy
}

function strings(builder: ValueBuilder, texts: readonly string[]): JavaObject {
  return list(
    builder,
    texts.map((text) => builder.string(text)),
  )
}

function optionalInteger(builder: ValueBuilder, value: number | null): JavaObject {
  return builder.option(value === null ? null : builder.integer(value))
}

function address(builder: ValueBuilder, host: string, port: number): JavaObject {
  return builder.object('org.apache.spark.rpc.RpcAddress', { host: builder.string(host), port })
}

/** A Throwable is its own cause when it has none. */
function javaException(builder: ValueBuilder, text: string): JavaObject {
  const throwable = builder.object('java.lang.Exception', {
    cause: null,
    detailMessage: builder.string(text),
    stackTrace: builder.array('[Ljava.lang.StackTraceElement;', []),
    suppressedExceptions: builder.object('java.util.Collections$EmptyList'),
  })
  const cause = throwable.descriptor.place('cause')!
  throwable.data[cause.owner]!.values[cause.field] = throwable
  return throwable
}

/** @param endpoint names the peer: what a Master sends comes back under this name */
function ref(builder: ValueBuilder, endpoint: string, host: string, port: number): JavaObject {
  return builder.object('org.apache.spark.rpc.netty.NettyRpcEndpointRef', {
    defaultAskTimeout: builder.object('org.apache.spark.rpc.RpcTimeout', {
      duration: builder.object('scala.concurrent.duration.FiniteDuration', {
        length: ASK_TIMEOUT_S,
        unit: builder.enumConstant('java.util.concurrent.TimeUnit', 'SECONDS'),
      }),
      timeoutProp: builder.string('spark.rpc.askTimeout'),
    }),
    endpointAddress: builder.object('org.apache.spark.rpc.RpcEndpointAddress', {
      name: builder.string(endpoint),
      rpcAddress: address(builder, host, port),
      toString: builder.string(`spark://${endpoint}@${host}:${port}`),
    }),
  })
}

function resourceMap(builder: ValueBuilder, resources: readonly NamedAddresses[]): JavaObject {
  return builder.map(
    resources.map(({ name, addresses }) => [
      builder.string(name),
      builder.object(`${RESOURCE}ResourceInformation`, {
        name: builder.string(name),
        addresses: builder.stringArray(addresses),
      }),
    ]),
  )
}

function profileTree(builder: ValueBuilder, profile: Profile): JavaObject {
  const wanted: [string, number | null][] = [
    ['cores', profile.cores],
    ['memory', profile.memoryMb],
    ['gpu', profile.gpus === 0 ? null : profile.gpus],
  ]
  const requests = wanted.flatMap(([name, amount]): [JavaNode, JavaNode][] => {
    if (amount === null) return []
    const request = builder.object(`${RESOURCE}ExecutorResourceRequest`, {
      amount: BigInt(amount),
      discoveryScript: builder.string(''),
      resourceName: builder.string(name),
      vendor: builder.string(''),
    })
    return [[builder.string(name), request]]
  })
  return builder.object(`${RESOURCE}ResourceProfile`, {
    _coresLimitKnown: false,
    _id: profile.id,
    _executorResourceSlotsPerAddr: builder.none(),
    _limitingResource: builder.none(),
    _maxTasksPerExecutor: builder.none(),
    executorResources: builder.map(requests),
    taskResources: TASK_RESOURCES,
  })
}

export function registerWorker(worker: WorkerAction, peer: string): Uint8Array {
  return message('RegisterWorker', (builder) => ({
    id: builder.string(worker.id),
    host: builder.string(worker.host),
    port: worker.port,
    worker: ref(builder, peer, worker.host, worker.port),
    cores: worker.cores,
    memory: worker.memoryMb,
    workerWebUiUrl: builder.string(`http://${worker.host}:8081`),
    masterAddress: address(builder, '127.0.0.1', 7077),
    resources: resourceMap(builder, worker.resources),
  }))
}

export function heartbeat(worker: WorkerAction, peer: string): Uint8Array {
  return message('Heartbeat', (builder) => ({
    workerId: builder.string(worker.id),
    worker: ref(builder, peer, worker.host, worker.port),
  }))
}

export interface KnownExecutor {
  readonly appId: string
  readonly executorId: number
  readonly state: StateAction['state']
}

export function workerLatestState(
  workerId: string,
  executors: readonly KnownExecutor[],
  driverIds: readonly string[],
): Uint8Array {
  return message('WorkerLatestState', (builder) => ({
    id: builder.string(workerId),
    executors: list(
      builder,
      executors.map(({ appId, executorId, state }) =>
        builder.object('org.apache.spark.deploy.ExecutorDescription', {
          appId: builder.string(appId),
          execId: executorId,
          rpId: 0,
          cores: 1,
          memoryMb: 1,
          state: executorState(builder, state),
        }),
      ),
    ),
    driverIds: strings(builder, driverIds),
  }))
}

function executorState(builder: ValueBuilder, state: StateAction['state']): JavaObject {
  const owner = 'org.apache.spark.deploy.ExecutorState$'
  return builder.enumeration(owner, EXECUTOR_STATES.indexOf(state))
}

export function executorStateChanged(appId: string, change: StateAction): Uint8Array {
  return message('ExecutorStateChanged', (builder) => ({
    appId: builder.string(appId),
    execId: change.executorId,
    state: executorState(builder, change.state),
    message: builder.none(),
    exitStatus: optionalInteger(builder, change.exitStatus),
  }))
}

export function workerDecommissioning(worker: WorkerAction, peer: string): Uint8Array {
  return message('WorkerDecommissioning', (builder) => ({
    id: builder.string(worker.id),
    workerRef: ref(builder, peer, worker.host, worker.port),
  }))
}

export function driverStateChanged(
  driverId: string,
  state: DriverStateName,
  exception: string | null,
): Uint8Array {
  const owner = 'org.apache.spark.deploy.master.DriverState$'
  return message('DriverStateChanged', (builder) => ({
    driverId: builder.string(driverId),
    state: builder.enumeration(owner, DRIVER_STATES.indexOf(state)),
    exception: builder.option(exception === null ? null : javaException(builder, exception)),
  }))
}

export function registerApplication(app: ApplicationAction, peer: string): Uint8Array {
  return message('RegisterApplication', (builder) => ({
    appDescription: builder.object('org.apache.spark.deploy.ApplicationDescription', {
      name: builder.string(app.fullName),
      maxCores: optionalInteger(builder, app.maxCores),
      command: EXECUTOR_COMMAND,
      appUiUrl: builder.string(''),
      defaultProfile: profileTree(builder, app.profile),
      eventLogDir: builder.none(),
      eventLogCodec: builder.none(),
      initialExecutorLimit: optionalInteger(builder, app.limit),
      user: builder.string('spark'),
    }),
    driver: ref(builder, peer, app.driverHost, app.driverPort),
  }))
}

export function unregisterApplication(appId: string): Uint8Array {
  return message('UnregisterApplication', (builder) => ({ appId: builder.string(appId) }))
}

export function requestExecutors(appId: string, targets: readonly ProfileTarget[]): Uint8Array {
  return message('RequestExecutors', (builder) => ({
    appId: builder.string(appId),
    resourceProfileToTotalExecs: builder.map(
      targets.map(({ profile, total }) => [profileTree(builder, profile), builder.integer(total)]),
    ),
  }))
}

export function killExecutors(appId: string, executorIds: readonly string[]): Uint8Array {
  return message('KillExecutors', (builder) => ({
    appId: builder.string(appId),
    executorIds: strings(builder, executorIds),
  }))
}

export function requestSubmitDriver(driver: DriverAction): Uint8Array {
  return message('RequestSubmitDriver', (builder) => ({
    driverDescription: builder.object('org.apache.spark.deploy.DriverDescription', {
      jarUrl: builder.string('file:/app.jar'),
      mem: driver.memoryMb,
      cores: driver.cores,
      supervise: driver.supervise,
      command: DRIVER_COMMAND,
      resourceReqs: list(
        builder,
        driver.gpus === 0
          ? []
          : [
              builder.object(`${RESOURCE}ResourceRequirement`, {
                resourceName: builder.string('gpu'),
                amount: driver.gpus,
                numParts: 1,
              }),
            ],
      ),
    }),
  }))
}

export function requestKillDriver(driverId: string): Uint8Array {
  return message('RequestKillDriver', (builder) => ({ driverId: builder.string(driverId) }))
}

export function requestDriverStatus(driverId: string): Uint8Array {
  return message('RequestDriverStatus', (builder) => ({ driverId: builder.string(driverId) }))
}

export function decommissionWorkersOnHosts(hosts: readonly string[]): Uint8Array {
  return message('DecommissionWorkersOnHosts', (builder) => ({
    hostnames: strings(builder, hosts),
  }))
}

export const requestKillAllDrivers = (): Uint8Array =>
  singleton(`${DEPLOY_MESSAGES}RequestKillAllDrivers$`)
export const requestClearCompleted = (): Uint8Array =>
  singleton(`${DEPLOY_MESSAGES}RequestClearCompletedDriversAndApps$`)
export const requestReadyz = (): Uint8Array => singleton(`${DEPLOY_MESSAGES}RequestReadyz$`)
/** Answered without a look at anything: marks a place in the Master's queue. */
export const boundPortsRequest = (): Uint8Array =>
  singleton('org.apache.spark.deploy.master.MasterMessages$BoundPortsRequest$')
