/** Control messages as bytes and back (schemas/control.fbs). Any thread. */
import * as flatbuffers from 'flatbuffers'
import * as schema from '../schema/magneto.js'

/** The body of a control message, as a plain object. */
export type BodyT = NonNullable<schema.MessageT['body']>

/** A message that is not one: its sender's connection ends, nobody else's. */
export class ControlError extends Error {
  override readonly name = 'ControlError'
}

const identifier = 'MGC1'
const initialBytes = 512

const types = new Map<unknown, schema.Body>(
  Object.entries({
    RegisterWorker: schema.RegisterWorkerT,
    WorkerHeartbeat: schema.WorkerHeartbeatT,
    WorkerLatestState: schema.WorkerLatestStateT,
    ExecutorStateChanged: schema.ExecutorStateChangedT,
    WorkerRegistered: schema.WorkerRegisteredT,
    RegisterWorkerFailed: schema.RegisterWorkerFailedT,
    ReconnectWorker: schema.ReconnectWorkerT,
    LaunchExecutor: schema.LaunchExecutorT,
    KillExecutor: schema.KillExecutorT,
    ApplicationFinished: schema.ApplicationFinishedT,
    RegisterApplication: schema.RegisterApplicationT,
    UnregisterApplication: schema.UnregisterApplicationT,
    RequestExecutors: schema.RequestExecutorsT,
    KillExecutors: schema.KillExecutorsT,
    ApplicationRegistered: schema.ApplicationRegisteredT,
    ExecutorAdded: schema.ExecutorAddedT,
    ExecutorUpdated: schema.ExecutorUpdatedT,
    WorkerRemoved: schema.WorkerRemovedT,
    ApplicationRemoved: schema.ApplicationRemovedT,
    Reply: schema.ReplyT,
    Refused: schema.RefusedT,
    KillApplication: schema.KillApplicationT,
  } satisfies Record<Exclude<keyof typeof schema.Body, 'NONE'>, unknown>).map(([name, type]) => [
    type,
    schema.Body[name as keyof typeof schema.Body],
  ]),
)

/** @returns a finished Message with its identifier */
export function encode(body: BodyT): Uint8Array {
  const type = types.get(body.constructor)
  if (type === undefined) throw new ControlError(`${body.constructor.name} is no control message`)
  const builder = new flatbuffers.Builder(initialBytes)
  builder.finish(new schema.MessageT(type, body).pack(builder), identifier)
  return builder.asUint8Array()
}

/** @throws ControlError when the bytes are no message that this version knows */
export function decode(bytes: Uint8Array): BodyT {
  const buffer = new flatbuffers.ByteBuffer(bytes)
  if (bytes.byteLength < 12 || !buffer.__has_identifier(identifier)) {
    throw new ControlError(
      `no control message: ${bytes.byteLength} bytes without the identifier ${identifier}`,
    )
  }
  let message: schema.MessageT
  try {
    message = schema.Message.getRootAsMessage(buffer).unpack()
  } catch (error) {
    throw new ControlError(`malformed control message: ${String(error)}`, { cause: error })
  }
  if (message.body === null) {
    throw new ControlError(
      `control message of unknown type ${message.bodyType}; the peer may be newer`,
    )
  }
  return message.body
}

/** @returns a finished ApplicationDescription, to be carried inside RegisterApplication */
export function encodeApplication(description: schema.ApplicationDescriptionT): Uint8Array {
  const builder = new flatbuffers.Builder(initialBytes)
  builder.finish(description.pack(builder))
  return builder.asUint8Array()
}

/** @throws ControlError when the bytes are no description */
export function decodeApplication(bytes: Uint8Array): schema.ApplicationDescriptionT {
  try {
    const buffer = new flatbuffers.ByteBuffer(bytes)
    return schema.ApplicationDescription.getRootAsApplicationDescription(buffer).unpack()
  } catch (error) {
    throw new ControlError(`malformed application description: ${String(error)}`, { cause: error })
  }
}
