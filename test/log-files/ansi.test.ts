/** U24: what terminals would show as colours, as markup, and nothing else of it. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { ansiMarkup, type Marked } from '../../src/log-files/ansi.js'

const ESC = '\u001B'
const markup = (text: string, marked: Marked | null = null) => ansiMarkup(text, marked).text

test.each([
  ['plain', 'plain'],
  [`a${ESC}[31mred${ESC}[0mb`, 'a<span class="t1">red</span>b'],
  [`${ESC}[1;32mok${ESC}[mb`, '<span class="bold t2">ok</span>b'],
  [`${ESC}[91mx${ESC}[39my`, '<span class="t1">x</span>y'],
  [`${ESC}[44;37mx`, '<span class="t7 g4">x</span>'],
  [`${ESC}[7mx${ESC}[27my`, '<span class="inverse">x</span>y'],
  [`${ESC}[38;5;9mx`, '<span class="t1">x</span>'],
  [`${ESC}[38;5;200mx`, 'x'],
  [`${ESC}[38;2;1;2;3;4mx`, '<span class="underlined">x</span>'],
  [`${ESC}[31m${ESC}[4mx`, '<span class="underlined t1">x</span>'],
  // Cursor, titles and links are for terminals.
  [`a${ESC}[2K${ESC}[10;20Hb`, 'ab'],
  [`${ESC}]0;title\u0007a${ESC}]8;;http://evil/${ESC}\\b`, 'ab'],
  [`${ESC}cx`, 'x'],
  [`${ESC}[31m`, ''],
])('U24: %j', (text, expected) => {
  expect(markup(text)).toBe(expected)
})

describe('hostile logs', () => {
  test('U24: markup in a log stays text, within colours too', () => {
    expect(markup(`<script>${ESC}[31m<img src=x onerror=alert(1)>&"'`)).toBe(
      '&lt;script&gt;<span class="t1">&lt;img src=x onerror=alert(1)&gt;&amp;&quot;&#39;</span>',
    )
    expect(markup(`<${ESC}[0mscript>`)).toBe('&lt;script&gt;')
  })

  test('U24: whatever it is, only our own tags come out', () => {
    const pieces = fc.constantFrom(ESC, '[', ']', '31', ';', 'm', '<', '>', '"', '&', '\u0007', 'x')
    const logs = fc.array(pieces, { maxLength: 60 }).map((parts) => parts.join(''))
    fc.assert(
      fc.property(logs, (log) => {
        const rest = markup(log, { text: 'x', ignoreCase: false }).replaceAll(
          /<span class="[a-z0-9 ]+">|<\/span>|<mark>|<\/mark>|&(?:amp|lt|gt|quot);/g,
          '',
        )
        expect(rest).not.toMatch(/[<>"&]/)
        // oxlint-disable-next-line no-control-regex -- these are what must be gone
        expect(rest).not.toMatch(/[\u0000-\u0008\u001B]/)
      }),
    )
  })

  test('U24: a megabyte of sequences that never end takes no longer than it is long', () => {
    const log = `${ESC}]`.repeat(500_000)
    expect(markup(log).length).toBeGreaterThan(0)
  })
})

describe('what was looked for', () => {
  test('is marked, also where it is markup', () => {
    const look = { text: '<b>', ignoreCase: false }
    expect(markup('a<b>c<b>', look)).toBe('a<mark>&lt;b&gt;</mark>c<mark>&lt;b&gt;</mark>')
  })

  test('without regard to case, of ASCII alone', () => {
    const look = { text: 'ErrÉ', ignoreCase: true }
    expect(markup('eRRÉ erré', look)).toBe('<mark>eRRÉ</mark> erré')
    expect(markup('eRR', { text: 'ERR', ignoreCase: false })).toBe('eRR')
  })
})
