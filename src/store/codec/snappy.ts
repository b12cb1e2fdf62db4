/** The raw Snappy format: the size as a varint, then elements whose two low bits say literal or copy. */
import { byteAt, CodecError, findMatches, Unpacked } from './matcher.js'

const LIMITS = { maxOffset: 65_535, lastStartBytes: 4, lastLiteralBytes: 0 }
const LITERAL = 0
const COPY_1 = 1
const COPY_2 = 2
/** Longer copies are written as several. */
const MAX_COPY_BYTES = 64

export function compressSnappy(input: Uint8Array): Uint8Array {
  const out = new Uint8Array(32 + input.byteLength + Math.ceil(input.byteLength / 6))
  let at = 0
  let size = input.byteLength
  for (; size >= 128; size >>>= 7) out[at++] = (size & 127) | 128
  out[at++] = size
  const literal = (from: number, to: number): void => {
    if (from === to) return
    const last = to - from - 1
    if (last < 60) {
      out[at++] = (last << 2) | LITERAL
    } else {
      const tag = at++
      let bytes = 0
      for (let rest = last; rest > 0; rest = Math.floor(rest / 256)) {
        out[at++] = rest & 255
        bytes += 1
      }
      out[tag] = ((59 + bytes) << 2) | LITERAL
    }
    out.set(input.subarray(from, to), at)
    at += to - from
  }
  const rest = findMatches(input, LIMITS, (from, to, offset, matched) => {
    literal(from, to)
    for (let left = matched; left > 0; left -= MAX_COPY_BYTES) {
      out[at++] = ((Math.min(left, MAX_COPY_BYTES) - 1) << 2) | COPY_2
      out[at++] = offset & 255
      out[at++] = offset >> 8
    }
  })
  literal(rest, input.byteLength)
  return out.subarray(0, at)
}

function littleEndian(input: Uint8Array, at: number, bytes: number): number {
  let value = 0
  for (let index = bytes - 1; index >= 0; index -= 1)
    value = value * 256 + byteAt(input, at + index)
  return value
}

/** @throws CodecError */
export function decompressSnappy(input: Uint8Array, size: number): Uint8Array {
  let at = 0
  let announced = 0
  for (let shift = 0; ; shift += 7) {
    const byte = byteAt(input, at++)
    announced += (byte & 127) * 2 ** shift
    if (byte < 128) break
    if (shift > 28) throw new CodecError('a size of more than 32 bits')
  }
  if (announced !== size) throw new CodecError(`it says ${announced} bytes, not ${size}`)
  const out = new Unpacked(size)
  while (at < input.byteLength) {
    const tag = byteAt(input, at++)
    const high = tag >> 2
    if ((tag & 3) === LITERAL) {
      const more = high < 60 ? 0 : high - 59
      const count = more === 0 ? high + 1 : littleEndian(input, at, more) + 1
      out.literals(input, at + more, count)
      at += more + count
    } else if ((tag & 3) === COPY_1) {
      out.copy(((tag >> 5) << 8) | byteAt(input, at), (high & 7) + 4)
      at += 1
    } else {
      const bytes = (tag & 3) === COPY_2 ? 2 : 4
      out.copy(littleEndian(input, at, bytes), high + 1)
      at += bytes
    }
  }
  return out.finish()
}
