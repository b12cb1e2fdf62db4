/** Random histories at both Masters: ten Masters, one for each policy and way of placing. */
import { ApacheMaster } from './apache-master.js'
import { ApachePlayer } from './apache-player.js'
import type { Difference } from './compare.js'
import { CorePlayer } from './core-player.js'
import { generate } from './generate.js'
import { differences } from './play.js'
import { rowText } from './row.js'
import type { Row } from './row.js'
import { differenceText } from './run-tables.js'
import { rulesText } from './rules.js'
import type { Settings } from './settings.js'
import { shrink } from './shrink.js'

const POLICIES = [
  'CORES_FREE_DESC',
  'CORES_FREE_ASC',
  'MEMORY_FREE_DESC',
  'MEMORY_FREE_ASC',
  'WORKER_ID',
]
const RETRIES = [10, 1, 3, 2, -1]
const MAX_SHOWN = 5

export function allSettings(): Settings[] {
  return POLICIES.flatMap((policy, index) =>
    [true, false].map(
      (spread) =>
        new Map([
          ['spread_drivers', 'false'],
          ['policy', policy],
          ['spread', String(spread)],
          ['retries', String(RETRIES[index])],
          ...(index % 2 === 0 ? [] : [['default_cores', '20'] as const]),
        ]),
    ),
  )
}

/** No worker or driver of Spark does what costs it its session; Apache's Master may not survive it. */
async function breaksRules(
  magneto: CorePlayer,
  settings: Settings,
  rows: readonly Row[],
): Promise<boolean> {
  await magneto.reset(settings)
  for (const row of rows)
    if ((await magneto.play(row)).some((effect) => / (?:CLOSE|Refused)/.test(effect))) return true
  return false
}

async function report(
  apache: ApachePlayer,
  magneto: CorePlayer,
  settings: Settings,
  rows: readonly Row[],
): Promise<void> {
  const play = async (some: readonly Row[]): Promise<readonly Difference[]> =>
    (await breaksRules(magneto, settings, some)) ? [] : differences(apache, magneto, settings, some)
  const smallest = await shrink({ rows, differences: await play(rows) }, play)
  console.log(`  DIFFERS; settings: ${[...settings].map((pair) => pair.join('=')).join(' ')}`)
  for (const row of smallest.rows) console.log(`    ${rowText(row)}`)
  for (const difference of smallest.differences)
    console.log(`  at\n${differenceText(smallest.rows, difference)}`)
}

/** @returns the number of histories that differ */
export async function runHistories(count: number, firstSeed: number): Promise<number> {
  const magneto = new CorePlayer()
  const groups = allSettings()
  const explained = new Map<string, number>()
  let differing = 0
  let played = 0
  for (const [index, settings] of groups.entries()) {
    const master = await ApacheMaster.start(settings)
    try {
      const apache = await ApachePlayer.join(master)
      const began = Date.now()
      for (let seed = firstSeed + index; seed < firstSeed + count; seed += groups.length) {
        const rows = await generate(seed, settings, magneto)
        const found = await differences(apache, magneto, settings, rows, explained)
        played += rows.length
        if (found.length === 0) continue
        differing += 1
        console.log(`seed ${seed}: ${found.length} rows of ${rows.length} differ`)
        if (differing <= MAX_SHOWN) await report(apache, magneto, settings, rows)
      }
      console.log(`${[...settings.values()].join(' ')}: ${Date.now() - began} ms`)
      await apache.close()
    } finally {
      await master.stop()
    }
  }
  console.log(rulesText(explained))
  console.log(`${count} histories of ${played} rows played, ${differing} differ`)
  return differing
}
