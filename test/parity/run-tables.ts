/** The core's own tables (native/test/tables), played at both Masters. */
import { readFileSync, readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { ApacheMaster } from './apache-master.js'
import { ApachePlayer } from './apache-player.js'
import { canonicalText } from './compare.js'
import type { Difference } from './compare.js'
import { CorePlayer } from './core-player.js'
import { MEANT } from './differences.js'
import type { MeantDifference } from './differences.js'
import { differences, playable, settingsOf } from './play.js'
import { parseTables, rowText } from './row.js'
import type { Row, Scenario } from './row.js'
import { rulesText } from './rules.js'

const FOLDER = resolve(import.meta.dirname, '../../native/test/tables')

function allScenarios(): Scenario[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith('.txt'))
    .toSorted()
    .flatMap((file) => parseTables(readFileSync(join(FOLDER, file), 'utf8'), file))
}

/** One Master for all that share its settings: a start costs seconds. */
function bySettings(scenarios: readonly Scenario[]): Map<string, Scenario[]> {
  const groups = new Map<string, Scenario[]>()
  for (const scenario of scenarios) {
    const key = [...settingsOf(scenario)].map((pair) => pair.join('=')).join(' ')
    groups.set(key, [...(groups.get(key) ?? []), scenario])
  }
  return groups
}

function indented(outcome: readonly string[]): string {
  return canonicalText(outcome).replaceAll(/^/gm, '      ')
}

export function differenceText(rows: readonly Row[], { row, apache, magneto }: Difference): string {
  return [
    `    ${rowText(rows[row]!)}`,
    '    Apache:',
    indented(apache),
    '    Magneto:',
    indented(magneto),
  ].join('\n')
}

/** @returns the number of unexplained differences, and of explanations that explain nothing */
export async function runTables(): Promise<number> {
  const unused = new Set(MEANT)
  const magneto = new CorePlayer()
  const explained = new Map<string, number>()
  let faults = 0
  let played = 0
  for (const scenarios of bySettings(allScenarios()).values()) {
    const settings = new Map([['spread_drivers', 'false'], ...settingsOf(scenarios[0]!)])
    const master = await started(async () => ApacheMaster.start(settings))
    const ours = await started(async () => magneto.reset(settings).then(() => magneto))
    if (master === null || ours === null) {
      for (const scenario of scenarios)
        faults += reportRefused(scenario, master !== null, ours !== null, unused)
      await master?.stop()
      continue
    }
    try {
      const apache = await ApachePlayer.join(master)
      for (const scenario of scenarios) {
        const { rows, leftOut } = playable(scenario)
        console.log(`${scenario.place} ${scenario.title}`)
        for (const reason of leftOut) console.log(`  not played: ${reason}`)
        const found = await differences(apache, magneto, settings, rows, explained)
        faults += report(scenario, rows, found, unused)
        played += rows.length
      }
      await apache.close()
    } finally {
      if (master.errors !== '') console.log(`Apache's Master logged:\n${master.errors}`)
      await master.stop()
    }
  }
  console.log(rulesText(explained))
  for (const { scenario, row } of unused)
    console.log(`explained, but no difference: ${scenario}: ${row}`)
  console.log(`${played} rows played, ${faults} unexplained differences`)
  return faults + unused.size
}

/** @returns null when the Master does not start with these settings */
async function started<Master>(start: () => Promise<Master>): Promise<Master | null> {
  try {
    return await start()
  } catch (error) {
    console.log((error as Error).message)
    return null
  }
}

function told(starts: boolean): string[] {
  return [starts ? 'master starts' : 'master does not start']
}

function reportRefused(
  scenario: Scenario,
  apacheStarts: boolean,
  magnetoStarts: boolean,
  unused: Set<MeantDifference>,
): number {
  console.log(`${scenario.place} ${scenario.title}`)
  if (apacheStarts === magnetoStarts) return 0
  const found = { row: 0, apache: told(apacheStarts), magneto: told(magnetoStarts) }
  return report(scenario, [scenario.rows[0]!.row], [found], unused)
}

function report(
  scenario: Scenario,
  rows: readonly Row[],
  found: readonly Difference[],
  unused: Set<MeantDifference>,
): number {
  let faults = 0
  for (const difference of found) {
    const row = rowText(rows[difference.row]!)
    const meant = MEANT.find(
      (candidate) => scenario.title.includes(candidate.scenario) && candidate.row === row,
    )
    if (meant === undefined) {
      faults += 1
      console.log(`  DIFFERS\n${differenceText(rows, difference)}`)
    } else {
      unused.delete(meant)
      console.log(`  differs, as meant: ${row}: ${meant.why}`)
    }
  }
  return faults
}
