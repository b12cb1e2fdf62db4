/**
 * The control link as workers and applications see it: a line to every master of a spark:// URL (master-line.ts), of
 * which one is active: what it says is heard, and what is sent goes there. What is sent while none is active is
 * dropped: whoever sends says everything again after `onOpen`, which is what registration means.
 *
 * Which line is active:
 * - One whose master has said MasterChanged under a greater epoch than any heard before; at once, whichever was before.
 *   The line before is cut, so that the master there sees that this peer has left, and comes back as a spare one.
 * - While there is none: each open line in turn, the one that a standby names or that served last in front (T5). Its
 *   master takes the owner in, or stands by (M4), and then the next one is tried. One that stands by keeps its line,
 *   since it says MasterChanged on it when it leads. Where all stand by they are asked anew on new connections now and
 *   then: there may be another machine behind the name, and nobody has to wait for a message that got lost.
 *
 * Epochs (H5, ADR 8): a master that serves under a smaller epoch than was heard is a leader that does not know yet
 * that it was replaced, and is not obeyed. A cluster whose store was emptied begins anew with small epochs, so the
 * greatest one is forgotten when no master has served under it for EPOCH_MEMORY_MS. A link to a single master never
 * refuses it for its epoch.
 */
import { parseMasterUrl } from '../conf/master-url.js'
import type { Logger } from '../log/logger.js'
import {
  ApplicationRegisteredT,
  MasterChangedT,
  MasterInStandbyT,
  WorkerRegisteredT,
} from '../schema/magneto.js'
import { BackOff } from './back-off.js'
import { encode, type BodyT } from './codec.js'
import * as limits from './limits.js'
import { systemLookup, type Lookup } from './lookup.js'
import { MasterLine, type Pauses } from './master-line.js'

export interface MasterLinkOptions {
  /** spark://h1:p1[,h2:p2] */
  readonly masterUrl: string
  readonly log: Logger
  /** @param changed what the master has said to be followed: answer that; null: register with it, it may stand by */
  onOpen(changed: MasterChangedT | null): void
  onMessage(body: BodyT): void
  /** Comes once for every onOpen; the link goes on trying. Not called by `close`. */
  onClose(reason: string): void
  /** A master that leaves more than this unread loses the connection. */
  readonly maxBufferedBytes?: number
  readonly maxMessageBytes?: number
  readonly pingIntervalMs?: number
  readonly idleTimeoutMs?: number
  readonly answerTimeoutMs?: number
  readonly epochMemoryMs?: number
  readonly lookup?: Lookup
  /** Makes the pauses of one master. */
  readonly backOff?: () => Pauses
  /** Between rounds in which all masters stood by. */
  readonly standbyPauses?: Pauses
}

export class MasterLink {
  readonly #options: MasterLinkOptions
  readonly #lines: readonly MasterLine[]
  readonly #standbyPauses: Pauses
  #active: MasterLine | null = null
  /** The active one has answered as a master that leads. */
  #served = false
  #lastServed: MasterLine | null = null
  /** Whom a standby has named last. */
  #named: MasterLine | null = null
  /** The greatest heard; 0: none. */
  #epoch = 0
  #forgetEpoch: NodeJS.Timeout | null = null
  /** Runs while the active one has not served: until its time is up. */
  #answer: NodeJS.Timeout | null = null
  /** Until masters that stand by are asked again. */
  #nextRound: NodeJS.Timeout | null = null
  #closed = false

  /** Starts to connect at once. @throws UsageError when the URL is malformed */
  constructor(options: MasterLinkOptions) {
    this.#options = options
    this.#standbyPauses =
      options.standbyPauses ?? new BackOff(limits.MIN_STANDBY_PAUSE_MS, limits.MAX_STANDBY_PAUSE_MS)
    const addresses = parseMasterUrl(options.masterUrl).slice('spark://'.length).split(',')
    this.#lines = addresses.map((address) => this.#lineTo(address))
  }

  get open(): boolean {
    return this.#active !== null
  }

  /** @returns false when it was dropped, since no line is active @throws ControlError on a bad body */
  send(body: BodyT): boolean {
    return this.sendBytes(encode(body))
  }

  /** @param bytes a finished Message, not touched by the caller any more */
  sendBytes(bytes: Uint8Array): boolean {
    return this.#active?.send(bytes) ?? false
  }

