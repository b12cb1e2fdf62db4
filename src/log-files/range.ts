/** Which bytes of which file a part of a log is. Pure. All lengths and offsets are bytes. */

/** What Spark's pages show at once. */
export const DEFAULT_RANGE_BYTES = 102_400
/** More is not read at once, however much is asked for. */
export const MAX_RANGE_BYTES = 1024 * 1024

export interface WantedRange {
  /** From the start of the stream; null: as much as goes up to its end. Below 0 counts as 0. */
  offset: number | null
  byteLength: number
}

/** From `start`, which is in it, up to `end`, which is not. */
export interface ByteRange {
  start: number
  end: number
}

/** One file's part of a range, in that file's own offsets. */
export interface Piece extends ByteRange {
  index: number
}

/** @returns what of a stream of `total` bytes is meant: never outside of it, never more than `maxBytes` */
export function rangeWithin(
  total: number,
  { offset, byteLength }: WantedRange,
  maxBytes = MAX_RANGE_BYTES,
): ByteRange {
  const length = Math.min(Math.max(byteLength, 0), maxBytes)
  const start = Math.min(Math.max(offset ?? total - length, 0), total)
  return { start, end: Math.min(start + length, total) }
}

/** @param lengths of the files that make the stream, in its order @returns those that hold a part, in the same order */
export function piecesOf(lengths: readonly number[], { start, end }: ByteRange): Piece[] {
  const pieces: Piece[] = []
  let fileStart = 0
  for (const [index, length] of lengths.entries()) {
    const from = Math.max(start - fileStart, 0)
    const to = Math.min(end - fileStart, length)
    if (from < to) pieces.push({ index, start: from, end: to })
    fileStart += length
  }
  return pieces
}
