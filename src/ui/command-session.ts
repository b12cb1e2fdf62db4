/** Commands of the web thread as control messages under a WEB session, and the replies to them (spec U13 to U15). */
import { decode, encode, type BodyT } from '../control/codec.js'
import {
  BatchWriter,
  InboxKind,
  OutboxKind,
  records,
  sessionOf,
  SessionSource,
} from '../control/records.js'
import {
  DecommissionWorkersOnHostsT,
  DriverStatusResponseT,
  KillApplicationT,
  ReplyT,
  RequestKillDriverT,
} from '../schema/magneto.js'
import { CommandFailed } from './errors.js'
import { settleable, type Settleable } from './view-cache.js'

export const commandsWaitingMax = 64
export const replyWaitMs = 10_000
const requestIdSpan = 2 ** 32

export interface CommandReply {
  readonly ok: boolean
  readonly message: string
  /** How many workers a decommission met. */
  readonly count: number
}

/** What the core answers to a request with an id. */
export type Answered = ReplyT | DriverStatusResponseT

/** What the pages may ask for. All of them throw CommandFailed when no answer comes. */
export interface Commands {
  killApplication(appId: string): Promise<CommandReply>
  killDriver(driverId: string): Promise<CommandReply>
  decommissionWorkers(hosts: readonly string[]): Promise<CommandReply>
}

interface Waiting {
  readonly reply: Settleable<Answered>
  readonly timer: NodeJS.Timeout
}

export class CommandSession implements Commands {
  readonly #post: (batch: Uint8Array<ArrayBuffer>) => void
  readonly #waiting = new Map<number, Waiting>()
  #counter = 0
  #session: number | null = null
  #nextRequest = 1

  /** @param post sends a batch of inbox records to the main thread */
  constructor(post: (batch: Uint8Array<ArrayBuffer>) => void) {
    this.#post = post
  }

  async killApplication(appId: string): Promise<CommandReply> {
    return this.#ask((requestId) => new KillApplicationT(requestId, appId))
  }

  async killDriver(driverId: string): Promise<CommandReply> {
    return this.#ask((requestId) => new RequestKillDriverT(requestId, driverId))
  }

  async decommissionWorkers(hosts: readonly string[]): Promise<CommandReply> {
    return this.#ask((requestId) => new DecommissionWorkersOnHostsT(requestId, [...hosts]))
  }

  async #ask(request: (requestId: number) => BodyT): Promise<CommandReply> {
    const answered = await this.ask(request)
    const { ok, message, count } = answered instanceof ReplyT ? answered : new ReplyT()
    return { ok, message: message ?? '', count }
  }

  /** @throws CommandFailed when no answer comes @throws ControlError when the request can't be encoded */
  async ask(request: (requestId: number) => BodyT): Promise<Answered> {
    if (this.#waiting.size >= commandsWaitingMax) {
      throw new CommandFailed(`${commandsWaitingMax} commands wait for the master; try again later`)
    }
    const requestId = this.#nextRequest
    this.#nextRequest = (requestId + 1) % requestIdSpan
    const message = encode(request(requestId))
    const reply = settleable<Answered>()
    const timer = setTimeout(
      () => this.#fail(requestId, 'the master did not answer in time'),
      replyWaitMs,
    )
    this.#waiting.set(requestId, { reply, timer })
    const batch = new BatchWriter(1024)
    const session = this.#open(batch)
    batch.add(InboxKind.MESSAGE, session, message)
    this.#post(batch.take())
    return reply.promise
  }

  /** Takes a batch of outbox records that the core has for this session. */
  receive(batch: Uint8Array): void {
    for (const record of records(batch)) {
      if (record.session !== this.#session) continue
      const kind: OutboxKind = record.kind
      if (kind === OutboxKind.SEND) this.#answer(record.payload)
      if (kind === OutboxKind.CLOSE) this.#closed(new TextDecoder().decode(record.payload))
    }
  }

  close(): void {
    for (const requestId of this.#waiting.keys()) this.#fail(requestId, 'the master is stopping')
  }

  #open(batch: BatchWriter): number {
    if (this.#session !== null) return this.#session
    this.#counter += 1
    this.#session = sessionOf(SessionSource.WEB, this.#counter)
    batch.add(InboxKind.CONNECTED, this.#session, 'web')
    return this.#session
  }

  #answer(payload: Uint8Array): void {
    const body = decode(payload)
    if (!(body instanceof ReplyT || body instanceof DriverStatusResponseT)) return
    this.#take(body.requestId)?.reply.resolve(body)
  }

  /** The core ended the session: it gets its DISCONNECTED, and the next command opens a new one. */
  #closed(reason: string): void {
    const batch = new BatchWriter(256)
    if (this.#session !== null) batch.add(InboxKind.DISCONNECTED, this.#session, 'closed by master')
    this.#session = null
    this.#post(batch.take())
    for (const requestId of this.#waiting.keys()) this.#fail(requestId, reason)
  }

  #take(requestId: number): Waiting | undefined {
    const waiting = this.#waiting.get(requestId)
    this.#waiting.delete(requestId)
    if (waiting !== undefined) clearTimeout(waiting.timer)
    return waiting
  }

  #fail(requestId: number, reason: string): void {
    this.#take(requestId)?.reply.reject(new CommandFailed(reason))
  }
}
