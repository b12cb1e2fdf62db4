import { UnknownFieldError } from '../java/build.js'
import type { ClassSource } from '../java/build.js'
import type { ClassDescriptor } from '../java/tree.js'
import {
  isLaidOutAsListed,
  isListed,
  listedDescriptor,
  versionsWith,
} from '../tables/class-table.js'
import { SPARK_VERSIONS, type SparkVersion } from '../../control/runtimes.js'
import { UnsupportedPeerError } from '../versions.js'
import type { OutgoingMessage } from './outgoing.js'
import { Templates } from './templates.js'

const CHECK_EXISTENCE = 'org.apache.spark.rpc.netty.RpcEndpointVerifier$CheckExistence'
const DEPLOY_MESSAGES = 'org.apache.spark.deploy.DeployMessages$'
/** Their numbers change between versions more often than those of the messages. */
const TELLING_CLASSES: readonly string[] = [
  'org.apache.spark.rpc.RpcEndpointRef',
  'org.apache.spark.resource.ResourceProfile',
]

/** What is being learnt from one message. */
class Draft {
  candidates: readonly SparkVersion[]
  readonly learnt: Map<string, ClassDescriptor>
  readonly unlisted: Map<string, string>

  constructor(
    candidates: readonly SparkVersion[],
    learnt: ReadonlyMap<string, ClassDescriptor>,
    unlisted: ReadonlyMap<string, string>,
  ) {
    this.candidates = candidates
    this.learnt = new Map(learnt)
    this.unlisted = new Map(unlisted)
  }

  /** @throws UnsupportedPeerError when no served version writes such a class */
  learn(descriptor: ClassDescriptor): void {
    const { name, serialVersionUid } = descriptor
    const versions = versionsWith(name, serialVersionUid)
    const seen = `${name} (serialVersionUID ${serialVersionUid})`
    if (versions.length > 0) {
      const left = this.candidates.filter((version) => versions.includes(version))
      if (left.length === 0) {
        throw new UnsupportedPeerError(
          `${seen} is of Spark ${versions.join(', ')}, but what this peer sent before is of Spark ` +
            this.candidates.join(', '),
        )
      }
      this.candidates = left
    } else if (name === CHECK_EXISTENCE || name.startsWith(DEPLOY_MESSAGES)) {
      throw new UnsupportedPeerError(`${seen} is of none of the Spark versions known here`)
    } else if (TELLING_CLASSES.includes(name)) {
      this.unlisted.set(name, seen)
    }
    if (!isLaidOutAsListed(descriptor)) {
      throw new UnsupportedPeerError(`${seen} is laid out as in no Spark version known here`)
    }
    this.learnt.set(name, descriptor)
  }
}

/**
 * What is known of a peer after the classes that it has sent. Does not change once it is shared: peers that have said the same
 * share one, and what is worked out for one of them serves all. Nobody but they keeps it alive.
 */
export class PeerKnowledge {
  readonly candidates: readonly SparkVersion[]
  /** Only classes that the tables list: bounded by them. */
  readonly #learnt: ReadonlyMap<string, ClassDescriptor>
  /** Telling classes whose number is of no served version, as `class (number)`. */
  readonly #unlisted: ReadonlyMap<string, string>
  readonly #chosen = new Map<string, ClassDescriptor | null>()
  readonly #templates = new Templates()
  readonly #classes: ClassSource
  /** What comes after the classes of one message; they are one array for all streams of one shape. */
  readonly #after = new WeakMap<readonly ClassDescriptor[], WeakRef<PeerKnowledge>>()
  readonly #narrowed = new Map<string, WeakRef<PeerKnowledge>>()

  private constructor(
    candidates: readonly SparkVersion[],
    learnt: ReadonlyMap<string, ClassDescriptor>,
    unlisted: ReadonlyMap<string, string>,
  ) {
    this.candidates = candidates
    this.#learnt = learnt
    this.#unlisted = unlisted
    this.#classes = {
      descriptor: (name) => this.#descriptor(name),
      has: (name) => this.#find(name) !== null,
    }
  }

  /** Of one who has said nothing. */
  static readonly none = new PeerKnowledge(SPARK_VERSIONS, new Map(), new Map())

  /** Both telling classes are of no version that is known, as told here; null: they are not. */
  get unlisted(): string | null {
    if (this.#unlisted.size !== TELLING_CLASSES.length) return null
    return [...this.#unlisted.values()].join(' and ')
  }

  /** @param candidates some of those that are left */
  narrowed(candidates: readonly SparkVersion[]): PeerKnowledge {
    if (candidates.length === this.candidates.length) return this
    const key = candidates.join()
    const known = this.#narrowed.get(key)?.deref()
    if (known !== undefined) return known
    const next = new PeerKnowledge(candidates, this.#learnt, this.#unlisted)
    this.#narrowed.set(key, new WeakRef(next))
    return next
  }

  /**
   * @returns what is known after these classes, in the order of their stream
   * @param onPart told what is known up to a class that no served version has, before that is thrown
   * @throws UnsupportedPeerError when no served version writes such classes
   */
  after(
    descriptors: readonly ClassDescriptor[],
    onPart: (known: PeerKnowledge) => void,
  ): PeerKnowledge {
    const shared = this.#after.get(descriptors)?.deref()
    if (shared !== undefined) return shared
    let draft: Draft | null = null
    const seen = new Set<string>()
    try {
      for (const descriptor of descriptors) {
        const { name } = descriptor
        if (!isListed(name) || seen.has(name)) continue
        seen.add(name)
        if ((draft?.learnt ?? this.#learnt).get(name)?.equals(descriptor) === true) continue
        draft ??= new Draft(this.candidates, this.#learnt, this.#unlisted)
        draft.learn(descriptor)
      }
    } catch (error) {
      if (draft !== null) onPart(PeerKnowledge.#of(draft))
      throw error
    }
    const known = draft === null ? this : PeerKnowledge.#of(draft)
    this.#after.set(descriptors, new WeakRef(known))
    return known
  }

  static #of({ candidates, learnt, unlisted }: Draft): PeerKnowledge {
    return new PeerKnowledge(candidates, learnt, unlisted)
  }

  /**
   * @returns a Java stream, which the next one may overwrite
   * @throws UnsupportedPeerError when the version isn't known well enough to write this
   */
  encode(message: OutgoingMessage): Uint8Array {
    try {
      return this.#templates.write(message, this.#classes)
    } catch (error) {
      if (!(error instanceof UnknownFieldError)) throw error
      throw new UnsupportedPeerError(`${error.message}, which Magneto can't fill`)
    }
  }

  #descriptor(name: string): ClassDescriptor {
    const descriptor = this.#find(name)
    if (descriptor !== null) return descriptor
    throw new UnsupportedPeerError(
      `this Spark may be ${this.candidates.join(' or ')}, which differ in ${name}`,
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
    for (const version of this.candidates) {
      const descriptor = listedDescriptor(name, version)
      if (descriptor === null) return null
      if (found !== null && !found.equals(descriptor)) return null
      found = descriptor
    }
    return found
  }
}
