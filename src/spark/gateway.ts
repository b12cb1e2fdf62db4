/**
 * The Spark gateway without its thread: the endpoint `Master`. Every Spark connection that has something to
 * tell the core is a session of source GATEWAY; Spark messages become control messages in batches of
 * records for the main thread, and its records become Spark messages.
 */
import { ControlError, decode, encode, type BodyT } from '../control/codec.js'
import {
  BatchWriter,
  InboxKind,
  OutboxKind,
  records,
  sessionOf,
  SessionSource,
  type BatchRecord,
} from '../control/records.js'
import type { Logger } from '../log/logger.js'
import {
  ApplicationRegisteredT,
  RefusedT,
  ReplyT,
  UnregisterApplicationT,
} from '../schema/magneto.js'
import { askForRelease } from './driver-release.js'
import {
  addressOfMasterUrl,
  killExecutorsOf,
  registerApplicationOf,
  requestExecutorsOf,
  toDriver,
  TranslationError,
} from './gateway-translate.js'
import { noTo, refusalOf, WORKERS_NOT_SERVED } from './gateway-unserved.js'
import {
  UnsupportedPeerError,
  type EndpointRef,
  type IncomingMessage,
  type RegisterApplication,
  type RpcAddress,
} from './messages.js'
import { shown, type RpcConnection, type RpcReply } from './rpc-connection.js'
import { sparkError, type Endpoint, type RpcCall } from './rpc-server.js'

/** A batch goes to the main thread at the end of the turn, or when it has become this large. */
const MAX_BATCH_BYTES = 1024 * 1024
/** What may wait for the main thread while the master starts. */
const MAX_HELD_BYTES = 64 * 1024 * 1024
/** Drivers register, a few times when the answer is slow, and unregister. */
const MAX_ONE_WAYS = 64
/** Request ids on the control side; they start over after this. */
const MAX_REQUEST_ID = 2 ** 32 - 1

export interface GatewayOptions {
  readonly log: Logger
  /** Takes a batch of inbox records, whose bytes it may transfer. */
  post(batch: Uint8Array<ArrayBuffer>): void
}

interface Session {
  readonly id: number
  readonly connection: RpcConnection
  /** Asks that the core has not answered, by the id that it knows them by. */
  readonly asks: Map<number, RpcReply>
  lastRequestId: number
  oneWays: number
  /** The driver's endpoint, from its first registration on. */
  driver: EndpointRef | null
  appUiUrl: string
  /** From the core's answer to the registration on: stops asking for the driver's release. */
  stopAsking: (() => void) | null
}

export class Gateway implements Endpoint {
  readonly #log: Logger
  readonly #options: GatewayOptions
  readonly #writer = new BatchWriter()
  readonly #sessions = new Map<number, Session>()
  readonly #byConnection = new Map<RpcConnection, Session>()
  #counter = 0
  #scheduled = false
  #master: RpcAddress | null = null

  constructor(options: GatewayOptions) {
    this.#log = options.log
    this.#options = options
  }

  /** The master is up: what came so far is handed over. @throws Error when the URL is no spark:// URL */
  ready(masterUrl: string): void {
    this.#master = addressOfMasterUrl(masterUrl)
    this.#flush()
  }

  receive(call: RpcCall): void {
    const { connection, message, reply } = call
    try {
      this.#receive(connection, message, reply)
    } catch (error) {
      if (!(error instanceof TranslationError || error instanceof ControlError)) throw error
      reply?.failure(sparkError(error.message))
      connection.complain(`${message.kind}: ${error.message}`)
      if (message.kind === 'RegisterApplication')
        this.#turnAway(connection, message.driver, error.message)
    }
  }

  unsupported(
    connection: RpcConnection,
    error: UnsupportedPeerError,
    message: IncomingMessage | null,
  ): void {
    if (message?.kind === 'RegisterApplication' || message?.kind === 'UnservedApplication')
      this.#turnAway(connection, message.driver, error.message)
    else if (message?.kind === 'RegisterWorker') connection.close(error.message)
  }

