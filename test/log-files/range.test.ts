/** U9, U25: which bytes a request for a part of a log means. */
import fc from 'fast-check'
import { expect, test } from 'vitest'

import {
  DEFAULT_RANGE_BYTES,
  MAX_RANGE_BYTES,
  piecesOf,
  rangeWithin,
} from '../../src/log-files/range.js'

test.each([
  ['the end by default', 1000, null, 100, [900, 1000]],
  ['all of a short log', 10, null, 100, [0, 10]],
  ['from the start', 1000, 0, 100, [0, 100]],
  ['in the middle', 1000, 300, 100, [300, 400]],
  ['up to the end at most', 1000, 950, 100, [950, 1000]],
  ['nothing behind the end', 1000, 5000, 100, [1000, 1000]],
  ['a negative offset is the start', 1000, -5, 100, [0, 100]],
  ['a length of nothing', 1000, 300, 0, [300, 300]],
  ['a negative length is nothing', 1000, null, -1, [1000, 1000]],
  ['an empty log', 0, null, 100, [0, 0]],
])('U9: %s', (_name, total, offset, byteLength, [start, end]) => {
  expect(rangeWithin(total, { offset, byteLength })).toEqual({ start, end })
})

test('U9: more than the limit is not read at once, and the end stays the end', () => {
  const total = 5 * MAX_RANGE_BYTES
  const byteLength = total
  expect(rangeWithin(total, { offset: null, byteLength })).toEqual({
    start: total - MAX_RANGE_BYTES,
    end: total,
  })
  expect(rangeWithin(total, { offset: 7, byteLength })).toEqual({
    start: 7,
    end: 7 + MAX_RANGE_BYTES,
  })
  expect(DEFAULT_RANGE_BYTES).toBe(102_400)
})

test('U25: the pieces of all files together are exactly the range', () => {
  const lengths = fc.array(fc.nat(20))
  fc.assert(
    fc.property(lengths, fc.option(fc.nat(120)), fc.nat(150), (files, offset, byteLength) => {
      let next = 0
      const contents = files.map((length) => Array.from({ length }, () => next++))
      const range = rangeWithin(next, { offset, byteLength })
      const pieces = piecesOf(files, range)
      const read = pieces.flatMap(({ index, start, end }) => contents[index]?.slice(start, end))
      expect(read).toEqual(contents.flat().slice(range.start, range.end))
      // No file is touched of which nothing is needed.
      for (const { index, start, end } of pieces) {
        expect(end).toBeGreaterThan(start)
        expect(end).toBeLessThanOrEqual(files[index] ?? 0)
      }
    }),
  )
})
