/** U24: a search goes from the end of a log to its start, in bounded steps, and misses nothing. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { rangeWithin } from '../../src/log-files/range.js'
import type { LogPart } from '../../src/log-files/read.js'
import {
  MAX_FOUND_LINES,
  searchLog,
  type ReadPart,
  type Search,
  type SearchResult,
} from '../../src/log-files/search.js'

function reading(log: Buffer): ReadPart {
  return (wanted, maxBytes) => {
    const range = rangeWithin(log.length, wanted, maxBytes)
    const bytes = log.subarray(range.start, range.end)
    return Promise.resolve({ ...range, total: log.length, bytes } satisfies LogPart)
  }
}

async function search(log: string | Buffer, changes: Partial<Search> = {}): Promise<SearchResult> {
  const wanted = { text: 'x', ignoreCase: false, before: null, ...changes }
  // A clock that stands still: how long this machine takes is nobody's affair here.
  const result = await searchLog(reading(Buffer.from(log)), wanted, () => 0)
  if (result === null) throw new Error('no log')
  return result
}

test('U24: lines with a text, newest first, once each, with where they begin', async () => {
  const result = await search('a x\nb\nx and x\n')
  expect(result).toEqual({
    lines: [
      { start: 6, text: 'x and x' },
      { start: 0, text: 'a x' },
    ],
    start: 0,
    end: 14,
    next: null,
  })
})

test('U24: nothing found, an empty log, and none', async () => {
  expect(await search('abc\n')).toMatchObject({ lines: [], next: null })
  expect(await search('')).toEqual({ lines: [], start: 0, end: 0, next: null })
  const none = searchLog(() => Promise.resolve(null), {
    text: 'x',
    ignoreCase: false,
    before: null,
  })
  expect(await none).toBeNull()
})

test('U24: in any case, of ASCII', async () => {
  expect((await search('ERROR é\nerror\n', { text: 'eRRor' })).lines).toEqual([])
  const { lines } = await search('ERROR É\nerror\n', { text: 'eRRor', ignoreCase: true })
  expect(lines.map(({ text }) => text)).toEqual(['error', 'ERROR É'])
  expect((await search('É', { text: 'é', ignoreCase: true })).lines).toEqual([])
})

test('U24: of a long line what is around is shown', async () => {
  const { lines } = await search(`${'a'.repeat(5000)}needle${'b'.repeat(5000)}`, { text: 'needle' })
  expect(lines).toEqual([{ start: 4800, text: `${'a'.repeat(200)}needle${'b'.repeat(200)}` }])
})

describe('bounds', () => {
  test('U24: so many lines at once, and the next search goes on before them', async () => {
    const count = 2 * MAX_FOUND_LINES + 50
    const log = Array.from({ length: count }, (_, at) => `x ${at}\n`).join('')
    const seen: string[] = []
    const steps: number[] = []
    for (let before: number | null = null; ;) {
      const result: SearchResult = await search(log, { before })
      seen.push(...result.lines.map(({ text }) => text))
      steps.push(result.lines.length)
      before = result.next
      if (before === null) break
    }
    expect(steps).toEqual([100, 100, 50])
    expect(seen).toEqual(Array.from({ length: count }, (_, at) => `x ${count - 1 - at}`))
  })

  test('U24: so many bytes at once; no more is read than a window and what is around it', async () => {
    const total = 10 * 2 ** 30
    const asked: number[] = []
    const read: ReadPart = (wanted, maxBytes) => {
      const range = rangeWithin(total, wanted, maxBytes)
      asked.push(range.end - range.start)
      // Zeroes, as a file with holes has them.
      return Promise.resolve({ ...range, total, bytes: Buffer.alloc(range.end - range.start) })
    }
    const wanted = { text: 'x', ignoreCase: false, before: null }
    const result = await searchLog(read, wanted, () => 0)
    // 4, 8 and then 16 MiB at a time, until 256 are behind it.
    expect(result).toMatchObject({ end: total, next: total - (4 + 8 + 16 * 16) * 2 ** 20 })
    expect(Math.max(...asked)).toBeLessThan(17 * 2 ** 20)
  })

  test('U24: so much time', async () => {
    let nowMs = 0
    const log = Buffer.alloc(64 * 2 ** 20)
    const wanted = { text: 'x', ignoreCase: false, before: null }
    const result = await searchLog(reading(log), wanted, () => (nowMs += 400))
    // The first look at the clock sets the time, each window has another.
    expect(result?.next).toBe(log.length - (4 + 8 + 16) * 2 ** 20)
  })

  test('U24: what lies across two windows is found once', async () => {
    const window = 4 * 2 ** 20
    for (const shift of [-3, -2, -1, 0, 1, 50]) {
      const log = Buffer.alloc(3 * window, 'a\n')
      log.write('needle', 2 * window + shift)
      const { lines } = await search(log, { text: 'needle' })
      expect(lines).toHaveLength(1)
      expect(lines[0]?.text).toContain('needle')
    }
  })
})

test('U24: a log that is cut meanwhile is said to be so', async () => {
  const totals = [10 * 2 ** 20]
  const read: ReadPart = (wanted, maxBytes) => {
    const total = totals.shift() ?? 100
    const range = rangeWithin(total, wanted, maxBytes)
    return Promise.resolve({ ...range, total, bytes: Buffer.alloc(range.end - range.start) })
  }
  const wanted = { text: 'x', ignoreCase: false, before: null }
  await expect(searchLog(read, wanted)).rejects.toThrow('was cut')
})

test('U24: it finds the lines that a plain search finds', async () => {
  const logs = fc.array(fc.constantFrom('a', 'b', 'ab', '\n', 'é'), { maxLength: 80 })
  const texts = fc.constantFrom('a', 'b', 'ab', 'aa', 'é', 'aba')
  await fc.assert(
    fc.asyncProperty(logs, texts, async (parts, text) => {
      const log = parts.join('')
      const { lines } = await search(log, { text })
      const expected = log.split('\n').filter((line) => line.includes(text))
      expect(lines.map((line) => line.text).toReversed()).toEqual(expected)
    }),
  )
})
