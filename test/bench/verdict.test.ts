import { describe, expect, test } from 'vitest'
import { type Window, verdicts, windowsMin } from '../../bench/load/verdict.js'

/** Windows of 10 s each. @param of what is told of each, from 0 to 1 over the soak */
function windows(count: number, of: (share: number) => Partial<Window>): Window[] {
  return Array.from({ length: count }, (_, index) => ({
    atSeconds: (index + 1) * 10,
    residentMb: 300,
    cpuPercent: 12,
    operations: 200,
    p50Ms: 0.8,
    p99Ms: 4,
    ...of(index / (count - 1)),
  }))
}

function broken(of: (share: number) => Partial<Window>): string[] {
  return verdicts(windows(180, of))
    .filter(({ isFlat }) => !isFlat)
    .map(({ what }) => what)
}

describe('a soak', () => {
  test('that stays as it was is flat in everything, and grows by nothing', () => {
    const found = verdicts(windows(180, () => ({})))
    expect(found.map(({ isFlat }) => isFlat)).toEqual([true, true, true, true])
    expect(found.map(({ perHour }) => perHour)).toEqual([0, 0, 0, 0])
  })

  test.each([
    ['residentMb', (share: number) => ({ residentMb: 300 + 60 * share })],
    ['cpuPercent', (share: number) => ({ cpuPercent: 12 + 8 * share })],
    ['p50Ms', (share: number) => ({ p50Ms: 0.8 + 0.8 * share })],
    ['p99Ms', (share: number) => ({ p99Ms: 4 + 8 * share })],
  ])('in which %s grows is not flat, and says what grew', (what, of) => {
    expect(broken(of)).toEqual([what])
  })

  test('in which memory rises and falls with each collection is flat', () => {
    expect(broken((share) => ({ residentMb: 300 + 60 * ((share * 30) % 1) }))).toEqual([])
  })

  test('with a few bad windows anywhere is flat: they are not the median', () => {
    expect(broken((share) => (share > 0.97 ? { p99Ms: 900, residentMb: 900 } : {}))).toEqual([])
  })

  test('that shrinks is flat', () => {
    expect(broken((share) => ({ residentMb: 600 - 300 * share }))).toEqual([])
  })

  test('tells growth by the hour', () => {
    const [memory] = verdicts(windows(360, (share) => ({ residentMb: 300 + 60 * share })))
    // 60 MB over 359 windows of 10 s.
    expect(memory!.perHour).toBeCloseTo(60 / (3590 / 3600), 0)
    expect(memory!.last).toBeGreaterThan(memory!.first)
  })

  test('of too few windows has no verdict', () => {
    expect(() => verdicts(windows(windowsMin - 1, () => ({})))).toThrow(RangeError)
  })
})
