/**
 * The typed face of the addon that moves the bytes of Spark RPC, and the only file that loads it. Node's own sockets cost
 * three times as much a message. Every thread has its own.
 */
import { builtAddon } from '../../native/addon.js'

/** The first of the four numbers of an event; the second is its stream. */
export enum TcpEvent {
  ACCEPTED = 1,
  CONNECTED = 2,
  /** The third number says where in the slab, the fourth how many bytes. */
  DATA = 3,
  /** The peer sends no more. */
  ENDED = 4,
  /** The last one of a stream, and of one that could not even be opened; the third number is an error of the system or 0. */
  CLOSED = 5,
  /** A connection could not be accepted; the third number is the error. */
  FAULT = 6,
}

export const NUMBERS_EACH = 4

/**
 * Connections on this thread's loop. A stream is a small number, another's again when CLOSED was told. All that takes one does
 * nothing when it is gone. Errors of the system are numbers below 0, as libuv counts them. Addresses are numeric.
 */
export interface NativeTcp {
  /** One listener at a time. @returns the port @param port 0: any */
  listen(address: string, port: number): number
  stopListening(): void
  /** @returns the stream; CONNECTED or CLOSED follows */
  connect(address: string, port: number): number
  /** @returns bytes that wait for the peer to read */
  write(stream: number, bytes: Uint8Array): number
  /** @returns the same */
  unsent(stream: number): number
  /** Sends what waits and that no more comes; CLOSED follows when the peer has said so, too. */
  end(stream: number): void
  destroy(stream: number): void
  keepAlive(stream: number, afterS: number): void
  /** @returns host and port; ['', 0] of one that is gone */
  peer(stream: number): [host: string, port: number]
  /** @returns a descriptor of its connection, the caller's from now on; CLOSED follows when all is told that was read */
  release(stream: number): number
  /** All is let go of, nothing more is told, and nothing else may be called. */
  close(): void
}

interface Addon {
  /**
   * @param take gets so many events, which lie in `events`, and the slab that those of DATA are in, another one when it is
   *   full; returns whether their bytes are still needed, which are written over if not
   */
  TcpStreams: new (
    take: (count: number, slab: Buffer) => boolean,
    events: Int32Array<ArrayBuffer>,
  ) => NativeTcp
}

let addon: Addon | null = null

/** @throws Error when the addon is not built */
export function nativeTcp(
  take: (count: number, slab: Buffer) => boolean,
  events: Int32Array<ArrayBuffer>,
): NativeTcp {
  addon ??= builtAddon('magneto_tcp') as Addon
  return new addon.TcpStreams(take, events)
}