  /** Hands over at once what waits for the end of the turn. */
  flush(): void {
    if (this.#master !== null) this.#flush()
  }

  /** To be called exactly once for every connection that called `receive`. */
  connectionClosed(connection: RpcConnection, reason: string): void {
    const session = this.#byConnection.get(connection)
    if (session === undefined) return
    this.#log.info(`${connection.peer}: connection ended: ${reason}`)
    this.#byConnection.delete(connection)
    this.#sessions.delete(session.id)
    session.stopAsking?.()
    this.#add(InboxKind.DISCONNECTED, session, reason)
  }

  /** @param batch outbox records of the core. @throws RangeError when it is not made of records */
  handle(batch: Uint8Array): void {
    for (const record of records(batch)) {
      // The peer may have left while this was under way; the core learns that by DISCONNECTED.
      const session = this.#sessions.get(record.session)
      if (session !== undefined) this.#handleRecord(session, record)
    }
  }

  #receive(connection: RpcConnection, message: IncomingMessage, reply: RpcReply | null): void {
    switch (message.kind) {
      case 'RegisterApplication':
        this.#register(connection, message)
        break
      case 'UnservedApplication':
        this.#turnAway(connection, message.driver, message.reason)
        break
      case 'UnregisterApplication':
        this.#forwardOneWay(this.#sessionOf(connection), new UnregisterApplicationT(message.appId))
        break
      case 'RequestExecutors':
        this.#forwardAsk(connection, reply, (id) => requestExecutorsOf(message, id))
        break
      case 'KillExecutors':
        this.#forwardAsk(connection, reply, (id) => killExecutorsOf(message, id))
        break
      case 'RegisterWorker':
        connection.complain(`worker ${shown(message.id)} refused: ${WORKERS_NOT_SERVED}`)
        connection.send(
          message.worker,
          { kind: 'RegisterWorkerFailed', message: WORKERS_NOT_SERVED },
          this.#master,
        )
        break
      default: {
        const reason = refusalOf(message)
        const no = noTo(message)
        if (reply === null) connection.complain(`message dropped: ${reason}`)
        else if (no === null) reply.failure(sparkError(reason))
        else reply.value(no)
        return
      }
    }
    // Sent as an ask although Spark sends it one-way: nothing else will answer it.
    if (reply !== null && !isAsk(message)) reply.failure(sparkError(`${message.kind} has no reply`))
  }

