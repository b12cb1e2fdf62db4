/** Regular expressions of Java (P55, V5): what they match here, and which are refused. */
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { UsageError } from '../../src/conf/errors.js'
import { javaPattern } from '../../src/conf/java-pattern.js'

describe('P55: a pattern of Java matches what it matches there', () => {
  test.each([
    // Spark's own.
    [
      '(?i)secret|password|token|access[.]?key',
      ['MY_SECRET', 'Passwords', 'aToKen', 'access.KEY', 'accesskey'],
      ['access-key', 'keys'],
    ],
    // Flags: for all, from somewhere on, in a group, and taken back.
    ['secret', ['a secret'], ['SECRET']],
    ['ab(?i)cd', ['abcd', 'abCD'], ['ABCD']],
    ['(?i:ab)c', ['ABc'], ['ABC']],
    ['(a(?i)b)c', ['aBc'], ['ABc', 'abC']],
    ['(?i)a(?-i)b', ['Ab'], ['AB']],
    ['(?i)a(?-i:b)c', ['AbC'], ['ABC']],
    ['(?s)a.b', ['a\nb'], []],
    ['a.b', ['axb'], ['a\nb']],
    ['(?m)^b$', ['a\nb\nc'], ['ab']],
    ['^b', ['b'], ['a\nb']],
    ['b$', ['ab', 'ab\n'], ['b\na']],
    ['(?x) a b # both\n c', ['abc'], ['a b']],
    ['(?is)a.B', ['A\nb'], []],
    // Classes.
    ['(?i)[a-c]x', ['Bx', 'bX'], ['dx']],
    ['(?i)[^a-c]', ['d'], ['B', 'b']],
    ['[]a]', [']', 'a'], ['b']],
    ['[a\\]b]', [']'], ['\\']],
    ['[\\w.-]+@', ['a.b-c@'], ['@']],
    ['[\\x41-\\x43]', ['B'], ['D', '-']],
    ['[A-\\x43]', ['B'], ['D', '-']],
    ['(?i)[\\x41-\\x43]', ['b'], ['d']],
    ['[a-]', ['-', 'a'], ['b']],
    ['[+-]', ['-', '+'], [',']],
    // Escapes, of which some are other characters in JavaScript.
    ['\\Aab\\z', ['ab'], ['xab', 'abx', 'ab\n']],
    ['ab\\Z', ['ab', 'ab\n'], ['abx']],
    ['\\Qa.b(\\E+', ['a.b(', 'a.b(('], ['axb(']],
    ['(?i)\\Qa.\\E', ['A.'], ['Ax']],
    ['\\p{Alpha}\\p{Digit}', ['a1'], ['11']],
    ['\\P{Alpha}', ['1'], ['a']],
    ['(?i)\\p{Lower}', ['A'], ['1']],
    ['\\p{Punct}', ['-', '~'], ['a']],
    ['\\p{Lu}', ['Ä'], ['ä']],
    ['\\h', ['\t'], ['\n']],
    ['\\H', ['x'], [' ']],
    ['\\x{1F600}', ['😀'], ['x']],
    ['\\e\\a', ['\u001b\u0007'], ['ea']],
    ['\\-\\_\\ \\/', ['-_ /'], []],
    ['(?i)\\x61', ['A'], []],
    // Groups and repetitions.
    ['(?<n>a|b)\\k<n>', ['aa'], ['ab']],
    ['(a)\\1', ['aa'], ['a']],
    ['(?<!x)a(?=b)', ['ab'], ['xab', 'ac']],
    ['a{2,3}?b', ['aab'], ['ab']],
    ['(?:ab){2}', ['abab'], ['ab']],
    ['([a-z]+[.])+com', ['a.b.com'], ['com']],
    ['a|', ['', 'x'], []],
    ['', [''], []],
  ] as const)('%j', (pattern, matching, others) => {
    const found = javaPattern(pattern)
    for (const text of matching) expect([text, found.test(text)]).toEqual([text, true])
    for (const text of others) expect([text, found.test(text)]).toEqual([text, false])
  })
})

describe('P55: against java.util.regex itself', () => {
  const path = new URL('../fixtures/java-patterns.json', import.meta.url)
  const { texts, cases } = JSON.parse(readFileSync(path, 'utf8')) as {
    texts: string[]
    cases: [pattern: string, found: string][]
  }

  test('hundreds of patterns that chance made match what they match there', () => {
    expect(cases.length).toBeGreaterThanOrEqual(400)
    for (const [pattern, found] of cases) {
      const own = javaPattern(pattern)
      const here = texts.map((text) => (own.test(text) ? '1' : '0')).join('')
      expect([pattern, here]).toEqual([pattern, found])
    }
  })

  test('P55: whatever is quoted is found, and nothing that is no pattern makes another error', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        fc.pre(!text.includes('\\E'))
        expect(javaPattern(`\\Q${text}\\E`).test(`<${text}>`)).toBe(true)
        try {
          javaPattern(text)
        } catch (error) {
          expect(error).toBeInstanceOf(UsageError)
        }
      }),
    )
  })
})

describe('P55: what is no pattern here is refused with a reason', () => {
  test.each([
    ['(', 'a group is not closed'],
    ['a)', 'a ) closes no group'],
    ['[a', 'a class is not closed'],
    ['[', 'a class is not closed'],
    ['[a-', 'a class is not closed'],
    ['*a', 'nothing stands before *'],
    ['a**', 'nothing stands before *'],
    ['|+', 'nothing stands before +'],
    ['a{x', 'a { begins no number of times'],
    ['a\\', 'it ends with a backslash'],
    ['a++', 'the possessive ++'],
    ['(?>a)', '(?> is not known here'],
    ['[a&&b]', 'classes within classes'],
    ['[a[b]]', 'classes within classes'],
    ['[a\\D\\H]', 'a class can only have what is in another one'],
    ['\\y', '\\y is not known here'],
    ['\\p{Nonsense}', 'is not a regular expression'],
    ['(?q)a', '(?q is not known here'],
    ['a{3,2}', 'is not a regular expression'],
    ['[b-a]', 'is not a regular expression'],
    ['\\k<n>', 'is not a regular expression'],
    ['\\x{110000}', 'is no character'],
    ['a'.repeat(5000), '4096 at most'],
  ])('%j', (pattern, reason) => {
    expect(() => javaPattern(pattern)).toThrow(UsageError)
    expect(() => javaPattern(pattern)).toThrow(reason)
  })

  test.each(['(a+)+', '(a*)*', '((a+))+', '(a+|b)*', '(?:\\w*\\s*)+', '(a+b?)+', '(.*)+x'])(
    '%j, which would take for ever on a text that almost matches',
    (pattern) => {
      expect(() => javaPattern(pattern)).toThrow('could take for ever')
    },
  )
})
