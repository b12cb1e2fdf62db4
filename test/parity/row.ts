/**
 * The language of the tables (native/test/tables/README.md): one action a row, `|`, and what it causes.
 * Random histories and recorded ones are written in it too.
 */

export interface Row {
  readonly verb: string
  readonly words: readonly string[]
  readonly options: ReadonlyMap<string, string>
}

export interface RecordedRow {
  readonly row: Row
  /** What stands behind the bar: effects in order. */
  readonly outcome: readonly string[]
}

export interface Scenario {
  /** File and line, for messages. */
  readonly place: string
  readonly title: string
  readonly rows: readonly RecordedRow[]
}

export class TableError extends Error {
  override readonly name = 'TableError'
}

export function parseRow(text: string): Row {
  const [verb = '', ...parts] = text.trim().split(/\s+/)
  const words: string[] = []
  const options = new Map<string, string>()
  for (const part of parts) {
    const equals = part.indexOf('=')
    if (equals < 0) words.push(part)
    else options.set(part.slice(0, equals), part.slice(equals + 1))
  }
  return { verb, words, options }
}

export function rowText({ verb, words, options }: Row): string {
  return [verb, ...words, ...[...options].map(([key, value]) => `${key}=${value}`)].join(' ')
}

function recordedRow(line: string): RecordedRow {
  const bar = line.indexOf('|')
  const behind = bar < 0 ? '' : line.slice(bar + 1)
  return {
    row: parseRow(bar < 0 ? line : line.slice(0, bar)),
    outcome: behind
      .split(';')
      .map((effect) => effect.trim())
      .filter((effect) => effect !== ''),
  }
}

/** @throws TableError when a row stands before the first title */
export function parseTables(text: string, file: string): Scenario[] {
  const scenarios: { place: string; title: string; rows: RecordedRow[] }[] = []
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim()
    const place = `${file}:${index + 1}`
    if (line === '' || line.startsWith('#')) continue
    if (line.startsWith('== ')) {
      scenarios.push({ place, title: line.slice(3), rows: [] })
      continue
    }
    const last = scenarios.at(-1)
    if (last === undefined) throw new TableError(`${place}: a row before any '== title'`)
    last.rows.push(recordedRow(line))
  }
  return scenarios
}

export function numberOption(row: Row, key: string): number | null {
  const text = row.options.get(key)
  if (text === undefined) return null
  const value = Number(text)
  if (!Number.isInteger(value))
    throw new TableError(`${rowText(row)}: ${key} must be a whole number`)
  return value
}

/** @throws TableError when the row has no such word */
export function wordOf(row: Row, index: number): string {
  const word = row.words[index]
  if (word === undefined) throw new TableError(`${rowText(row)}: a word is missing`)
  return word
}
