/**
 * The Spark gateway without its thread: the endpoint `Master`. Every Spark connection that has something to
 * tell the core is a session of source GATEWAY; Spark messages become control messages in batches of
 * records for the main thread, and its records become Spark messages.
 */
import { AskSession, type Answered } from '../control/ask-session.js'
import { ControlError, decodeTrusted, type BodyT } from '../control/codec.js'
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
import { openOutcome, withLeader } from '../rest/standby.js'
import {
  DriverStatusResponseT,
  LaunchExecutorT,
  MasterInStandbyT,
  RefusedT,
  ReplyT,
  RequestReadyzT,
} from '../schema/magneto.js'
import { ApacheWorker, isOfWorker, type WorkerMessage } from './apache-worker.js'
import { askOf } from './gateway-asks.js'
import {
  GatewaySession,
  respond,
  type AddRecord,
  type Ask,
  type GatewayContext,
} from './gateway-session.js'
import { addressOfMasterUrl, hostPort, TranslationError } from './gateway-translate.js'
import { refusalOf } from './gateway-unserved.js'
import { Peers, type Peer } from './gateway-peers.js'
import { ChangeNotice, MasterCalls, type Dial } from './master-calls.js'
import {
  UnsupportedPeerError,
  type EndpointRef,
  type IncomingMessage,
  type SparkVersion,
} from './messages.js'
import { recoveredPeers, type RecoveredPeer } from './recovered-peer.js'
import type { RpcConnection, RpcReply } from './rpc-connection.js'
import { sparkError, type Endpoint, type RpcCall } from './rpc-server.js'
import { SparkDriver, turnAway } from './spark-driver.js'
import { WorkerVersions } from './worker-versions.js'

/** A batch goes to the main thread at the end of the turn, or when it has become this large. */
const MAX_BATCH_BYTES = 1024 * 1024
/**
 * How long heartbeats wait for others to go with them: a batch of its own for each would cost more than all else that is done
 * with one. Nothing next to the time-out of a worker.
 */
const PATIENCE_MS = 10
/** What may wait for the main thread while the master starts. */
const MAX_HELD_BYTES = 64 * 1024 * 1024
/** What the core's log calls the gateway itself. */
export const OWN_PEER = 'the gateway'
/** spark.deploy.recoveryTimeout's default. */
const DEFAULT_CALL_MS = 60_000

export interface GatewayOptions {
  readonly log: Logger
  /** spark.magneto.apacheWorkerVersion */
  readonly apacheWorkerVersion?: SparkVersion | null
  /** spark.master.useDriverIdAsAppName.enabled */
  readonly useDriverIdAsAppName?: boolean
  /** Before each attempt to ask a worker's web UI; for tests. */
  readonly workerPausesMs?: readonly number[]
  /** Opens connections to those whom a new leader has to call. */
  readonly dial: Dial
  /** spark.deploy.recoveryTimeout: for how long those that do not answer are called. */
  readonly callForMs?: number
  /** Takes a batch of inbox records, which is overwritten by what the gateway writes next. */
  post(batch: Uint8Array): void
}

