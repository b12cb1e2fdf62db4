/**
 * The master's side of the control link: a WebSocket server whose connections are sessions. It stands on
 * uWebSockets where that can be loaded, else on node:http and ws; both behave alike.
 */
import type { Logger } from '../log/logger.js'
import { UwsTransport } from './server-uws.js'
import type {
  ServerEvents,
  ServerLimits,
  ServerRoute,
  ServerTransport,
} from './server-transport.js'
import * as limits from './limits.js'
import { loadUws } from './uws.js'

/** Who hears of sessions. */
export interface SessionListener {
  onConnected(session: number, address: string): void
  /** @param bytes valid during the call only */
  onMessage(session: number, bytes: Uint8Array): void
  /** Comes exactly once a session, also after a close of ours, and possibly before `close` returns. */
  onDisconnected(session: number, reason: string): void
}

export interface ControlServerOptions extends Partial<ServerLimits>, SessionListener {
  readonly log: Logger
  /** Of REPLICA_PATH; absent: there is no such path. Its sessions are numbered with the others. */
  readonly replica?: SessionListener
  /** Which implementation; auto prefers uWebSockets. */
  readonly transport?: 'auto' | 'uws' | 'ws'
}

export class ControlServer {
  readonly #options: ControlServerOptions
  /** null: it does not listen yet. */
  #transport: ServerTransport | null = null

  constructor(options: ControlServerOptions) {
    this.#options = options
  }

  /**
   * @param host an address or a name, IPv6 without brackets
   * @param port 0: any free one
   * @returns the port
   * @throws Error when it can't be had, or when uWebSockets is asked for and can't be loaded
   */
  async listen(host: string, port: number): Promise<number> {
    const options = this.#options
    const routes: ServerRoute[] = [
      { path: limits.CONTROL_PATH, events: loggedEvents(options, options.log, 'control link') },
    ]
    if (options.replica !== undefined) {
      const events = loggedEvents(options.replica, options.log, 'link to a standby')
      routes.push({ path: limits.REPLICA_PATH, events })
    }
    const bounds: ServerLimits = {
      maxMessageBytes: options.maxMessageBytes ?? limits.MAX_MESSAGE_BYTES,
      maxBufferedBytes: options.maxBufferedBytes ?? limits.MAX_BUFFERED_BYTES,
      idleTimeoutMs: options.idleTimeoutMs ?? limits.IDLE_TIMEOUT_MS,
      pingIntervalMs: options.pingIntervalMs ?? limits.PING_INTERVAL_MS,
      maxSessions: options.maxSessions ?? limits.MAX_SESSIONS,
    }
    this.#transport = await choose(options, routes, bounds)
    return this.#transport.listen(host, port)
  }

  /** A peer whose buffer is full is closed. Nothing happens when the session is gone. */
  send(session: number, bytes: Uint8Array): void {
    this.#transport?.send(session, bytes)
  }

  /** As `send` for each, in one write where the transport can. */
  sendAll(session: number, messages: readonly Uint8Array[]): void {
    this.#transport?.sendAll(session, messages)
  }

  /** What was sent before still leaves. Nothing happens when the session is gone. */
  close(session: number, reason: string): void {
    this.#transport?.close(session, reason)
  }

  /** Ends all sessions, and goes on. */
  closeAll(reason: string): void {
    this.#transport?.closeAll(reason)
  }

  /** Ends all sessions and gives the port back. */
  async stop(reason: string): Promise<void> {
    await this.#transport?.stop(reason)
  }
}

function loggedEvents(listener: SessionListener, log: Logger, link: string): ServerEvents {
  return {
    onConnected: (session, address) => listener.onConnected(session, address),
    onMessage: (session, bytes) => listener.onMessage(session, bytes),
    onDisconnected: (session, reason) => {
      log.debug(`session ${session} ends: ${reason}`)
      listener.onDisconnected(session, reason)
    },
    onFault: (session, reason) => log.warn(`${link}: closing session ${session}: ${reason}`),
  }
}

/** The fallback and its HTTP server are loaded only where they are used. */
async function choose(
  options: ControlServerOptions,
  routes: readonly ServerRoute[],
  bounds: ServerLimits,
): Promise<ServerTransport> {
  const wanted = options.transport ?? 'auto'
  const uws = wanted === 'ws' ? null : loadUws()
  if (uws !== null && !(uws instanceof Error)) return new UwsTransport(uws, routes, bounds)
  if (uws !== null && wanted === 'uws') throw uws
  if (uws !== null) {
    const [why] = uws.message.split('\n')
    options.log.info(`uWebSockets can't be loaded (${why}): the control link uses ws`)
  }
  const { FallbackTransport } = await import('./server-fallback.js')
  return new FallbackTransport(routes, bounds)
}
