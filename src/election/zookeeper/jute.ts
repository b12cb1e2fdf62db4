/** ZooKeeper's wire format (jute), as far as the client speaks it: big endian, strings and buffers with their length. */
import { Buffer } from 'node:buffer'

import { type CreateMode, type NodeStat, type Operation, ZooKeeperError } from './session.js'

export const Opcode = {
  CREATE: 1,
  DELETE: 2,
  GET_DATA: 4,
  SET_DATA: 5,
  GET_CHILDREN: 8,
  PING: 11,
  CHECK: 13,
  MULTI: 14,
  CLOSE_SESSION: -11,
  ERROR: -1,
} as const

/** Requests that no answer is matched with have numbers of their own. */
export const Xid = { NOTIFICATION: -1, PING: -2 } as const

const ANY_VERSION = -1
const ALL_PERMISSIONS = 31
const FLAGS: Record<CreateMode, number> = {
  persistent: 0,
  ephemeral: 1,
  'ephemeral-sequential': 3,
}
/** What every answer starts with: xid, zxid, error. */
export const REPLY_HEADER_BYTES = 16

class Writer {
  #bytes = Buffer.allocUnsafe(256)
  /** The first four bytes are the length. */
  #at = 4

  int(value: number): this {
    this.#reserve(4)
    this.#at = this.#bytes.writeInt32BE(value, this.#at)
    return this
  }

  long(value: bigint): this {
    this.#reserve(8)
    this.#at = this.#bytes.writeBigInt64BE(value, this.#at)
    return this
  }

  bool(value: boolean): this {
    this.#reserve(1)
    this.#at = this.#bytes.writeUInt8(value ? 1 : 0, this.#at)
    return this
  }

  buffer(value: Uint8Array): this {
    this.int(value.byteLength)
    this.#reserve(value.byteLength)
    this.#bytes.set(value, this.#at)
    this.#at += value.byteLength
    return this
  }

  text(value: string): this {
    return this.buffer(Buffer.from(value))
  }

  /** The whole frame. */
  take(): Buffer {
    this.#bytes.writeInt32BE(this.#at - 4, 0)
    return this.#bytes.subarray(0, this.#at)
  }

  #reserve(more: number): void {
    if (this.#at + more <= this.#bytes.byteLength) return
    const grown = Buffer.allocUnsafe(Math.max(this.#at + more, this.#bytes.byteLength * 2))
    grown.set(this.#bytes.subarray(0, this.#at))
    this.#bytes = grown
  }
}

/** Reads one frame. @throws RangeError when it ends too early */
export class Reader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  int(): number {
    const value = this.#bytes.readInt32BE(this.#at)
    this.#at += 4
    return value
  }

  long(): bigint {
    const value = this.#bytes.readBigInt64BE(this.#at)
    this.#at += 8
    return value
  }

  bool(): boolean {
    const value = this.#bytes.readUInt8(this.#at)
    this.#at += 1
    return value !== 0
  }

  /** Bytes of its own: frames share the memory of what the socket read. */
  buffer(): Uint8Array<ArrayBuffer> {
    const length = Math.max(0, this.int())
    if (this.#at + length > this.#bytes.byteLength) throw new RangeError('a buffer ends too early')
    this.#at += length
    return new Uint8Array(this.#bytes.subarray(this.#at - length, this.#at))
  }

  text(): string {
    return new TextDecoder().decode(this.buffer())
  }

  stat(): NodeStat {
    this.long()
    const mzxid = this.long()
    this.long()
    this.long()
    const version = this.int()
    this.int()
    this.int()
    const ephemeralOwner = this.long()
    this.int()
    this.int()
    this.long()
    return { version, mzxid, ephemeralOwner }
  }
}

export function connectRequest(
  session: { id: bigint; password: Uint8Array },
  lastZxid: bigint,
  timeoutMs: number,
): Buffer {
  return new Writer()
    .int(0)
    .long(lastZxid)
    .int(timeoutMs)
    .long(session.id)
    .buffer(session.password)
    .bool(false)
    .take()
}

export interface ConnectAnswer {
  /** 0: the session is over. */
  readonly timeoutMs: number
  readonly id: bigint
  readonly password: Uint8Array
}

export function connectAnswer(reader: Reader): ConnectAnswer {
  reader.int()
  return { timeoutMs: reader.int(), id: reader.long(), password: reader.buffer() }
}

function request(xid: number, opcode: number): Writer {
  return new Writer().int(xid).int(opcode)
}

export function pingRequest(): Buffer {
  return request(Xid.PING, Opcode.PING).take()
}

export function closeRequest(xid: number): Buffer {
  return request(xid, Opcode.CLOSE_SESSION).take()
}

export function readRequest(
  xid: number,
  opcode: typeof Opcode.GET_DATA | typeof Opcode.GET_CHILDREN,
  path: string,
): Buffer {
  return request(xid, opcode).text(path).bool(false).take()
}

export function createRequest(
  xid: number,
  path: string,
  data: Uint8Array,
  mode: CreateMode,
): Buffer {
  return create(request(xid, Opcode.CREATE), path, data, mode).take()
}

export function deleteRequest(xid: number, path: string): Buffer {
  return request(xid, Opcode.DELETE).text(path).int(ANY_VERSION).take()
}

/** Everybody may do everything with it, as Spark's nodes have it. */
function create(writer: Writer, path: string, data: Uint8Array, mode: CreateMode): Writer {
  writer.text(path).buffer(data)
  writer.int(1).int(ALL_PERMISSIONS).text('world').text('anyone')
  return writer.int(FLAGS[mode])
}

const OPCODES = {
  create: Opcode.CREATE,
  set: Opcode.SET_DATA,
  delete: Opcode.DELETE,
  check: Opcode.CHECK,
} as const

export function multiRequest(xid: number, operations: readonly Operation[]): Buffer {
  const writer = request(xid, Opcode.MULTI)
  for (const operation of operations) {
    writer.int(OPCODES[operation.kind]).bool(false).int(-1)
    if (operation.kind === 'create') create(writer, operation.path, operation.data, 'persistent')
    else if (operation.kind === 'set') {
      writer
        .text(operation.path)
        .buffer(operation.data)
        .int(operation.version ?? ANY_VERSION)
    } else writer.text(operation.path).int(operation.version ?? ANY_VERSION)
  }
  return writer.int(-1).bool(true).int(-1).take()
}

/** What the operations after the one to blame are answered with. */
const ROLLED_BACK = -2

/** @throws ZooKeeperError of the first operation to blame */
export function multiAnswer(reader: Reader, operations: readonly Operation[]): number[] {
  const versions: number[] = []
  const errors: number[] = []
  for (let opcode = reader.int(); !reader.bool(); opcode = reader.int()) {
    reader.int()
    if (opcode === Opcode.ERROR) errors.push(reader.int())
    else if (opcode === Opcode.SET_DATA) versions.push(reader.stat().version)
    else if (opcode === Opcode.CREATE) {
      reader.text()
      versions.push(0)
    } else versions.push(-1)
  }
  if (errors.length === 0) return versions
  const index = errors.findIndex((error) => error !== 0 && error !== ROLLED_BACK)
  throw new ZooKeeperError(
    errors[index] ?? ROLLED_BACK,
    `${operations[index]?.kind} ${operations[index]?.path}`,
    index,
  )
}
