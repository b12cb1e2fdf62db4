/** The structures inside deploy messages (WIRE 2.2), picked by field name from the generic tree. */
import {
  JavaShapeError,
  booleanOf,
  boxedNumberOf,
  classNameOf,
  enumerationOf,
  fieldOf,
  findField,
  integerOf,
  objectOf,
  optionOf,
} from '../java/values.js'
import type { ValueReader } from '../java/values.js'
import { JavaString } from '../java/tree.js'
import type { JavaObject, JavaValue } from '../java/tree.js'
import { DRIVER_STATES, EXECUTOR_STATES } from './incoming.js'
import type * as incoming from './incoming.js'

const EXECUTOR_STATE = 'org.apache.spark.deploy.ExecutorState$'
const DRIVER_STATE = 'org.apache.spark.deploy.master.DriverState$'

/** Executor resource requests that are not devices. */
const BUILT_IN_RESOURCES: ReadonlySet<string> = new Set([
  'cores',
  'memory',
  'memoryOverhead',
  'pyspark.memory',
  'offHeap',
])

export function rpcAddress(reader: ValueReader, value: JavaValue): incoming.RpcAddress {
  const object = objectOf(value)
  return {
    host: reader.string(fieldOf(object, 'host')),
    port: integerOf(fieldOf(object, 'port')),
  }
}

export function endpointRef(reader: ValueReader, value: JavaValue): incoming.EndpointRef {
  const address = objectOf(fieldOf(objectOf(value), 'endpointAddress'))
  const server = fieldOf(address, 'rpcAddress')
  return {
    name: reader.string(fieldOf(address, 'name')),
    address: server === null ? null : rpcAddress(reader, server),
  }
}

export function executorState(value: JavaValue): incoming.ExecutorStateName {
  const number = enumerationOf(value, EXECUTOR_STATE)
  const name = EXECUTOR_STATES[number]
  if (name === undefined) throw new JavaShapeError(`no executor state has the number ${number}`)
  return name
}

export function driverState(value: JavaValue): incoming.DriverStateName {
  const number = enumerationOf(value, DRIVER_STATE)
  const name = DRIVER_STATES[number]
  if (name === undefined) throw new JavaShapeError(`no driver state has the number ${number}`)
  return name
}

export function optionalNumber(value: JavaValue): number | null {
  const content = optionOf(value)
  return content === null ? null : boxedNumberOf(content)
}

export function optionalException(
  reader: ValueReader,
  value: JavaValue,
): incoming.RemoteException | null {
  const content = optionOf(value)
  if (content === null) return null
  const exception = objectOf(content)
  const message = fieldOf(exception, 'detailMessage')
  // java.nio.file's exceptions have no message of their own: they show this field as theirs.
  const file = findField(exception, 'file')
  return {
    className: classNameOf(exception),
    message: reader.stringOrNull(message ?? (file instanceof JavaString ? file : null)),
  }
}

export function command(reader: ValueReader, value: JavaValue): incoming.CommandFields {
  const object = objectOf(value)
  return {
    mainClass: reader.string(fieldOf(object, 'mainClass')),
    arguments: reader.strings(fieldOf(object, 'arguments')),
    environment: reader
      .entries(fieldOf(object, 'environment'))
      .map(([name, text]) => [reader.string(name), reader.string(text)] as const),
    classPathEntries: reader.strings(fieldOf(object, 'classPathEntries')),
    libraryPathEntries: reader.strings(fieldOf(object, 'libraryPathEntries')),
    javaOpts: reader.strings(fieldOf(object, 'javaOpts')),
  }
}

function executorResourceRequest(
  reader: ValueReader,
  value: JavaValue,
): incoming.ExecutorResourceRequest {
  const object = objectOf(value)
  return {
    resourceName: reader.string(fieldOf(object, 'resourceName')),
    amount: integerOf(fieldOf(object, 'amount')),
    discoveryScript: reader.string(fieldOf(object, 'discoveryScript')),
    vendor: reader.string(fieldOf(object, 'vendor')),
  }
}

function taskResourceRequest(reader: ValueReader, value: JavaValue): incoming.TaskResourceRequest {
  const object = objectOf(value)
  const amount = fieldOf(object, 'amount')
  if (typeof amount !== 'number') throw new JavaShapeError('the amount of a task is no number')
  return { resourceName: reader.string(fieldOf(object, 'resourceName')), amount }
}

