import { UnknownFieldError } from '../java/build.js'
import type { ClassSource } from '../java/build.js'
import type { ClassDescriptor } from '../java/tree.js'
import { writeJavaStream } from '../java/writer.js'
import {
  isLaidOutAsListed,
  isListed,
  listedDescriptor,
  versionsWith,
} from '../tables/class-table.js'
import { SPARK_VERSIONS, type SparkVersion } from '../../control/runtimes.js'
import { UnsupportedPeerError, narrowByJavaOptions } from '../versions.js'
import { buildMessage } from './encode.js'
import type { IncomingMessage } from './incoming.js'
import type { OutgoingMessage } from './outgoing.js'

const CHECK_EXISTENCE = 'org.apache.spark.rpc.netty.RpcEndpointVerifier$CheckExistence'
const DEPLOY_MESSAGES = 'org.apache.spark.deploy.DeployMessages$'
/** Their numbers change between versions more often than those of the messages. */
const TELLING_CLASSES: readonly string[] = [
  'org.apache.spark.rpc.RpcEndpointRef',
  'org.apache.spark.resource.ResourceProfile',
]

/**
 * How to write for one peer. One per connection: class descriptors that the peer itself sent are used
 * first, so that patch releases with other numbers work as long as the fields stay; the tables of the
 * recognised version fill the gaps.
 */
export class PeerDialect {
  #candidates: readonly SparkVersion[]
  /** Only classes that the tables list: bounded by them. */
  readonly #learnt = new Map<string, ClassDescriptor>()
  readonly #chosen = new Map<string, ClassDescriptor | null>()
  /** Telling classes whose number is of no served version, as `class (number)`. */
  readonly #unlisted = new Map<string, string>()
  readonly #classes: ClassSource

  /** @param version of a peer that is dialled and has not spoken yet, or null */
  constructor(version: SparkVersion | null = null) {
    this.#candidates = version === null ? SPARK_VERSIONS : [version]
    this.#classes = {
      descriptor: (name) => this.#descriptor(name),
      has: (name) => this.#find(name) !== null,
    }
  }

  /** What the peer may be. Workers of 4.1, 4.2 and 4.3 look alike, as do their submit clients. */
  get candidates(): readonly SparkVersion[] {
    return this.#candidates
  }

  /** null: the peer has not said enough to tell; see requireVersion(). */
  get version(): SparkVersion | null {
    return this.#candidates.length === 1 ? this.#candidates[0]! : null
  }

  /**
   * Known after RegisterApplication; of other peers often never.
   * @throws UnsupportedPeerError when what was seen leaves several versions or none
   */
  requireVersion(): SparkVersion {
    if (this.#unlisted.size === TELLING_CLASSES.length) {
      const seen = [...this.#unlisted.values()].join(' and ')
      throw new UnsupportedPeerError(`this Spark has ${seen}, which no version known here has`)
    }
    if (this.version === null) {
      throw new UnsupportedPeerError(
        `this Spark may be ${this.#candidates.join(' or ')}, and an executor must be of the very ` +
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
    if (!this.#candidates.includes(version)) {
      throw new UnsupportedPeerError(
        `this Spark may be ${this.#candidates.join(' or ')} by its messages, not ${version}`,
      )
    }
    this.#candidates = [version]
    this.#chosen.clear()
  }

  /**
   * Give it every message that this peer sent, before answering.
   * @throws UnsupportedPeerError when no served version writes such a message. The text is meant for
   *   the peer: as the error of an RpcFailure it shows up in its log
   */
  learn(message: IncomingMessage): void {
    const seen = new Set<string>()
    for (const descriptor of message.stream.descriptors) {
      if (!isListed(descriptor.name) || seen.has(descriptor.name)) continue
      seen.add(descriptor.name)
      this.#learnClass(descriptor)
    }
    if (message.kind === 'RegisterApplication') {
      const { javaOpts } = message.appDescription.command
      this.#candidates = narrowByJavaOptions(this.#candidates, javaOpts)
    }
  }

  /**
   * @returns a Java stream: the body of an RpcResponse, or what follows a RequestMessage header
   * @throws UnsupportedPeerError when the peer's version isn't known well enough to write this
   */
  encode(message: OutgoingMessage): Uint8Array {
    try {
      return writeJavaStream(buildMessage(message, this.#classes))
    } catch (error) {
      if (!(error instanceof UnknownFieldError)) throw error
      throw new UnsupportedPeerError(`${error.message}, which Magneto can't fill`)
    }
  }

  #learnClass(descriptor: ClassDescriptor): void {
    const { name, serialVersionUid } = descriptor
    if (this.#learnt.get(name)?.equals(descriptor) === true) return
    const versions = versionsWith(name, serialVersionUid)
    const seen = `${name} (serialVersionUID ${serialVersionUid})`
    if (versions.length > 0) {
      const left = this.#candidates.filter((version) => versions.includes(version))
      if (left.length === 0) {
        throw new UnsupportedPeerError(
          `${seen} is of Spark ${versions.join(', ')}, but what this peer sent before is of Spark ` +
            this.#candidates.join(', '),
        )
      }
      this.#candidates = left
    } else if (name === CHECK_EXISTENCE || name.startsWith(DEPLOY_MESSAGES)) {
      throw new UnsupportedPeerError(`${seen} is of none of the Spark versions known here`)
    } else if (TELLING_CLASSES.includes(name)) {
      this.#unlisted.set(name, seen)
    }
    if (!isLaidOutAsListed(descriptor)) {
      throw new UnsupportedPeerError(`${seen} is laid out as in no Spark version known here`)
    }
    this.#learnt.set(name, descriptor)
    this.#chosen.clear()
  }

  #descriptor(name: string): ClassDescriptor {
    const descriptor = this.#find(name)
    if (descriptor !== null) return descriptor
    throw new UnsupportedPeerError(
      `this Spark may be ${this.#candidates.join(' or ')}, which differ in ${name}`,
    )
  }

  /** @returns null when the candidates have no such class, or differ in it */
  #find(name: string): ClassDescriptor | null {
    const chosen = this.#chosen.get(name)
    if (chosen !== undefined) return chosen
    const found = this.#learnt.get(name) ?? this.#findListed(name)
    this.#chosen.set(name, found)
    return found
  }

  #findListed(name: string): ClassDescriptor | null {
    let found: ClassDescriptor | null = null
    for (const version of this.#candidates) {
      const descriptor = listedDescriptor(name, version)
      if (descriptor === null) return null
      if (found !== null && !found.equals(descriptor)) return null
      found = descriptor
    }
    return found
  }
}
