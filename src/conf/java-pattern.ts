/**
 * Regular expressions as operators write them for Spark: in Java's syntax. What JavaScript has under other signs is
 * translated, flags within the pattern too; what it lacks is refused, since a pattern that silently means something else
 * would show what it should hide. Pure.
 */
import { quoted, UsageError } from './errors.js'

/** A longer pattern is a file in the wrong place. */
const MAX_PATTERN_CHARACTERS = 4096

/** Of java.util.regex.Pattern; d and u change nothing for the texts that these patterns meet. */
const FLAGS = /^([dimsux]*)(?:-([dimsux]+))?([:)])/

/** Between braces after \p: what Java calls POSIX classes, all ASCII. */
const POSIX: ReadonlyMap<string, string> = new Map([
  ['Lower', 'a-z'],
  ['Upper', 'A-Z'],
  ['ASCII', '\\x00-\\x7f'],
  ['Alpha', 'a-zA-Z'],
  ['Digit', '0-9'],
  ['Alnum', 'a-zA-Z0-9'],
  ['Punct', '!-\\/:-@\\[-`\\{-~'],
  ['XDigit', '0-9a-fA-F'],
  ['Space', ' \\t-\\r'],
  ['Blank', ' \\t'],
])

const HORIZONTAL_SPACE = ' \\t\\xa0\\u1680\\u180e\\u2000-\\u200a\\u202f\\u205f\\u3000'
const START = '(?<![^])'
const END = '(?![^])'
/** Before the last line end too, as `$` and `\Z` have it. */
const END_OF_TEXT = `(?=\\r?\\n?${END})`
const EDGES: ReadonlyMap<string, string> = new Map([
  ['A', START],
  ['z', END],
  ['Z', END_OF_TEXT],
  ['b', '\\b'],
  ['B', '\\B'],
])
const NAMED_CHARACTERS: ReadonlyMap<string, string> = new Map([
  ['t', '\t'],
  ['n', '\n'],
  ['r', '\r'],
  ['f', '\f'],
  ['a', '\u0007'],
  ['e', '\u001b'],
])

/** The only flag of a pattern, and for all of it. */
const IGNORE_CASE = /^\(\?i\)(?!.*\(\?[dimsux-]*[:)])/s

interface Flags {
  readonly ignoreCase: boolean
  readonly multiline: boolean
  readonly dotAll: boolean
  readonly comments: boolean
}

const NO_FLAGS: Flags = { ignoreCase: false, multiline: false, dotAll: false, comments: false }

/** What a quantifier would repeat. */
interface Atom {
  /** Whether something in it comes exactly once each time. */
  readonly fixed: boolean
  /** Whether one text can be read as it in several ways when it comes again and again: (a+)+ and the like. */
  readonly ambiguous: boolean
}

/** The alternative of a group that is being read. */
class Group {
  /** Those outside of it, which come back at its end. */
  readonly flags: Flags
  #fixed = 0
  #repeats = false
  #everyFixed = true
  #ambiguous = false

  constructor(flags: Flags) {
    this.flags = flags
  }

  add({ fixed, ambiguous }: Atom): void {
    if (fixed) this.#fixed += 1
    this.#repeats ||= ambiguous
  }

  /** What was added last comes as often as this says. */
  repeat({ fixed }: Atom, endless: boolean): void {
    if (fixed) this.#fixed -= 1
    this.#repeats ||= endless
  }

  endAlternative(): void {
    this.#everyFixed &&= this.#fixed > 0
    this.#ambiguous ||= this.#repeats && this.#fixed === 0
    this.#fixed = 0
    this.#repeats = false
  }

  asAtom(): Atom {
    this.endAlternative()
    return { fixed: this.#everyFixed, ambiguous: this.#ambiguous }
  }
}

/** One of a class: a character, or a set of them as it stands between brackets. */
type Member = { readonly character: string } | { readonly set: string; readonly negated: boolean }

/**
 * @returns the same pattern for JavaScript; under (?i) the case of letters beyond ASCII counts no more either
 * @throws UsageError when it is no pattern of Java, or one that can't be had here
 */
export function javaPattern(pattern: string): RegExp {
  if (pattern.length > MAX_PATTERN_CHARACTERS) {
    throw new UsageError(
      `it has ${pattern.length} characters: a regular expression has ${MAX_PATTERN_CHARACTERS} at most`,
    )
  }
  const [all] = IGNORE_CASE.exec(pattern) ?? []
  const source = new Translation(all === undefined ? pattern : pattern.slice(all.length)).run()
  try {
    return new RegExp(source, all === undefined ? 'u' : 'iu')
  } catch (error) {
    throw wrong(pattern, (error as Error).message)
  }
}

function wrong(pattern: string, what: string): UsageError {
  return new UsageError(
    `${quoted(pattern)} is not a regular expression, such as (?i)secret|token: ${what}`,
  )
}

/** One walk over a pattern. */
class Translation {
  readonly #pattern: string
  #at = 0
  #flags: Flags = NO_FLAGS
  readonly #open: Group[] = [new Group(NO_FLAGS)]
  /** null: there is nothing to repeat. */
  #last: Atom | null = null
  #out = ''

