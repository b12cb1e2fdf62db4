/** Spark's deploy messages to control messages and back: functions of one message. */
import type { BodyT } from '../control/codec.js'
import { encodeApplication } from '../control/codec.js'
import {
  ApplicationDescriptionT,
  ApplicationRegisteredT,
  ApplicationRemovedT,
  Command,
  ExecutorAddedT,
  ExecutorUpdatedT,
  JvmCommandT,
  KillExecutorsT,
  ProfileTargetT,
  PropertyT,
  RegisterApplicationT,
  RequestExecutorsT,
  ResourceAmountT,
  ResourceProfileT,
  WorkerRemovedT,
} from '../schema/magneto.js'
import {
  EXECUTOR_STATES,
  type CommandFields,
  type KillExecutors,
  type OutgoingMessage,
  type RegisterApplication,
  type RequestExecutors,
  type ResourceProfileFields,
  type RpcAddress,
  type SparkVersion,
} from './messages.js'
import { executorRuntimeOf } from '../control/runtimes.js'

/** A Spark message asks for what no cluster can give, such as -1 cores. */
export class TranslationError extends Error {
  override readonly name = 'TranslationError'
}

const UINT_END = 2 ** 32

/** @throws TranslationError when it is none of schemas/control.fbs's `uint` */
export function unsigned(value: number, what: string): number {
  if (!Number.isInteger(value) || value < 0 || value >= UINT_END)
    throw new TranslationError(`${what} is ${value}; expected a whole number of 0 or more`)
  return value
}

/** What Spark leaves unset is 0 here (control.fbs, ResourceProfile). */
function profileOf(profile: ResourceProfileFields): ResourceProfileT {
  const where = `of resource profile ${profile.id}`
  return new ResourceProfileT(
    unsigned(profile.id, 'the id of a resource profile'),
    unsigned(profile.cores ?? 0, `cores ${where}`),
    unsigned(profile.memoryMb ?? 0, `memory ${where}`),
    profile.resources.map(
      ({ resourceName, amount }) =>
        new ResourceAmountT(resourceName, unsigned(amount, `${resourceName} ${where}`)),
    ),
  )
}

/** @param version null: several are possible, and the worker's decides */
export function commandOf(command: CommandFields, version: SparkVersion | null): JvmCommandT {
  return new JvmCommandT(
    command.mainClass,
    [...command.arguments],
    command.environment.map(([key, value]) => new PropertyT(key, value)),
    [...command.classPathEntries],
    [...command.libraryPathEntries],
    [...command.javaOpts],
    version,
  )
}

/** `host:port`; hosts of IPv6 are in brackets already (WIRE 1.1), and get them where they are not. */
export function hostPort({ host, port }: RpcAddress): string {
  const bracketed = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host
  return `${bracketed}:${port}`
}

/**
 * What the core keeps of a description as its Spark wrote it; one has 2 kB, a submit client's up to all of its
 * environment.
 */
export const MAX_DESCRIPTION_BYTES = 1024 * 1024

/** @returns empty when it is too large to be kept */
export function keptDescription(javaStream: Uint8Array): Uint8Array {
  return javaStream.byteLength > MAX_DESCRIPTION_BYTES ? new Uint8Array() : javaStream
}

/**
 * @returns without `spark_description` when that is too large: Apache Workers can't host it then
 * @throws TranslationError when a number in it makes no sense
 */
export function registerApplicationOf(
  { appDescription: app, driver }: RegisterApplication,
  version: SparkVersion,
): RegisterApplicationT {
  const description = new ApplicationDescriptionT(
    app.name,
    app.user,
    app.appUiUrl,
    app.maxCores === null ? null : unsigned(app.maxCores, 'spark.cores.max'),
    app.initialExecutorLimit === null
      ? null
      : unsigned(app.initialExecutorLimit, 'the initial number of executors'),
    profileOf(app.defaultProfile),
    Command.JvmCommand,
    commandOf(app.command, version),
    executorRuntimeOf(version),
  )
  return new RegisterApplicationT(
    encodeApplication(description),
    driver.address === null ? '' : hostPort(driver.address),
    keptDescription(app.javaStream),
    driver.address === null ? null : driver.name,
  )
}

/** @throws TranslationError when a number in it makes no sense */
export function requestExecutorsOf(
  { appId, totals }: RequestExecutors,
  requestId: number,
): RequestExecutorsT {
  return new RequestExecutorsT(
    requestId,
    appId,
    totals.map(
      ({ profile, total }) =>
        new ProfileTargetT(profileOf(profile), unsigned(total, 'a number of executors')),
    ),
  )
}

export function killExecutorsOf(
  { appId, executorIds }: KillExecutors,
  requestId: number,
): KillExecutorsT {
  return new KillExecutorsT(requestId, appId, [...executorIds])
}

/** @returns null when drivers have no such message */
export function toDriver(body: BodyT, master: RpcAddress): OutgoingMessage | null {
  if (body instanceof ApplicationRegisteredT)
    return { kind: 'RegisteredApplication', appId: body.appId ?? '', master }
  if (body instanceof ExecutorAddedT) {
    return {
      kind: 'ExecutorAdded',
      id: body.executorId,
      workerId: body.workerId ?? '',
      hostPort: hostPort({ host: body.host ?? '', port: body.port }),
      cores: body.cores,
      memoryMb: body.memoryMb,
    }
  }
  if (body instanceof ExecutorUpdatedT) {
    return {
      kind: 'ExecutorUpdated',
      id: body.executorId,
      state: EXECUTOR_STATES[body.state],
      message: body.message,
      exitStatus: body.exitStatus,
      workerHost: body.workerHost,
    }
  }
  if (body instanceof WorkerRemovedT) {
    return {
      kind: 'WorkerRemoved',
      id: body.workerId ?? '',
      host: body.host ?? '',
      message: body.message ?? '',
    }
  }
  if (body instanceof ApplicationRemovedT)
    return { kind: 'ApplicationRemoved', message: body.message ?? '' }
  return null
}

/**
 * The address in a `spark://host:port` of ours. An IPv6 host keeps its brackets.
 * @throws Error when it is none
 */
export function addressOfMasterUrl(masterUrl: string): RpcAddress {
  const match = /^spark:\/\/(.+):(\d{1,5})$/.exec(masterUrl)
  if (match === null) throw new Error(`${masterUrl} is no spark://host:port`)
  return { host: match[1]!, port: Number(match[2]) }
}
