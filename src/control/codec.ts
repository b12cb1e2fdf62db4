/** Builds and reads control messages (schemas/control.fbs) outside the core. */
import { ByteBuffer, type Builder } from 'flatbuffers'
import {
  ApplicationDescription,
  ApplicationFinishedT,
  ApplicationRegisteredT,
  ApplicationRemovedT,
  Body,
  DecommissionWorkersOnHostsT,
  DecommissionWorkerT,
  DriverDescription,
  DriverStateChangedT,
  DriverStatusResponseT,
  ExecutorAddedT,
  ExecutorStateChangedT,
  ExecutorUpdatedT,
  KillApplicationT,
  KillDriverT,
  KillExecutorsT,
  KillExecutorT,
  LaunchDriverT,
  LaunchExecutorT,
  MasterChangeAcknowledgedT,
  MasterChangedT,
  MasterInStandbyT,
  Message,
  MessageT,
  ReconnectWorkerT,
  RefusedT,
  RegisterApplicationT,
  RegisterWorkerFailedT,
  RegisterWorkerT,
  ReplyT,
  RequestClearCompletedDriversAndAppsT,
  RequestDriverStatusT,
  RequestExecutorsT,
  RequestKillAllDriversT,
  RequestKillDriverT,
  RequestReadyzT,
  RequestSubmitDriverT,
  UnregisterApplicationT,
  WorkerDecommissioningT,
  WorkerHealthT,
  WorkerHeartbeatT,
  WorkerLatestStateT,
  WorkerRegisteredT,
  WorkerRemovedT,
  WorkerSchedulerStateResponseT,
} from '../schema/magneto.js'
import type { ApplicationDescriptionT, DriverDescriptionT } from '../schema/magneto.js'
import { ControlError } from './errors.js'
import { TextBuilder } from './text-builder.js'
import { MESSAGE_IDENTIFIER, verifyApplication, verifyDriver, verifyMessage } from './verify.js'

export { ControlError } from './errors.js'

/** The body of any control message, as a plain object. */
export type BodyT = NonNullable<MessageT['body']>

const FIRST_BUILDER_BYTES = 1024
/** A builder that has grown beyond this for one big message is not kept. */
const MAX_KEPT_BUILDER_BYTES = 2 ** 20

const bodyTypes: ReadonlyMap<unknown, Body> = new Map<unknown, Body>([
  [RegisterWorkerT, Body.RegisterWorker],
  [WorkerHeartbeatT, Body.WorkerHeartbeat],
  [WorkerLatestStateT, Body.WorkerLatestState],
  [ExecutorStateChangedT, Body.ExecutorStateChanged],
  [WorkerRegisteredT, Body.WorkerRegistered],
  [RegisterWorkerFailedT, Body.RegisterWorkerFailed],
  [ReconnectWorkerT, Body.ReconnectWorker],
  [LaunchExecutorT, Body.LaunchExecutor],
  [KillExecutorT, Body.KillExecutor],
  [ApplicationFinishedT, Body.ApplicationFinished],
  [RegisterApplicationT, Body.RegisterApplication],
  [UnregisterApplicationT, Body.UnregisterApplication],
  [RequestExecutorsT, Body.RequestExecutors],
  [KillExecutorsT, Body.KillExecutors],
  [ApplicationRegisteredT, Body.ApplicationRegistered],
  [ExecutorAddedT, Body.ExecutorAdded],
  [ExecutorUpdatedT, Body.ExecutorUpdated],
  [WorkerRemovedT, Body.WorkerRemoved],
  [ApplicationRemovedT, Body.ApplicationRemoved],
  [ReplyT, Body.Reply],
  [RefusedT, Body.Refused],
  [KillApplicationT, Body.KillApplication],
  [DriverStateChangedT, Body.DriverStateChanged],
  [LaunchDriverT, Body.LaunchDriver],
  [KillDriverT, Body.KillDriver],
  [RequestSubmitDriverT, Body.RequestSubmitDriver],
  [RequestKillDriverT, Body.RequestKillDriver],
  [RequestKillAllDriversT, Body.RequestKillAllDrivers],
  [RequestDriverStatusT, Body.RequestDriverStatus],
  [DriverStatusResponseT, Body.DriverStatusResponse],
  [RequestClearCompletedDriversAndAppsT, Body.RequestClearCompletedDriversAndApps],
  [RequestReadyzT, Body.RequestReadyz],
  [DecommissionWorkersOnHostsT, Body.DecommissionWorkersOnHosts],
  [WorkerDecommissioningT, Body.WorkerDecommissioning],
  [DecommissionWorkerT, Body.DecommissionWorker],
  [MasterInStandbyT, Body.MasterInStandby],
  [WorkerHealthT, Body.WorkerHealth],
  [MasterChangedT, Body.MasterChanged],
  [WorkerSchedulerStateResponseT, Body.WorkerSchedulerStateResponse],
  [MasterChangeAcknowledgedT, Body.MasterChangeAcknowledged],
])

