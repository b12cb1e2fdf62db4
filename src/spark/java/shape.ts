import { decodeModifiedUtf8 } from './modified-utf8.js'
import { readJavaStream, type ValueTrace } from './reader.js'
import * as protocol from './protocol.js'
import type { ClassDescriptor, JavaNode, JavaStream, JavaString, JavaValue } from './tree.js'

/** Longer streams are read as they come. */
const MAX_SHAPE_BYTES = 16 * 1024
const MAX_SLOTS = 128
const MAX_CLASSES = 64
const MAX_SHAPES_OF_CLASS = 8

const STRING_LENGTH_BYTES = 2
/** Fewer bytes are compared sooner than Buffer's method is called. */
const MAX_LOOP_BYTES = 32
/** Of AC ED 00 05, TC_OBJECT, TC_CLASSDESC. */
const CLASS_NAME_AT = 6

/** One value of a shape: where it was in the stream that it was learnt from, and where it goes in the tree. */
export type Slot =
  | {
      readonly type: 'string'
      readonly at: number
      readonly bytes: number
      readonly node: JavaString
      /** As it was learnt: most texts are the same each time. */
      readonly text: string
    }
  | {
      readonly type: 'int' | 'long' | 'boolean'
      readonly at: number
      readonly bytes: number
      readonly values: JavaValue[]
      readonly index: number
    }

/** What was read. The tree may be overwritten by the next read of any stream: only its classes may be kept. */
export interface ShapedStream extends JavaStream {
  /** What is overwritten. None: nothing is. */
  readonly slots: readonly Slot[]
}

const NO_SLOTS: readonly Slot[] = []

/** @returns what was read anew, and stays as it is */
export function unshaped({ root, descriptors }: JavaStream): ShapedStream {
  return { root, descriptors, slots: NO_SLOTS }
}

class SlotTrace implements ValueTrace {
  readonly slots: Slot[] = []
  readonly #strings = new Set<JavaString>()
  readonly #bytes: Buffer
  /** The values don't leave the structure alone. */
  isEntangled = false

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  string(node: JavaString, at: number): void {
    const bytes = STRING_LENGTH_BYTES + this.#bytes.readUInt16BE(at)
    this.slots.push({ type: 'string', at, bytes, node, text: node.value })
    this.#strings.add(node)
  }

  primitive(type: number, at: number, values: JavaValue[]): void {
    const index = values.length
    if (type === protocol.TYPE_INT) this.slots.push({ type: 'int', at, bytes: 4, values, index })
    else if (type === protocol.TYPE_LONG)
      this.slots.push({ type: 'long', at, bytes: 8, values, index })
    else if (type === protocol.TYPE_BOOLEAN)
      this.slots.push({ type: 'boolean', at, bytes: 1, values, index })
  }

  referenced(node: JavaString): void {
    if (this.#strings.has(node)) this.isEntangled = true
  }
}

/** A stream of which only the values of its slots differ from one message to the next. */
class Shape implements ShapedStream {
  readonly root: JavaNode | null
  readonly descriptors: readonly ClassDescriptor[]
  readonly slots: readonly Slot[]
  readonly #learntFrom: Buffer

  constructor(learntFrom: Buffer, slots: readonly Slot[], stream: JavaStream) {
    this.#learntFrom = learntFrom
    this.slots = slots
    this.root = stream.root
    this.descriptors = stream.descriptors
  }

