import type { JavaLimits } from '../java/limits.js'
import { readJavaStream } from '../java/reader.js'
import { ShapeBook, unshaped, type ShapedStream } from '../java/shape.js'
import { JavaObject } from '../java/tree.js'
import {
  JavaShapeError,
  ValueReader,
  boxedNumberOf,
  classNameOf,
  describe,
  fieldOf,
  integerOf,
  objectOf,
} from '../java/values.js'
import { UnsupportedPeerError } from '../versions.js'
import { streamOf } from './descriptions.js'
import type * as incoming from './incoming.js'
import { SeenClassLists } from './seen-classes.js'
import * as structures from './structures.js'

type Decoder = (
  message: JavaObject,
  reader: ValueReader,
  stream: incoming.SeenClasses,
  read: ShapedStream,
) => incoming.IncomingMessage

const SHAPES = new ShapeBook()
const CLASS_LISTS = new SeenClassLists()
/** Those that come often, whose structure is the same each time and whose decoders keep nothing of the tree. */
const SHAPED: ReadonlySet<incoming.IncomingMessage['kind']> = new Set([
  'CheckExistence',
  'RegisterWorker',
  'Heartbeat',
  'ExecutorStateChanged',
  'DriverStateChanged',
  'RegisterApplication',
  'UnregisterApplication',
  'RequestExecutors',
  'RequestSubmitDriver',
  'RequestDriverStatus',
  'BoundPortsRequest',
])

/**
 * @param bytes the Java stream of one message: a frame's body after its RequestMessage header
 * @param limits of the reader, to be used without the shapes that it has learnt
 * @throws JavaStreamError when it is malformed or over a limit
 * @throws UnsupportedPeerError when a known message has not the fields that all served versions have
 */
export function decodeMessage(bytes: Uint8Array, limits?: JavaLimits): incoming.IncomingMessage {
  if (limits !== undefined) return messageIn(unshaped(readJavaStream(bytes, limits)))
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const shaped = SHAPES.read(buffer)
  if (shaped !== null) return messageIn(shaped)
  const { root, descriptors } = readJavaStream(bytes)
  const message = messageIn(unshaped({ root, descriptors: CLASS_LISTS.same(descriptors) }))
  if (SHAPED.has(message.kind)) SHAPES.learn(buffer)
  return message
}

function messageIn(read: ShapedStream): incoming.IncomingMessage {
  const { root, descriptors } = read
  const stream = { descriptors }
  if (!(root instanceof JavaObject)) {
    return { kind: 'Unknown', stream, className: describe(root) }
  }
  const className = classNameOf(root)
  const decoder = DECODERS.get(className)
  if (decoder === undefined) return { kind: 'Unknown', stream, className }
  try {
    return decoder(root, new ValueReader(), stream, read)
  } catch (error) {
    if (!(error instanceof JavaShapeError)) throw error
    const suid = root.descriptor.serialVersionUid
    throw new UnsupportedPeerError(
      `${className} (serialVersionUID ${suid}) can't be understood: ${error.message}`,
    )
  }
}

const DEPLOY_MESSAGES = 'org.apache.spark.deploy.DeployMessages$'

function plainRequest(kind: incoming.PlainRequest['kind']): Decoder {
  return (_message, _reader, stream) => ({ kind, stream })
}

const workerDecoders: Record<string, Decoder> = {
  RegisterWorker: (message, reader, stream) => ({
    kind: 'RegisterWorker',
    stream,
    id: reader.string(fieldOf(message, 'id')),
    host: reader.string(fieldOf(message, 'host')),
    port: integerOf(fieldOf(message, 'port')),
    worker: structures.endpointRef(reader, fieldOf(message, 'worker')),
    cores: integerOf(fieldOf(message, 'cores')),
    memoryMb: integerOf(fieldOf(message, 'memory')),
    workerWebUiUrl: reader.string(fieldOf(message, 'workerWebUiUrl')),
    masterAddress: structures.rpcAddress(reader, fieldOf(message, 'masterAddress')),
    resources: structures.resourceInformation(reader, fieldOf(message, 'resources')),
  }),
  Heartbeat: (message, reader, stream) => ({
    kind: 'Heartbeat',
    stream,
    workerId: reader.string(fieldOf(message, 'workerId')),
    worker: structures.endpointRef(reader, fieldOf(message, 'worker')),
  }),
  WorkerLatestState: (message, reader, stream) => ({
    kind: 'WorkerLatestState',
    stream,
    id: reader.string(fieldOf(message, 'id')),
    executors: reader
      .elements(fieldOf(message, 'executors'))
      .map((item) => structures.executorDescription(reader, item)),
    driverIds: reader.strings(fieldOf(message, 'driverIds')),
  }),
  ExecutorStateChanged: (message, reader, stream) => ({
    kind: 'ExecutorStateChanged',
    stream,
    appId: reader.string(fieldOf(message, 'appId')),
    execId: integerOf(fieldOf(message, 'execId')),
    state: structures.executorState(fieldOf(message, 'state')),
    message: reader.optionalString(fieldOf(message, 'message')),
    exitStatus: structures.optionalNumber(fieldOf(message, 'exitStatus')),
  }),
  DriverStateChanged: (message, reader, stream) => ({
    kind: 'DriverStateChanged',
    stream,
    driverId: reader.string(fieldOf(message, 'driverId')),
    state: structures.driverState(fieldOf(message, 'state')),
    exception: structures.optionalException(reader, fieldOf(message, 'exception')),
  }),
  WorkerDecommissioning: (message, reader, stream) => ({
    kind: 'WorkerDecommissioning',
    stream,
    id: reader.string(fieldOf(message, 'id')),
    worker: structures.endpointRef(reader, fieldOf(message, 'workerRef')),
  }),
  WorkerSchedulerStateResponse: (message, reader, stream) => ({
    kind: 'WorkerSchedulerStateResponse',
    stream,
    id: reader.string(fieldOf(message, 'id')),
    executors: reader.elements(fieldOf(message, 'execResponses')).map((item) => {
      const response = objectOf(item)
      return {
        description: structures.executorDescription(reader, fieldOf(response, 'desc')),
        resources: structures.resourceInformation(reader, fieldOf(response, 'resources')),
      }
    }),
    drivers: reader.elements(fieldOf(message, 'driverResponses')).map((item) => {
      const response = objectOf(item)
      return {
        driverId: reader.string(fieldOf(response, 'driverId')),
        resources: structures.resourceInformation(reader, fieldOf(response, 'resources')),
      }
    }),
  }),
}

