/** Makes a history that differs as small as it gets. */
import type { Difference } from './compare.js'
import type { Row } from './row.js'

export interface Smallest {
  readonly rows: readonly Row[]
  readonly differences: readonly Difference[]
}

/**
 * Leaves out rows, in ever smaller pieces, as long as the rest still differs.
 * @param play the differences of these rows; none, too, when they make no sense any more
 */
export async function shrink(
  start: Smallest,
  play: (rows: readonly Row[]) => Promise<readonly Difference[]>,
): Promise<Smallest> {
  const first = start.differences[0]
  let best: Smallest =
    first === undefined ? start : { ...start, rows: start.rows.slice(0, first.row + 1) }
  let piece = Math.ceil(best.rows.length / 2)
  while (piece >= 1) {
    let shrunk = false
    for (let from = 0; from < best.rows.length;) {
      const rows = best.rows.toSpliced(from, piece)
      const found = rows.length === 0 ? [] : await play(rows)
      if (found.length === 0) from += piece
      else {
        best = { rows: rows.slice(0, found[0]!.row + 1), differences: found.slice(0, 1) }
        shrunk = true
      }
    }
    if (piece === 1 && !shrunk) break
    piece = piece === 1 ? 1 : Math.ceil(piece / 2)
  }
  return best
}
