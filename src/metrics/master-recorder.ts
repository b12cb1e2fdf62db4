/** What the master's main thread counts as it goes. Runs on it: nothing here allocates, waits or throws. */
import { InboxKind, SessionSource, sourceOf } from '../control/records.js'
import { Body, ExecutorState } from '../schema/magneto.js'
import { Figures, type Counter, type Histogram } from './figures.js'
import { KeyedTimes } from './keyed-times.js'
import { LoopDelay } from './loop-delay.js'
import { MASTER_FAMILIES } from './master-families.js'
import { MessagePeek } from './message-peek.js'

const MS_PER_S = 1000

/**
 * One executor of so many is followed until it runs, and the first of each application always: an application that gets
 * tens of thousands at once tells no more by all of them.
 */
const FOLLOWED = 16

export class MasterRecorder {
  readonly #peek = new MessagePeek()
  readonly #launches = new KeyedTimes()
  readonly #heartbeats = new KeyedTimes()
  readonly #heartbeatMs: number
  readonly #received: Counter
  readonly #sent: Counter
  readonly #opened: Counter
  readonly #closed: Counter
  readonly #heartbeatCount: Counter
  readonly #lateness: Histogram
  readonly #launchesSent: Counter
  readonly #launch: Histogram
  readonly #scheduling: Histogram
  readonly #commit: Histogram
  readonly #records: Counter
  readonly #failures: Counter
  readonly #delay: LoopDelay
  #arrivedMs = 0
  /** Shared with the web thread. */
  readonly buffer: SharedArrayBuffer

  /** @param heartbeatMs how often workers are asked to be heard of */
  constructor(heartbeatMs: number) {
    this.#heartbeatMs = heartbeatMs
    const figures = new Figures(MASTER_FAMILIES)
    this.buffer = figures.buffer
    this.#received = figures.counter('magneto_messages_received_total')
    this.#sent = figures.counter('magneto_messages_sent_total')
    this.#opened = figures.counter('magneto_sessions_opened_total')
    this.#closed = figures.counter('magneto_sessions_closed_total')
    this.#heartbeatCount = figures.counter('magneto_heartbeats_total')
    this.#lateness = figures.histogram('magneto_heartbeat_lateness_seconds')
    this.#launchesSent = figures.counter('magneto_executor_launches_total')
    this.#launch = figures.histogram('magneto_executor_launch_seconds')
    this.#scheduling = figures.histogram('magneto_scheduling_latency_seconds')
    this.#commit = figures.histogram('magneto_store_commit_seconds')
    this.#records = figures.counter('magneto_store_records_total')
    this.#failures = figures.counter('magneto_store_failures_total')
    this.#delay = new LoopDelay(figures.histogram('magneto_event_loop_delay_seconds'))
  }

  /** The first input of a batch comes: all that the batch does is counted from here, and the clock is read once for it. */
  arrives(): void {
    this.#arrivedMs = performance.now()
  }

  /** When the first input of the batch came, by performance.now(). */
  get arrivedMs(): number {
    return this.#arrivedMs
  }

  /** One record for the core. @param at where its payload starts in `bytes` */
  received(kind: InboxKind, session: number, bytes: Uint8Array | string, at = 0): void {
    const source: SessionSource = sourceOf(session)
    if (kind === InboxKind.CONNECTED) this.#opened.add(1, source)
    else if (kind === InboxKind.DISCONNECTED) this.#closed.add(1, source)
    else if (kind === InboxKind.MESSAGE && typeof bytes !== 'string') {
      this.#received.add(1, source)
      this.#message(session, bytes, at)
    }
  }

  /** A message leaves for a session. */
  sent(session: number, bytes: Uint8Array): void {
    this.#sent.add(1, sourceOf(session))
    const peek = this.#peek
    peek.look(bytes)
    if (peek.kind !== Body.LaunchExecutor) return
    this.#launchesSent.add()
    if (peek.launchedId() % FOLLOWED === 0)
      this.#launches.replace(peek.launchedKey(), this.#arrivedMs)
  }

  /** The effects of a batch have been handed over. @param arrivedMs when its first input came, by performance.now() */
  stepped(arrivedMs: number): void {
    this.#scheduling.observe((performance.now() - arrivedMs) / MS_PER_S)
  }

  /** @param records changes that the commit wrote */
  committed(records: number, tookMs: number): void {
    this.#commit.observe(tookMs / MS_PER_S)
    this.#records.add(records)
  }

  failed(): void {
    this.#failures.add()
  }

  /** A new core: what it has launched, and heard of, is not what the one before had. */
  newCore(): void {
    this.#launches.clear()
    this.#heartbeats.clear()
  }

  stop(): void {
    this.#delay.stop()
  }

  #message(session: number, bytes: Uint8Array, at: number): void {
    const peek = this.#peek
    peek.look(bytes, at)
    if (peek.kind === Body.WorkerHeartbeat) this.#heartbeat(session)
    else if (peek.kind === Body.ExecutorStateChanged && peek.changedId() % FOLLOWED === 0) {
      const sentMs = this.#launches.take(peek.changedKey())
      if (sentMs > 0 && (peek.changedState() as ExecutorState) === ExecutorState.RUNNING)
        this.#launch.observe((this.#arrivedMs - sentMs) / MS_PER_S)
    }
  }

  /** A worker has a session of its own; one that comes back in another has missed none. */
  #heartbeat(session: number): void {
    this.#heartbeatCount.add()
    const nowMs = this.#arrivedMs
    const beforeMs = this.#heartbeats.replace((session ^ (sourceOf(session) << 30)) >>> 0, nowMs)
    if (beforeMs > 0) this.#lateness.observe((nowMs - beforeMs - this.#heartbeatMs) / MS_PER_S)
  }
}