/** A builder that is used again and again. */
class KeptBuilder {
  #builder = new TextBuilder(FIRST_BUILDER_BYTES)

  /** @returns what `build` made, which the next call overwrites */
  run(what: string, build: (builder: Builder) => void): Uint8Array {
    const builder = this.#builder
    builder.clear()
    try {
      build(builder)
      const bytes = builder.asUint8Array()
      if (bytes.byteLength > MAX_KEPT_BUILDER_BYTES) this.#renew()
      return bytes
    } catch (error) {
      // A builder that stopped half way can't be cleared reliably.
      this.#renew()
      throw new ControlError(`can't build ${what}: ${(error as Error).message}`, { cause: error })
    }
  }

  #renew(): void {
    this.#builder = new TextBuilder(FIRST_BUILDER_BYTES)
  }
}

const messages = new KeptBuilder()
/** Its bytes become a part of a message. */
const descriptions = new KeptBuilder()

/**
 * @returns a finished Message, in bytes of its own
 * @throws ControlError when a required field is missing
 */
export function encode(body: BodyT): Uint8Array<ArrayBuffer> {
  return encodeShared(body).slice()
}

/**
 * For whoever copies it at once.
 *
 * @returns a finished Message, which the next one overwrites
 * @throws ControlError when a required field is missing
 */
export function encodeShared(body: BodyT): Uint8Array {
  const type = bodyTypes.get(body.constructor)
  if (type === undefined) throw new ControlError(`${body.constructor.name} is no control message`)
  return messages.run(Body[type], (builder) => {
    builder.finish(new MessageT(type, body).pack(builder), MESSAGE_IDENTIFIER)
  })
}

/**
 * @returns the body; byte vectors in it are views into `bytes`
 * @throws ControlError when the bytes are not one whole, well-formed Message of a known type
 */
export function decode(bytes: Uint8Array): BodyT {
  verifyMessage(bytes)
  return decodeTrusted(bytes)
}

/**
 * @param bytes what our own core has written, which needs no check
 * @returns as `decode`; of other bytes, anything, or a RangeError
 */
export function decodeTrusted(bytes: Uint8Array): BodyT {
  const { body } = Message.getRootAsMessage(new ByteBuffer(bytes)).unpack()
  if (body === null) throw new ControlError('the message has no body')
  return body
}

/** @throws ControlError when a required field is missing */
export function encodeApplication(description: ApplicationDescriptionT): Uint8Array<ArrayBuffer> {
  return descriptions
    .run('ApplicationDescription', (builder) => builder.finish(description.pack(builder)))
    .slice()
}

/** @throws ControlError when the bytes are not one whole, well-formed ApplicationDescription */
export function decodeApplication(bytes: Uint8Array): ApplicationDescriptionT {
  verifyApplication(bytes)
  return ApplicationDescription.getRootAsApplicationDescription(new ByteBuffer(bytes)).unpack()
}

/** @throws ControlError when a required field is missing */
export function encodeDriver(description: DriverDescriptionT): Uint8Array<ArrayBuffer> {
  return encodeDriverShared(description).slice()
}

/**
 * For whoever puts it into a message at once.
 *
 * @returns a finished DriverDescription, which the next description overwrites
 * @throws ControlError when a required field is missing
 */
export function encodeDriverShared(description: DriverDescriptionT): Uint8Array {
  return descriptions.run('DriverDescription', (builder) =>
    builder.finish(description.pack(builder)),
  )
}

/** @throws ControlError when the bytes are not one whole, well-formed DriverDescription */
export function decodeDriver(bytes: Uint8Array): DriverDescriptionT {
  verifyDriver(bytes)
  return DriverDescription.getRootAsDriverDescription(new ByteBuffer(bytes)).unpack()
}

/**
 * @returns the `spark_description` of a DriverDescription, a view into `bytes`; empty when it has none
 * @throws ControlError when the bytes are not one whole, well-formed DriverDescription
 */
export function sparkDescriptionOf(bytes: Uint8Array): Uint8Array {
  verifyDriver(bytes)
  const driver = DriverDescription.getRootAsDriverDescription(new ByteBuffer(bytes))
  return driver.sparkDescriptionArray() ?? new Uint8Array()
}
