/** W12: which files are old logs, and which of them is older. */
import fc from 'fast-check'
import { expect, test } from 'vitest'

import { rolledNames } from '../../src/log-files/names.js'
import { rolledSuffix, type RollingPolicy } from '../../src/worker/log-rolling.js'

function ordered(names: string[], active = 'stdout'): string[] {
  return rolledNames(names, active).map(
    ({ plain, compressed }) => plain + (compressed ? '.gz' : ''),
  )
}

test.each([
  ['daily', ['stdout--2026-11-20', 'stdout--2026-11-20--0', 'stdout--2026-11-21']],
  ['hourly', ['stdout--2026-11-20--09', 'stdout--2026-11-20--10', 'stdout--2026-11-20--10--0']],
  ['minutely', ['stdout--2026-11-20--09-59', 'stdout--2026-11-20--10-00']],
  ['by seconds', ['stdout--2026-11-20--09-59-01', 'stdout--2026-11-20--09-59-01--9']],
  ['by size', ['stdout--2026-11-20--09-59-01--0007', 'stdout--2026-11-20--09-59-01--0120']],
  ['compressed', ['stdout--2026-11-20.gz', 'stdout--2026-11-20--0.gz', 'stdout--2026-11-21']],
])('W12: %s logs, oldest first', (_name, names) => {
  expect(ordered(names.toReversed())).toEqual(names)
})

test('W12: numbers of one date count as numbers, also where they look like hours', () => {
  const numbered = Array.from({ length: 24 }, (_, at) => `stdout--2026-11-20--${at}`)
  const names = ['stdout--2026-11-20', ...numbered]
  expect(ordered(names.toReversed())).toEqual(names)
  const bySize = [...Array(12).keys()].map((at) => `stdout--2026-11-20--09-59-01--0007--${at}.gz`)
  expect(ordered(bySize.toReversed())).toEqual(bySize)
})

test('U25: a log that is being compressed counts once, the whole one', () => {
  const name = 'stdout--2026-11-20'
  expect(ordered([`${name}.gz`, name])).toEqual([name])
  expect(ordered([name, `${name}.gz`])).toEqual([name])
})

test.each([
  'stdout',
  'stderr--2026-11-20',
  'stdout2--2026-11-20',
  'stdout--2026-11-20.gz.tmp',
  'stdout--2026-11-20--',
  'stdout--2026-11-20--01x',
  'stdout--20261120',
  'stdout.1',
  'resource-executor-1.json',
])('W12: %s is no old log of stdout', (name) => {
  expect(ordered([name])).toEqual([])
})

test('W12: whatever a writer calls its logs, their order is that of time', () => {
  const policies: RollingPolicy[] = [
    { by: 'time', intervalMs: 86_400_000, fields: 3 },
    { by: 'time', intervalMs: 3_600_000, fields: 4 },
    { by: 'time', intervalMs: 60_000, fields: 5 },
    { by: 'time', intervalMs: 60_000, fields: 6 },
    { by: 'size', maxBytes: 81_920 },
  ]
  // Below a day that changes its clocks, where local time goes back.
  const dayMs = fc.integer({ min: 0, max: 86_399_999 })
  fc.assert(
    fc.property(
      fc.constantFrom(...policies),
      fc.array(dayMs),
      fc.boolean(),
      (policy, times, gz) => {
        const written = new Map<string, number>()
        const names = times
          .toSorted((a, b) => a - b)
          .map((ms) => {
            const base = `stdout${rolledSuffix(policy, new Date(2026, 6, 1, 0, 0, 0, ms))}`
            const number = written.get(base) ?? -1
            written.set(base, number + 1)
            return base + (number < 0 ? '' : `--${number}`) + (gz ? '.gz' : '')
          })
        expect(ordered(names.toReversed())).toEqual(names)
      },
    ),
  )
})
