/**
 * A fake network of TCP-like connections between peers and the master: what is sent arrives late but in
 * order, or the connection ends. An end may lose what was still under way, in each direction on its own;
 * a peer may also vanish without notice, so that the master learns of it much later.
 */
import type { Clock } from './clock.js'
import type { Random } from './random.js'

export interface Receiver {
  receive(bytes: Uint8Array): void
  closed(reason: string): void
}

type Content = { readonly bytes: Uint8Array } | { readonly reason: string }

interface Item {
  readonly dueMs: number
  readonly content: Content
}

/** One direction. */
class Pipe {
  readonly #clock: Clock
  readonly #random: Random
  readonly #receiver: Receiver
  readonly #underWay: Item[] = []
  #lastArrivalMs = 0
  #stalledUntilMs = 0
  #ended = false
  #delayMaxMs: number

  constructor(clock: Clock, random: Random, receiver: Receiver, delayMaxMs: number) {
    this.#clock = clock
    this.#random = random
    this.#receiver = receiver
    this.#delayMaxMs = delayMaxMs
  }

  get ended(): boolean {
    return this.#ended
  }

  put(content: Content): void {
    if (this.#ended) return
    const delayMs = this.#random.between(0, this.#delayMaxMs)
    this.#lastArrivalMs = Math.max(this.#lastArrivalMs, this.#clock.nowMs + delayMs)
    this.#underWay.push({ dueMs: this.#lastArrivalMs, content })
    this.#clock.after(this.#lastArrivalMs - this.#clock.nowMs, () => this.#arrive())
  }

  /** Nothing arrives for a while; then everything does. */
  stall(forMs: number): void {
    this.#stalledUntilMs = this.#clock.nowMs + forMs
  }

  /** The receiver is gone or has closed: nothing arrives any more. */
  end(): void {
    this.#ended = true
    this.#underWay.length = 0
  }

  /** A random end of what is under way is lost; the receiver learns of the end after the rest. */
  cut(reason: string, noticeMs: number): void {
    this.#underWay.length = this.#random.between(0, this.#underWay.length)
    this.#stalledUntilMs = 0
    this.#lastArrivalMs = Math.max(this.#lastArrivalMs, this.#clock.nowMs + noticeMs)
    this.#delayMaxMs = 0
    this.put({ reason })
  }

  // An arrival brings the oldest item, not the one it was scheduled for: a stall can't reorder.
  #arrive(): void {
    const { nowMs } = this.#clock
    if (nowMs < this.#stalledUntilMs) {
      this.#clock.after(this.#stalledUntilMs - nowMs, () => this.#arrive())
      return
    }
    const [item] = this.#underWay
    // After a cut there are more arrivals than items; each item still waits for its own time.
    if (item === undefined || item.dueMs > nowMs) return
    this.#underWay.shift()
    if ('bytes' in item.content) {
      this.#receiver.receive(item.content.bytes)
      return
    }
    this.end()
    this.#receiver.closed(item.content.reason)
  }
}

const noticeMaxMs = 2_000
/** The master's end of a broken connection may stay half open, well into the peer's next connection. */
const halfOpenRate = 0.3
const halfOpenMaxMs = 60_000
/** A dead peer is noticed by keep-alive probes at last: those of the link, or only those of the kernel. */
const vanishedNoticeMs = 150_000
const kernelNoticeMs = 7_200_000

export class Connection {
  readonly session: number
  readonly #toMaster: Pipe
  readonly #toPeer: Pipe
  readonly #random: Random

  constructor(
    clock: Clock,
    random: Random,
    session: number,
    master: Receiver,
    peer: Receiver,
    delayMaxMs: number,
  ) {
    this.#random = random
    this.session = session
    this.#toMaster = new Pipe(clock, random, master, delayMaxMs)
    this.#toPeer = new Pipe(clock, random, peer, delayMaxMs)
  }

  get peerOpen(): boolean {
    return !this.#toPeer.ended
  }

  sendToMaster(bytes: Uint8Array): void {
    this.#toMaster.put({ bytes: bytes.slice() })
  }

  sendToPeer(bytes: Uint8Array): void {
    this.#toPeer.put({ bytes: bytes.slice() })
  }

  /** In order, behind what was sent. The one who closes hears nothing more. */
  closeByPeer(reason: string): void {
    this.#toPeer.end()
    this.#toMaster.put({ reason })
  }

  closeByMaster(reason: string): void {
    this.#toMaster.end()
    this.#toPeer.put({ reason })
  }

  /** The connection breaks; both sides learn it, each in its own time. */
  cut(): void {
    const halfOpen = this.#random.chance(halfOpenRate)
    const masterNoticeMs = this.#random.between(0, halfOpen ? halfOpenMaxMs : noticeMaxMs)
    this.#toMaster.cut('connection reset', masterNoticeMs)
    this.#toPeer.cut('connection reset', this.#random.between(0, noticeMaxMs))
  }

  /** The peer is gone. */
  peerGone(): void {
    this.#toPeer.end()
    this.#toMaster.cut('connection reset', this.#random.between(0, 100))
  }

  /** The peer is gone and the master's side stays half open for long. @param beats who beats is missed soon */
  peerVanished(beats: boolean): void {
    this.#toPeer.end()
    this.#toMaster.cut('no answer to probes', beats ? kernelNoticeMs : vanishedNoticeMs)
  }

  /** The master's side dies: the peer learns it soon, or by its probes, and what is under way may be lost. */
  masterGone(atLeastMs: number): void {
    this.#toMaster.end()
    this.#toPeer.cut('connection reset', atLeastMs + this.#random.between(0, noticeMaxMs))
  }

  /** A partition that heals: late, but nothing is lost. */
  stall(forMs: number): void {
    this.#toMaster.stall(forMs)
    this.#toPeer.stall(forMs)
  }
}
