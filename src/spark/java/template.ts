import { encodeModifiedUtf8, modifiedUtf8Length } from './modified-utf8.js'
import type { JavaNode } from './tree.js'
import { writeJavaStream } from './writer.js'

const MAX_STRING_BYTES = 0xffff
const STRING_LENGTH_BYTES = 2
const INT_BYTES = 4

export type SlotValue = string | number

interface Slot {
  readonly at: number
  readonly bytes: number
  /** Index in the values. */
  readonly value: number
}

/** A written stream of which only some strings and ints differ from one message to the next. */
export class Template {
  readonly #bytes: Buffer
  readonly #slots: readonly Slot[]

  /**
   * @param root a message with the marks in place of its values
   * @param marks each a text or an int that is nowhere else in the message; where one is, its value is written
   */
  constructor(root: JavaNode, marks: readonly SlotValue[]) {
    const slots: Slot[] = []
    const add = (mark: SlotValue, at: number, bytes: number): void => {
      const value = marks.indexOf(mark)
      if (value !== -1) slots.push({ at, bytes, value })
    }
    const written = writeJavaStream(root, {
      string: (text, at) => add(text, at, STRING_LENGTH_BYTES + modifiedUtf8Length(text)),
      int: (mark, at) => add(mark, at, INT_BYTES),
    })
    this.#bytes = Buffer.from(written)
    this.#slots = slots
  }

  /** @returns null when a value does not fit where its mark was */
  write(values: readonly SlotValue[]): Buffer | null {
    let total = this.#bytes.length
    for (const { bytes, value } of this.#slots) {
      const text = values[value]!
      if (typeof text !== 'string') continue
      const length = modifiedUtf8Length(text)
      if (length > MAX_STRING_BYTES) return null
      total += STRING_LENGTH_BYTES + length - bytes
    }
    const stream = Buffer.allocUnsafe(total)
    let from = 0
    let to = 0
    for (const slot of this.#slots) {
      to += this.#bytes.copy(stream, to, from, slot.at)
      from = slot.at + slot.bytes
      const value = values[slot.value]!
      if (typeof value === 'number') to = stream.writeInt32BE(value | 0, to)
      else {
        const end = encodeModifiedUtf8(value, stream, to + STRING_LENGTH_BYTES)
        stream.writeUInt16BE(end - to - STRING_LENGTH_BYTES, to)
        to = end
      }
    }
    this.#bytes.copy(stream, to, from)
    return stream
  }
}
