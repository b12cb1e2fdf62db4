/**
 * What one step sends over the control link. A peer gets everything that a step has for it in one write of its socket,
 * which is what a message costs most; peers hear of a step in the order in which it first spoke to them.
 */
import type { ControlServer } from '../control/server.js'
import type { SessionSink } from './effects.js'

export class ControlSink implements SessionSink {
  readonly #server: Pick<ControlServer, 'send' | 'sendAll' | 'close'>
  /** Most peers get one message a step. */
  readonly #waiting = new Map<number, Uint8Array | Uint8Array[]>()

  constructor(server: Pick<ControlServer, 'send' | 'sendAll' | 'close'>) {
    this.#server = server
  }

  send(session: number, bytes: Uint8Array): void {
    const before = this.#waiting.get(session)
    if (before === undefined) this.#waiting.set(session, bytes)
    else if (Array.isArray(before)) before.push(bytes)
    else this.#waiting.set(session, [before, bytes])
  }

  close(session: number, reason: string): void {
    const waiting = this.#waiting.get(session)
    if (waiting !== undefined) {
      this.#waiting.delete(session)
      this.#leave(session, waiting)
    }
    this.#server.close(session, reason)
  }

  flush(): void {
    for (const [session, waiting] of this.#waiting) this.#leave(session, waiting)
    this.#waiting.clear()
  }

  #leave(session: number, waiting: Uint8Array | Uint8Array[]): void {
    if (Array.isArray(waiting)) this.#server.sendAll(session, waiting)
    else this.#server.send(session, waiting)
  }
}
