import { ValueBuilder } from '../java/build.js'
import type { ClassSource } from '../java/build.js'
import type { JavaNode, JavaObject } from '../java/tree.js'
import { descriptions } from './descriptions.js'
import { DRIVER_STATES, EXECUTOR_STATES } from './incoming.js'
import type { CommandFields, ResourceInformation, RpcAddress } from './incoming.js'
import type * as outgoing from './outgoing.js'

const MASTER_ENDPOINT = 'Master'
/** Peers ask through our reference with its timeout; 120 s is Spark's own default. */
const ASK_TIMEOUT_S = 120n
const DEPLOY_MESSAGES = 'org.apache.spark.deploy.DeployMessages$'
const EXECUTOR_STATE = 'org.apache.spark.deploy.ExecutorState$'
const DRIVER_STATE = 'org.apache.spark.deploy.master.DriverState$'

type Writers = {
  readonly [Kind in outgoing.OutgoingMessage['kind']]: (
    builder: ValueBuilder,
    message: Extract<outgoing.OutgoingMessage, { kind: Kind }>,
  ) => JavaObject
}

/**
 * The tree of a message, in the reader's classes. A description in it is overwritten when the next one is read.
 *
 * @throws JavaStreamError JavaShapeError when a description can't be read
 */
export function buildMessage(message: outgoing.OutgoingMessage, classes: ClassSource): JavaObject {
  const write = WRITERS[message.kind] as Writers[never] as (
    builder: ValueBuilder,
    message: outgoing.OutgoingMessage,
  ) => JavaObject
  return write(new ValueBuilder(classes), message)
}

const WRITERS: Writers = {
  BooleanReply: (builder, { value }) => builder.boolean(value),
  IntegerReply: (builder, { value }) => builder.integer(value),

  // To a driver

  RegisteredApplication: (builder, message) =>
    builder.object(DEPLOY_MESSAGES + message.kind, {
      appId: builder.string(message.appId),
      master: masterRef(builder, message.master),
    }),
  ExecutorAdded: (builder, message) =>
    builder.object(DEPLOY_MESSAGES + message.kind, {
      id: message.id,
      workerId: builder.string(message.workerId),
      hostPort: builder.string(message.hostPort),
      cores: message.cores,
      memory: message.memoryMb,
    }),
  ExecutorUpdated: (builder, message) =>
    builder.object(DEPLOY_MESSAGES + message.kind, {
      id: message.id,
      state: builder.enumeration(EXECUTOR_STATE, EXECUTOR_STATES.indexOf(message.state)),
      message: builder.optionalString(message.message),
      exitStatus: optionalInteger(builder, message.exitStatus),
      workerHost: builder.optionalString(message.workerHost),
    }),
  WorkerRemoved: (builder, message) =>
    builder.object(DEPLOY_MESSAGES + message.kind, {
      id: builder.string(message.id),
      host: builder.string(message.host),
      message: builder.string(message.message),
    }),
  ApplicationRemoved: (builder, message) =>
    builder.object(DEPLOY_MESSAGES + message.kind, { message: builder.string(message.message) }),

  // To a worker

  MasterChanged: (builder, message) =>
    builder.object(DEPLOY_MESSAGES + message.kind, {
      master: masterRef(builder, message.master),
      masterWebUiUrl: builder.string(message.masterWebUiUrl),
    }),
  RegisteredWorker: (builder, message) =>
    builder.object(DEPLOY_MESSAGES + message.kind, {
      master: masterRef(builder, message.master),
      masterWebUiUrl: builder.string(message.masterWebUiUrl),
      masterAddress: rpcAddress(builder, message.masterAddress),
      duplicate: message.duplicate,
    }),
  RegisterWorkerFailed: (builder, message) =>
    builder.object(DEPLOY_MESSAGES + message.kind, { message: builder.string(message.message) }),
  ReconnectWorker: (builder, message) =>
    builder.object(DEPLOY_MESSAGES + message.kind, {
      masterUrl: builder.string(message.masterUrl),
    }),
  LaunchExecutor: (builder, message) =>
    builder.object(DEPLOY_MESSAGES + message.kind, {
      masterUrl: builder.string(message.masterUrl),
      appId: builder.string(message.appId),
      execId: message.execId,
      rpId: message.rpId,
      appDesc: descriptions.read(message.appDescription).root,
      cores: message.cores,
      memory: message.memoryMb,
      resources: resourceMap(builder, message.resources),
    }),
  KillExecutor: (builder, message) =>
    builder.object(DEPLOY_MESSAGES + message.kind, {
      masterUrl: builder.string(message.masterUrl),
      appId: builder.string(message.appId),
      execId: message.execId,
    }),
  ApplicationFinished: (builder, message) =>
    builder.object(DEPLOY_MESSAGES + message.kind, { id: builder.string(message.id) }),
  LaunchDriver: (builder, message) =>
    builder.object(DEPLOY_MESSAGES + message.kind, {
      driverId: builder.string(message.driverId),
      driverDesc: driverDescription(builder, message.driverDescription),
      resources: resourceMap(builder, message.resources),
    }),
  KillDriver: (builder, message) =>
    builder.object(DEPLOY_MESSAGES + message.kind, { driverId: builder.string(message.driverId) }),
  DecommissionWorker: (builder, message) => builder.module(`${DEPLOY_MESSAGES + message.kind}$`),
  MasterInStandby: (builder, message) => builder.module(`${DEPLOY_MESSAGES}${message.kind}$`),

  // To a submit client

  SubmitDriverResponse: (builder, message) =>
    builder.object(DEPLOY_MESSAGES + message.kind, {
      master: null,
      success: message.success,
      driverId: builder.optionalString(message.driverId),
      message: builder.string(message.message),
    }),
  KillDriverResponse: (builder, message) =>
    builder.object(DEPLOY_MESSAGES + message.kind, {
      master: null,
      driverId: builder.string(message.driverId),
      success: message.success,
      message: builder.string(message.message),
    }),
  KillAllDriversResponse: (builder, message) =>
    builder.object(DEPLOY_MESSAGES + message.kind, {
      master: null,
      success: message.success,
      message: builder.string(message.message),
    }),
  DriverStatusResponse: (builder, message) => {
    const { state } = message
    return builder.object(DEPLOY_MESSAGES + message.kind, {
      found: message.found,
      state: builder.option(
        state === null ? null : builder.enumeration(DRIVER_STATE, DRIVER_STATES.indexOf(state)),
      ),
      workerId: builder.optionalString(message.workerId),
      workerHostPort: builder.optionalString(message.workerHostPort),
      exception: builder.option(
        message.exceptionMessage === null ? null : exception(builder, message.exceptionMessage),
      ),
    })
  },
  BoundPortsResponse: (builder, message) =>
    builder.object('org.apache.spark.deploy.master.MasterMessages$BoundPortsResponse', {
      rpcEndpointPort: message.rpcEndpointPort,
      webUIPort: message.webUiPort,
      restPort: optionalInteger(builder, message.restPort),
    }),
}

