/**
 * The check that comes before reading: the generated readers trust every offset and length they meet, so bytes
 * from a peer are walked once, with bounds, before anything is read from them. The core has its own (C++)
 * verifier; this one guards workers, applications and the threads beside the core.
 */
import { ControlError } from './errors.js'
import { MAX_TABLE_DEPTH, MAX_TABLES } from './limits.js'
import type { Field, Table } from './shapes.js'
import { applicationDescription, driverDescription, message } from './shapes.js'

export const MESSAGE_IDENTIFIER = 'MGC1'
const ROOT_BYTES = 4
const IDENTIFIER_BYTES = 4
const SMALLEST_VTABLE_BYTES = 4
const SLOT_BYTES = 2

/** @throws ControlError */
export function verifyMessage(bytes: Uint8Array): void {
  verifyIdentified(bytes, 'control message', MESSAGE_IDENTIFIER, message)
}

/**
 * @param what the bytes should be, for the error
 * @throws ControlError when the bytes are not one whole, well-formed table with this file identifier
 */
export function verifyIdentified(
  bytes: Uint8Array,
  what: string,
  wanted: string,
  table: Table,
): void {
  if (bytes.byteLength < ROOT_BYTES + IDENTIFIER_BYTES) {
    throw new ControlError(`a ${what} of ${bytes.byteLength} bytes is too short`)
  }
  const identifier = String.fromCharCode(
    ...bytes.subarray(ROOT_BYTES, ROOT_BYTES + IDENTIFIER_BYTES),
  )
  if (identifier !== wanted) {
    throw new ControlError(
      `not a ${what}: expected identifier ${wanted}, got ${JSON.stringify(identifier)}`,
    )
  }
  new Verifier(bytes).root(table)
}

/** @throws ControlError */
export function verifyApplication(bytes: Uint8Array): void {
  new Verifier(bytes).root(applicationDescription)
}

/** @throws ControlError when the bytes are not one whole, well-formed DriverDescription */
export function verifyDriver(bytes: Uint8Array): void {
  new Verifier(bytes).root(driverDescription)
}

class Verifier {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #tables = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  root(table: Table): void {
    this.#table(this.#follow(0, table.name), table, 0)
  }

  /** Where the unsigned offset at `at` leads. */
  #follow(at: number, what: string): number {
    this.#within(at, 4, what)
    const target = at + this.#view.getUint32(at, true)
    if (target === at) throw new ControlError(`${what}: an offset of 0`)
    this.#within(target, 4, what)
    return target
  }

  #within(at: number, bytes: number, what: string): void {
    if (at < 0 || at + bytes > this.#bytes.byteLength) {
      throw new ControlError(
        `${what}: ${bytes} bytes at ${at} leave the message of ${this.#bytes.byteLength}`,
      )
    }
  }

  #table(at: number, table: Table, depth: number): void {
    this.#tables += 1
    if (this.#tables > MAX_TABLES) throw new ControlError(`more than ${MAX_TABLES} tables`)
    if (depth > MAX_TABLE_DEPTH)
      throw new ControlError(`tables nested over ${MAX_TABLE_DEPTH} deep`)
    const vtable = at - this.#view.getInt32(at, true)
    this.#within(vtable, SMALLEST_VTABLE_BYTES, table.name)
    const vtableBytes = this.#view.getUint16(vtable, true)
    const tableBytes = this.#view.getUint16(vtable + 2, true)
    if (vtableBytes < SMALLEST_VTABLE_BYTES || vtableBytes % 2 !== 0) {
      throw new ControlError(`${table.name}: a vtable of ${vtableBytes} bytes`)
    }
    this.#within(vtable, vtableBytes, table.name)
    this.#within(at, tableBytes, table.name)
    let slot = SMALLEST_VTABLE_BYTES
    for (const field of table.fields) {
      const offset = slot < vtableBytes ? this.#view.getUint16(vtable + slot, true) : 0
      slot += SLOT_BYTES
      if (offset !== 0) this.#field(at + offset, field, field.path, depth, at, vtable)
      else if (field.required) throw new ControlError(`${field.path} is missing`)
    }
  }

  #field(
    at: number,
    field: Field,
    what: string,
    depth: number,
    table: number,
    vtable: number,
  ): void {
    const { type } = field
    switch (type.kind) {
      case 'scalar':
        return this.#within(at, type.bytes, what)
      case 'string':
        return this.#string(this.#follow(at, what), what)
      case 'scalars':
        this.#vector(this.#follow(at, what), type.bytes, what)
        return
      case 'nested': {
        const start = this.#follow(at, what)
        const length = this.#vector(start, 1, what)
        // Objects are packed with an empty vector for what they do not have.
        if (length === 0 && !field.required) return
        new Verifier(this.#bytes.subarray(start + 4, start + 4 + length)).root(type.table())
        return
      }
      case 'table':
        return this.#table(this.#follow(at, what), type.table(), depth + 1)
      case 'strings':
        return this.#each(at, what, (element) => this.#string(this.#follow(element, what), what))
      case 'tables':
        return this.#each(at, what, (element) =>
          this.#table(this.#follow(element, what), type.table(), depth + 1),
        )
      case 'union': {
        // Its type is the field before it.
        const member = type.members[this.#discriminator(table, vtable, type.typeIndex)]
        if (member === undefined) throw new ControlError(`${what} is of an unknown type`)
        return this.#table(this.#follow(at, what), member(), depth + 1)
      }
    }
  }

  #discriminator(table: number, vtable: number, index: number): number {
    const offset = this.#view.getUint16(vtable + SMALLEST_VTABLE_BYTES + SLOT_BYTES * index, true)
    if (offset === 0) return 0
    this.#within(table + offset, 1, 'union type')
    return this.#view.getUint8(table + offset)
  }

  #string(at: number, what: string): void {
    const length = this.#vector(at, 1, what)
    this.#within(at + 4 + length, 1, what)
  }

  /** @returns its length in elements */
  #vector(at: number, elementBytes: number, what: string): number {
    const length = this.#view.getUint32(at, true)
    this.#within(at + 4, length * elementBytes, what)
    return length
  }

  #each(at: number, what: string, check: (element: number) => void): void {
    const start = this.#follow(at, what)
    const length = this.#vector(start, 4, what)
    for (let index = 0; index < length; index += 1) check(start + 4 + 4 * index)
  }
}