export class Gateway implements Endpoint {
  readonly #log: Logger
  readonly #options: GatewayOptions
  readonly #context: GatewayContext
  readonly #versions: WorkerVersions
  readonly #writer = new BatchWriter()
  readonly #peers = new Peers()
  /** null: this master does not lead. */
  #calls: MasterCalls | null = null
  /** Of everybody who speaks HTTP on this port. */
  readonly #http: AskSession
  /** Asks whether this master still leads, before it tells others so. */
  readonly #own: AskSession
  #leaderUrl: string | null = null
  #counter = 0
  #isFlushDue = false
  /** Runs while something that can wait does. */
  #patience: NodeJS.Timeout | null = null
  readonly #endTurn = (): void => {
    this.#isFlushDue = false
    this.#flush()
  }

  constructor(options: GatewayOptions) {
    this.#log = options.log
    this.#options = options
    this.#context = { log: options.log, master: null }
    this.#versions = new WorkerVersions(options.apacheWorkerVersion ?? null, options.workerPausesMs)
    this.#http = this.#askSession('HTTP')
    this.#own = this.#askSession(OWN_PEER)
  }

  #askSession(peer: string): AskSession {
    return new AskSession({
      peer,
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

  /** @param leaderUrl spark://host:port of the master that leads; null: nobody knows of one, or it is this one */
  follow(leaderUrl: string | null): void {
    this.#leaderUrl = leaderUrl
  }

  /**
   * This master has begun to lead: those whom the leader before knew are called (M18).
   *
   * @param recordBytes finished store Records of workers and applications that speak Spark RPC
   */
  lead(recordBytes: readonly Uint8Array[]): void {
    this.#calls?.end()
    const peers = recoveredPeers(recordBytes, this.#log)
    for (const { kind, id, version } of peers)
      if (kind === 'worker') this.#versions.recovered(id, version)
    const { dial, callForMs = DEFAULT_CALL_MS } = this.#options
    this.#takeUpWaiting(peers)
    const { address, webUiUrl } = this.#context.master!
    const notice = new ChangeNotice(address, webUiUrl)
    this.#calls = new MasterCalls(
      {
        log: this.#log,
        dial,
        tryForMs: callForMs,
        certain: () => this.#own.ask((requestId) => new RequestReadyzT(requestId)),
        tell: (connection, peer) => this.#tellOfChange(connection, peer, notice),
      },
      peers,
    )
  }

  /**
   * This master leads no more: the core that sessions were of is gone.
   * @param reason told to the peers
   */
  stepDown(reason: string): void {
    this.#calls?.end()
    this.#calls = null
    const text = openOutcome(reason)
    for (const peer of this.#peers.all()) {
      const { session } = peer
      session.refuseAsks(text)
      this.#peers.end(peer, reason)
      session.connection.close(reason)
    }
    this.#http.end(text)
    this.#own.end(reason)
    this.flush()
  }

  /** Nothing of the core comes any more. */
  close(): void {
    this.#calls?.end()
    this.#http.close()
    this.#own.close()
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
    this.#calls?.connectionClosed(connection, reason)
    const peer = this.#peers.on(connection)
    if (peer === undefined) return
    this.#log.info(`${connection.peer}: connection ended: ${reason}`)
    this.#peers.end(peer, reason)
  }

  /** @param batch outbox records of the core. @throws RangeError when it is not made of records */
  handle(batch: Uint8Array): void {
    let attachment: Uint8Array | null = null
    for (const record of records(batch)) {
      if (record.kind === (OutboxKind.ATTACHMENT as number)) {
        attachment = record.payload
        continue
      }
      if (this.#http.receive(record) || this.#own.receive(record)) continue
      // The peer may have left while this was under way; the core learns that by DISCONNECTED.
      const peer = this.#peers.of(record.session)
      if (peer !== undefined) this.#handleRecord(peer, record, record.attached ? attachment : null)
    }
  }

  #receive(connection: RpcConnection, message: IncomingMessage, reply: RpcReply | null): void {
    const { useDriverIdAsAppName } = this.#options
    const ask = askOf(message, connection.dialect.candidates, useDriverIdAsAppName)
    if (ask !== null) return this.#ask(connection, ask, reply)
    if (isOfWorker(message)) {
      this.#fromWorker(connection, message, reply)
    } else if (message.kind === 'MasterChangeAcknowledged' && this.#isCalled(connection)) {
      this.#acknowledged(connection, message.appId)
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
    const peer = this.#peerOf(connection, 'worker' in message ? message.worker : null)
    const { worker } = peer
    if (worker !== null) {
      if (message.kind === 'RegisterWorker' || message.kind === 'WorkerSchedulerStateResponse') {
        this.#peers.bind(peer, message.id)
        this.#calls?.answered('worker', message.id)
      }
      worker.receive(message, reply)
    } else if (message.kind !== 'ExecutorStateChanged' || reply === null)
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

  /**
   * @param worker the endpoint of a worker, when the message tells it
   * @param called whom this connection was opened to, when we have opened it
   */
  #peerOf(
    connection: RpcConnection,
    worker: EndpointRef | null = null,
    called: RecoveredPeer | null = null,
  ): Peer {
    let peer = this.#peers.on(connection)
    if (peer === undefined) {
      const session = new GatewaySession(this.#nextSession(), connection, this.#add)
      peer = this.#peers.add(session, called)
    }
    if (worker !== null)
      peer.worker ??= new ApacheWorker(peer.session, worker, this.#context, this.#versions)
    return peer
  }

  #handleRecord(peer: Peer, { kind, payload }: BatchRecord, attachment: Uint8Array | null): void {
    const { connection } = peer.session
    const recordKind: OutboxKind = kind
    if (recordKind === OutboxKind.CLOSE) {
      const reason = new TextDecoder().decode(payload)
      if (this.#peers.isReplaced(peer)) this.#leaveIdle(peer, reason)
      else this.#close(peer.session, reason)
      return
    }
    if (recordKind !== OutboxKind.SEND) {
      this.#log.error(`a record of kind ${kind} is nothing for the gateway`)
      return
    }
    try {
      const body = decodeTrusted(payload)
      if (attachment !== null && body instanceof LaunchExecutorT) body.sparkDescription = attachment
      this.#send(peer, body)
    } catch (error) {
      if (!(error instanceof ControlError || error instanceof UnsupportedPeerError)) throw error
      this.#log.error(`${connection.peer}: ${error.message}`)
      this.#close(peer.session, error.message)
    }
  }

  #send(to: Peer, body: BodyT): void {
    const { session, worker, driver } = to
    const { peer } = session.connection
    if (body instanceof MasterInStandbyT) this.#peers.turnedDown(to)
    if (body instanceof ReplyT) body.message = withLeader(body.message, this.#leaderUrl)
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

  /**
   * Spark's processes would wait for 10 to 20 s before they register again.
   *
   * @param called those who had registered with the leader before: a process registers with all masters that it knows
   */
  #takeUpWaiting(called: readonly RecoveredPeer[]): void {
    const ids = new Set(called.map(({ id }) => id))
    const addresses = new Set(called.map(({ address }) => hostPort(address)))
    for (const { driver, worker, workerId } of this.#peers.takeWaiting()) {
      driver?.again(addresses)
      if (workerId !== null && !ids.has(workerId)) worker?.again()
    }
  }

  #tellOfChange(connection: RpcConnection, called: RecoveredPeer, notice: ChangeNotice): void {
    const { kind, address, endpoint } = called
    const ref: EndpointRef = { name: endpoint, address }
    const peer = this.#peerOf(connection, null, called)
    const { session } = peer
    if (kind === 'application') peer.driver = new SparkDriver(session, this.#context, ref)
    else peer.worker = new ApacheWorker(session, ref, this.#context, this.#versions, true)
    connection.write(notice.frameFor(called))
  }

  #isCalled(connection: RpcConnection): boolean {
    return this.#peers.on(connection)?.called?.kind === 'application'
  }

  #acknowledged(connection: RpcConnection, appId: string | null): void {
    // Its first leader died before it could tell the driver its id: it will register by itself.
    if (appId === null) return this.#log.info(`${connection.peer}: a driver that has no id yet`)
    this.#calls?.answered('application', appId)
    this.#driverOf(connection).acknowledge(appId)
  }

  /** Closed, it would be the loss of the master to its worker, which would register once more. */
  #leaveIdle(peer: Peer, reason: string): void {
    const { session } = peer
    session.refuseAsks(reason)
    this.#peers.end(peer, reason)
    session.connection.keepIdle()
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

  readonly #add: AddRecord = (kind, { id, connection }, payload, canWait) => {
    this.#write(kind, id, payload, canWait)
    if (this.#context.master === null && this.#writer.bytes > MAX_HELD_BYTES)
      connection.destroy('the master is starting and can take no more; try again')
  }

  #write(kind: InboxKind, session: number, payload: Uint8Array | string, canWait = false): void {
    this.#writer.add(kind, session, payload)
    if (this.#context.master === null) return
    if (this.#writer.bytes >= MAX_BATCH_BYTES) this.#flush()
    else if (canWait) this.#patience ??= setTimeout(() => this.#flush(), PATIENCE_MS)
    else if (!this.#isFlushDue) {
      this.#isFlushDue = true
      process.nextTick(this.#endTurn)
    }
  }

  #flush(): void {
    if (this.#patience !== null) clearTimeout(this.#patience)
    this.#patience = null
    if (this.#writer.bytes === 0) return
    const batch = this.#writer.view()
    this.#writer.reset()
    this.#options.post(batch)
  }
}

/** Of a web UI whose URL names none. */
const DEFAULT_PORTS: Record<string, number> = { 'http:': 80, 'https:': 443 }

function isAsk({ kind }: IncomingMessage): boolean {
  return kind === 'ExecutorStateChanged' || kind === 'BoundPortsRequest'
}
