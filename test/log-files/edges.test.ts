/** U24: parts whose ends cut nothing through, and that together are the whole log. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { wholeAt, type Edge } from '../../src/log-files/edges.js'
import type { LogPart } from '../../src/log-files/read.js'

function part(log: Buffer, start: number, end: number): LogPart {
  return { start, end, total: log.length, bytes: log.subarray(start, end) }
}

function cut(text: string | Buffer, start: number, end: number, edge: Edge): string {
  const found = wholeAt(part(Buffer.from(text), start, end), edge)
  expect(found.bytes.length).toBe(found.end - found.start)
  return found.bytes.toString()
}

describe('characters', () => {
  const log = 'aéb€c😀d'
  test.each([
    [2, 5, 'b'],
    [0, 2, 'a'],
    [5, 12, 'c😀'],
    [6, 11, 'c'],
  ])('U24: %i to %i', (start, end, expected) => {
    expect(cut(log, start, end, 'both')).toBe(expected)
  })

  test('U24: what is no UTF-8 is neither lost nor waited for', () => {
    const broken = Buffer.from([0x80, 0x81, 0x82, 0x83, 0x84, 0x85])
    expect(wholeAt(part(broken, 1, 5), 'both')).toMatchObject({ start: 1, end: 5 })
  })

  test('U24: at the end of a log that grows the rest of a character is waited for', () => {
    const growing = Buffer.from('€').subarray(0, 2)
    expect(wholeAt(part(growing, 0, 2), 'newer')).toMatchObject({ start: 0, end: 0, total: 2 })
  })
})

describe('lines', () => {
  const log = 'one\ntwo\nthree\n'
  test('U24: newer parts end with a line while there is more', () => {
    expect(cut(log, 0, 10, 'newer')).toBe('one\ntwo\n')
    expect(cut('one\ntw', 0, 6, 'newer')).toBe('one\ntw')
  })

  test('U24: older parts begin with a line', () => {
    expect(cut(log, 2, 8, 'older')).toBe('two\n')
    expect(cut(log, 0, 8, 'older')).toBe('one\ntwo\n')
  })

  test('U24: one line that is longer than a part is shown in pieces', () => {
    expect(cut('x'.repeat(50), 10, 20, 'newer')).toHaveLength(10)
    expect(cut('x'.repeat(50), 10, 20, 'older')).toHaveLength(10)
    expect(cut(`${'x'.repeat(19)}\n`, 10, 20, 'older')).toBe(`${'x'.repeat(9)}\n`)
  })
})

test.each(['\u001B', '\u001B[', '\u001B[3', '\u001B[1;31', '\u001B]0;title'])(
  'U24: the sequence %j is not cut',
  (sequence) => {
    expect(cut(`text${sequence}mx`, 0, 4 + sequence.length, 'both')).toBe('text')
  },
)

test('U24: an escape that leads nowhere is not waited for, and one that is over is kept', () => {
  const log = `\u001B]${'x'.repeat(100)}`
  expect(cut(log, 0, 90, 'newer')).toHaveLength(90)
  expect(cut('\u001B[31mred', 0, 8, 'both')).toBe('\u001B[31mred')
})

test('U24: walked in parts, forth and back, every log is whole', () => {
  const piece = fc.oneof(
    fc.constantFrom('\n', 'a', 'é', '€', '😀', '\u001B[31m', '\u001B', 'a long word '),
    fc.uint8Array({ maxLength: 4 }).map((bytes) => Buffer.from(bytes)),
  )
  const logs = fc
    .array(piece, { maxLength: 40 })
    .map((pieces) => Buffer.concat(pieces.map((one) => Buffer.from(one))))
  fc.assert(
    fc.property(logs, fc.integer({ min: 1, max: 30 }), (log, length) => {
      let newer = Buffer.alloc(0)
      while (newer.length < log.length) {
        const end = Math.min(newer.length + length, log.length)
        const found = wholeAt(part(log, newer.length, end), 'newer')
        expect(found.start).toBe(newer.length)
        newer = Buffer.concat([newer, found.bytes])
        // The last bytes may be the beginning of what is still to come.
        if (found.end < log.length && end === log.length) break
        expect(found.end).toBeGreaterThan(found.start)
      }
      expect(log.subarray(0, newer.length)).toEqual(newer)
      let older = Buffer.alloc(0)
      for (let start = log.length; start > 0;) {
        const found = wholeAt(part(log, Math.max(0, start - length), start), 'older')
        expect(found.end).toBe(start)
        expect(found.start).toBeLessThan(start)
        older = Buffer.concat([found.bytes, older])
        start = found.start
      }
      expect(older).toEqual(log)
    }),
  )
})
