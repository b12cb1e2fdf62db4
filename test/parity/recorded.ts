/** Histories with what Apache's Master said to them, in the tables' own form, so that they run without it. */
import { readFileSync, readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Player } from './player.js'
import { TableError, parseTables, rowText } from './row.js'
import type { RecordedRow, Row, Scenario } from './row.js'
import type { Settings } from './settings.js'

export const RECORDED_FOLDER = resolve(import.meta.dirname, '../fixtures/parity')

export function recordedText(
  title: string,
  settings: Settings,
  rows: readonly RecordedRow[],
): string {
  const config: Row = { verb: 'config', words: [], options: settings }
  const lines = rows.map(({ row, outcome }) => `${rowText(row)} | ${outcome.join('; ')}`.trimEnd())
  return [`== ${title}`, rowText(config), ...lines, ''].join('\n')
}

export function recordedScenarios(): Scenario[] {
  return readdirSync(RECORDED_FOLDER)
    .filter((file) => file.endsWith('.txt'))
    .toSorted()
    .flatMap((file) => parseTables(readFileSync(join(RECORDED_FOLDER, file), 'utf8'), file))
}

/** Says again what Apache's Master said, row by row. */
export class RecordedPlayer implements Player {
  readonly #rows: readonly RecordedRow[]
  #at = 0

  /** @param rows without the `config` row */
  constructor(rows: readonly RecordedRow[]) {
    this.#rows = rows
  }

  reset(): Promise<void> {
    this.#at = 0
    return Promise.resolve()
  }

  play(row: Row): Promise<string[]> {
    const recorded = this.#rows[this.#at]
    this.#at += 1
    if (recorded === undefined || rowText(recorded.row) !== rowText(row))
      throw new TableError(`'${rowText(row)}' was not recorded here`)
    return Promise.resolve([...recorded.outcome])
  }
}
