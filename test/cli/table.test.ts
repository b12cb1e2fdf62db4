/** Tables in terminals: widths of what is not ASCII, and lines that fit. */
import { describe, expect, test } from 'vitest'
import { table, TableWriter } from '../../src/cli/client/table.js'
import {
  cellText,
  cut,
  jsonText,
  padded,
  textWidth,
  wrapped,
} from '../../src/cli/client/text-width.js'

describe('width', () => {
  test.each([
    ['', 0],
    ['plain', 5],
    ['naïve', 5],
    ['nai\u0308ve', 5],
    ['計算', 4],
    ['ﾊﾝ', 2],
    ['Ａ', 2],
    ['가', 2],
    ['🚀', 2],
    ['𠀀', 2],
    ['…', 1],
  ])('%j takes %d columns', (text, width) => {
    expect(textWidth(text)).toBe(width)
  })

  test.each([
    ['plain', 5, 'plain'],
    ['plain', 4, 'pla…'],
    ['plain', 1, '…'],
    ['plain', 0, ''],
    ['計算機', 5, '計算…'],
    ['計算機', 4, '計…'],
    ['nai\u0308ve', 4, 'nai\u0308…'],
  ])('%j in %d columns is %j', (text, width, shown) => {
    expect(cut(text, width)).toBe(shown)
    expect(textWidth(shown)).toBeLessThanOrEqual(width)
  })

  test('padded is exactly so wide, whatever the text', () => {
    for (const text of ['', 'a', '計', '計算機', 'nai\u0308ve'])
      for (const side of ['left', 'right'] as const)
        expect(textWidth(padded(text, 4, side))).toBe(4)
    expect([padded('a', 3), padded('a', 3, 'right')]).toEqual(['a  ', '  a'])
  })
})

test.each([
  ['two\r\nlines', 'two lines'],
  ['\u001B[2J\u0007', '\uFFFD[2J\uFFFD'],
  ['\u009B31m', '\uFFFD31m'],
  ['abc\u202Efdp.exe\u2066', 'abcfdp.exe'],
  ['  \u200B ', ''],
  ['a\u2028b', 'a b'],
])('a hostile name %j is shown as %j', (text, shown) => {
  expect(cellText(text)).toBe(shown)
})

test('a name as long as a message is cut', () => {
  expect(textWidth(cellText('x'.repeat(1_000_000)))).toBe(200)
})

test.each([
  ['one two three', 7, 2, ['one two', 'three']],
  ['one two three', 7, 1, ['one tw…']],
  ['one two three four', 7, 2, ['one two', 'three …']],
  ['incomprehensible', 7, 3, ['incomp…']],
  ['計算 機', 5, 2, ['計算', '機']],
  ['', 7, 2, ['']],
  ['one two', Infinity, 2, ['one two']],
])('%j in %d columns and %d lines is %j', (text, width, most, lines) => {
  expect(wrapped(text, width, most)).toEqual(lines)
})

test('JSON of hostile names is the same JSON, without what a terminal would obey', () => {
  const value = { name: '\u001B[2J\u009B31m\u007F é' }
  const text = jsonText(value)
  expect(text).toBe(String.raw`{"name":"\u001b[2J\u009b31m\u007f é"}`)
  expect(JSON.parse(text)).toEqual(value)
  expect(jsonText([1], 2)).toBe('[\n  1\n]')
})

describe('table', () => {
  const columns = [
    { title: 'ID' },
    { title: 'N', align: 'right' },
    { title: 'NAME', least: 6 },
    { title: 'USER', least: 4 },
  ] as const

  test('columns stand below each other, figures to the right', () => {
    expect(
      table(columns, [
        ['a-1', '5', '計算', 'x'],
        ['b', '10', 'pi', 'y'],
      ]),
    ).toBe('ID    N  NAME  USER\na-1   5  計算  x\nb    10  pi    y\n')
  })

  test('where there is too little room the widest of those that may give way do, down to their least', () => {
    const rows = [['app-1', '1', 'a very long name', 'somebody']]
    expect(table(columns, rows, 30)).toBe(
      'ID     N  NAME        USER\napp-1  1  a very lo…  somebody\n',
    )
    expect(table(columns, rows, 24)).toBe('ID     N  NAME    USER\napp-1  1  a ver…  someb…\n')
    expect(table(columns, rows, 12)).toBe('ID     N  N…\napp-1  1  a…\n')
  })

  test('in pieces: a column that becomes wider is wider from there on', () => {
    const writer = new TableWriter(['A', 'B'])
    expect(writer.linesWithHead([['1', 'x']])).toEqual(['A  B', '1  x'])
    expect(writer.lines([['333', 'x']])).toEqual(['333  x'])
    expect(writer.lines([['1', 'x']])).toEqual(['1    x'])
  })

  test('no rows: the head alone', () => {
    expect(table(['A', 'B'], [])).toBe('A  B\n')
  })
})
