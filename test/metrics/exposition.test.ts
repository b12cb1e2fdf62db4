/** Figures and families as text, read back by a strict reader. */
import { describe, expect, test } from 'vitest'
import { openMetricsText, prometheusText } from '../../src/metrics/exposition.js'
import { labels, type RecordedFamily } from '../../src/metrics/family.js'
import { Figures } from '../../src/metrics/figures.js'
import { leadershipFamilies } from '../../src/metrics/leadership-families.js'
import { MASTER_FAMILIES } from '../../src/metrics/master-families.js'
import { leadershipStatus } from '../control/leadership.js'
import { readPrometheus, valuesOf } from './prometheus-text.js'

const FAMILIES: readonly RecordedFamily[] = [
  { name: 'a_total', type: 'counter', help: 'A.', label: { name: 'kind', values: ['x', 'y'] } },
  { name: 'b_seconds', type: 'histogram', unit: 'seconds', help: 'B.', bounds: [0.1, 1, 10] },
  {
    name: 'c_seconds',
    type: 'histogram',
    unit: 'seconds',
    help: 'C.',
    bounds: [1],
    label: { name: 'why', values: ['p', 'q'] },
  },
]

function recorded(): Figures {
  const figures = new Figures(FAMILIES)
  figures.counter('a_total').add(2)
  figures.counter('a_total').add(3, 1)
  for (const value of [0.05, 0.1, 0.2, 5, 50, -1]) figures.histogram('b_seconds').observe(value)
  figures.histograms('c_seconds').get('q')!.observe(2)
  return figures
}

const expected = {
  'b_seconds_bucket{le="0.1"}': 3,
  'b_seconds_bucket{le="1"}': 4,
  'b_seconds_bucket{le="10"}': 5,
  'b_seconds_bucket{le="+Inf"}': 6,
  b_seconds_sum: 55.35,
  b_seconds_count: 6,
  'c_seconds_bucket{why="p",le="1"}': 0,
  'c_seconds_bucket{why="p",le="+Inf"}': 0,
  'c_seconds_sum{why="p"}': 0,
  'c_seconds_count{why="p"}': 0,
  'c_seconds_bucket{why="q",le="1"}': 0,
  'c_seconds_bucket{why="q",le="+Inf"}': 1,
  'c_seconds_sum{why="q"}': 2,
  'c_seconds_count{why="q"}': 1,
}

describe('figures', () => {
  test('what one thread counts another reads from the same memory', () => {
    const text = prometheusText(new Figures(FAMILIES, recorded().buffer).samples())
    expect(valuesOf(readPrometheus(text, 'prometheus'))).toEqual({
      'a_total{kind="x"}': 2,
      'a_total{kind="y"}': 3,
      ...expected,
    })
  })

  test('OpenMetrics has units, an end, and names counters without _total', () => {
    const text = openMetricsText(recorded().samples())
    const families = readPrometheus(text, 'openmetrics')
    expect(families.map(({ name, type, unit }) => [name, type, unit])).toEqual([
      ['a', 'counter', null],
      ['b_seconds', 'histogram', 'seconds'],
      ['c_seconds', 'histogram', 'seconds'],
    ])
    expect(valuesOf(families)).toMatchObject({ 'a_total{kind="y"}': 3, ...expected })
  })

  test('memory of other families is refused, and so are names that are not there', () => {
    const figures = recorded()
    expect(() => new Figures(MASTER_FAMILIES, figures.buffer)).toThrow(/^figures of \d+ numbers/)
    expect(() => figures.counter('d_total')).toThrow('there is no family d_total')
    expect(() => figures.histogram('a_total')).toThrow('a_total has no buckets')
    expect(() => figures.histograms('b_seconds')).toThrow('or no label')
  })
})

describe('leadership', () => {
  const leading = leadershipStatus({
    role: 'leader',
    elections: 2,
    lastTakeoverMs: 150,
    behind: null,
    followers: [
      { masterUrl: 'spark://second:7077', lagCommits: 0, lagMs: 0 },
      { masterUrl: 'spark://a"b\\c\nd:1', lagCommits: 4, lagMs: 1_500 },
    ],
  })
  const values = (status: typeof leading): Record<string, number> =>
    valuesOf(readPrometheus(prometheusText(leadershipFamilies(status)), 'prometheus'))

  test('of a leader, with hostile names of its standbys', () => {
    expect(values(leading)).toEqual({
      magneto_elections_total: 2,
      magneto_leader: 1,
      magneto_epoch: 7,
      'magneto_follower_lag_commits{master="spark://second:7077"}': 0,
      'magneto_follower_lag_commits{master="spark://a\\"b\\\\c\\nd:1"}': 4,
      magneto_takeover_seconds: 0.15,
    })
    expect(labels({ a: '"\\\n' })).toBe('a="\\"\\\\\\n"')
  })

  test('of a standby that knows of no leader: what is not known is left out', () => {
    expect(values(leadershipStatus({ leader: null }))).toEqual({
      magneto_leader: 0,
      magneto_elections_total: 0,
    })
    expect(values({ ...leading, role: 'suspended' })).toMatchObject({ magneto_leader: 0 })
  })
})
