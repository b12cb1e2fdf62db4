/** What both implementations of the control server share. */
import { Buffer } from 'node:buffer'
import { MAX_CLOSE_REASON_BYTES } from './limits.js'

export interface ServerLimits {
  readonly maxMessageBytes: number
  readonly maxBufferedBytes: number
  readonly idleTimeoutMs: number
  readonly pingIntervalMs: number
  readonly maxSessions: number
}

export interface ServerEvents {
  onConnected(session: number, address: string): void
  onMessage(session: number, bytes: Uint8Array): void
  onDisconnected(session: number, reason: string): void
  /** The peer is to blame; comes before onDisconnected. */
  onFault(session: number, reason: string): void
}

/** A path, and who hears of its sessions. All share the limits. */
export interface ServerRoute {
  readonly path: string
  readonly events: ServerEvents
}

export interface ServerTransport {
  listen(host: string, port: number): Promise<number>
  send(session: number, bytes: Uint8Array): void
  sendAll(session: number, messages: readonly Uint8Array[]): void
  close(session: number, reason: string): void
  closeAll(reason: string): void
  stop(reason: string): Promise<void>
}

/** RFC 6455 */
export const CloseCode = {
  NORMAL: 1000,
  GOING_AWAY: 1001,
  UNSUPPORTED: 1003,
  ABNORMAL: 1006,
  POLICY: 1008,
  TOO_BIG: 1009,
} as const

export function slowReader(bytes: number): string {
  return `the peer does not read: over ${bytes} bytes wait for it`
}

export const TEXT_REASON = 'text messages are not served: control messages are binary'

/** @returns one line for a log, from the close frame or, where there was none, from what went wrong */
export function goneBecause(code: number, reason: string): string {
  const said = reason === '' ? '' : `: ${reason}`
  if (code === CloseCode.ABNORMAL) return `connection lost${said}`
  return `closed by the peer with ${code}${said}`
}

/** Cuts a close reason to what its frame can hold, at a whole character. */
export function closeReason(reason: string): string {
  if (Buffer.byteLength(reason) <= MAX_CLOSE_REASON_BYTES) return reason
  const bytes = Buffer.from(reason).subarray(0, MAX_CLOSE_REASON_BYTES)
  return bytes.toString('utf8').replace(/\uFFFD+$/, '')
}
