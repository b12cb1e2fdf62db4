/** Every bound of a Node application, in one place. Units are in the names. */

/** One task's argument or one result, serialized. */
export const MAX_PAYLOAD_BYTES = 64 * 1024 * 1024

/** One WebSocket message: the largest payload with its envelope. */
export const MAX_FRAME_BYTES = MAX_PAYLOAD_BYTES + 1024 * 1024

/** A batch is closed when it holds so much, unless one payload alone is larger. */
export const BATCH_BYTES = 1024 * 1024

/** Tasks or results in one message. */
export const MAX_BATCH_TASKS = 4096

/** A batch of no more, all of it text, travels as JSON. */
export const JSON_BATCH_TASKS = 16

/** What may wait in a socket's own buffer before no more is written to it. */
export const MAX_BUFFERED_BYTES = 16 * 1024 * 1024

/** Tasks waiting in the driver when the options say nothing. */
export const DEFAULT_MAX_QUEUE = 1_000_000

/** The largest `maxQueue` that can be asked for. */
export const MAX_QUEUE = 16_000_000

/** Serialized tasks waiting in the driver, in total. */
export const MAX_QUEUE_BYTES = 1024 * 1024 * 1024

/** `needsDrain` is emitted when so many tasks wait (or half of maxQueue, if that is less). */
export const NEEDS_DRAIN_TASKS = 10_000

/** How often a task whose executor was lost is tried again, when the options say nothing. */
export const DEFAULT_MAX_RETRIES = 3

/** Memory of an executor when the options say nothing (spec K7). */
export const DEFAULT_EXECUTOR_MEMORY_MIB = 1024

/** Tasks beyond the running ones that one core of an executor may hold when tasks are tiny. */
export const MAX_PREFETCH_PER_CORE = 256

/** Prefetch holds about this much work for a core: enough to hide a round trip, too little to starve others. */
export const PREFETCH_WORK_MS = 10

/** Nothing is prefetched to an executor that already holds so many serialized bytes. */
export const PREFETCH_BYTES = 8 * 1024 * 1024

/** Tasks that an executor accepts to hold; a driver that sends more breaks the protocol. */
export const MAX_EXECUTOR_TASKS = 1_000_000

/** How long a task that was aborted may go on before its thread is ended. */
export const ABORT_GRACE_MS = 1000

/** How long the driver waits for the master's word on a lost connection before it retries its tasks. */
export const EXIT_NEWS_MS = 1000

/** After so long with tasks waiting and nobody to run them, a warning says what is known. */
export const STARVATION_WARNING_MS = 10_000

/** Both sides of an executor's connection ask for a sign of life so often. */
export const PING_INTERVAL_MS = 15_000

/** Without one for so long, the peer counts as lost. */
export const PEER_TIMEOUT_MS = 120_000

/** How long `destroy` waits for executors to hang up before it does. */
export const HANG_UP_MS = 1000

/** Depth of `cause` chains, and number of an AggregateError's errors, that travel with an error. */
export const MAX_CAUSE_DEPTH = 8
export const MAX_AGGREGATED_ERRORS = 64

/** Tasks in flight in `map` when its options say nothing. */
export const DEFAULT_MAP_CONCURRENCY = 1024

/** Executors connected to one driver, and connections that have not finished their handshake. */
export const MAX_EXECUTORS = 4096

/** Results of tiny tasks go out when so many are there, or after so long; those of longer ones at once. */
export const RESULT_BATCH_TASKS = 64
export const RESULT_BATCH_MS = 2

/** A task that ran for less is tiny. */
export const TINY_TASK_MS = 1

/** Tiny tasks go to a thread in groups: so many at most, and about so much work. */
export const MAX_GROUP_TASKS = 128
export const GROUP_WORK_MS = 1

/** After so long, tasks of a group that have not started go to whoever is idle, and its results so far are sent. */
export const GROUP_PATIENCE_MS = 5

/** Results of a group in memory shared with its thread; a larger one travels as a message. */
export const SLOT_RESULT_BYTES = 64 * 1024

/** Weight of the newest run time in a moving average. */
export const AVERAGE_WEIGHT = 0.2
