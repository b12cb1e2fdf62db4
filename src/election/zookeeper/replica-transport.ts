/** How leaders and their followers reach each other: a path of its own on the control port. */
import { createRequire } from 'node:module'

import { REPLICA_PATH } from '../../control/limits.js'
import { FOLLOW_CONNECT_MS, MAX_REPLICA_MESSAGE_BYTES } from './limits.js'

/** A leader's side. */
export interface ReplicaSessions {
  onConnected(session: number, address: string): void
  /** @param bytes valid during the call only */
  onMessage(session: number, bytes: Uint8Array): void
  /** Comes exactly once a session, also after a close of ours. */
  onDisconnected(session: number, reason: string): void
}

/** A follower's side. One of them after another: `onOpen` at most once, then messages, then `onClose` once. */
export interface FollowerEvents {
  onOpen(): void
  /** @param bytes valid during the call only */
  onMessage(bytes: Uint8Array): void
  /** @param refused nothing listens where the leader should */
  onClose(reason: string, refused: boolean): void
}

export interface FollowerConnection {
  send(bytes: Uint8Array): void
  close(): void
}

/** What a recovery needs of the master's sockets; the master's own is `ControlReplicas`. */
export interface ReplicaTransport {
  /** From now on these hear of connections to this master's path. */
  serve(sessions: ReplicaSessions): void
  /** A peer whose buffer is full is closed. Nothing happens when the session is gone. */
  send(session: number, bytes: Uint8Array): void
  close(session: number, reason: string): void
  /** @param controlAddress host:port of a leader's control link */
  connect(controlAddress: string, events: FollowerEvents): FollowerConnection
}

/** What of ControlServer is needed. */
export interface ReplicaServer {
  send(session: number, bytes: Uint8Array): void
  close(session: number, reason: string): void
}

/**
 * Over the master's control server: `replicas.sessions` goes in as its option `replica`, and the server is handed back to
 * `attach`.
 */
export class ControlReplicas implements ReplicaTransport {
  #server: ReplicaServer | null = null
  #served: ReplicaSessions | null = null

  readonly sessions: ReplicaSessions = {
    onConnected: (session, address) => {
      if (this.#served === null)
        this.#server?.close(session, 'this master has no standbys: spark.deploy.recoveryMode')
      else this.#served.onConnected(session, address)
    },
    onMessage: (session, bytes) => this.#served?.onMessage(session, bytes),
    onDisconnected: (session, reason) => this.#served?.onDisconnected(session, reason),
  }

  attach(server: ReplicaServer): void {
    this.#server = server
  }

  serve(sessions: ReplicaSessions): void {
    this.#served = sessions
  }

  send(session: number, bytes: Uint8Array): void {
    this.#server?.send(session, bytes)
  }

  close(session: number, reason: string): void {
    this.#server?.close(session, reason)
  }

  connect(controlAddress: string, events: FollowerEvents): FollowerConnection {
    // Loaded by who follows: a leader needs none, and most masters have no standby.
    const { WebSocket } = createRequire(import.meta.url)('ws') as typeof import('ws')
    const socket = new WebSocket(`ws://${controlAddress}${REPLICA_PATH}`, {
      perMessageDeflate: false,
      maxPayload: MAX_REPLICA_MESSAGE_BYTES,
      handshakeTimeout: FOLLOW_CONNECT_MS,
    })
    let wrong: Error | null = null
    socket.on('open', () => events.onOpen())
    socket.on('message', (data, isBinary) => {
      if (isBinary) events.onMessage(data as Buffer)
      else socket.terminate()
    })
    socket.on('error', (error) => (wrong = error))
    socket.on('close', (code, reason) =>
      events.onClose(wrong?.message || reason.toString() || `closed with ${code}`, refuses(wrong)),
    )
    return {
      // The caller's bytes are its own again after the call.
      send: (bytes) => {
        if (socket.readyState === WebSocket.OPEN) socket.send(bytes.slice())
      },
      close: () => socket.terminate(),
    }
  }
}

/** A name may have several addresses: all of them have to refuse. */
function refuses(error: Error | null): boolean {
  if (error === null) return false
  const each = error instanceof AggregateError ? (error.errors as Error[]) : [error]
  return each.length > 0 && each.every((one) => 'code' in one && one.code === 'ECONNREFUSED')
}
