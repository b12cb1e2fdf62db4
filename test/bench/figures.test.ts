import { describe, expect, test } from 'vitest'
import {
  advantage,
  type Figure,
  isMet,
  median,
  quantile,
  rounded,
  spreadOf,
} from '../../bench/figures.js'
import { tableOf } from '../../bench/table.js'

const figure = (over: Partial<Figure>): Figure => ({
  name: 'heartbeat: master CPU each',
  value: 5,
  unit: 'us',
  note: '1,000 workers',
  ...over,
})

describe('quantiles', () => {
  test('are taken by number, not by text, and leave the list as it was', () => {
    const values = [100, 9, 20]
    expect(median(values)).toBe(20)
    expect(quantile(Float64Array.from(values), 0.99)).toBe(100)
    expect(values).toEqual([100, 9, 20])
  })

  test('of nothing there are none', () => {
    expect(() => quantile([], 0.5)).toThrow(RangeError)
  })

  test('a spread has the median between the least and the most', () => {
    expect(spreadOf([3, 1, 2])).toEqual({ value: 2, min: 1, max: 3, runs: 3 })
  })
})

describe('aims', () => {
  test.each([
    [figure({ aim: { atMost: 5 } }), true],
    [figure({ aim: { atMost: 4.9 } }), false],
    [figure({ value: 300_000, unit: '/s', aim: { atLeast: 300_000 } }), true],
    [figure({ value: 299_999, unit: '/s', aim: { atLeast: 300_000 } }), false],
    [figure({ aim: { atMostOfApache: 0.7 }, apache: spreadOf([8]) }), true],
    [figure({ aim: { atMostOfApache: 0.5 }, apache: spreadOf([10]) }), true],
    [figure({ aim: { atMostOfApache: 0.7 }, apache: spreadOf([6]) }), false],
    // Without Apache's there is nothing to compare with, which is not a success.
    [figure({ aim: { atMostOfApache: 0.7 } }), null],
    [figure({}), null],
  ])('%o is met: %s', (of, met) => {
    expect(isMet(of)).toBe(met)
  })

  test('times better is above 1 for a lower cost and for a higher rate', () => {
    expect(advantage(figure({ value: 5, apache: spreadOf([60]) }))).toBe(12)
    expect(advantage(figure({ value: 60, unit: '/s', apache: spreadOf([5]) }))).toBe(12)
    expect(advantage(figure({ value: 60, apache: spreadOf([5]) }))).toBeCloseTo(1 / 12)
    expect(advantage(figure({}))).toBeNull()
    expect(advantage(figure({ value: 0, apache: spreadOf([5]) }))).toBeNull()
  })
})

describe('the table', () => {
  test('has one row a figure, with both masters, their spread and whether the aim is met', () => {
    const spread = spreadOf([4, 5, 7])
    const text = tableOf(
      [figure({ spread, apache: spreadOf([54, 60, 67]), aim: { atMost: 6 } })],
      [],
    )
    expect(text.split('\n').at(-1)).toBe(
      '| heartbeat: master CPU each | 5.00 us (4.00 to 7.00) | 60.0 us (54.0 to 67.0) | 12.0 | <= 6.00 us | yes | 1,000 workers |',
    )
  })

  test('a missed aim is marked, and one run has no spread', () => {
    const row = tableOf([figure({ spread: spreadOf([5]), aim: { atMost: 4 } })], [])
    expect(row).toContain('| 5.00 us |')
    expect(row).toContain('| **no** |')
  })

  test('what failed stands below, on one line each, and no cell breaks its row', () => {
    const text = tableOf([figure({ note: 'a|b\nc' })], [{ name: 'start', reason: 'no\nport' }])
    expect(text).toContain('a\\|b c')
    expect(text).toContain('- start: no port')
  })

  test('numbers have three digits, or all of a whole number', () => {
    expect([0.012_34, 1.239, 99.96, 123_456.7].map(rounded)).toEqual([
      '0.0123',
      '1.24',
      '100',
      '123,457',
    ])
  })
})
