/** Every bound and delay of leadership over ZooKeeper. Sizes are bytes, times ms of the monotonic clock. */

const MIB = 2 ** 20

/** What is asked for; the ensemble grants at least two of its ticks. */
export const SESSION_TIMEOUT_MS = 4_000

export const HEARTBEAT_EVERY_MS = 500
/** A leader decides only while a heartbeat that succeeded was sent less than this ago. */
export const LEASE_MS = 1_500
/** A standby takes over when the heartbeat has stood still for so long; the lease and a margin for unequal clocks. */
export const TAKE_OVER_AFTER_MS = 3_000
/** The same where the leader's session is over too. */
export const TAKE_OVER_EXPIRED_AFTER_MS = 1_600
/** What each further place in the queue waits more, so that not all standbys try at once. */
export const PER_PLACE_MS = 150
/** A mandate that was in doubt for longer than this beyond its lease is given up. */
export const KEEP_SUSPENDED_MS = 10_000
/** How often a standby looks who leads. */
export const LOOK_EVERY_MS = 250
/** How often a leader compares its lease with the clock. */
export const LEASE_CHECK_EVERY_MS = 100
/** How long `start` waits for an ensemble before it goes on trying behind the master's back. */
export const START_WITHIN_MS = 5_000
/** How long leaving may take. */
export const LEAVE_WITHIN_MS = 1_000

/** Of one request with all its operations: below jute.maxbuffer, which is 1 MiB where nobody raised it. */
export const MAX_REQUEST_BYTES = 900_000
/** What an operation costs besides its path and data. */
export const OPERATION_BYTES = 64
/** Of one transaction, whatever their size. */
export const MAX_OPERATIONS = 1_000
/** Reads under way at once while all records are loaded. */
export const READS_AT_ONCE = 512
/** Repairs of one transaction: nodes that exist, or don't, against what was known. */
export const MAX_REPAIRS = MAX_OPERATIONS

/** Of one message of an image. */
export const IMAGE_CHUNK_BYTES = 256 * 1024
/** Messages of an image that a follower has not confirmed. */
export const IMAGE_WINDOW = 4
/** What a follower may leave unconfirmed before it is cut and has to start anew. */
export const MAX_UNCONFIRMED_BYTES = 32 * MIB
/** What a follower keeps of commits that may come too early: before the image, before they are known to be written. */
export const MAX_WAITING_BYTES = 64 * MIB
/** One message of the leader; a record travels whole. */
export const MAX_REPLICA_MESSAGE_BYTES = 64 * MIB
/** Standbys that follow one leader. */
export const MAX_FOLLOWERS = 16
/** Between attempts to follow: the first at once, since a refusal is news. */
export const FOLLOW_AGAIN_MS = [0, 10, 25, 50, 100, 250, 500]
export const FOLLOW_CONNECT_MS = 2_000
/** How long one transaction may be tried before the leader gives up. */
export const COMMIT_WITHIN_MS = 15_000
export const TRY_AGAIN_AFTER_MS = 20