const driverDecoders: Record<string, Decoder> = {
  RegisterApplication: (message, reader, stream, read) => {
    const driver = structures.endpointRef(reader, fieldOf(message, 'driver'))
    const tree = objectOf(fieldOf(message, 'appDescription'))
    try {
      const appDescription = structures.applicationDescription(reader, tree, streamOf(tree, read))
      return { kind: 'RegisterApplication', stream, appDescription, driver }
    } catch (error) {
      if (!(error instanceof JavaShapeError)) throw error
      // Its driver is known, so that its user can be told.
      const { message: reason } = new UnsupportedPeerError(
        `this driver is of ${structures.sparkOf(tree)}: ${error.message}`,
      )
      return { kind: 'UnservedApplication', stream, driver, reason }
    }
  },
  UnregisterApplication: (message, reader, stream) => ({
    kind: 'UnregisterApplication',
    stream,
    appId: reader.string(fieldOf(message, 'appId')),
  }),
  MasterChangeAcknowledged: (message, reader, stream) => ({
    kind: 'MasterChangeAcknowledged',
    stream,
    appId: reader.stringOrNull(fieldOf(message, 'appId')),
  }),
  RequestExecutors: (message, reader, stream) => ({
    kind: 'RequestExecutors',
    stream,
    appId: reader.string(fieldOf(message, 'appId')),
    totals: reader
      .entries(fieldOf(message, 'resourceProfileToTotalExecs'))
      .map(([profile, total]) => ({
        profile: structures.resourceProfile(reader, profile),
        total: boxedNumberOf(total),
      })),
  }),
  KillExecutors: (message, reader, stream) => ({
    kind: 'KillExecutors',
    stream,
    appId: reader.string(fieldOf(message, 'appId')),
    executorIds: reader.strings(fieldOf(message, 'executorIds')),
  }),
}

const clientDecoders: Record<string, Decoder> = {
  RequestSubmitDriver: (message, reader, stream, read) => {
    const tree = objectOf(fieldOf(message, 'driverDescription'))
    return {
      kind: 'RequestSubmitDriver',
      stream,
      driverDescription: structures.driverDescription(reader, tree, streamOf(tree, read)),
    }
  },
  RequestKillDriver: (message, reader, stream) => ({
    kind: 'RequestKillDriver',
    stream,
    driverId: reader.string(fieldOf(message, 'driverId')),
  }),
  RequestDriverStatus: (message, reader, stream) => ({
    kind: 'RequestDriverStatus',
    stream,
    driverId: reader.string(fieldOf(message, 'driverId')),
  }),
  DecommissionWorkersOnHosts: (message, reader, stream) => ({
    kind: 'DecommissionWorkersOnHosts',
    stream,
    hostnames: reader.strings(fieldOf(message, 'hostnames')),
  }),
  RequestKillAllDrivers$: plainRequest('RequestKillAllDrivers'),
  RequestClearCompletedDriversAndApps$: plainRequest('RequestClearCompletedDriversAndApps'),
  RequestReadyz$: plainRequest('RequestReadyz'),
  RequestMasterState$: plainRequest('RequestMasterState'),
  RequestWorkerState$: plainRequest('RequestWorkerState'),
}

/** By class name. */
const DECODERS: ReadonlyMap<string, Decoder> = new Map<string, Decoder>([
  ...Object.entries({ ...workerDecoders, ...driverDecoders, ...clientDecoders }).map(
    ([name, decoder]) => [DEPLOY_MESSAGES + name, decoder] as const,
  ),
  [
    'org.apache.spark.rpc.netty.RpcEndpointVerifier$CheckExistence',
    (message, reader, stream) => ({
      kind: 'CheckExistence',
      stream,
      name: reader.string(fieldOf(message, 'name')),
    }),
  ],
  [
    'org.apache.spark.deploy.master.MasterMessages$BoundPortsRequest$',
    plainRequest('BoundPortsRequest'),
  ],
])