  constructor(pattern: string) {
    this.#pattern = pattern
  }

  run(): string {
    while (this.#at < this.#pattern.length) this.#next()
    if (this.#open.length > 1) throw this.#wrong('a group is not closed')
    return this.#out
  }

  #wrong(what: string): UsageError {
    return wrong(this.#pattern, what)
  }

  /** What has not been read. */
  #rest(): string {
    return this.#pattern.slice(this.#at)
  }

  /** @param what is missing when there is none */
  #take(what: string): string {
    const code = this.#pattern.codePointAt(this.#at)
    if (code === undefined) throw this.#wrong(what)
    const character = String.fromCodePoint(code)
    this.#at += character.length
    return character
  }

  #next(): void {
    const { multiline, dotAll, comments } = this.#flags
    const character = this.#take('it is empty')
    if (character === '\\') return this.#escape()
    if (character === '[') return this.#atom(this.#charClass())
    if (character === '(') return this.#openGroup()
    if (character === ')') return this.#closeGroup()
    if ('*+?{'.includes(character)) return this.#quantifier()
    if (character === '|') {
      this.#open.at(-1)!.endAlternative()
      return this.#between('|')
    }
    if (comments && /\s/.test(character)) return
    if (comments && character === '#') return this.#comment()
    if (character === '^') return this.#between(multiline ? '(?<![^\\n\\r])' : START)
    if (character === '$') return this.#between(multiline ? '(?![^\\n\\r])' : END_OF_TEXT)
    if (character === '.') return this.#atom(dotAll ? '[^]' : '.')
    this.#atom(this.#literal(character))
  }

