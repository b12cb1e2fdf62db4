/** Whom the gateway has to do with: its sessions by what they are found by. */
import type { ApacheWorker } from './apache-worker.js'
import type { GatewaySession } from './gateway-session.js'
import type { RecoveredPeer } from './recovered-peer.js'
import type { RpcConnection } from './rpc-connection.js'
import type { SparkDriver } from './spark-driver.js'

/** Registrations that a standby keeps for when it leads. */
const MAX_WAITING_PEERS = 1024

/** A session, and who is at its other end, as far as that has shown. */
export interface Peer {
  readonly session: GatewaySession
  worker: ApacheWorker | null
  driver: SparkDriver | null
  /** Of a worker, from its registration on, or from when it tells what it runs. */
  workerId: string | null
  /** Whom we have called, over this connection; null: the peer has opened it. */
  readonly called: RecoveredPeer | null
}

export class Peers {
  readonly #bySession = new Map<number, Peer>()
  readonly #byConnection = new Map<RpcConnection, Peer>()
  /** Where each worker has registered last, or told what it runs. */
  readonly #byWorker = new Map<string, Peer>()
  /** Whose registration this master, a standby, has turned down. */
  readonly #waiting = new Set<Peer>()

  of(session: number): Peer | undefined {
    return this.#bySession.get(session)
  }

  on(connection: RpcConnection): Peer | undefined {
    return this.#byConnection.get(connection)
  }

  all(): Iterable<Peer> {
    return this.#bySession.values()
  }

  add(session: GatewaySession, called: RecoveredPeer | null): Peer {
    const peer: Peer = { session, worker: null, driver: null, workerId: null, called }
    this.#byConnection.set(session.connection, peer)
    this.#bySession.set(session.id, peer)
    return peer
  }

  /** A worker speaks on this connection from now on. */
  bind(peer: Peer, workerId: string): void {
    peer.workerId = workerId
    this.#byWorker.set(workerId, peer)
  }

  /** Its worker has gone over to another connection: it has opened one of them, and this master the other. */
  isReplaced(peer: Peer): boolean {
    if (peer.workerId === null) return false
    const now = this.#byWorker.get(peer.workerId)
    return now !== undefined && now !== peer && (now.called !== null || peer.called !== null)
  }

  /** It is kept for `takeWaiting`, as far as there is room; Spark's processes try again by themselves, later. */
  turnedDown(peer: Peer): void {
    if (this.#waiting.size < MAX_WAITING_PEERS) this.#waiting.add(peer)
  }

  takeWaiting(): Peer[] {
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    return waiting
  }

  /** The session is over; its connection may go on. */
  end(peer: Peer, reason: string): void {
    const { session, worker, workerId, driver } = peer
    this.#byConnection.delete(session.connection)
    this.#bySession.delete(session.id)
    this.#waiting.delete(peer)
    if (workerId !== null && this.#byWorker.get(workerId) === peer) this.#byWorker.delete(workerId)
    driver?.ended()
    worker?.ended()
    session.disconnected(reason)
  }
}
