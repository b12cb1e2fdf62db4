/**
 * Spark's deploy messages: bytes to typed values and back. The gateway makes one PeerDialect per
 * connection, gives it every message that came in, and lets it write every message that goes out.
 */
export * from './messages/incoming.js'
export * from './messages/outgoing.js'
export { JavaStreamError } from './java/error.js'
export { UnsupportedPeerError } from './versions.js'
export { SPARK_VERSIONS } from '../control/runtimes.js'
export type { SparkVersion } from '../control/runtimes.js'
export { decodeMessage } from './messages/decode.js'
export { PeerDialect } from './messages/peer-dialect.js'
