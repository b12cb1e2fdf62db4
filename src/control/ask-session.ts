/** One session of a thread of the master that asks the core, on behalf of whoever speaks HTTP to it. */
import { DriverStatusResponseT, ReplyT } from '../schema/magneto.js'
import { decode, encode, type BodyT } from './codec.js'
import { InboxKind, OutboxKind, type BatchRecord } from './records.js'

/** Requests that may wait for the core's answer at once. */
export const asksWaitingMax = 64
export const answerWaitMs = 10_000
const requestIdMax = 2 ** 32 - 1
/** As the core reads it: nobody waits for the answer. */
const noRequest = 0

/** The request did not get its answer; whether the master carried it out is open. */
export class Unanswered extends Error {}

/** What the core answers to a request with an id. */
export type Answered = ReplyT | DriverStatusResponseT

/** A record for the core. */
export interface AskRecord {
  readonly kind: InboxKind
  readonly session: number
  readonly payload: Uint8Array | string
}

export interface AskSessionOptions {
  /** What the core's log calls the peer. */
  readonly peer: string
  /** A number that no session of this source had before. */
  nextSession(): number
  /** Takes records for the core; those of one call stay together. */
  post(records: readonly AskRecord[]): void
}

interface Waiting {
  resolve(answer: Answered): void
  reject(error: Unanswered): void
  readonly timer: NodeJS.Timeout
}

export class AskSession {
  readonly #options: AskSessionOptions
  readonly #waiting = new Map<number, Waiting>()
  /** null: the next request opens one. */
  #session: number | null = null
  #lastRequest = noRequest

  constructor(options: AskSessionOptions) {
    this.#options = options
  }

  /** @throws Unanswered when no answer comes @throws ControlError when the request can't be encoded */
  async ask(request: (requestId: number) => BodyT): Promise<Answered> {
    if (this.#waiting.size >= asksWaitingMax) {
      throw new Unanswered(`${asksWaitingMax} commands wait for the master; try again later`)
    }
    const requestId = this.#lastRequest >= requestIdMax ? noRequest + 1 : this.#lastRequest + 1
    this.#lastRequest = requestId
    const message = encode(request(requestId))
    const answered = new Promise<Answered>((resolve, reject) => {
      const timer = setTimeout(
        () => this.#fail(requestId, 'the master did not answer in time'),
        answerWaitMs,
      )
      this.#waiting.set(requestId, { resolve, reject, timer })
    })
    this.#post(message)
    return answered
  }

  /** Takes what the core has for a session. @returns false when it is for another one */
  receive({ kind, session, payload }: BatchRecord): boolean {
    if (session !== this.#session) return false
    const recordKind: OutboxKind = kind
    if (recordKind === OutboxKind.SEND) this.#answer(payload)
    if (recordKind === OutboxKind.CLOSE) this.#closed(new TextDecoder().decode(payload))
    return true
  }

  /** Nothing of the core comes any more. */
  close(): void {
    this.#failAll('the master is stopping')
  }

  #post(message: Uint8Array): void {
    const { peer } = this.#options
    const opened = this.#session === null
    const session = this.#session ?? this.#options.nextSession()
    this.#session = session
    const connected = { kind: InboxKind.CONNECTED, session, payload: peer }
    const asked = { kind: InboxKind.MESSAGE, session, payload: message }
    this.#options.post(opened ? [connected, asked] : [asked])
  }

  #answer(payload: Uint8Array): void {
    const body = decode(payload)
    if (!(body instanceof ReplyT || body instanceof DriverStatusResponseT)) return
    this.#take(body.requestId)?.resolve(body)
  }

  /** Whatever waits is not answered: the core of the session is gone. The next request opens a new one. */
  end(reason: string): void {
    if (this.#session !== null) this.#closed(reason)
  }

  /** The core ended the session: it gets its DISCONNECTED, and the next request opens a new one. */
  #closed(reason: string): void {
    const session = this.#session!
    this.#session = null
    this.#options.post([{ kind: InboxKind.DISCONNECTED, session, payload: 'closed by master' }])
    this.#failAll(reason)
  }

  #failAll(reason: string): void {
    for (const requestId of this.#waiting.keys()) this.#fail(requestId, reason)
  }

  #fail(requestId: number, reason: string): void {
    this.#take(requestId)?.reject(new Unanswered(reason))
  }

  #take(requestId: number): Waiting | undefined {
    const waiting = this.#waiting.get(requestId)
    this.#waiting.delete(requestId)
    if (waiting !== undefined) clearTimeout(waiting.timer)
    return waiting
  }
}
