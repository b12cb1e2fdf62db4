/** What a canary is for. */
import { expect } from 'vitest'
import { simulate, type Options } from './simulator.js'

/** One of the first `tries` seeds must break the very property that stands against the fault. */
export function mustCatch(tries: number, options: Options, expected: RegExp): void {
  const seen = new Set<string>()
  for (let seed = 1; seed <= tries; seed += 1) {
    const { violation } = simulate(seed, options)
    if (violation === null) continue
    if (expected.test(violation)) return
    seen.add(violation.slice(0, 200))
  }
  expect.fail(`not noticed in ${tries} seeds; noticed instead: ${[...seen].join('\n')}`)
}
