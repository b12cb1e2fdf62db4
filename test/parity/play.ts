/** Plays scenarios at both Masters and says where they differ. */
import { same } from './compare.js'
import type { Difference } from './compare.js'
import { TableError, rowText } from './row.js'
import type { Row, Scenario } from './row.js'
import type { Player } from './player.js'
import { MeantRules } from './rules.js'
import type { Settings } from './settings.js'

/**
 * @param explained how often each rule of rules.ts explained something; is added to
 * @returns every difference that no rule explains, row by row: what follows the first may follow from it
 */
export async function differences(
  apache: Player,
  magneto: Player,
  settings: Settings,
  rows: readonly Row[],
  explained = new Map<string, number>(),
): Promise<Difference[]> {
  await apache.reset(settings)
  await magneto.reset(settings)
  const found: Difference[] = []
  const rules = new MeantRules(explained)
  for (const [index, row] of rows.entries()) {
    const said = { apache: await apache.play(row), magneto: await magneto.play(row) }
    const left = rules.apply(row, said)
    if (!same(left.apache, left.magneto)) found.push({ row: index, ...left })
  }
  return found
}

export function settingsOf(scenario: Scenario): Settings {
  const first = scenario.rows[0]?.row
  return first?.verb === 'config' ? first.options : new Map<string, string>()
}

export interface Playable {
  readonly rows: readonly Row[]
  /** Why rows are left out, by row text; the scenario ends at the first that says so. */
  readonly leftOut: readonly string[]
}

/** Rows that say nothing to Apache's Master, though ours goes on as if nothing was. */
const QUIET: Record<string, string> = {
  config: '',
  stored: '',
  wait: 'time: the core alone',
  show: '',
}
/** Rows after which the two Masters can't be compared. */
const ENDS: Record<string, string> = {
  elected: 'standby: the core alone',
  restart: 'recovery: the core alone',
  runs: 'recovery: the core alone',
  ack: 'recovery: the core alone',
  timer: 'time: the core alone',
  bytes: 'our control protocol',
  healthy: 'health is what our workers say',
  unhealthy: 'health is what our workers say',
}
const PLAYED = new Set(
  (
    'worker beat latest state decommissioning driverstate drop app request kill unregister webkill ' +
    'submit killdriver killdrivers status clear readyz decommission'
  ).split(' '),
)

/** @throws TableError when the row is of a kind that nobody thought of here */
export function playable(scenario: Scenario): Playable {
  const rows: Row[] = []
  const leftOut: string[] = []
  for (const { row } of scenario.rows) {
    if (row.verb === 'config' && row.options.has('standby'))
      return { rows, leftOut: ['all of it: standby: the core alone'] }
    const quiet = QUIET[row.verb]
    if (quiet !== undefined) {
      if (quiet !== '') leftOut.push(`${rowText(row)}: ${quiet}`)
      continue
    }
    const end = row.options.has('runtimes') ? 'runtimes are ours' : ENDS[row.verb]
    if (end !== undefined) {
      leftOut.push(`${rowText(row)}, and what follows: ${end}`)
      break
    }
    if (!PLAYED.has(row.verb))
      throw new TableError(`${scenario.place}: nobody knows how to play '${rowText(row)}'`)
    rows.push(row)
  }
  return { rows, leftOut }
}