  #atom(source: string, atom: Atom = { fixed: true, ambiguous: false }): void {
    this.#out += source
    this.#last = atom
    this.#open.at(-1)!.add(atom)
  }

  /** What has no width, and is not repeated. */
  #between(source: string): void {
    this.#out += source
    this.#last = null
  }

  /** A character that means itself. */
  #literal(character: string): string {
    const member = this.#member(character)
    return /^[\w\s]$/.test(member) ? member : `[${member}]`
  }

  /** A character between brackets, in both cases where that makes no difference. */
  #member(character: string): string {
    const { ignoreCase } = this.#flags
    return (ignoreCase ? casesOf(character) : [character]).map(classLiteral).join('')
  }

  #comment(): void {
    const end = this.#pattern.indexOf('\n', this.#at)
    this.#at = end < 0 ? this.#pattern.length : end + 1
  }

  #escape(): void {
    const rest = this.#rest()
    if (rest.startsWith('Q')) return this.#quotation()
    const edge = EDGES.get(rest.charAt(0))
    if (edge !== undefined) {
      this.#at += 1
      return this.#between(edge)
    }
    const [reference] = /^(?:[1-9]|k<[a-zA-Z][a-zA-Z0-9]*>)/.exec(rest) ?? []
    if (reference !== undefined) {
      this.#at += reference.length
      return this.#atom(`(?:\\${reference})`, { fixed: false, ambiguous: false })
    }
    const member = this.#escaped()
    if ('character' in member) return this.#atom(this.#literal(member.character))
    this.#atom(`[${member.negated ? '^' : ''}${member.set}]`)
  }

  /** \Q...\E: all of it means itself. */
  #quotation(): void {
    const end = this.#pattern.indexOf('\\E', this.#at)
    const text = this.#pattern.slice(this.#at + 1, end < 0 ? undefined : end)
    this.#at = end < 0 ? this.#pattern.length : end + 2
    for (const character of text) this.#atom(this.#literal(character))
  }

  /** What a backslash and what follows mean, outside of a class and inside. */
  #escaped(): Member {
    const rest = this.#rest()
    const [property, sign, name = ''] = /^([pP])\{([A-Za-z_=]+)\}/.exec(rest) ?? []
    if (property !== undefined) {
      this.#at += property.length
      const posix = POSIX.get(name)
      if (posix === undefined) return { set: `\\${property}`, negated: false }
      const { ignoreCase } = this.#flags
      const anyCase = ignoreCase && ['Lower', 'Upper'].includes(name)
      return { set: anyCase ? 'a-zA-Z' : posix, negated: sign === 'P' }
    }
    const [code, two, four, braced] =
      /^(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|x\{([0-9a-fA-F]{1,6})\})/.exec(rest) ?? []
    if (code !== undefined) {
      this.#at += code.length
      const value = Number.parseInt(two ?? four ?? braced ?? '', 16)
      if (value > 0x10ffff) throw this.#wrong(`\\${code} is no character`)
      return { character: String.fromCodePoint(value) }
    }
    const character = this.#take('it ends with a backslash')
    if (/[dDwWsS]/.test(character)) return { set: `\\${character}`, negated: false }
    if (character === 'h' || character === 'H') {
      return { set: HORIZONTAL_SPACE, negated: character === 'H' }
    }
    const named = NAMED_CHARACTERS.get(character)
    if (named !== undefined) return { character: named }
    if (/[A-Za-z0-9]/.test(character)) throw this.#wrong(`\\${character} is not known here`)
    return { character }
  }

  /** From after its bracket. */
  #charClass(): string {
    const negated = this.#rest().startsWith('^')
    if (negated) this.#at += 1
    let inside = ''
    for (let first = true; ; first = false) {
      const character = this.#take('a class is not closed')
      if (character === ']' && !first) return `[${negated ? '^' : ''}${inside}]`
      if (this.#flags.comments && /\s/.test(character)) continue
      inside += this.#membersFrom(this.#classMember(character))
    }
  }

  #classMember(character: string): Member {
    if (character === '[' || (character === '&' && this.#rest().startsWith('&'))) {
      throw this.#wrong('classes within classes and && are not known here')
    }
    return character === '\\' ? this.#escaped() : { character }
  }

  /** One of a class, or a range from it on. */
  #membersFrom(member: Member): string {
    if (!('character' in member)) {
      if (!member.negated) return member.set
      throw this.#wrong('a class can only have what is in another one, not the rest')
    }
    const rest = this.#rest()
    if (!rest.startsWith('-') || rest.startsWith('-]') || rest.length < 2) {
      return this.#member(member.character)
    }
    this.#at += 1
    const end = this.#classMember(this.#take('a class is not closed'))
    if (!('character' in end)) throw this.#wrong('a range ends with a character')
    const [from, to] = [member.character, end.character]
    const range = `${classLiteral(from)}-${classLiteral(to)}`
    return this.#flags.ignoreCase ? range + otherCases(from, to) : range
  }

  #openGroup(): void {
    const rest = this.#rest()
    const [opened = ''] = /^\?(?:[:=!]|<[=!]|<[a-zA-Z][a-zA-Z0-9]*>)/.exec(rest) ?? []
    if (opened !== '' || !rest.startsWith('?')) {
      this.#at += opened.length
      return this.#begin(`(${opened}`)
    }
    const [all, on = '', off = '', end] = FLAGS.exec(rest.slice(1)) ?? []
    if (all === undefined) {
      throw this.#wrong(`(${rest.slice(0, 2)} is not known here: expected (?:, (?i) and the like`)
    }
    this.#at += 1 + all.length
    const flags = flagsWith(this.#flags, on, off)
    if (end === ':') this.#begin('(?:')
    this.#last = null
    // They count to the end of the group that they stand in.
    this.#flags = flags
  }

  #begin(source: string): void {
    this.#between(source)
    this.#open.push(new Group(this.#flags))
  }

  #closeGroup(): void {
    const group = this.#open.pop()!
    if (this.#open.length === 0) throw this.#wrong('a ) closes no group')
    this.#flags = group.flags
    this.#atom(')', group.asAtom())
  }

  /** From after its first character. */
  #quantifier(): void {
    this.#at -= 1
    const [found, least, most, upTo] =
      /^(?:[*+?]|\{(\d{1,4})(,(\d{0,4}))?\})/.exec(this.#rest()) ?? []
    if (found === undefined) throw this.#wrong('a { begins no number of times: \\{ means itself')
    const atom = this.#last
    if (atom === null) throw this.#wrong(`nothing stands before ${found} that could be repeated`)
    this.#at += found.length
    const endless = found === '*' || found === '+' || (most !== undefined && upTo === '')
    // On a text that almost matches it would take time beyond measure.
    if (endless && atom.ambiguous) {
      throw this.#wrong(
        'it repeats without end what repeats without end, which could take for ever',
      )
    }
    const exact = least !== undefined && most === undefined && Number(least) > 0
    if (!exact) this.#open.at(-1)!.repeat(atom, endless)
    const after = this.#rest().charAt(0)
    if (after === '+') throw this.#wrong(`the possessive ${found}+ is not known here`)
    if (after === '?') this.#at += 1
    this.#between(after === '?' ? `${found}?` : found)
  }
}

function flagsWith(before: Flags, on: string, off: string): Flags {
  const has = (sign: string, now: boolean): boolean =>
    !off.includes(sign) && (now || on.includes(sign))
  return {
    ignoreCase: has('i', before.ignoreCase),
    multiline: has('m', before.multiline),
    dotAll: has('s', before.dotAll),
    comments: has('x', before.comments),
  }
}

/** Both cases of a letter; longer forms, such as SS of an ß, are none. */
function casesOf(character: string): string[] {
  const all = [character, character.toLowerCase(), character.toUpperCase()]
  return [...new Set(all)].filter((one) => /^.$/su.test(one))
}

/** As it stands between brackets, where JavaScript lets no other character be escaped. */
function classLiteral(character: string): string {
  return /[\\\]^[-]/.test(character) ? `\\${character}` : character
}

const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'

/** What the ASCII letters of a range are in the other case. */
function otherCases(from: string, to: string): string {
  return Array.from(LETTERS)
    .filter((one) => one >= from && one <= to)
    .map((one) => (one === one.toLowerCase() ? one.toUpperCase() : one.toLowerCase()))
    .join('')
}