  #register(connection: RpcConnection, message: RegisterApplication): void {
    const version = connection.dialect.requireVersion()
    const body = registerApplicationOf(message, version)
    const session = this.#sessionOf(connection)
    session.driver = message.driver
    session.appUiUrl = message.appDescription.appUiUrl
    const name = shown(message.appDescription.name)
    this.#log.info(`${connection.peer}: application ${name} of Spark ${version} registers`)
    this.#forwardOneWay(session, body)
  }

  /**
   * Tells a driver that it can't be served. Spark has no message for a refused registration, but a driver
   * that has none yet obeys ApplicationRemoved all the same: it ends with an error that shows the text.
   */
  #turnAway(connection: RpcConnection, driver: EndpointRef, reason: string): void {
    try {
      connection.send(driver, { kind: 'ApplicationRemoved', message: reason }, this.#master)
    } catch (error) {
      if (!(error instanceof UnsupportedPeerError)) throw error
      this.#log.warn(`${connection.peer}: the driver can't be told why: ${error.message}`)
    }
    this.#log.warn(`${connection.peer}: application refused: ${reason}`)
    connection.close(reason)
  }

  #sessionOf(connection: RpcConnection): Session {
    const known = this.#byConnection.get(connection)
    if (known !== undefined) return known
    const session: Session = {
      id: sessionOf(SessionSource.GATEWAY, ++this.#counter),
      connection,
      asks: new Map(),
      lastRequestId: 0,
      oneWays: 0,
      driver: null,
      appUiUrl: '',
      stopAsking: null,
    }
    this.#byConnection.set(connection, session)
    this.#sessions.set(session.id, session)
    this.#add(InboxKind.CONNECTED, session, connection.peer)
    return session
  }

  #forwardOneWay(session: Session, body: BodyT): void {
    session.oneWays++
    if (session.oneWays > MAX_ONE_WAYS) {
      session.connection.destroy(`over ${MAX_ONE_WAYS} registrations and ends of applications`)
      return
    }
    this.#add(InboxKind.MESSAGE, session, encode(body))
  }

  /** @param reply its number is bounded by RpcLimits.maxOpenAsks; null: sent one-way, answered nowhere */
  #forwardAsk(
    connection: RpcConnection,
    reply: RpcReply | null,
    bodyOf: (requestId: number) => BodyT,
  ): void {
    const session = this.#sessionOf(connection)
    if (reply === null) {
      connection.complain('an ask of Spark was sent one-way; dropped')
      return
    }
    do {
      session.lastRequestId =
        session.lastRequestId >= MAX_REQUEST_ID ? 1 : session.lastRequestId + 1
    } while (session.asks.has(session.lastRequestId))
    const requestId = session.lastRequestId
    const bytes = encode(bodyOf(requestId))
    session.asks.set(requestId, reply)
    this.#add(InboxKind.MESSAGE, session, bytes)
  }

  #handleRecord(session: Session, { kind, payload }: BatchRecord): void {
    const recordKind: OutboxKind = kind
    if (recordKind === OutboxKind.CLOSE) {
      this.#close(session, new TextDecoder().decode(payload))
      return
    }
    if (recordKind !== OutboxKind.SEND) {
      this.#log.error(`a record of kind ${kind} is nothing for the gateway`)
      return
    }
    try {
      this.#send(session, decode(payload))
    } catch (error) {
      if (!(error instanceof ControlError || error instanceof UnsupportedPeerError)) throw error
      this.#log.error(`${session.connection.peer}: ${error.message}`)
      this.#close(session, error.message)
    }
  }

  #send(session: Session, body: BodyT): void {
    const { connection, driver } = session
    if (body instanceof ReplyT) {
      this.#answer(session, body)
      return
    }
    if (body instanceof RefusedT) {
      const reason = body.message ?? ''
      failAsks(session, reason)
      if (driver === null) this.#close(session, reason)
      else this.#turnAway(connection, driver, reason)
      return
    }
    if (this.#master === null) throw new Error('a message of the core came before ready')
    const message = toDriver(body, this.#master)
    if (message === null || driver === null) {
      this.#log.error(`${connection.peer}: ${body.constructor.name} is nothing for this peer`)
      return
    }
    connection.send(driver, message, this.#master)
    if (body instanceof ApplicationRegisteredT) {
      this.#log.info(`${connection.peer}: registered as ${body.appId}`)
      this.#checkRelease(session, driver)
    }
  }

  /** What looks like a served version may be a release that writes the same messages: it is turned away. */
  #checkRelease(session: Session, driver: EndpointRef): void {
    const { connection, appUiUrl } = session
    const version = connection.dialect.requireVersion()
    session.stopAsking ??= askForRelease({
      host: connection.host,
      appUiUrl,
      onRelease: (release) => {
        if (connection.closed) return
        this.#log.info(`${connection.peer}: the driver's release is ${release}`)
        if (release.startsWith(`${version}.`)) return
        const seen = `this driver is of Spark ${release}, although its messages look like ${version}`
        this.#turnAway(connection, driver, new UnsupportedPeerError(seen).message)
      },
    })
  }

  #answer(session: Session, { requestId, ok, message }: ReplyT): void {
    const reply = session.asks.get(requestId)
    if (reply === undefined) {
      this.#log.error(
        `${session.connection.peer}: a reply to request ${requestId}, which is not open`,
      )
      return
    }
    session.asks.delete(requestId)
    if (!ok && message !== null) this.#log.debug(`${session.connection.peer}: ${message}`)
    reply.value({ kind: 'BooleanReply', value: ok })
  }

  #close(session: Session, reason: string): void {
    if (session.connection.closed) return
    failAsks(session, reason)
    this.#log.info(`${session.connection.peer}: closed by the master: ${reason}`)
    session.connection.close(reason)
  }

  #add(kind: InboxKind, session: Session, payload: Uint8Array | string): void {
    this.#writer.add(kind, session.id, payload)
    if (this.#master === null) {
      if (this.#writer.bytes > MAX_HELD_BYTES)
        session.connection.destroy('the master is starting and can take no more; try again')
      return
    }
    if (this.#writer.bytes >= MAX_BATCH_BYTES) this.#flush()
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.#flush()
    })
  }

  #flush(): void {
    if (this.#writer.bytes > 0) this.#options.post(this.#writer.take())
  }
}

function failAsks(session: Session, reason: string): void {
  for (const reply of session.asks.values()) reply.failure(sparkError(reason))
  session.asks.clear()
}

function isAsk({ kind }: IncomingMessage): boolean {
  return kind === 'RequestExecutors' || kind === 'KillExecutors'
}