  /** Fills the tree. @returns whether the stream is of this shape, to its last byte */
  read(bytes: Buffer): boolean {
    let at = 0
    let from = 0
    for (const slot of this.slots) {
      const start = at + slot.at - from
      if (!this.#isSame(bytes, at, start, from)) return false
      const end = this.#readSlot(slot, bytes, start)
      if (end === -1) return false
      at = end
      from = slot.at + slot.bytes
    }
    const rest = this.#learntFrom.length - from
    return bytes.length - at === rest && this.#isSame(bytes, at, bytes.length, from)
  }

  #isSame(bytes: Buffer, at: number, end: number, from: number): boolean {
    if (end > bytes.length) return false
    if (end - at > MAX_LOOP_BYTES)
      return bytes.compare(this.#learntFrom, from, from + end - at, at, end) === 0
    for (let offset = 0; offset < end - at; offset++)
      if (bytes[at + offset] !== this.#learntFrom[from + offset]) return false
    return true
  }

  /** @returns where it ends; -1: it is none */
  #readSlot(slot: Slot, bytes: Buffer, at: number): number {
    if (slot.type === 'string') {
      const start = at + STRING_LENGTH_BYTES
      if (start > bytes.length) return -1
      const end = start + ((bytes[at]! << 8) | bytes[at + 1]!)
      if (end > bytes.length) return -1
      if (end - at === slot.bytes && this.#isSame(bytes, at, end, slot.at)) {
        setText(slot.node, slot.text)
        return end
      }
      const text = decodeModifiedUtf8(bytes, start, end)
      if (text === null) return -1
      setText(slot.node, text)
      return end
    }
    const end = at + slot.bytes
    if (end > bytes.length) return -1
    const { values, index } = slot
    if (slot.type === 'int') values[index] = bytes.readInt32BE(at)
    else if (slot.type === 'long') values[index] = bytes.readBigInt64BE(at)
    else values[index] = bytes[at] !== 0
    return end
  }
}

function setText(node: { value: string }, text: string): void {
  node.value = text
}

/**
 * Shapes of the messages that come again and again. The bytes between the values of a stream are compared with those of one that
 * the reader has read: where they are the same, so are classes, handles, depth and counts, and with them all that the reader
 * checks; a value is checked as the reader does. Anything else is no known shape, and the reader decides.
 */
export class ShapeBook {
  /** By the name and the number of the first class; those that were of use last come first. */
  readonly #byClass = new Map<number, Shape[]>()

  /** @returns null when it is of no known shape */
  read(bytes: Buffer): ShapedStream | null {
    const shapes = this.#byClass.get(classKeyOf(bytes))
    if (shapes === undefined) return null
    for (let index = 0; index < shapes.length; index++) {
      const shape = shapes[index]!
      if (!shape.read(bytes)) continue
      if (index > 0) {
        shapes.splice(index, 1)
        shapes.unshift(shape)
      }
      return shape
    }
    return null
  }

  /**
   * @returns what the reader makes of it
   * @throws JavaStreamError as the reader does, with the default limits
   */
  learn(bytes: Buffer): ShapedStream {
    if (bytes.length > MAX_SHAPE_BYTES) return unshaped(readJavaStream(bytes))
    const kept = Buffer.from(bytes)
    const trace = new SlotTrace(kept)
    const stream = readJavaStream(kept, undefined, trace)
    if (trace.isEntangled || trace.slots.length > MAX_SLOTS) return unshaped(stream)
    const key = classKeyOf(kept)
    const shapes = this.#byClass.get(key) ?? []
    if (shapes.length === 0) {
      if (this.#byClass.size >= MAX_CLASSES) this.#byClass.clear()
      this.#byClass.set(key, shapes)
    }
    const shape = new Shape(kept, trace.slots, stream)
    shapes.unshift(shape)
    if (shapes.length > MAX_SHAPES_OF_CLASS) shapes.pop()
    return shape
  }
}

/** Tells most classes apart; those of one key are told apart by their bytes. */
function classKeyOf(bytes: Buffer): number {
  if (bytes.length < CLASS_NAME_AT + STRING_LENGTH_BYTES) return 0
  const nameBytes = (bytes[CLASS_NAME_AT]! << 8) | bytes[CLASS_NAME_AT + 1]!
  const number = CLASS_NAME_AT + STRING_LENGTH_BYTES + nameBytes
  return number + 8 > bytes.length ? 0 : bytes.readInt32BE(number + 4) ^ nameBytes
}
