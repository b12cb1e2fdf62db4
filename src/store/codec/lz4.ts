/** The LZ4 block format: a token of two nibbles, literals, a two-byte offset; lengths from 15 on go on in further bytes. */
import { byteAt, CodecError, findMatches, MIN_MATCH_BYTES, Unpacked } from './matcher.js'

const LIMITS = { maxOffset: 65_535, lastStartBytes: 12, lastLiteralBytes: 5 }
const LONG = 15

export function compressLz4(input: Uint8Array): Uint8Array {
  const out = new Uint8Array(input.byteLength + Math.ceil(input.byteLength / 255) + 16)
  let at = 0
  const length = (rest: number): void => {
    for (; rest >= 255; rest -= 255) out[at++] = 255
    out[at++] = rest
  }
  const sequence = (from: number, to: number, matched: number): void => {
    const literals = to - from
    out[at++] = (Math.min(literals, LONG) << 4) | Math.min(matched, LONG)
    if (literals >= LONG) length(literals - LONG)
    out.set(input.subarray(from, to), at)
    at += literals
  }
  const rest = findMatches(input, LIMITS, (from, to, offset, matched) => {
    const beyond = matched - MIN_MATCH_BYTES
    sequence(from, to, beyond)
    out[at++] = offset & 255
    out[at++] = offset >> 8
    if (beyond >= LONG) length(beyond - LONG)
  })
  sequence(rest, input.byteLength, 0)
  return out.subarray(0, at)
}

/** @throws CodecError */
export function decompressLz4(input: Uint8Array, size: number): Uint8Array {
  const out = new Unpacked(size)
  let at = 0
  const length = (nibble: number): number => {
    let total = nibble
    if (nibble < LONG) return total
    for (;;) {
      const more = byteAt(input, at++)
      total += more
      if (more < 255) return total
      if (total > size) throw new CodecError('a length beyond the announced size')
    }
  }
  while (at < input.byteLength) {
    const token = byteAt(input, at++)
    const literals = length(token >> 4)
    out.literals(input, at, literals)
    at += literals
    // The last sequence has no match.
    if (at === input.byteLength) break
    const offset = byteAt(input, at) | (byteAt(input, at + 1) << 8)
    at += 2
    out.copy(offset, length(token & 15) + MIN_MATCH_BYTES)
  }
  return out.finish()
}
