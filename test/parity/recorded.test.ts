import { expect, test } from 'vitest'
import { CorePlayer } from './core-player.js'
import { differences, settingsOf } from './play.js'
import { RecordedPlayer, recordedScenarios } from './recorded.js'
import { rowText } from './row.js'
import type { RecordedRow, Scenario } from './row.js'

const scenarios = recordedScenarios()

function played(scenario: Scenario): RecordedRow[] {
  return scenario.rows.filter(({ row }) => row.verb !== 'config')
}

test('there are recorded histories of every policy, spread and packed', () => {
  const files = new Set(scenarios.map(({ place }) => place.split(':')[0]))
  expect(files.size).toBe(10)
  expect(scenarios.length).toBeGreaterThanOrEqual(50)
})

test.each(scenarios)(
  "A7 to A23, D3, D5, L2 to L6, L8, L10, P10, P11, P13, P14: as Apache's Master did, $place $title",
  async (scenario) => {
    const rows = played(scenario)
    const found = await differences(
      new RecordedPlayer(rows),
      new CorePlayer(),
      settingsOf(scenario),
      rows.map(({ row }) => row),
    )
    expect(found.map((each) => [rowText(rows[each.row]!.row), each])).toEqual([])
  },
)

test('one launch on another worker is a difference', async () => {
  const scenario = scenarios.find(({ rows }) =>
    rows.some(({ outcome }) => outcome.some((effect) => effect.includes(' LaunchExecutor '))),
  )!
  const rows = played(scenario)
  const at = rows.findIndex(({ outcome }) =>
    outcome.some((all) => all.includes(' LaunchExecutor ')),
  )
  const changed = rows.map((row, index) =>
    index === at
      ? {
          ...row,
          outcome: row.outcome.map((effect) =>
            effect.replace(/^\S+ LaunchExecutor /, 'w0 LaunchExecutor '),
          ),
        }
      : row,
  )
  const found = await differences(
    new RecordedPlayer(changed),
    new CorePlayer(),
    settingsOf(scenario),
    rows.map(({ row }) => row),
  )
  expect(found.map(({ row }) => row)).toEqual([at])
})
