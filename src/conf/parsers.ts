/** How the texts of keys are read: each parser is a function for `ConfKey.parse` that knows what it expects. */
import { expected } from './configuration.js'
import { parseDurationMs } from './duration.js'
import { javaPattern } from './java-pattern.js'
import { parseBytes } from './size.js'

export interface Parser<T> {
  /** @throws UsageError that says what was expected; the key and where it was set are added by the reader */
  (text: string): T
  /** What a value looks like, in a few words, for docs/configuration.md. */
  readonly form: string
  /** A value as somebody would write it. */
  show(this: void, value: T): string
}

function parser<T>(
  form: string,
  parse: (text: string) => T,
  show: (value: T) => string = String,
): Parser<T> {
  return Object.assign(parse, { form, show })
}

/** Java's largest int, which Spark uses for "no limit". */
export const INT_MAX = 2 ** 31 - 1

/** Ports below 1024 are refused because Spark refuses them (C16). */
export const MIN_PORT = 1024
export const MAX_PORT = 65_535

export const text = parser('text', (value: string) => value)

export const boolean = parser('true or false', (value: string) => {
  const word = value.trim().toLowerCase()
  if (word === 'true') return true
  if (word === 'false') return false
  throw expected(value, 'true or false')
})

/** Whole numbers in Java's int range, both limits included. */
export function integer(min = -INT_MAX - 1, max = INT_MAX): Parser<number> {
  const open = max === INT_MAX
  const form = open ? (min < 0 ? 'whole number' : `${min} or more`) : `${min} to ${max}`
  return parser(
    form,
    (value) => {
      const word = value.trim()
      const parsed = /^[+-]?[0-9]+$/.test(word) ? Number(word) : Number.NaN
      if (Number.isNaN(parsed) || parsed < min || parsed > max) {
        throw expected(value, `a whole number from ${min} to ${max}`)
      }
      return parsed
    },
    (value) => (value === INT_MAX ? 'no limit' : String(value)),
  )
}

const MS_PER_UNIT = { d: 86_400_000, h: 3_600_000, min: 60_000, s: 1_000 }

/** In the largest unit that makes it a whole number. */
function showDuration(ms: number): string {
  const unit = Object.entries(MS_PER_UNIT).find(([, perUnit]) => ms > 0 && ms % perUnit === 0)
  return unit === undefined ? `${ms}ms` : `${ms / unit[1]}${unit[0]}`
}

/** @param min the smallest value allowed, ms */
export function durationMs(bareUnit: 'ms' | 's', min = 0): Parser<number> {
  return parser(
    `time (${bareUnit})`,
    (value) => {
      const parsed = parseDurationMs(value, bareUnit)
      if (parsed < min) throw expected(value, `a time of at least ${min} ms, such as 30s`)
      return parsed
    },
    showDuration,
  )
}

const BYTES_PER_UNIT = { g: 2 ** 30, m: 2 ** 20, k: 2 ** 10 }

function showBytes(size: number): string {
  const unit = Object.entries(BYTES_PER_UNIT).find(
    ([, perUnit]) => size > 0 && size % perUnit === 0,
  )
  return unit === undefined ? String(size) : `${size / unit[1]}${unit[0]}`
}

export const bytes = parser('size (bytes)', (value: string) => parseBytes(value, 'b'), showBytes)

/** Sizes, both limits included. */
export function bytesFrom(min: number, max: number): Parser<number> {
  return parser(
    `${showBytes(min)} to ${showBytes(max)}`,
    (value) => {
      const parsed = parseBytes(value, 'b')
      if (parsed >= min && parsed <= max) return parsed
      throw expected(value, `a size: expected ${showBytes(min)} to ${showBytes(max)}`)
    },
    showBytes,
  )
}

/** 0 for any free port, or 1024 to 65535 (C16). */
export const port = parser('port', (value: string) => {
  const word = value.trim()
  const parsed = /^[0-9]+$/.test(word) ? Number(word) : Number.NaN
  if (parsed === 0 || (parsed >= MIN_PORT && parsed <= MAX_PORT)) return parsed
  // Kubernetes sets <SERVICE>_PORT for every service, and a service named spark-master hits our variable.
  const hint = /^[a-z]+:\/\//.test(word)
    ? '; Kubernetes sets such a variable for a service of that name: rename the service or set enableServiceLinks: false'
    : ''
  throw expected(value, `a port: expected 0 (any free one) or ${MIN_PORT} to ${MAX_PORT}${hint}`)
})

