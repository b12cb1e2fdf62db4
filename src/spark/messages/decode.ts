import type { JavaLimits } from '../java/limits.js'
import type { IncomingMessage } from './incoming.js'

/**
 * @param stream the Java stream of one message: a frame's body after its RequestMessage header
 * @throws JavaStreamError when it is malformed or over a limit
 * @throws UnsupportedPeerError when a known message lacks a field, as no served version has it
 */
export function decodeMessage(stream: Uint8Array, limits?: JavaLimits): IncomingMessage {
  throw new Error(`not readable yet: ${stream.length} bytes, ${limits?.maxBytes}`)
}