export function resourceProfile(
  reader: ValueReader,
  value: JavaValue,
): incoming.ResourceProfileFields {
  const object = objectOf(value)
  const executorResources = reader
    .entries(fieldOf(object, 'executorResources'))
    .map(([, request]) => executorResourceRequest(reader, request))
  const amountOf = (name: string): number | null =>
    executorResources.find((request) => request.resourceName === name)?.amount ?? null
  return {
    id: integerOf(fieldOf(object, '_id')),
    cores: amountOf('cores'),
    memoryMb: amountOf('memory'),
    resources: executorResources.filter((request) => !BUILT_IN_RESOURCES.has(request.resourceName)),
    executorResources,
    taskResources: reader
      .entries(fieldOf(object, 'taskResources'))
      .map(([, request]) => taskResourceRequest(reader, request)),
  }
}

export function applicationDescription(
  reader: ValueReader,
  tree: JavaObject,
  javaStream: Uint8Array,
): incoming.ApplicationDescriptionFields {
  const eventLogDir = optionOf(fieldOf(tree, 'eventLogDir'))
  return {
    name: reader.string(fieldOf(tree, 'name')),
    maxCores: optionalNumber(fieldOf(tree, 'maxCores')),
    command: command(reader, fieldOf(tree, 'command')),
    appUiUrl: reader.string(fieldOf(tree, 'appUiUrl')),
    defaultProfile: resourceProfile(reader, fieldOf(tree, 'defaultProfile')),
    eventLogDir:
      eventLogDir === null ? null : reader.string(fieldOf(objectOf(eventLogDir), 'string')),
    eventLogCodec: reader.optionalString(fieldOf(tree, 'eventLogCodec')),
    initialExecutorLimit: optionalNumber(fieldOf(tree, 'initialExecutorLimit')),
    user: reader.string(fieldOf(tree, 'user')),
    javaStream,
  }
}

/** What an ApplicationDescription that can't be read says about its Spark: fields came and went. */
export function sparkOf({ descriptor }: JavaObject): string {
  const has = (field: string): boolean => descriptor.place(field) !== null
  if (has('defaultProfile')) return 'a Spark that is not known here'
  if (has('resourceReqsPerExecutor')) return 'Spark 3.0 to 3.3'
  return has('memoryPerExecutorMB') ? 'Spark 2.4 or older' : 'a Spark that is not known here'
}

export function driverDescription(
  reader: ValueReader,
  tree: JavaObject,
  javaStream: Uint8Array,
): incoming.DriverDescriptionFields {
  return {
    jarUrl: reader.string(fieldOf(tree, 'jarUrl')),
    memoryMb: integerOf(fieldOf(tree, 'mem')),
    cores: integerOf(fieldOf(tree, 'cores')),
    supervise: booleanOf(fieldOf(tree, 'supervise')),
    command: command(reader, fieldOf(tree, 'command')),
    resourceRequirements: reader.elements(fieldOf(tree, 'resourceReqs')).map((item) => {
      const requirement = objectOf(item)
      return {
        resourceName: reader.string(fieldOf(requirement, 'resourceName')),
        amount: integerOf(fieldOf(requirement, 'amount')),
      }
    }),
    javaStream,
  }
}

/** A Map[String, ResourceInformation]. */
export function resourceInformation(
  reader: ValueReader,
  value: JavaValue,
): incoming.ResourceInformation[] {
  return reader.entries(value).map(([, item]) => {
    const information = objectOf(item)
    return {
      name: reader.string(fieldOf(information, 'name')),
      addresses: reader.strings(fieldOf(information, 'addresses')),
    }
  })
}

export function executorDescription(
  reader: ValueReader,
  value: JavaValue,
): incoming.ExecutorDescriptionFields {
  const object = objectOf(value)
  return {
    appId: reader.string(fieldOf(object, 'appId')),
    execId: integerOf(fieldOf(object, 'execId')),
    rpId: integerOf(fieldOf(object, 'rpId')),
    cores: integerOf(fieldOf(object, 'cores')),
    memoryMb: integerOf(fieldOf(object, 'memoryMb')),
    state: executorState(fieldOf(object, 'state')),
  }
}
