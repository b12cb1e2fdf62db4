/**
 * Java's modified UTF-8: UTF-16 code units of one, two or three bytes; U+0000 has two, and nothing has
 * four.
 */

const ONE_BYTE_END = 0x80
const TWO_BYTES_END = 0x800

/**
 * As `text.charCodeAt(index)`, which is looked up anew for each unit once texts of five kinds have been seen (sliced, joined,
 * interned, of one byte, of two), as they are at once: that costs four times what is done with the unit.
 */
export function unitOf(text: string, index: number): number {
  return String.prototype.charCodeAt.call(text, index)
}

/**
 * @param end exclusive; the caller has checked that it lies inside `bytes`
 * @returns null when the bytes are no modified UTF-8
 */
export function decodeModifiedUtf8(bytes: Buffer, start: number, end: number): string | null {
  let at = start
  while (at < end && bytes[at]! < ONE_BYTE_END) at++
  if (at === end) return bytes.toString('latin1', start, end)
  const units = new Uint16Array(end - start)
  let count = 0
  for (at = start; at < end;) {
    const first = bytes[at]!
    if (first < ONE_BYTE_END) {
      units[count++] = first
      at += 1
    } else if ((first & 0xe0) === 0xc0) {
      if (at + 2 > end || (bytes[at + 1]! & 0xc0) !== 0x80) return null
      units[count++] = ((first & 0x1f) << 6) | (bytes[at + 1]! & 0x3f)
      at += 2
    } else {
      const whole = (first & 0xf0) === 0xe0 && at + 3 <= end
      if (!whole || (bytes[at + 1]! & 0xc0) !== 0x80 || (bytes[at + 2]! & 0xc0) !== 0x80)
        return null
      units[count++] =
        ((first & 0x0f) << 12) | ((bytes[at + 1]! & 0x3f) << 6) | (bytes[at + 2]! & 0x3f)
      at += 3
    }
  }
  return Buffer.from(units.buffer, 0, count * 2).toString('utf16le')
}

/** @returns bytes that `text` takes */
export function modifiedUtf8Length(text: string): number {
  const units = text.length
  let length = units
  for (let index = 0; index < units; index++) {
    const unit = unitOf(text, index)
    if (unit >= TWO_BYTES_END) length += 2
    else if (unit >= ONE_BYTE_END || unit === 0) length += 1
  }
  return length
}

/** @returns the offset after the text; the caller has made room for modifiedUtf8Length(text) */
export function encodeModifiedUtf8(text: string, bytes: Buffer, start: number): number {
  const units = text.length
  let at = start
  for (let index = 0; index < units; index++) {
    const unit = unitOf(text, index)
    if (unit < ONE_BYTE_END && unit !== 0) {
      bytes[at++] = unit
    } else if (unit < TWO_BYTES_END) {
      bytes[at++] = 0xc0 | (unit >> 6)
      bytes[at++] = 0x80 | (unit & 0x3f)
    } else {
      bytes[at++] = 0xe0 | (unit >> 12)
      bytes[at++] = 0x80 | ((unit >> 6) & 0x3f)
      bytes[at++] = 0x80 | (unit & 0x3f)
    }
  }
  return at
}
