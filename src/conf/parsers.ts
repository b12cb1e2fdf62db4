/** How the texts of keys are read. Each returns a function for `ConfKey.parse`. */
import { expected } from './configuration.js'
import { parseDurationMs } from './duration.js'
import { UsageError } from './errors.js'
import { parseBytes } from './size.js'

/** Java's largest int, which Spark uses for "no limit". */
export const INT_MAX = 2 ** 31 - 1

/** Ports below 1024 are refused because Spark refuses them (C16). */
export const MIN_PORT = 1024
export const MAX_PORT = 65_535

export function text(value: string): string {
  return value
}

export function boolean(value: string): boolean {
  const word = value.trim().toLowerCase()
  if (word === 'true') return true
  if (word === 'false') return false
  throw expected(value, 'true or false')
}

/** Whole numbers in Java's int range, both limits included. */
export function integer(min = -INT_MAX - 1, max = INT_MAX): (value: string) => number {
  return (value) => {
    const word = value.trim()
    const parsed = /^[+-]?[0-9]+$/.test(word) ? Number(word) : Number.NaN
    if (Number.isNaN(parsed) || parsed < min || parsed > max) {
      throw expected(value, `a whole number from ${min} to ${max}`)
    }
    return parsed
  }
}

/** @param min the smallest value allowed, ms */
export function durationMs(bareUnit: 'ms' | 's', min = 0): (value: string) => number {
  return (value) => {
    const parsed = parseDurationMs(value, bareUnit)
    if (parsed < min) throw expected(value, `a time of at least ${min} ms`)
    return parsed
  }
}

export function bytes(bareUnit: 'b' | 'k' | 'm' = 'b'): (value: string) => number {
  return (value) => parseBytes(value, bareUnit)
}

/** 0 for any free port, or 1024 to 65535 (C16). */
export function port(value: string): number {
  const word = value.trim()
  const parsed = /^[0-9]+$/.test(word) ? Number(word) : Number.NaN
  if (parsed === 0 || (parsed >= MIN_PORT && parsed <= MAX_PORT)) return parsed
  // Kubernetes sets <SERVICE>_PORT for every service, and a service named spark-master hits our variable.
  const hint = /^[a-z]+:\/\//.test(word)
    ? '; Kubernetes sets such a variable for a service of that name: rename the service or set enableServiceLinks: false'
    : ''
  throw expected(value, `a port: expected 0 (any free one) or ${MIN_PORT} to ${MAX_PORT}${hint}`)
}

/** One of the words, in any case; returns it as listed. */
export function oneOf<const W extends string>(...words: W[]): (value: string) => W {
  return (value) => {
    const found = words.find((word) => word.toLowerCase() === value.trim().toLowerCase())
    if (found === undefined) throw expected(value, `one of ${words.join(', ')}`)
    return found
  }
}

/** Parts between separators, trimmed, empty ones left out. */
export function list(separator: ',' | ':'): (value: string) => string[] {
  return (value) =>
    value
      .split(separator)
      .map((part) => part.trim())
      .filter((part) => part !== '')
}

/** A pattern of ids (P17, P40): Java's format of the given arguments, without whitespace. */
export function idPattern(argumentCount: number): (value: string) => string {
  return (value) => {
    if (value === '' || /\s/.test(value)) throw expected(value, 'an id pattern without whitespace')
    const conversions = value.replaceAll('%%', '').match(/%[^a-zA-Z%]*[a-zA-Z]?/g) ?? []
    const bad = conversions.find((conversion) => !/^%0?[0-9]*[sd]$/.test(conversion))
    if (bad !== undefined || conversions.length > argumentCount) {
      throw expected(
        value,
        `an id pattern: expected at most ${argumentCount} of %s, %d, %04d and the like`,
      )
    }
    return value
  }
}

/** An id pattern whose conversions the core reads: it refuses at start what makes no ids, and says why (P17). */
export function coreIdPattern(value: string): string {
  if (value === '' || /\s/.test(value)) throw expected(value, 'an id pattern without whitespace')
  return value
}

const JAVA_ONLY_FLAG = /^\(\?i\)/

/** A regular expression in Java's syntax, as far as JavaScript shares it; a leading (?i) is understood. */
export function pattern(value: string): RegExp {
  const flags = JAVA_ONLY_FLAG.test(value) ? 'i' : ''
  try {
    return new RegExp(value.replace(JAVA_ONLY_FLAG, ''), flags)
  } catch (error) {
    throw new UsageError(`it is not a regular expression: ${(error as Error).message}`, {
      cause: error,
    })
  }
}

/** Absent means null, and so does the empty text. */
export function orNull<T>(parse: (value: string) => T): (value: string) => T | null {
  return (value) => (value.trim() === '' ? null : parse(value))
}

/** Regular expressions between commas, each of which matches a whole text only. */
export function wholePatterns(value: string): RegExp[] {
  return list(',')(value).map((one) => {
    const { source, flags } = pattern(one)
    return new RegExp(`^(?:${source})$`, flags)
  })
}
