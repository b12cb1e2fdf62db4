/** What this folder needs of ZooKeeper: one session, as the client (client.ts) and the tests' stand-in have it. */

/** What a node's versions and owner are; of Stat in ZooKeeper's own protocol. */
export interface NodeStat {
  /** Of its data: counts from 0 with each change. */
  readonly version: number
  /** Of the last change of its data; grows over all nodes. */
  readonly mzxid: bigint
  /** The session whose end removes it; 0: it stays. */
  readonly ephemeralOwner: bigint
}

export interface NodeData {
  readonly data: Uint8Array
  readonly stat: NodeStat
}

export type CreateMode = 'persistent' | 'ephemeral' | 'ephemeral-sequential'

/** One part of a transaction. No version: any will do. */
export type Operation =
  | { readonly kind: 'create'; readonly path: string; readonly data: Uint8Array }
  | {
      readonly kind: 'set'
      readonly path: string
      readonly data: Uint8Array
      readonly version?: number
    }
  | { readonly kind: 'delete'; readonly path: string; readonly version?: number }
  | { readonly kind: 'check'; readonly path: string; readonly version?: number }

/**
 * connecting: no server answers now, and the session may live on; expired: it is over, its ephemeral nodes are gone, and
 * another one is needed; closed: by us.
 */
export type SessionState = 'connecting' | 'connected' | 'expired' | 'closed'

export interface SessionEvents {
  /** In a turn of its own. */
  onState(state: SessionState): void
}

/**
 * Every request is sent at once or fails at once: nothing waits for a connection, so whoever asks knows when it was sent.
 * Requests of one session are carried out in the order they were made in.
 *
 * @throws ZooKeeperError from every request; with CONNECTION_LOSS it is unknown whether it was or will be carried out
 */
export interface ZooKeeperSession {
  readonly state: SessionState
  /** What the ensemble granted; 0 before the first connection. */
  readonly timeoutMs: number
  /** Why there is no connection now; empty: there is one, or none was tried yet. */
  readonly trouble: string
  /** @returns its path, which differs from the one asked for where it is sequential */
  create(path: string, data: Uint8Array, mode: CreateMode): Promise<string>
  /** null: there is no such node. */
  get(path: string): Promise<NodeData | null>
  /** Names, in no order; null: there is no such node. */
  children(path: string): Promise<string[] | null>
  remove(path: string): Promise<void>
  /**
   * All or nothing.
   *
   * @returns for each operation the version its node has now; 0 where it was created, -1 where there is none
   * @throws ZooKeeperError whose `index` says which operation was to blame
   */
  multi(operations: readonly Operation[]): Promise<number[]>
  /** Ends the session, and with it its ephemeral nodes, where a server can be told in time. */
  close(): Promise<void>
}

/** Codes that decide something here; ZooKeeper has more. */
export const ErrorCode = {
  CONNECTION_LOSS: -4,
  NO_NODE: -101,
  NO_AUTH: -102,
  BAD_VERSION: -103,
  NODE_EXISTS: -110,
  NOT_EMPTY: -111,
  SESSION_EXPIRED: -112,
  AUTH_FAILED: -115,
  SESSION_MOVED: -118,
} as const

const NAMES = new Map<number, string>([
  [-1, 'system error'],
  [-2, 'rolled back'],
  [-4, 'connection lost'],
  [-5, 'marshalling error'],
  [-6, 'unimplemented'],
  [-7, 'operation timeout'],
  [-8, 'bad arguments'],
  [-101, 'no such node'],
  [-102, 'not permitted'],
  [-103, 'bad version'],
  [-108, 'no children for ephemeral nodes'],
  [-110, 'node exists'],
  [-111, 'node has children'],
  [-112, 'session expired'],
  [-114, 'bad ACL'],
  [-115, 'authentication failed'],
  [-118, 'session moved'],
  [-122, 'request timeout'],
  [-125, 'quota exceeded'],
])

export class ZooKeeperError extends Error {
  override readonly name = 'ZooKeeperError'
  readonly code: number
  /** Of the operation of a transaction; -1: of the whole request. */
  readonly index: number

  constructor(code: number, about: string, index = -1) {
    super(`ZooKeeper: ${NAMES.get(code) ?? `error ${code}`}: ${about}`)
    this.code = code
    this.index = index
  }

  /** Whether the request may have been carried out, or may yet be. */
  get unknownOutcome(): boolean {
    return (
      this.code === ErrorCode.CONNECTION_LOSS ||
      this.code === ErrorCode.SESSION_MOVED ||
      this.code === ErrorCode.SESSION_EXPIRED
    )
  }
}

export function hasCode(error: unknown, code: number): boolean {
  return error instanceof ZooKeeperError && error.code === code
}
