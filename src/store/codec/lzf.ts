/** The LZF block format: runs of up to 32 literals, copies of 3 to 264 bytes from up to 8 KiB before. */
import { byteAt, findMatches, Unpacked } from './matcher.js'

const LIMITS = { maxOffset: 8192, lastStartBytes: 4, lastLiteralBytes: 0 }
const MAX_LITERALS = 32
const MIN_COPY_BYTES = 3
const MAX_COPY_BYTES = 264
/** A length in three bits that says: more in the next byte. */
const LONG = 7

export function compressLzf(input: Uint8Array): Uint8Array {
  const out = new Uint8Array(input.byteLength + Math.ceil(input.byteLength / MAX_LITERALS) + 16)
  let at = 0
  const literal = (from: number, to: number): void => {
    for (let start = from; start < to; start += MAX_LITERALS) {
      const run = input.subarray(start, Math.min(to, start + MAX_LITERALS))
      out[at++] = run.byteLength - 1
      out.set(run, at)
      at += run.byteLength
    }
  }
  const rest = findMatches(input, LIMITS, (from, to, offset, matched) => {
    literal(from, to)
    const back = offset - 1
    for (let left = matched; left > 0;) {
      // What is left must be a copy of its own, or nothing.
      const after = left - MAX_COPY_BYTES
      const count =
        after <= 0 ? left : after < MIN_COPY_BYTES ? left - MIN_COPY_BYTES : MAX_COPY_BYTES
      const length = count - 2
      out[at++] = (Math.min(length, LONG) << 5) | (back >> 8)
      if (length >= LONG) out[at++] = length - LONG
      out[at++] = back & 255
      left -= count
    }
  })
  literal(rest, input.byteLength)
  return out.subarray(0, at)
}

/** @throws CodecError */
export function decompressLzf(input: Uint8Array, size: number): Uint8Array {
  const out = new Unpacked(size)
  let at = 0
  while (at < input.byteLength) {
    const control = byteAt(input, at++)
    if (control < MAX_LITERALS) {
      out.literals(input, at, control + 1)
      at += control + 1
      continue
    }
    let length = control >> 5
    if (length === LONG) length += byteAt(input, at++)
    out.copy((((control & 31) << 8) | byteAt(input, at++)) + 1, length + 2)
  }
  return out.finish()
}
