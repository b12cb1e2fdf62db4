/** Spark's time strings: a whole number and a unit (`30s`, `5min`, `1h`); a bare number counts in the key's unit. */
import { quoted, UsageError } from './errors.js'

/** Microseconds, so that `us` stays a whole number. */
const US_PER_UNIT: ReadonlyMap<string, number> = new Map([
  ['us', 1],
  ['ms', 1_000],
  ['s', 1_000_000],
  ['m', 60_000_000],
  ['min', 60_000_000],
  ['h', 3_600_000_000],
  ['d', 86_400_000_000],
])

const DURATION_PATTERN = /^(-?[0-9]+)([a-z]+)?$/

/** About 285 years: what still is a whole number of microseconds. */
const MAX_DURATION_US = Number.MAX_SAFE_INTEGER

/**
 * @param bareUnit what a number without a unit counts
 * @returns whole ms, rounded down; negative only when the text is
 * @throws UsageError on a fraction, an unknown unit, or more than about 285 years
 */
export function parseDurationMs(text: string, bareUnit: 'ms' | 's'): number {
  const match = DURATION_PATTERN.exec(text.trim().toLowerCase())
  const unitUs = US_PER_UNIT.get(match?.[2] ?? bareUnit)
  if (!match?.[1] || unitUs === undefined) {
    throw new UsageError(
      `${quoted(text)} is not a time: expected a whole number with one of us, ms, s, m, min, h, d, such as 30s`,
    )
  }
  const durationUs = Number(match[1]) * unitUs
  if (Math.abs(durationUs) > MAX_DURATION_US) {
    throw new UsageError(`${quoted(text)} is too long: expected less than 100000d`)
  }
  return Math.floor(durationUs / 1_000)
}
