/**
 * A look at a control message on its way: which it is, and whom it speaks of, read from its bytes without building
 * anything. The core verifies messages, not this: bytes that are no message read as 0, and nothing is ever written.
 */
import { Body } from '../schema/magneto.js'

/** FlatBuffers: the first field is at 4 in a vtable, each takes 2. */
const field = (index: number): number => 4 + 2 * index
const BODY_TYPE = field(0)
const BODY = field(1)
/** The longest id that is hashed whole. */
const MAX_KEY_BYTES = 256

/** FNV-1a. */
const HASH_START = 0x811c9dc5
const HASH_PRIME = 0x01000193

/** Fields by their position in control.fbs. */
const FIELDS = {
  changedAppId: field(1),
  changedExecutorId: field(2),
  changedState: field(3),
  launchedAppId: field(1),
  launchedExecutorId: field(2),
} as const

export class MessagePeek {
  #bytes: Uint8Array = new Uint8Array()
  #body = 0
  kind: Body = Body.NONE

  /** @param at where the message starts */
  look(bytes: Uint8Array, at = 0): void {
    this.#bytes = bytes
    const root = at + this.#u32(at)
    const typeAt = this.#field(root, BODY_TYPE)
    this.kind = typeAt === 0 ? Body.NONE : (bytes[typeAt] ?? 0)
    const bodyAt = this.#field(root, BODY)
    this.#body = bodyAt === 0 ? 0 : bodyAt + this.#u32(bodyAt)
  }

  /** Of an ExecutorStateChanged: a hash of which executor. */
  changedKey(): number {
    return this.#hash(FIELDS.changedAppId, this.changedId())
  }

  /** Of an ExecutorStateChanged: the executor of its application. */
  changedId(): number {
    return this.#number(FIELDS.changedExecutorId)
  }

  /** Of a LaunchExecutor: the executor of its application. */
  launchedId(): number {
    return this.#number(FIELDS.launchedExecutorId)
  }

  /** Of an ExecutorStateChanged. */
  changedState(): number {
    const at = this.#field(this.#body, FIELDS.changedState)
    return at === 0 ? 0 : (this.#bytes[at] ?? 0)
  }

  /** Of a LaunchExecutor: the same hash. */
  launchedKey(): number {
    return this.#hash(FIELDS.launchedAppId, this.launchedId())
  }

  #number(offset: number): number {
    const at = this.#field(this.#body, offset)
    return at === 0 ? 0 : this.#u32(at)
  }

  /** @returns where it is; 0: it is not there */
  #field(table: number, offset: number): number {
    const vtable = table - (this.#u32(table) | 0)
    if (vtable < 0 || offset >= this.#u16(vtable)) return 0
    const inside = this.#u16(vtable + offset)
    return inside === 0 ? 0 : table + inside
  }

  #hash(offset: number, salt: number): number {
    const at = this.#field(this.#body, offset)
    if (at === 0) return salt
    const start = at + this.#u32(at)
    const end = start + 4 + Math.min(this.#u32(start), MAX_KEY_BYTES)
    let hash = HASH_START ^ salt
    for (let next = start + 4; next < end; next += 1)
      hash = Math.imul(hash ^ (this.#bytes[next] ?? 0), HASH_PRIME)
    return hash >>> 0
  }

  #u16(at: number): number {
    return (this.#bytes[at] ?? 0) | ((this.#bytes[at + 1] ?? 0) << 8)
  }

  #u32(at: number): number {
    return (this.#u16(at) | (this.#u16(at + 2) << 16)) >>> 0
  }
}