export const httpUrl = parser('URL', (value: string) => {
  const url = value.trim()
  if (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)) return url
  throw expected(value, 'a URL such as http://history.example.com:18080')
})

/** The value of a header of HTTP. */
export const headerText = parser('text', (value: string) => {
  if (/^[\x20-\x7e]*$/.test(value)) return value.trim()
  throw expected(value, 'a header: expected printable ASCII')
})

/** A URL that becomes a part of a header. */
export const headerUrl = parser('URL', (value: string) => {
  const url = httpUrl(value)
  if (/^[\x21-\x7e]+$/.test(url) && !/[;,'"]/.test(url)) return url
  throw expected(value, 'a URL such as https://portal.example.com')
})

/** P51: who may show pages in a frame. */
export const frameSource = parser('DENY, SAMEORIGIN or URL', (value: string) => {
  const word = value.trim().toUpperCase()
  return word === 'DENY' || word === 'SAMEORIGIN' ? word : headerUrl(value)
})

/** P47: pages look for these words in their own address to find their proxy. */
export const proxyUrl = parser('URL', (value: string) => {
  const url = httpUrl(value)
  if (!/\/(proxy|history)(\/|$)/.test(url)) return url
  throw expected(value, 'a URL whose path has neither "proxy" nor "history" in it')
})

/** One of the words, in any case; returns it as listed. */
export function oneOf<const W extends string>(...words: W[]): Parser<W> {
  return parser(words.join(', '), (value) => {
    const found = words.find((word) => word.toLowerCase() === value.trim().toLowerCase())
    if (found === undefined) throw expected(value, `one of ${words.join(', ')}`)
    return found
  })
}

/** Parts between separators, trimmed, empty ones left out. */
export function list(separator: ',' | ':'): Parser<string[]> {
  return parser(
    `list, with ${separator === ',' ? 'commas' : 'colons'}`,
    (value) =>
      value
        .split(separator)
        .map((part) => part.trim())
        .filter((part) => part !== ''),
    (value) => value.join(separator),
  )
}

/** A pattern of ids (P17, P40): Java's format of the given arguments, without whitespace. */
export function idPattern(argumentCount: number): Parser<string> {
  return parser('pattern of an id', (value) => {
    refuseBlanksInId(value)
    const conversions = value.replaceAll('%%', '').match(/%[^a-zA-Z%]*[a-zA-Z]?/g) ?? []
    const bad = conversions.find((conversion) => !/^%0?[0-9]*[sd]$/.test(conversion))
    if (bad !== undefined || conversions.length > argumentCount) {
      throw expected(
        value,
        `an id pattern: expected at most ${argumentCount} of %s, %d, %04d and the like`,
      )
    }
    return value
  })
}

/** An id pattern whose conversions the core reads: it refuses at start what makes no ids, and says why (P17). */
export const coreIdPattern = parser('pattern of an id', (value: string) => {
  refuseBlanksInId(value)
  return value
})

function refuseBlanksInId(value: string): void {
  if (value !== '' && !/\s/.test(value)) return
  throw expected(value, 'an id pattern without whitespace, such as app-%s-%04d')
}

/** A regular expression in Java's syntax. */
export const pattern = parser(
  'regular expression',
  javaPattern,
  ({ source, flags }) => (flags.includes('i') ? '(?i)' : '') + source,
)

/** Absent means null, and so does the empty text. */
export function orNull<T>(parse: Parser<T>): Parser<T | null> {
  return parser(
    parse.form,
    (value) => (value.trim() === '' ? null : parse(value)),
    (value) => (value === null ? 'not set' : parse.show(value)),
  )
}

/** Regular expressions between commas, each of which matches a whole text only. */
export const wholePatterns = parser(
  'regular expressions, with commas',
  (value: string) =>
    list(',')(value).map((one) => {
      const { source, flags } = javaPattern(one)
      return new RegExp(`^(?:${source})$`, flags)
    }),
  (value) => value.map(({ source }) => source).join(','),
)
