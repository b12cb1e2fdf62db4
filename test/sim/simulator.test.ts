import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  Coverage,
  expectedAfterFailovers,
  expectedEvents,
  expectedOfElections,
  expectedOfRestarts,
  expectedReceived,
  expectedSent,
  type SimulatedEvent,
} from './coverage.js'
import { simulate } from './simulator.js'
import type { Kind } from './world.js'

const seeds = 1000
const traceLinesShown = 60

const seedsOfFailovers = 200

const coverage = new Coverage()

/** A broken seed tells its story at once; run.ts tells all of it. */
function mustHold(seed: number, kind: Kind, seen: Coverage): void {
  const outcome = simulate(seed, { kind })
  seen.add(outcome.coverage)
  if (outcome.violation === null) return
  const { trace } = simulate(seed, { kind, trace: true })
  throw new Error(
    `seed ${seed}: ${outcome.violation}\n${trace.slice(-traceLinesShown).join('\n')}\n` +
      `the whole history: npx tsx test/sim/run.ts --kind ${kind} --seed ${seed} --trace`,
  )
}

describe('a cluster from one seed', () => {
  test.each(Array.from({ length: 10 }, (_, part) => part))(
    `${seeds} seeds, part %i`,
    (part) => {
      for (let seed = part + 1; seed <= seeds; seed += 10) mustHold(seed, 'lasting', coverage)
    },
    120_000,
  )

  test('the seeds saw every message, every crash, every jump', () => {
    console.log(coverage.text())
    expect(coverage.missing(expectedEvents, expectedReceived, expectedSent)).toEqual([])
  })

  const named = readFileSync(join(import.meta.dirname, 'seeds.txt'), 'utf8')
    .split('\n')
    .filter((line) => /^\d/.test(line))
  if (named.length > 0) {
    test.each(named)('regression: %s', (line) => {
      const [seed, kind] = line.split(/[ :]+/)
      mustHold(Number(seed), kind as Kind, new Coverage())
    })
  }

  test('the same seed gives the same history', () => {
    const [once, again] = [simulate(3, { trace: true }), simulate(3, { trace: true })]
    expect(once.trace.length).toBeGreaterThan(100)
    expect(again.trace).toEqual(once.trace)
  })
})

const failovers: [Kind, readonly SimulatedEvent[]][] = [
  ['restarted', expectedOfRestarts],
  ['elected', expectedOfElections],
]

describe.each(failovers)('H8, H9: a cluster whose masters are %s', (kind, expected) => {
  const seen = new Coverage()

  test.each(Array.from({ length: 10 }, (_, part) => part))(
    `${seedsOfFailovers} seeds, part %i`,
    (part) => {
      for (let seed = part + 1; seed <= seedsOfFailovers; seed += 10) mustHold(seed, kind, seen)
    },
    120_000,
  )

  test('the seeds saw everything that may happen to masters', () => {
    console.log(seen.text())
    const { received, sent } = seen
    expect(seen.missing(expected)).toEqual([])
    const told = (each: string) => received.has(each) || sent.has(each)
    expect(expectedAfterFailovers.filter((each) => !told(each))).toEqual([])
  })

  test('the same seed gives the same history', () => {
    const [once, again] = [0, 1].map(() => simulate(5, { kind, trace: true }))
    expect(once?.trace.length).toBeGreaterThan(100)
    expect(again?.trace).toEqual(once?.trace)
  })
})