function optionalInteger(builder: ValueBuilder, value: number | null): JavaObject {
  return builder.option(value === null ? null : builder.integer(value))
}

function rpcAddress(builder: ValueBuilder, { host, port }: RpcAddress): JavaObject {
  return builder.object('org.apache.spark.rpc.RpcAddress', { host: builder.string(host), port })
}

function masterRef(builder: ValueBuilder, address: RpcAddress): JavaObject {
  const { host, port } = address
  return builder.object('org.apache.spark.rpc.netty.NettyRpcEndpointRef', {
    defaultAskTimeout: builder.object('org.apache.spark.rpc.RpcTimeout', {
      duration: builder.object('scala.concurrent.duration.FiniteDuration', {
        length: ASK_TIMEOUT_S,
        unit: builder.enumConstant('java.util.concurrent.TimeUnit', 'SECONDS'),
      }),
      timeoutProp: builder.string('spark.rpc.askTimeout'),
    }),
    endpointAddress: builder.object('org.apache.spark.rpc.RpcEndpointAddress', {
      name: builder.string(MASTER_ENDPOINT),
      rpcAddress: rpcAddress(builder, address),
      toString: builder.string(`spark://${MASTER_ENDPOINT}@${host}:${port}`),
    }),
  })
}

function resourceMap(builder: ValueBuilder, resources: readonly ResourceInformation[]): JavaObject {
  return builder.map(
    resources.map(({ name, addresses }): readonly [JavaNode, JavaNode] => {
      const information = builder.object('org.apache.spark.resource.ResourceInformation', {
        name: builder.string(name),
        addresses: builder.stringArray(addresses),
      })
      return [builder.string(name), information]
    }),
  )
}

function driverDescription(
  builder: ValueBuilder,
  description: outgoing.LaunchDriver['driverDescription'],
): JavaObject {
  if (description instanceof Uint8Array) return descriptions.read(description).root
  return builder.object('org.apache.spark.deploy.DriverDescription', {
    jarUrl: builder.string(description.jarUrl),
    mem: description.memoryMb,
    cores: description.cores,
    supervise: description.supervise,
    command: command(builder, description.command),
    resourceReqs: builder.list(
      description.resourceRequirements.map(({ resourceName, amount }) =>
        builder.object('org.apache.spark.resource.ResourceRequirement', {
          resourceName: builder.string(resourceName),
          amount,
          numParts: 1,
        }),
      ),
    ),
  })
}

function command(builder: ValueBuilder, fields: CommandFields): JavaObject {
  return builder.object('org.apache.spark.deploy.Command', {
    mainClass: builder.string(fields.mainClass),
    arguments: builder.strings(fields.arguments),
    environment: builder.map(
      fields.environment.map(([name, value]) => [builder.string(name), builder.string(value)]),
    ),
    classPathEntries: builder.strings(fields.classPathEntries),
    libraryPathEntries: builder.strings(fields.libraryPathEntries),
    javaOpts: builder.strings(fields.javaOpts),
  })
}

/** A `java.lang.Exception` without a stack trace. A Throwable is its own cause when it has none. */
function exception(builder: ValueBuilder, message: string): JavaObject {
  const throwable = builder.object('java.lang.Exception', {
    cause: null,
    detailMessage: builder.string(message),
    stackTrace: builder.array('[Ljava.lang.StackTraceElement;', []),
    suppressedExceptions: builder.object('java.util.Collections$EmptyList'),
  })
  const own = throwable.data[0]!
  const cause = throwable.descriptor.lineage[0]!.fields.findIndex(({ name }) => name === 'cause')
  own.values[cause] = throwable
  return throwable
}
