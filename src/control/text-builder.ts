/** A builder of FlatBuffers that is quick about the short texts that messages are full of: names, addresses, options. */
import { Builder, type Offset } from 'flatbuffers'

/** A call of the encoder, and the array that it makes, cost as much as this many characters one by one. */
const MAX_SHORT_TEXT = 64
const ASCII_END = 0x80

export class TextBuilder extends Builder {
  /** Writes the same bytes as its base, which makes an array of each text first. */
  override createString(text: string | Uint8Array | null | undefined): Offset {
    if (typeof text !== 'string' || text.length > MAX_SHORT_TEXT || !isAscii(text))
      return super.createString(text)
    this.addInt8(0)
    this.startVector(1, text.length, 1)
    for (let index = text.length - 1; index >= 0; index--) this.writeInt8(text.charCodeAt(index))
    return this.endVector()
  }
}

function isAscii(text: string): boolean {
  for (let index = 0; index < text.length; index++)
    if (text.charCodeAt(index) >= ASCII_END) return false
  return true
}
