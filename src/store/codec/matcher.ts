/** Finds repetitions for the codecs of the LZ77 family (lz4, snappy, lzf), which differ only in how they are written down. */

/** Shorter repetitions are not worth their place in any of the three. */
export const MIN_MATCH_BYTES = 4

const HASH_BITS = 14
/** Input that does not repeat is walked faster and faster: one byte more a step for every 64 misses. */
const MISSES_PER_STEP_LOG2 = 6

export interface MatchLimits {
  /** How far back a repetition may lie. */
  readonly maxOffset: number
  /** Bytes at the end that no match may start in. */
  readonly lastStartBytes: number
  /** Bytes at the end that no match may reach. */
  readonly lastLiteralBytes: number
}

/** Takes the input in order: literals from..to, then `length` bytes that stand `offset` before. */
export type MatchSink = (from: number, to: number, offset: number, length: number) => void

/** The table is shared: calls are never nested, and clearing it is cheaper than making one. */
const table = new Int32Array(1 << HASH_BITS)

function word(input: Uint8Array, at: number): number {
  return input[at]! | (input[at + 1]! << 8) | (input[at + 2]! << 16) | (input[at + 3]! << 24)
}

/** @returns where the literals behind the last match start */
export function findMatches(input: Uint8Array, limits: MatchLimits, sink: MatchSink): number {
  table.fill(-1)
  const lastStart = input.byteLength - Math.max(limits.lastStartBytes, MIN_MATCH_BYTES)
  const matchEnd = input.byteLength - limits.lastLiteralBytes
  let literals = 0
  let misses = 0
  for (let at = 0; at <= lastStart;) {
    const here = word(input, at)
    const slot = Math.imul(here, 0x9e3779b1) >>> (32 - HASH_BITS)
    const before = table[slot]!
    table[slot] = at
    if (before < 0 || at - before > limits.maxOffset || word(input, before) !== here) {
      at += 1 + (misses >> MISSES_PER_STEP_LOG2)
      misses += 1
      continue
    }
    let end = at + MIN_MATCH_BYTES
    while (end < matchEnd && input[end] === input[before + end - at]) end += 1
    if (end > matchEnd) break
    sink(literals, at, at - before, end - at)
    literals = end
    at = end
    misses = 0
  }
  return literals
}

/** Compressed input that lies about itself; the checksum says that it was written so. */
export class CodecError extends Error {
  override readonly name = 'CodecError'
}

/** Output of a known size, filled front to back. */
export class Unpacked {
  readonly bytes: Uint8Array
  #at = 0

  constructor(size: number) {
    this.bytes = new Uint8Array(size)
  }

  literals(input: Uint8Array, from: number, count: number): void {
    if (from + count > input.byteLength) throw new CodecError('literals end behind the input')
    if (this.#at + count > this.bytes.byteLength) throw new CodecError('more bytes than announced')
    this.bytes.set(input.subarray(from, from + count), this.#at)
    this.#at += count
  }

  copy(offset: number, count: number): void {
    const to = this.#at + count
    if (offset === 0 || offset > this.#at) throw new CodecError('a copy from before the start')
    if (to > this.bytes.byteLength) throw new CodecError('more bytes than announced')
    if (offset >= count) {
      this.bytes.copyWithin(this.#at, this.#at - offset, to - offset)
    } else {
      // What is copied is still being written: byte by byte, it repeats itself.
      for (let at = this.#at; at < to; at += 1) this.bytes[at] = this.bytes[at - offset]!
    }
    this.#at = to
  }

  finish(): Uint8Array {
    if (this.#at !== this.bytes.byteLength) throw new CodecError('fewer bytes than announced')
    return this.bytes
  }
}

/** The byte at `at`. @throws CodecError behind the end */
export function byteAt(input: Uint8Array, at: number): number {
  const byte = input[at]
  if (byte === undefined) throw new CodecError('the input ends too early')
  return byte
}
