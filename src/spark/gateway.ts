/**
 * The Spark gateway without its thread: the endpoint `Master`. Every Spark connection that has something to
 * tell the core is a session of source GATEWAY; Spark messages become control messages in batches of
 * records for the main thread, and its records become Spark messages.
 */
import { AskSession, type Answered } from '../control/ask-session.js'
import { ControlError, decode, type BodyT } from '../control/codec.js'
import {
  BatchWriter,
  OutboxKind,
  records,
  sessionOf,
  SessionSource,
  type BatchRecord,
  type InboxKind,
} from '../control/records.js'
import type { Logger } from '../log/logger.js'
import { DriverStatusResponseT, MasterInStandbyT, RefusedT, ReplyT } from '../schema/magneto.js'
import { ApacheWorker, isOfWorker, type WorkerMessage } from './apache-worker.js'
import { askOf } from './gateway-asks.js'
import { GatewaySession, respond, type Ask, type GatewayContext } from './gateway-session.js'
import { addressOfMasterUrl, TranslationError } from './gateway-translate.js'
import { refusalOf } from './gateway-unserved.js'
import {
  UnsupportedPeerError,
  type EndpointRef,
  type IncomingMessage,
  type SparkVersion,
} from './messages.js'
import type { RpcConnection, RpcReply } from './rpc-connection.js'
import { sparkError, type Endpoint, type RpcCall } from './rpc-server.js'
import { SparkDriver, turnAway } from './spark-driver.js'
import { WorkerVersions } from './worker-versions.js'

/** A batch goes to the main thread at the end of the turn, or when it has become this large. */
const MAX_BATCH_BYTES = 1024 * 1024
/** What may wait for the main thread while the master starts. */
const MAX_HELD_BYTES = 64 * 1024 * 1024

export interface GatewayOptions {
  readonly log: Logger
  /** spark.magneto.apacheWorkerVersion */
  readonly apacheWorkerVersion?: SparkVersion | null
  /** spark.master.useDriverIdAsAppName.enabled */
  readonly useDriverIdAsAppName?: boolean
  /** Before each attempt to ask a worker's web UI; for tests. */
  readonly workerPausesMs?: readonly number[]
  /** Takes a batch of inbox records, whose bytes it may transfer. */
  post(batch: Uint8Array<ArrayBuffer>): void
}

/** A session, and who is at its other end, as far as that has shown. */
interface Peer {
  readonly session: GatewaySession
  worker: ApacheWorker | null
  driver: SparkDriver | null
}

export class Gateway implements Endpoint {
  readonly #log: Logger
  readonly #options: GatewayOptions
  readonly #context: GatewayContext
  readonly #versions: WorkerVersions
  readonly #writer = new BatchWriter()
  readonly #bySession = new Map<number, Peer>()
  readonly #byConnection = new Map<RpcConnection, Peer>()
  /** Of everybody who speaks HTTP on this port. */
  readonly #http: AskSession
  #counter = 0
  #scheduled = false

