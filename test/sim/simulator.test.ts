import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { Coverage, expectedEvents } from './coverage.js'
import { simulate } from './simulator.js'

const seeds = 1000
const traceLinesShown = 60

const coverage = new Coverage()

/** A broken seed tells its story at once; run.ts tells all of it. */
function mustHold(seed: number): void {
  const outcome = simulate(seed)
  coverage.add(outcome.coverage)
  if (outcome.violation === null) return
  const { trace } = simulate(seed, { trace: true })
  throw new Error(
    `seed ${seed}: ${outcome.violation}\n${trace.slice(-traceLinesShown).join('\n')}\n` +
      `the whole history: npx tsx test/sim/run.ts --seed ${seed} --trace`,
  )
}

describe('a cluster from one seed', () => {
  test.each(Array.from({ length: 10 }, (_, part) => part))(
    `${seeds} seeds, part %i`,
    (part) => {
      for (let seed = part + 1; seed <= seeds; seed += 10) mustHold(seed)
    },
    120_000,
  )

  test('the seeds saw every message, every crash, every jump', () => {
    console.log(coverage.text())
    expect(coverage.missing(expectedEvents)).toEqual([])
  })

  const named = readFileSync(join(import.meta.dirname, 'seeds.txt'), 'utf8')
    .split('\n')
    .filter((line) => /^\d/.test(line))
  if (named.length > 0) {
    test.each(named)('regression: %s', (line) => mustHold(Number.parseInt(line, 10)))
  }

  test('the same seed gives the same history', () => {
    const [once, again] = [simulate(3, { trace: true }), simulate(3, { trace: true })]
    expect(once.trace.length).toBeGreaterThan(100)
    expect(again.trace).toEqual(once.trace)
  })
})
