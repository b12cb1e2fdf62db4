/** One Spark connection that has something to tell the core: its session, and the asks that wait for it. */
import { ControlError, encodeShared, type BodyT } from '../control/codec.js'
import { InboxKind } from '../control/records.js'
import type { DriverStatusResponseT, ReplyT } from '../schema/magneto.js'
import type { Logger } from '../log/logger.js'
import { UnsupportedPeerError, type OutgoingMessage, type RpcAddress } from './messages.js'
import type { RpcConnection, RpcReply } from './rpc-connection.js'
import { sparkError } from './rpc-server.js'
import { TranslationError } from './gateway-translate.js'

/** Takes records for the core. @param canWait for some ms, for others to go with it */
export type AddRecord = (
  kind: InboxKind,
  session: GatewaySession,
  payload: Uint8Array | string,
  canWait: boolean,
) => void

/** This master as its peers know it. */
export interface MasterIdentity {
  /** The one text that workers compare orders with (trap 11). */
  readonly url: string
  readonly address: RpcAddress
  readonly webUiUrl: string
  /** null: REST has no port of its own. */
  readonly restPort: number | null
}

/** What the gateway's parts share. */
export interface GatewayContext {
  readonly log: Logger
  /** null: it is still starting; the core says nothing yet. */
  master: MasterIdentity | null
}

/** What a peer asks of the core. */
export interface Ask {
  /** @returns what is encoded at once @throws TranslationError when a number in it makes no sense */
  body(this: void, requestId: number): BodyT
  readonly answers: Answers
}

/** How one kind of ask is answered. */
export interface Answers {
  /** @param body what the core answered */
  answer(body: ReplyT | DriverStatusResponseT): OutgoingMessage
  /** There is no answer of the core, for this reason. null: a failed ask says so. */
  no(reason: string): OutgoingMessage | null
}

interface OpenAsk {
  readonly reply: RpcReply
  readonly answers: Answers
}

/** Request ids on the control side; they start over after this. */
const MAX_REQUEST_ID = 2 ** 32 - 1
/** Of reports that the gateway makes itself: nobody waits for the answer. */
export const NO_REQUEST = 0

export class GatewaySession {
  readonly id: number
  readonly connection: RpcConnection
  readonly #add: AddRecord
  /** By the id that the core knows them by. */
  readonly #asks = new Map<number, OpenAsk>()
  #lastRequestId = NO_REQUEST
  #isOpen = false

  constructor(id: number, connection: RpcConnection, add: AddRecord) {
    this.id = id
    this.connection = connection
    this.#add = add
  }

  /** @throws ControlError when the message can't be built */
  tell(body: BodyT): void {
    this.tellEncoded(encodeShared(body), false)
  }

  /**
   * @param bytes a finished Message, which is copied
   * @param canWait nobody waits for what comes of it: it may leave some ms later, in its order
   */
  tellEncoded(bytes: Uint8Array, canWait: boolean): void {
    if (!this.#isOpen) this.#add(InboxKind.CONNECTED, this, this.connection.peer, false)
    this.#isOpen = true
    this.#add(InboxKind.MESSAGE, this, bytes, canWait)
  }

  /** @param reply answered exactly once; asks of one connection are bounded by RpcLimits.maxOpenAsks */
  ask(reply: RpcReply, { body, answers }: Ask): void {
    let requestId = this.#lastRequestId
    do requestId = requestId >= MAX_REQUEST_ID ? NO_REQUEST + 1 : requestId + 1
    while (this.#asks.has(requestId))
    try {
      this.tell(body(requestId))
    } catch (error) {
      if (!(error instanceof TranslationError || error instanceof ControlError)) throw error
      this.connection.complain(error.message)
      return refuse(reply, answers, error.message)
    }
    this.#lastRequestId = requestId
    this.#asks.set(requestId, { reply, answers })
  }

  /** @returns whether such a request was open */
  answer(body: ReplyT | DriverStatusResponseT): boolean {
    if (body.requestId === NO_REQUEST) return true
    const ask = this.#asks.get(body.requestId)
    if (ask === undefined) return false
    this.#asks.delete(body.requestId)
    respond(ask.reply, ask.answers.answer(body))
    return true
  }

  /** Answers everything that is open: nothing of the core will. */
  refuseAsks(reason: string): void {
    const open = [...this.#asks.values()]
    this.#asks.clear()
    for (const { reply, answers } of open) refuse(reply, answers, reason)
  }

  /** The connection is gone. */
  disconnected(reason: string): void {
    this.#asks.clear()
    if (this.#isOpen) this.#add(InboxKind.DISCONNECTED, this, reason, false)
  }
}

/** Answers an ask with its own no. */
function refuse(reply: RpcReply, answers: Answers, reason: string): void {
  const no = answers.no(reason)
  if (no === null) reply.failure(sparkError(reason))
  else respond(reply, no)
}

/** What can't be written in the asker's version fails instead: every ask is answered. */
export function respond(reply: RpcReply, message: OutgoingMessage): void {
  try {
    reply.value(message)
  } catch (error) {
    if (!(error instanceof UnsupportedPeerError)) throw error
    reply.failure(sparkError(error.message))
  }
}
