/** Every bound of the main thread. */

const MIB = 2 ** 20

/** Input that waits for the next step; beyond it the step is taken at once, so no source is read meanwhile. */
export const MAX_INBOX_BYTES = 32 * MIB

/**
 * Input that waits while no step may be taken; beyond it sessions that send more are closed. Above MAX_INBOX_BYTES by more
 * than one batch of a thread, so that it is never reached while steps are taken.
 */
export const MAX_WAITING_BYTES = 128 * MIB

/** Changes that wait for the store; beyond it no step is taken until it has caught up. */
export const MAX_PENDING_BYTES = 256 * MIB

/** How soon it is asked again whether a step may be taken. */
export const DOUBT_PERIOD_MS = 10

/** Commits that the latencies of the store are told of. */
export const KEPT_LATENCIES = 1024

/** How often figures of the leadership are told to the threads, at most. */
export const FIGURES_PERIOD_MS = 1000

/** How long the ports answer nothing while it is waited for a first mandate. */
export const FIRST_MANDATE_WAIT_MS = 10_000

/** Effects that wait for the disk; beyond it the session that would add more is closed. */
export const MAX_HELD_BYTES = 256 * MIB

/** What a timer of Node can wait at most; a later due time is waited for in parts. */
export const MAX_TIMER_MS = 2 ** 31 - 1

/**
 * A timer that comes this much too late tells of a process that was stopped, or of a machine that slept: its peers, whose
 * heartbeats wait in sockets, are heard for as long before anything is over.
 */
export const SLEPT_MS = 1000

/** How long a thread has to start, and to end by itself. */
export const THREAD_START_TIMEOUT_MS = 30_000
export const THREAD_STOP_TIMEOUT_MS = 5_000

/** How long a master that stops waits for its last commit. */
export const STORE_STOP_TIMEOUT_MS = 5_000

/** Deaths of a thread in a row after which it is started again; at one more the master stops. */
export const MAX_THREAD_DEATHS = 8

/** A thread that lived so long starts its row of deaths anew. */
export const THREAD_PROVEN_MS = 60_000

/** The pause before a thread is started again doubles between these. */
export const MIN_RESTART_DELAY_MS = 100
export const MAX_RESTART_DELAY_MS = 5_000

/** How often it is said what keeps the master from its store or from leading. */
export const STORE_ALARM_PERIOD_MS = 60_000

/** Of what has changed in the cluster, the web thread is given so much at once: below a millisecond of the main thread. */
export const VIEW_PART_BYTES = 64 * 1024
