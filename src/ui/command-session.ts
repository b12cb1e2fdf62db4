/** Commands of the web thread as control messages under a WEB session, and the replies to them (spec U13 to U15). */
import { openOutcome } from '../rest/standby.js'
import { AskSession, type Answered } from '../control/ask-session.js'
import type { BodyT } from '../control/codec.js'
import { BatchWriter, records, sessionOf, SessionSource } from '../control/records.js'
import {
  DecommissionWorkersOnHostsT,
  KillApplicationT,
  ReplyT,
  RequestKillDriverT,
} from '../schema/magneto.js'

export interface CommandReply {
  readonly ok: boolean
  readonly message: string
  /** How many workers a decommission met. */
  readonly count: number
}

/** What the pages may ask for. All of them throw Unanswered when no answer comes. */
export interface Commands {
  killApplication(appId: string): Promise<CommandReply>
  killDriver(driverId: string): Promise<CommandReply>
  decommissionWorkers(hosts: readonly string[]): Promise<CommandReply>
}

export class CommandSession implements Commands {
  readonly #session: AskSession
  #counter = 0

  /** @param post sends a batch of inbox records to the main thread */
  constructor(post: (batch: Uint8Array) => void) {
    this.#session = new AskSession({
      peer: 'web',
      nextSession: () => sessionOf(SessionSource.WEB, ++this.#counter),
      post: (asked) => {
        const batch = new BatchWriter(1024)
        for (const { kind, session, payload } of asked) batch.add(kind, session, payload)
        post(batch.view())
      },
    })
  }

  async killApplication(appId: string): Promise<CommandReply> {
    return this.#command((requestId) => new KillApplicationT(requestId, appId))
  }

  async killDriver(driverId: string): Promise<CommandReply> {
    return this.#command((requestId) => new RequestKillDriverT(requestId, driverId))
  }

  async decommissionWorkers(hosts: readonly string[]): Promise<CommandReply> {
    return this.#command((requestId) => new DecommissionWorkersOnHostsT(requestId, [...hosts]))
  }

  /** @throws Unanswered when no answer comes @throws ControlError when the request can't be encoded */
  async ask(request: (requestId: number) => BodyT): Promise<Answered> {
    return this.#session.ask(request)
  }

  /** Takes a batch of outbox records that the core has for this session. */
  receive(batch: Uint8Array): void {
    for (const record of records(batch)) this.#session.receive(record)
  }

  /** This master leads no more: what waits is answered by nobody. */
  end(reason: string): void {
    this.#session.end(openOutcome(reason))
  }

  close(): void {
    this.#session.close()
  }

  async #command(request: (requestId: number) => BodyT): Promise<CommandReply> {
    const answered = await this.#session.ask(request)
    const { ok, message, count } = answered instanceof ReplyT ? answered : new ReplyT()
    return { ok, message: message ?? '', count }
  }
}
