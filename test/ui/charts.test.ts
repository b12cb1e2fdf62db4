/** Cluster use over time on the first page: what the charts draw and say. */
import { describe, expect, test } from 'vitest'

import { chartFigure, roundTop } from '../../src/ui/chart.js'
import type { Sample } from '../../src/ui/model/history.js'
import { BadQuery } from '../../src/ui/table-query.js'
import { useSection } from '../../src/ui/use-section.js'

const startMs = Date.UTC(2026, 10, 21, 5, 0, 0)

function sample(seconds: number, change: Partial<Sample> = {}): Sample {
  return {
    atMs: startMs + seconds * 1000,
    cores: 40,
    coresUsed: 10,
    memoryMb: 4096,
    memoryUsedMb: 1024,
    executors: 5,
    workersAlive: 2,
    applicationsActive: 1,
    applicationsWaiting: 0,
    driversWaiting: 0,
    mainThreadAnswerMs: 0.5,
    schedulingP99Us: null,
    ...change,
  }
}

const drawn = (samples: readonly Sample[], query = '') =>
  useSection(
    { samples: (interval) => (interval === '1s' ? samples : []) },
    { path: '/', parameters: new URLSearchParams(query) },
  ).text

const words = (page: string): string[] =>
  [...page.matchAll(/aria-label="([^"]* ago: [^"]*)"/g)].map(([, text]) => String(text))
const paths = (page: string, kind: string): string[] =>
  [...page.matchAll(new RegExp(`class="${kind}" d="([^"]*)"`, 'g'))].map(([, path]) => String(path))

describe('U1: cluster use over time', () => {
  test('every chart says in words what it draws', () => {
    const page = drawn([
      sample(0, { coresUsed: 40, applicationsWaiting: 3, driversWaiting: 1 }),
      sample(1, { coresUsed: 0 }),
      sample(2, { coresUsed: 10, executors: 7 }),
    ])
    expect(words(page)).toEqual([
      'Cores since 10 min ago: 10 of 40 used, between 0 and 40',
      'Memory since 10 min ago: 1024.0 MiB of 4.0 GiB used, between 1024.0 MiB and 1024.0 MiB',
      'Executors since 10 min ago: 7 now, between 5 and 7',
      'Queue length since 10 min ago: 0 now, between 0 and 4',
      'Scheduling thread since 10 min ago: nothing is known yet',
    ])
  })

  test('levels are means of their step, counts and delays its worst', () => {
    const page = drawn([
      sample(0, { coresUsed: 0, executors: 1, mainThreadAnswerMs: 2 }),
      sample(1, { coresUsed: 40, executors: 10, mainThreadAnswerMs: 20 }),
      sample(5, { coresUsed: 40, executors: 10, mainThreadAnswerMs: 7 }),
    ])
    const [cores, , executors, , answers] = paths(page, 'line')
    // The height is 48 above 61: half of it, then all.
    expect(cores).toBe('M198.3 37.0L200.0 13.0')
    expect(executors).toBe('M198.3 13.0L200.0 13.0')
    // The step that is not over is left out, as it would change without end.
    expect(answers).toBe('M198.3 13.0h0')
    expect(words(page).at(-1)).toContain('answers within 20 ms, 20 ms at worst')
  })

  test('time in which nothing is known is a gap', () => {
    const page = drawn([sample(0), sample(60), sample(65)])
    expect(paths(page, 'line')[0]?.match(/M/g)).toHaveLength(2)
    expect(paths(page, 'area')[0]?.match(/Z/g)).toHaveLength(2)
  })

  test('what is older than the span is not drawn', () => {
    const page = drawn([sample(0, { coresUsed: 40 }), sample(1000)])
    expect(paths(page, 'line')[0]).toBe('M200.0 49.0h0')
  })

  test('decisions have a line of their own where they are measured', () => {
    const page = drawn([
      sample(0, { schedulingP99Us: 1500 }),
      sample(10, { schedulingP99Us: 9000 }),
    ])
    expect(words(page).at(-1)).toContain('; decisions (dashed) within 1.5 ms (p99)')
    expect(paths(page, 'second')).toHaveLength(3)
    expect(paths(drawn([sample(0)]), 'second')).toHaveLength(2)
  })

  test('the page is the same as long as what it shows is, whatever the answers take', () => {
    const idle = (mainThreadAnswerMs: number) =>
      drawn([sample(0), sample(5), sample(6, { mainThreadAnswerMs })])
    expect(idle(1)).toBe(idle(9))
  })

  test('a cluster without workers, and one of which nothing is known, are no error', () => {
    const none = { cores: 0, coresUsed: 0, memoryMb: 0, memoryUsedMb: 0, executors: 0 }
    expect(drawn([sample(0, none), sample(5, none)])).not.toMatch(/NaN|Infinity/)
    expect(drawn([])).toContain('the master has just started')
    expect(drawn([sample(0)], 'use=1m')).toContain('the first minute is not over')
  })

  test('the span is chosen by a link that keeps the rest', () => {
    const page = drawn([sample(0)], 'workers.q=a&use=1s')
    expect(page).toContain('<a href="./?workers.q=a&amp;use=1m#use" >24 hours</a>')
    expect(page).toContain('aria-current="true">10 minutes</a>')
    expect(() => drawn([], 'use=1h')).toThrow(new BadQuery('use must be one of 1s, 1m'))
  })

  test('what is over the top is drawn at it, and names stay text', () => {
    const page = chartFigure({
      title: '<b>',
      words: '"now"',
      values: [5, null, -1],
      top: 2,
      topText: '2',
      since: 'then',
    }).text
    expect(page).not.toContain('<b>')
    expect(paths(page, 'line')).toEqual(['M0.0 13.0h0M200.0 61.0h0'])
  })

  test.each([
    [0, 1],
    [0.3, 0.5],
    [1, 1],
    [3, 5],
    [7, 10],
    [1001, 2000],
  ])('an axis for %d ends at %d', (most, top) => {
    expect(roundTop(most)).toBeCloseTo(top, 9)
  })
})
