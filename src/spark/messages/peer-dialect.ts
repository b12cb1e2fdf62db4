import type { SparkVersion } from '../versions.js'
import type { IncomingMessage } from './incoming.js'
import type { OutgoingMessage } from './outgoing.js'

/** How to write for one peer. One per connection. */
export class PeerDialect {
  /** @param version of a peer that is dialled and has not spoken yet, or null */
  constructor(version: SparkVersion | null = null) {
    this.#version = version
  }

  #version: SparkVersion | null

  /** null: the peer has not said enough to tell; see requireVersion(). */
  get version(): SparkVersion | null {
    return this.#version
  }

  /**
   * Known for sure after RegisterApplication.
   * @throws UnsupportedPeerError when what was seen leaves several versions or none
   */
  requireVersion(): SparkVersion {
    throw new Error('not readable yet')
  }

  /**
   * Give it every message that this peer sent, before answering.
   * @throws UnsupportedPeerError when no served version writes such a message. The text is meant for
   *   the peer: as the error of an RpcFailure it shows up in its log
   */
  learn(message: IncomingMessage): void {
    throw new Error(`not readable yet: ${message.kind}`)
  }

  /**
   * @returns a Java stream: the body of an RpcResponse, or what follows a RequestMessage header
   * @throws UnsupportedPeerError when the peer's version isn't known well enough to write this
   */
  encode(message: OutgoingMessage): Uint8Array {
    throw new Error(`not writable yet: ${message.kind}`)
  }
}
