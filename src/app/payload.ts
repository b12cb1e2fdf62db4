/**
 * Values as payloads and back: V8's structured clone, as between threads. Map, Set, Date, BigInt, typed arrays and cycles
 * survive; functions and class identity do not. Most values are so simple that they travel as text.
 */
import { DefaultDeserializer, serialize } from 'node:v8'

import { DataCloneError, TooLargeError } from './errors.js'
import { MAX_PAYLOAD_BYTES } from './limits.js'
import { plainText } from './plain-text.js'

/** A serialized value: JSON, nothing for `undefined`, or bytes as V8 writes them. */
export type Payload = string | Uint8Array

const UNDEFINED = ''

type HostObjectReader = { _readHostObject(): unknown }

/** Gives every typed array memory of its own: Node's would be windows into the message they came in. */
class OwningDeserializer extends DefaultDeserializer {
  _readHostObject(): unknown {
    const view = (
      DefaultDeserializer.prototype as unknown as HostObjectReader
    )._readHostObject.call(this)
    if (Buffer.isBuffer(view)) return Buffer.from(view)
    if (view instanceof DataView)
      return new DataView(
        view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength) as ArrayBuffer,
      )
    return (view as Uint8Array).slice()
  }
}

/** @returns bytes it takes in memory and in a message, at most */
export function payloadBytes(payload: Payload): number {
  return typeof payload === 'string' ? payload.length * 2 : payload.byteLength
}

/**
 * @param what names the value in errors: "the task", "the result of sum"
 * @throws DataCloneError when a part of it can't be cloned
 * @throws TooLargeError above MAX_PAYLOAD_BYTES
 */
export function toPayload(value: unknown, what: string): Payload {
  if (value === undefined) return UNDEFINED
  let bytes: Uint8Array
  try {
    const text = plainText(value)
    if (text !== null) return text
    bytes = serialize(value)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new DataCloneError(
      `${what} can't be sent to another process: ${reason} Send plain data: no functions, ` +
        'symbols, promises, streams or shared memory.',
      { cause: error },
    )
  }
  if (bytes.byteLength > MAX_PAYLOAD_BYTES)
    throw new TooLargeError(
      `${what} takes ${bytes.byteLength} bytes; at most ${MAX_PAYLOAD_BYTES} can be sent. ` +
        'Split it, or put the data where executors can read it and send its name.',
    )
  return bytes
}

/** @throws Error when it is not what `toPayload` wrote */
export function fromPayload(payload: Payload): unknown {
  if (typeof payload === 'string')
    return payload === UNDEFINED ? undefined : (JSON.parse(payload) as unknown)
  const reader = new OwningDeserializer(payload)
  reader.readHeader()
  return reader.readValue()
}
