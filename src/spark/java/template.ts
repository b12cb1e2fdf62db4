import { encodeModifiedUtf8, modifiedUtf8Length } from './modified-utf8.js'
import * as protocol from './protocol.js'
import type { Slot } from './shape.js'
import type { JavaNode, JavaString, JavaValue } from './tree.js'
import { writeJavaStream, type WriteTrace } from './writer.js'

const MAX_STRING_BYTES = 0xffff
const STRING_LENGTH_BYTES = 2
const FIELD_BYTES: Readonly<Record<number, number>> = {
  [protocol.TYPE_INT]: 4,
  [protocol.TYPE_LONG]: 8,
  [protocol.TYPE_BOOLEAN]: 1,
}

export type SlotValue = string | number
type PlaceValue = SlotValue | bigint | boolean

/** Where a value is written, and what the template has there. */
interface Place {
  readonly at: number
  readonly bytes: number
  readonly written: PlaceValue
  /** Index in the values that are given; -1: it is in the tree. */
  readonly mark: number
  readonly node: JavaString | null
  readonly fields: readonly JavaValue[]
  readonly index: number
}

/** Finds the places of marks, and of what is overwritten in the tree. */
class PlaceTrace implements WriteTrace {
  readonly places: Place[] = []
  readonly #marks: readonly SlotValue[]
  readonly #overwritten: ReadonlySet<unknown>

  constructor(marks: readonly SlotValue[], overwritten: readonly Slot[]) {
    this.#marks = marks
    this.#overwritten = new Set(
      overwritten.map((slot) => (slot.type === 'string' ? slot.node : slot.values)),
    )
  }

  string(node: JavaString, at: number): void {
    const isOverwritten = this.#overwritten.has(node)
    const mark = isOverwritten ? -1 : this.#marks.indexOf(node.value)
    if (mark === -1 && !isOverwritten) return
    const bytes = STRING_LENGTH_BYTES + modifiedUtf8Length(node.value)
    this.places.push({ at, bytes, written: node.value, mark, node, fields: [], index: 0 })
  }

  primitive(type: number, at: number, fields: readonly JavaValue[], index: number): void {
    const bytes = FIELD_BYTES[type]
    if (bytes === undefined) return
    const written = fields[index] as PlaceValue
    const isOverwritten = this.#overwritten.has(fields)
    const mark = isOverwritten ? -1 : this.#marks.indexOf(written as SlotValue)
    if (mark === -1 && !isOverwritten) return
    this.places.push({ at, bytes, written, mark, node: null, fields, index })
  }
}

/** Read, it may have been shorter: Java reads a NUL of one byte too, and writes it in two. */
function hasPlace({ value }: JavaString): boolean {
  return modifiedUtf8Length(value) <= MAX_STRING_BYTES
}

function valueAt({ mark, node, fields, index }: Place, values: readonly SlotValue[]): PlaceValue {
  if (mark !== -1) return values[mark]!
  return node === null ? (fields[index] as PlaceValue) : node.value
}

const FIRST_SCRATCH_BYTES = 64 * 1024
/** A longer stream, of which there are few, gets memory of its own. */
const MAX_SCRATCH_BYTES = 1024 * 1024

/** What templates write is copied into frames at once: memory of its own for each would be most of what the gateway asks for. */
let scratch = Buffer.alloc(FIRST_SCRATCH_BYTES)

function scratchOf(bytes: number): Buffer {
  if (bytes > MAX_SCRATCH_BYTES) return Buffer.allocUnsafe(bytes)
  if (bytes > scratch.length) scratch = Buffer.alloc(Math.max(bytes, scratch.length * 2))
  return scratch.subarray(0, bytes)
}

/** A written stream of which only some values differ from one message to the next. */
export class Template {
  readonly #bytes: Buffer
  readonly #places: readonly Place[]

  private constructor(bytes: Buffer, places: readonly Place[]) {
    this.#bytes = bytes
    this.#places = places
  }

  /**
   * @param root a message with the marks in place of its values
   * @param marks each a text or an int that is nowhere else in the message; where one is, its value is written
   * @param overwritten values of the tree that are what they are by then whenever a message is written
   * @returns null when one of those is a text too long for the place that another would need
   */
  static of(
    root: JavaNode,
    marks: readonly SlotValue[],
    overwritten: readonly Slot[] = [],
  ): Template | null {
    if (overwritten.some((slot) => slot.type === 'string' && !hasPlace(slot.node))) return null
    const trace = new PlaceTrace(marks, overwritten)
    return new Template(Buffer.from(writeJavaStream(root, trace)), trace.places)
  }

  /** @returns what the next write of any template overwrites; null when a value does not fit where its mark was */
  write(values: readonly SlotValue[]): Buffer | null {
    let total = this.#bytes.length
    for (const place of this.#places) {
      const text = valueAt(place, values)
      if (typeof text !== 'string' || text === place.written) continue
      const length = modifiedUtf8Length(text)
      if (length > MAX_STRING_BYTES) return null
      total += STRING_LENGTH_BYTES + length - place.bytes
    }
    const stream = scratchOf(total)
    let from = 0
    let to = 0
    for (const place of this.#places) {
      const value = valueAt(place, values)
      if (value === place.written) continue
      to += this.#bytes.copy(stream, to, from, place.at)
      from = place.at + place.bytes
      to = writeValue(value, stream, to)
    }
    this.#bytes.copy(stream, to, from)
    return stream
  }
}

/** @returns where it ends */
function writeValue(value: PlaceValue, stream: Buffer, at: number): number {
  if (typeof value === 'number') return stream.writeInt32BE(value | 0, at)
  if (typeof value === 'bigint') return stream.writeBigInt64BE(value, at)
  if (typeof value === 'boolean') return stream.writeUInt8(value ? 1 : 0, at)
  const end = encodeModifiedUtf8(value, stream, at + STRING_LENGTH_BYTES)
  stream.writeUInt16BE(end - at - STRING_LENGTH_BYTES, at)
  return end
}
