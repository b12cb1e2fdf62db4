/** Rows for people: aligned columns with a head, as wide as a terminal at most. Pure. */
import { cut, padded, textWidth } from './text-width.js'

export interface Column {
  readonly title: string
  /** Of figures: their last digits stand below each other. */
  readonly align?: 'right'
  /** Where there is too little room it is cut, to so many characters at least; absent: never. */
  readonly least?: number
}

const GAP = '  '

/**
 * A table that is written piece by piece, so that it need not be held whole: a column that becomes wider is wider from there on.
 */
export class TableWriter {
  readonly #columns: readonly Column[]
  readonly #widthMax: number
  readonly #widths: number[]

  /** @param widthMax of a line; Infinity: whatever it takes */
  constructor(columns: readonly (Column | string)[], widthMax = Infinity) {
    this.#columns = columns.map((column) =>
      typeof column === 'string' ? { title: column } : column,
    )
    this.#widthMax = widthMax
    this.#widths = this.#columns.map(({ title }) => textWidth(title))
  }

  /** @param rows a cell for each column @returns a line for each */
  lines(rows: readonly (readonly string[])[]): string[] {
    for (const row of rows)
      for (const [at, cell] of row.entries())
        this.#widths[at] = Math.max(this.#widths[at]!, textWidth(cell))
    const widths = fitted(this.#columns, this.#widths, this.#widthMax)
    return rows.map((row) => this.#line(row, widths))
  }

  /** The head in front of the first rows, which say how wide it is. */
  linesWithHead(rows: readonly (readonly string[])[]): string[] {
    return this.lines([this.#columns.map(({ title }) => title), ...rows])
  }

  #line(row: readonly string[], widths: readonly number[]): string {
    const cells = row.map((cell, at) =>
      padded(cell, widths[at]!, this.#columns[at]!.align === 'right' ? 'right' : 'left'),
    )
    return cut(cells.join(GAP).trimEnd(), this.#widthMax)
  }
}

/** Takes from the widest of those that may be cut, until the line fits or nothing can be taken any more. */
function fitted(columns: readonly Column[], wanted: readonly number[], widthMax: number): number[] {
  const widths = [...wanted]
  let over = widths.reduce((sum, width) => sum + width, GAP.length * (widths.length - 1)) - widthMax
  while (over > 0) {
    let widest = -1
    for (const [at, { least }] of columns.entries()) {
      if (least === undefined || widths[at]! <= least) continue
      if (widest < 0 || widths[at]! > widths[widest]!) widest = at
    }
    if (widest < 0) break
    widths[widest]! -= 1
    over -= 1
  }
  return widths
}

/** @returns lines, each of which ends */
export function table(
  columns: readonly (Column | string)[],
  rows: readonly (readonly string[])[],
  widthMax = Infinity,
): string {
  return new TableWriter(columns, widthMax)
    .linesWithHead(rows)
    .map((line) => `${line}\n`)
    .join('')
}