  /** Ends the link for good, without onClose; what was sent before still leaves. */
  close(): void {
    this.#closed = true
    this.#active = null
    for (const timer of [this.#forgetEpoch, this.#answer, this.#nextRound]) {
      if (timer !== null) clearTimeout(timer)
    }
    for (const line of this.#lines) line.close()
  }

  #lineTo(address: string): MasterLine {
    const options = this.#options
    return new MasterLine({
      address,
      log: options.log,
      lookup: options.lookup ?? systemLookup,
      maxMessageBytes: options.maxMessageBytes ?? limits.MAX_MESSAGE_BYTES,
      maxBufferedBytes: options.maxBufferedBytes ?? limits.MAX_BUFFERED_BYTES,
      pingIntervalMs: options.pingIntervalMs ?? limits.PING_INTERVAL_MS,
      idleTimeoutMs: options.idleTimeoutMs ?? limits.IDLE_TIMEOUT_MS,
      pauses: options.backOff?.() ?? new BackOff(),
      onOpen: () => this.#offer(),
      onMessage: (line, body) => this.#receive(line, body),
      onLost: (line, reason) => {
        if (line === this.#active) this.#deactivate(reason)
      },
    })
  }

  // ---- finding the master that leads ----

  /** Shows the owner the next master that may take it in, if it has none. */
  #offer(): void {
    if (this.#active !== null || this.#closed) return
    const next = this.#candidate()
    if (next === null) return this.#askAgainLater()
    next.asked = true
    this.#activate(next, null)
  }

  #candidate(): MasterLine | null {
    for (const line of [this.#named, this.#lastServed, ...this.#lines]) {
      if (line !== null && line.open && !line.asked) return line
    }
    return null
  }

  #askAgainLater(): void {
    const standbys = this.#lines.filter(({ open }) => open)
    // Who is not open yet is asked when it is.
    if (this.#nextRound !== null || standbys.length === 0) return
    const waitMs = this.#standbyPauses.next()
    this.#options.log.debug(`${standbys.length} masters stand by; asked again in ${waitMs} ms`)
    this.#nextRound = setTimeout(() => {
      this.#nextRound = null
      for (const line of this.#lines) line.renew()
    }, waitMs)
  }

  #activate(line: MasterLine, changed: MasterChangedT | null): void {
    this.#active = line
    this.#served = false
    if (this.#nextRound !== null) clearTimeout(this.#nextRound)
    this.#nextRound = null
    if (changed === null) this.#watchAnswer(line)
    else this.#serves(line, changed.epoch)
    this.#options.onOpen(changed)
  }

  /** The owner has no master from now on, and gets the next one. */
  #deactivate(reason: string): void {
    this.#leave(reason)
    this.#offer()
  }

  #leave(reason: string): void {
    this.#active = null
    if (this.#answer !== null) clearTimeout(this.#answer)
    this.#answer = null
    this.#forgetEpoch ??= setTimeout(() => {
      this.#forgetEpoch = null
      this.#epoch = 0
    }, this.#options.epochMemoryMs ?? limits.EPOCH_MEMORY_MS)
    this.#options.onClose(reason)
  }

  /** One that was asked and keeps silent must not keep its owner from the others. */
  #watchAnswer(line: MasterLine): void {
    const limitMs = this.#options.answerTimeoutMs ?? limits.ANSWER_TIMEOUT_MS
    this.#answer = setTimeout(() => {
      this.#watchAnswer(line)
      // Cut, so that an answer that comes late binds nobody.
      if (this.#candidate() !== null) line.drop(`it has not answered for ${limitMs} ms`)
    }, limitMs)
  }

  /** The active line's master leads, under this epoch; 0: it counts none. */
  #serves(line: MasterLine, epoch: number): void {
    this.#served = true
    this.#lastServed = line
    this.#named = null
    line.proven()
    this.#standbyPauses.reset()
    if (this.#answer !== null) clearTimeout(this.#answer)
    this.#answer = null
    if (epoch === 0) return
    this.#epoch = epoch
    if (this.#forgetEpoch !== null) clearTimeout(this.#forgetEpoch)
    this.#forgetEpoch = null
  }

  // ---- what masters say ----

  #receive(line: MasterLine, body: BodyT): void {
    if (body instanceof MasterInStandbyT) return this.#standsBy(line, body)
    if (body instanceof MasterChangedT) return this.#changed(line, body)
    if (line !== this.#active) return line.ignore(body)
    const epoch = epochOf(body)
    if (this.#isOutdated(epoch)) return line.drop(this.#outdated(epoch))
    this.#serves(line, epoch)
    this.#options.onMessage(body)
  }

  #standsBy(line: MasterLine, body: MasterInStandbyT): void {
    line.asked = true
    const named = this.#lines.find(({ address }) => `spark://${address}` === body.leaderUrl)
    if (named !== undefined) {
      this.#named = named
      if (!this.#served) named.hurry()
    }
    if (line !== this.#active) return
    this.#options.onMessage(body)
    if (line === this.#active) this.#deactivate('it is a standby master')
  }

  #changed(line: MasterLine, body: MasterChangedT): void {
    const { epoch } = body
    const url = String(body.masterUrl)
    if (line === this.#active) {
      if (this.#isOutdated(epoch)) return line.drop(this.#outdated(epoch))
      this.#serves(line, epoch)
      return this.#options.onMessage(body)
    }
    const isNews =
      this.#active !== null && this.#served ? epoch > this.#epoch : !this.#isOutdated(epoch)
    if (!isNews) {
      // Should the other one be lost, this one is asked.
      line.asked = false
      const text = `${url} says that it leads under epoch ${epoch}; ${this.#epoch} was heard: ignored`
      return this.#options.log.warn(text)
    }
    this.#options.log.info(`${url} leads under epoch ${epoch}`)
    const before = this.#active
    if (before !== null) this.#leave(`${url} leads now`)
    // The owner may have closed the link on hearing that.
    if (this.#closed) return
    this.#activate(line, body)
    before?.drop(`${url} leads now`)
  }

  #isOutdated(epoch: number): boolean {
    return epoch !== 0 && epoch < this.#epoch && this.#lines.length > 1
  }

  #outdated(epoch: number): string {
    return `it leads under epoch ${epoch}, which is over: another one leads under ${this.#epoch}`
  }
}

/** 0: the message names none. */
function epochOf(body: BodyT): number {
  return body instanceof WorkerRegisteredT || body instanceof ApplicationRegisteredT
    ? body.epoch
    : 0
}
