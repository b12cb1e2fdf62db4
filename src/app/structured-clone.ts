/**
 * Values as bytes and back: V8's structured clone, as between threads. Map, Set, Date, BigInt, typed arrays
 * and cycles survive; functions and class identity do not.
 */
import { DefaultDeserializer, serialize } from 'node:v8'

import { DataCloneError, TooLargeError } from './errors.js'
import { MAX_PAYLOAD_BYTES } from './limits.js'

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

/**
 * @param what names the value in errors: "the task", "the result of sum"
 * @throws DataCloneError when a part of it can't be cloned
 * @throws TooLargeError above MAX_PAYLOAD_BYTES
 */
export function cloneToBytes(value: unknown, what: string): Uint8Array {
  let bytes: Uint8Array
  try {
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

/** @throws Error when the bytes are not what `cloneToBytes` wrote */
export function cloneFromBytes(bytes: Uint8Array): unknown {
  const reader = new OwningDeserializer(bytes)
  reader.readHeader()
  return reader.readValue()
}