  constructor(options: GatewayOptions) {
    this.#log = options.log
    this.#options = options
    this.#context = { log: options.log, master: null }
    this.#versions = new WorkerVersions(options.apacheWorkerVersion ?? null, options.workerPausesMs)
    this.#http = new AskSession({
      peer: 'HTTP',
      nextSession: () => this.#nextSession(),
      post: (asked) => {
        for (const { kind, session, payload } of asked) this.#write(kind, session, payload)
      },
    })
  }

  /**
   * The master is up: what came so far is handed over.
   * @param restPort null: REST has no port of its own
   * @throws Error when the URL is no spark:// URL
   */
  ready(masterUrl: string, webUiUrl: string, restPort: number | null = null): void {
    const address = addressOfMasterUrl(masterUrl)
    this.#context.master = { url: masterUrl, address, webUiUrl, restPort }
    this.#flush()
  }

  /** For HTTP, once the master is up. @throws Unanswered @throws ControlError as AskSession.ask */
  async ask(request: (requestId: number) => BodyT): Promise<Answered> {
    return this.#http.ask(request)
  }

  /** Nothing of the core comes any more. */
  close(): void {
    this.#http.close()
  }

  receive({ connection, message, reply }: RpcCall): void {
    try {
      this.#receive(connection, message, reply)
    } catch (error) {
      if (!(error instanceof TranslationError || error instanceof ControlError)) throw error
      reply?.failure(sparkError(error.message))
      connection.complain(`${message.kind}: ${error.message}`)
      if (message.kind === 'RegisterApplication')
        turnAway(connection, message.driver, error.message, this.#context)
    }
  }

  unsupported(
    connection: RpcConnection,
    error: UnsupportedPeerError,
    message: IncomingMessage | null,
  ): void {
    if (message?.kind === 'RegisterApplication' || message?.kind === 'UnservedApplication')
      turnAway(connection, message.driver, error.message, this.#context)
    else if (message?.kind === 'RegisterWorker') {
      this.#peerOf(connection, message.worker).worker!.refused(error.message)
      connection.close(error.message)
    }
  }

  /** Hands over at once what waits for the end of the turn. */
  flush(): void {
    if (this.#context.master !== null) this.#flush()
  }

  /** To be called exactly once for every connection that called `receive`. */
  connectionClosed(connection: RpcConnection, reason: string): void {
    const peer = this.#byConnection.get(connection)
    if (peer === undefined) return
    this.#log.info(`${connection.peer}: connection ended: ${reason}`)
    this.#byConnection.delete(connection)
    this.#bySession.delete(peer.session.id)
    peer.driver?.ended()
    peer.worker?.ended()
    peer.session.disconnected(reason)
  }

  /** @param batch outbox records of the core. @throws RangeError when it is not made of records */
  handle(batch: Uint8Array): void {
    for (const record of records(batch)) {
      if (this.#http.receive(record)) continue
      // The peer may have left while this was under way; the core learns that by DISCONNECTED.
      const peer = this.#bySession.get(record.session)
      if (peer !== undefined) this.#handleRecord(peer, record)
    }
  }

  #receive(connection: RpcConnection, message: IncomingMessage, reply: RpcReply | null): void {
    const { useDriverIdAsAppName } = this.#options
    const ask = askOf(message, connection.dialect.candidates, useDriverIdAsAppName)
    if (ask !== null) return this.#ask(connection, ask, reply)
    if (isOfWorker(message)) {
      this.#fromWorker(connection, message, reply)
    } else if (message.kind === 'RegisterApplication') {
      this.#driverOf(connection).register(message)
    } else if (message.kind === 'UnregisterApplication') {
      this.#driverOf(connection).unregister(message.appId)
    } else if (message.kind === 'UnservedApplication') {
      turnAway(connection, message.driver, message.reason, this.#context)
    } else if (message.kind === 'BoundPortsRequest' && reply !== null) {
      this.#tellPorts(reply)
    } else {
      const reason = refusalOf(message, this.#context.master?.webUiUrl ?? '')
      if (reply === null) connection.complain(`message dropped: ${reason}`)
      else reply.failure(sparkError(reason))
      return
    }
    // Sent as an ask although Spark sends it one-way: nothing else will answer it.
    if (reply !== null && !isAsk(message)) reply.failure(sparkError(`${message.kind} has no reply`))
  }

  #ask(connection: RpcConnection, ask: Ask, reply: RpcReply | null): void {
    if (reply !== null) this.#peerOf(connection).session.ask(reply, ask)
    else connection.complain('an ask of Spark was sent one-way; dropped')
  }

  #fromWorker(connection: RpcConnection, message: WorkerMessage, reply: RpcReply | null): void {
    const { worker } = this.#peerOf(connection, 'worker' in message ? message.worker : null)
    if (worker !== null) worker.receive(message, reply)
    else if (message.kind !== 'ExecutorStateChanged' || reply === null)
      connection.complain(`${message.kind} came before the worker's registration; dropped`)
    // Workers end themselves without this answer (L10).
    else respond(reply, { kind: 'BooleanReply', value: true })
  }

  #tellPorts(reply: RpcReply): void {
    const { master } = this.#context
    if (master === null) return reply.failure(sparkError('the master is starting; try again'))
    const { protocol, port } = new URL(master.webUiUrl)
    respond(reply, {
      kind: 'BoundPortsResponse',
      rpcEndpointPort: master.address.port,
      webUiPort: port === '' ? DEFAULT_PORTS[protocol]! : Number(port),
      restPort: master.restPort,
    })
  }

  #driverOf(connection: RpcConnection): SparkDriver {
    const peer = this.#peerOf(connection)
    peer.driver ??= new SparkDriver(peer.session, this.#context)
    return peer.driver
  }

  /** @param worker the endpoint of a worker, when the message tells it */
  #peerOf(connection: RpcConnection, worker: EndpointRef | null = null): Peer {
    let peer = this.#byConnection.get(connection)
    if (peer === undefined) {
      const id = this.#nextSession()
      const session = new GatewaySession(id, connection, (kind, on, payload) =>
        this.#add(kind, on, payload),
      )
      peer = { session, worker: null, driver: null }
      this.#byConnection.set(connection, peer)
      this.#bySession.set(id, peer)
    }
    if (worker !== null)
      peer.worker ??= new ApacheWorker(peer.session, worker, this.#context, this.#versions)
    return peer
  }

  #handleRecord(peer: Peer, { kind, payload }: BatchRecord): void {
    const { connection } = peer.session
    const recordKind: OutboxKind = kind
    if (recordKind === OutboxKind.CLOSE) {
      this.#close(peer.session, new TextDecoder().decode(payload))
      return
    }
    if (recordKind !== OutboxKind.SEND) {
      this.#log.error(`a record of kind ${kind} is nothing for the gateway`)
      return
    }
    try {
      this.#send(peer, decode(payload))
    } catch (error) {
      if (!(error instanceof ControlError || error instanceof UnsupportedPeerError)) throw error
      this.#log.error(`${connection.peer}: ${error.message}`)
      this.#close(peer.session, error.message)
    }
  }

  #send({ session, worker, driver }: Peer, body: BodyT): void {
    const { peer } = session.connection
    if (body instanceof ReplyT || body instanceof DriverStatusResponseT) {
      if (!session.answer(body))
        this.#log.error(`${peer}: a reply to request ${body.requestId}, which is not open`)
    } else if (body instanceof RefusedT) {
      const reason = body.message ?? ''
      session.refuseAsks(reason)
      driver?.refused(reason)
      worker?.refused(reason)
      this.#close(session, reason)
    } else if (body instanceof MasterInStandbyT && worker === null) {
      // L1: Spark tells drivers nothing; they ask again, and the other masters.
      this.#log.debug(`${peer}: this master is in standby`)
    } else if (worker?.take(body) !== true && driver?.take(body) !== true) {
      this.#log.error(`${peer}: ${body.constructor.name} is nothing for this peer`)
    }
  }

  #close(session: GatewaySession, reason: string): void {
    const { connection } = session
    if (connection.closed) return
    session.refuseAsks(reason)
    this.#log.info(`${connection.peer}: closed by the master: ${reason}`)
    connection.close(reason)
  }

  #nextSession(): number {
    return sessionOf(SessionSource.GATEWAY, ++this.#counter)
  }

  #add(kind: InboxKind, { id, connection }: GatewaySession, payload: Uint8Array | string): void {
    this.#write(kind, id, payload)
    if (this.#context.master === null && this.#writer.bytes > MAX_HELD_BYTES)
      connection.destroy('the master is starting and can take no more; try again')
  }

  #write(kind: InboxKind, session: number, payload: Uint8Array | string): void {
    this.#writer.add(kind, session, payload)
    if (this.#context.master === null) return
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

/** Of a web UI whose URL names none. */
const DEFAULT_PORTS: Record<string, number> = { 'http:': 80, 'https:': 443 }

function isAsk({ kind }: IncomingMessage): boolean {
  return kind === 'ExecutorStateChanged' || kind === 'BoundPortsRequest'
}
