/**
 * Spark's memory strings: a whole number and a unit that any case may write (`512m`, `2G`, `1gb`). All units
 * are binary. A bare number counts in the unit of the key or flag that holds it.
 */
import { quoted, UsageError } from './errors.js'

const BYTES_PER_UNIT: ReadonlyMap<string, bigint> = new Map([
  ['b', 1n],
  ['k', 1n << 10n],
  ['kb', 1n << 10n],
  ['m', 1n << 20n],
  ['mb', 1n << 20n],
  ['g', 1n << 30n],
  ['gb', 1n << 30n],
  ['t', 1n << 40n],
  ['tb', 1n << 40n],
  ['p', 1n << 50n],
  ['pb', 1n << 50n],
])

const SIZE_PATTERN = /^([0-9]+)([a-z]+)?$/

/**
 * @param bareUnit what a number without a unit counts
 * @returns bytes
 * @throws UsageError on a fraction, a sign, an unknown unit, or more than 2^53 bytes
 */
export function parseBytes(text: string, bareUnit: 'b' | 'k' | 'm' = 'b'): number {
  const match = SIZE_PATTERN.exec(text.trim().toLowerCase())
  const unit = BYTES_PER_UNIT.get(match?.[2] ?? bareUnit)
  if (!match?.[1] || unit === undefined) {
    throw new UsageError(
      `${quoted(text)} is not a size: expected a whole number with one of b, k, m, g, t, p, such as 512m or 2g`,
    )
  }
  const bytes = BigInt(match[1]) * unit
  if (bytes > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw new UsageError(`${quoted(text)} is too large: expected less than 8p`)
  }
  return Number(bytes)
}

/**
 * The worker's memory (C11), where a bare number means bytes.
 *
 * @returns whole MiB, rounded down; at least 1
 * @throws UsageError when malformed or below 1 MiB
 */
export function parseMemoryMb(text: string): number {
  const memoryMb = Math.floor(parseBytes(text, 'b') / (1 << 20))
  if (memoryMb >= 1) return memoryMb
  const bare = /^\s*[1-9][0-9]*\s*$/.test(text)
  const hint = bare
    ? `; a number without a unit counts bytes, so perhaps ${text.trim()}m was meant`
    : ''
  throw new UsageError(`${quoted(text)} is less than 1 MiB: expected at least 1m${hint}`)
}
