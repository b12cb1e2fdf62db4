/** Every bound of the control link, on both sides. Sizes are bytes, times milliseconds. */

const MIB = 2 ** 20

/** One message from a peer; beyond it the connection is closed. */
export const MAX_MESSAGE_BYTES = 16 * MIB

/** What may wait for a peer that does not read; beyond it the connection is closed. */
export const MAX_BUFFERED_BYTES = 64 * MIB

/** A connection on which nothing arrives for this long, not even a pong, is dead. */
export const IDLE_TIMEOUT_MS = 32_000

/** How often a peer is pinged; below half of IDLE_TIMEOUT_MS, so that one lost ping costs nothing. */
export const PING_INTERVAL_MS = 10_000

/** How long a peer may take to answer `GET /control` and to open the WebSocket. */
export const CONNECT_TIMEOUT_MS = 10_000

/** A master that was asked to serve and has not answered for so long is left, if another one can be asked. */
export const ANSWER_TIMEOUT_MS = 10_000

/** Where all masters stand by, they are asked anew after pauses that double from the first to the second. */
export const MIN_STANDBY_PAUSE_MS = 2_000
export const MAX_STANDBY_PAUSE_MS = 10_000

/** How long a peer that has lost its master refuses masters of smaller epochs. */
export const EPOCH_MEMORY_MS = 30_000

/** How long a peer may take to answer our close before the connection is cut. */
export const CLOSE_TIMEOUT_MS = 2_000

/** The answer to `GET /control` is one short JSON object. */
export const MAX_DISCOVERY_BYTES = 4096

/**
 * Waiting between attempts to reach a master: doubles from the first to the second, with jitter. The second is below the
 * grace time of recovery (ADR 8): a master that comes back gets applications' executors told before it replaces them.
 */
export const MIN_BACK_OFF_MS = 200
export const MAX_BACK_OFF_MS = 2_000

/** Connections the master keeps open at once on the control port. */
export const MAX_SESSIONS = 100_000

/** A close reason travels in a frame that holds 125 bytes, two of which are the code. */
export const MAX_CLOSE_REASON_BYTES = 123

/** Depth and number of tables in one message; what is beyond was not made by an honest peer. */
export const MAX_TABLE_DEPTH = 16
export const MAX_TABLES = 1_000_000

/** What `GET /control` on the master's port answers, and what the link speaks (schemas/control.fbs). */
export const CONTROL_PROTOCOL = 1
export const CONTROL_PATH = '/control/v1'

/** Where standbys follow the log of a leader, on the same port. */
export const REPLICA_PATH = '/replica/v1'
