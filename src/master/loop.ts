/**
 * The one place that calls the core. What comes in during a turn of the event loop is one batch; the step is
 * taken at its end, and the effects are carried out before anything else is read. Those of a large step come in parts, while
 * the core still decides the rest: peers and threads begin with the first of ten thousand launches at once.
 */
import { BatchWriter, InboxKind } from '../control/records.js'
import type { MasterCore } from '../core/native.js'
import type { MasterRecorder } from '../metrics/master-recorder.js'
import type { Clock } from './clock.js'
import { DOUBT_PERIOD_MS, MAX_INBOX_BYTES, MAX_TIMER_MS, SLEPT_MS } from './limits.js'

export interface LoopOptions {
  readonly core: MasterCore
  readonly clock: Clock
  /** Carries out a part of what a step decides; may call back into `add`, which never steps from in here. */
  run(outbox: Uint8Array): void
  /** The core's or the interpreter's invariants are broken: nothing is stepped any more. */
  onBroken(error: Error): void
  /** Asked before each step: while it may not be taken, input waits. Absent: always. */
  mayStep?(): boolean
  readonly maxInboxBytes?: number
  readonly metrics?: MasterRecorder
}

export class Loop {
  readonly #options: LoopOptions
  readonly #maxInboxBytes: number
  #inbox = new BatchWriter()
  /** What the core reads, while a step goes on. */
  #reading = new BatchWriter()
  #scheduled: NodeJS.Immediate | null = null
  #timer: NodeJS.Timeout | null = null
  #doubt: NodeJS.Timeout | null = null
  #stepping = false
  #ended = false
  /** What is decided after an effect has ended all reaches nobody. */
  readonly #run = (outbox: Uint8Array): void => {
    if (!this.#ended) this.#options.run(outbox)
  }

  constructor(options: LoopOptions) {
    this.#options = options
    this.#maxInboxBytes = options.maxInboxBytes ?? MAX_INBOX_BYTES
  }

  add(kind: InboxKind, session: number, payload: Uint8Array | string = '', argument = 0): void {
    if (this.#ended) return
    if (this.#inbox.bytes === 0) this.#options.metrics?.arrives()
    this.#inbox.add(kind, session, payload, argument)
    this.#schedule()
  }

  /** @param batch whole inbox records @throws RangeError when it is not a multiple of 8 bytes */
  addBatch(batch: Uint8Array): void {
    if (this.#ended) return
    if (batch.byteLength % 8 !== 0)
      throw new RangeError(`a batch of ${batch.byteLength} bytes is not made of whole records`)
    if (this.#inbox.bytes === 0) this.#options.metrics?.arrives()
    this.#inbox.addBatch(batch)
    this.#schedule()
  }

  /** @param dueMs ms since the epoch; replaces the one before */
  setTimer(dueMs: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    if (this.#ended) return
    const waitMs = Math.max(0, dueMs - this.#options.clock.nowMs())
    this.#timer = setTimeout(
      () => {
        const lateMs = this.#options.clock.nowMs() - dueMs
        if (lateMs < 0) this.setTimer(dueMs)
        else if (lateMs < SLEPT_MS || waitMs === 0) this.add(InboxKind.TIMER, 0)
        else this.#timer = setTimeout(() => this.add(InboxKind.TIMER, 0), SLEPT_MS)
      },
      Math.min(MAX_TIMER_MS, Math.ceil(waitMs)),
    )
  }

  /** What waits for the next step. */
  get waitingBytes(): number {
    return this.#inbox.bytes
  }

  /** Takes the step now, where one may be taken; never from within an effect. */
  flush(): void {
    if (!this.#stepping) this.#step()
  }

  /** Takes no more input and calls the core no more. */
  end(): void {
    this.#ended = true
    if (this.#scheduled !== null) clearImmediate(this.#scheduled)
    if (this.#timer !== null) clearTimeout(this.#timer)
    if (this.#doubt !== null) clearTimeout(this.#doubt)
    this.#inbox.reset()
  }

  #schedule(): void {
    if (this.#inbox.bytes >= this.#maxInboxBytes && !this.#stepping) return this.#step()
    this.#scheduled ??= setImmediate(() => this.#step())
  }

  #step(): void {
    if (this.#scheduled !== null) clearImmediate(this.#scheduled)
    this.#scheduled = null
    if (this.#ended || this.#inbox.bytes === 0) return
    const { core, clock, metrics } = this.#options
    if (this.#options.mayStep?.() === false) return this.#wait()
    this.#stepping = true
    const arrivedMs = metrics?.arrivedMs ?? 0
    try {
      // Effects may bring new input while the core still reads.
      const inbox = this.#inbox
      this.#inbox = this.#reading
      this.#reading = inbox
      const batch = inbox.view()
      this.#run(core.step(clock.nowMs(), clock.utcOffsetMinutes(), batch, this.#run))
      inbox.reset()
      metrics?.stepped(arrivedMs)
    } catch (error) {
      this.end()
      this.#options.onBroken(error as Error)
    } finally {
      this.#stepping = false
    }
  }

  #wait(): void {
    this.#doubt ??= setTimeout(() => {
      this.#doubt = null
      this.#step()
    }, DOUBT_PERIOD_MS)
  }
}
