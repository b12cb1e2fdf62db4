import { SPARK_VERSIONS, type SparkVersion } from '../../control/runtimes.js'
import { UnsupportedPeerError, narrowByJavaOptions } from '../versions.js'
import type { IncomingMessage } from './incoming.js'
import type { OutgoingMessage } from './outgoing.js'
import { PeerKnowledge } from './peer-knowledge.js'

/**
 * How to write for one peer. One per connection: class descriptors that the peer itself sent are used
 * first, so that patch releases with other numbers work as long as the fields stay; the tables of the
 * recognised version fill the gaps.
 */
export class PeerDialect {
  #known: PeerKnowledge

  /** @param version of a peer that is dialled and has not spoken yet, or null */
  constructor(version: SparkVersion | null = null) {
    this.#known = PeerKnowledge.none.narrowed(version === null ? SPARK_VERSIONS : [version])
  }

  /** What the peer may be. Workers of 4.1, 4.2 and 4.3 look alike, as do their submit clients. */
  get candidates(): readonly SparkVersion[] {
    return this.#known.candidates
  }

  /** null: the peer has not said enough to tell; see requireVersion(). */
  get version(): SparkVersion | null {
    return this.candidates.length === 1 ? this.candidates[0]! : null
  }

  /**
   * Known after RegisterApplication; of other peers often never.
   * @throws UnsupportedPeerError when what was seen leaves several versions or none
   */
  requireVersion(): SparkVersion {
    const { unlisted } = this.#known
    if (unlisted !== null)
      throw new UnsupportedPeerError(`this Spark has ${unlisted}, which no version known here has`)
    if (this.version === null) {
      throw new UnsupportedPeerError(
        `this Spark may be ${this.candidates.join(' or ')}, and an executor must be of the very ` +
          'version of its driver: leave spark.executor.defaultJavaOptions to Spark, so that its ' +
          'options tell',
      )
    }
    return this.version
  }

  /**
   * The version was learnt otherwise than from messages.
   * @throws UnsupportedPeerError when the messages are of another one
   */
  narrow(version: SparkVersion): void {
    if (!this.candidates.includes(version)) {
      throw new UnsupportedPeerError(
        `this Spark may be ${this.candidates.join(' or ')} by its messages, not ${version}`,
      )
    }
    this.#known = this.#known.narrowed([version])
  }

  /**
   * Give it every message that this peer sent, before answering.
   * @throws UnsupportedPeerError when no served version writes such a message. The text is meant for
   *   the peer: as the error of an RpcFailure it shows up in its log
   */
  learn(message: IncomingMessage): void {
    this.#known = this.#known.after(message.stream.descriptors, (part) => {
      this.#known = part
    })
    if (message.kind === 'RegisterApplication') {
      const { javaOpts } = message.appDescription.command
      this.#known = this.#known.narrowed(narrowByJavaOptions(this.candidates, javaOpts))
    }
  }

  /**
   * @returns a Java stream: the body of an RpcResponse, or what follows a RequestMessage header; the next one that is encoded for
   *   any peer may overwrite it
   * @throws UnsupportedPeerError when the peer's version isn't known well enough to write this
   */
  encode(message: OutgoingMessage): Uint8Array {
    return this.#known.encode(message)
  }
}
