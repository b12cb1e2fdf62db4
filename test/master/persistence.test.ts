/** Group commit: one at a time, in order, and what it counts. */
import { describe, expect, test } from 'vitest'

import { CommitFigures } from '../../src/master/commit-figures.js'
import { KEPT_LATENCIES } from '../../src/master/limits.js'
import { Persistence } from '../../src/master/persistence.js'
import type { StoreChange } from '../../src/store/engine.js'

function setUp() {
  const commits: { keys: string[]; done: () => void; fail: (error: Error) => void }[] = []
  const told: number[] = []
  const figures = new CommitFigures()
  const persistence = new Persistence({
    commit: (changes: readonly StoreChange[]) =>
      new Promise((done, fail) => {
        commits.push({ keys: changes.map(({ key }) => key), done, fail })
      }),
    onStored: (sequence) => void told.push(sequence),
    figures,
  })
  return { persistence, commits, told, figures }
}

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))
const forget = (key: string): StoreChange => ({ key, record: null })

describe('persistence', () => {
  test('one commit at a time; what comes meanwhile goes together', async () => {
    const { persistence, commits, told } = setUp()
    persistence.add(forget('1'), 1)
    persistence.add(forget('2'), 2)
    await turn()
    persistence.add({ key: '3', record: new Uint8Array(9) }, 3)
    persistence.add(forget('4'), 4)
    await turn()
    expect(commits.map(({ keys }) => keys)).toEqual([['1', '2']])
    expect(persistence.pendingBytes).toBe(11)
    commits[0]!.done()
    await turn()
    expect(told).toEqual([2])
    expect(commits[1]!.keys).toEqual(['3', '4'])
    expect(persistence.pendingBytes).toBe(0)
    commits[1]!.done()
    await persistence.drained()
    expect(told).toEqual([2, 4])
  })

  test('nothing is written after a failure', async () => {
    const { persistence, commits, told, figures } = setUp()
    persistence.add(forget('1'), 1)
    await turn()
    persistence.add(forget('2'), 2)
    commits[0]!.fail(new Error('disk full'))
    await persistence.drained()
    persistence.add(forget('3'), 3)
    await turn()
    expect([told, persistence.pendingBytes]).toEqual([[], 0])
    expect(commits).toHaveLength(1)
    expect(figures.read('NONE')).toMatchObject({ commits: 0, failures: 1 })
  })

  test.each(['done', 'fail'] as const)(
    'once it has ended, a commit under way tells nothing (%s)',
    async (outcome) => {
      const { persistence, commits, told } = setUp()
      persistence.add(forget('1'), 1)
      await turn()
      persistence.add(forget('2'), 2)
      persistence.end()
      commits[0]![outcome](new Error('late'))
      await persistence.drained()
      expect(told).toEqual([])
      expect(commits).toHaveLength(1)
    },
  )
})

describe('figures', () => {
  test('are of the last commits, in ms', () => {
    const figures = new CommitFigures()
    expect(figures.read('NONE')).toEqual({
      mode: 'NONE',
      commits: 0,
      records: 0,
      commitP50Ms: 0,
      commitP99Ms: 0,
      failures: 0,
    })
    figures.committed(3, 100_000)
    for (let tookMs = 0; tookMs < KEPT_LATENCIES; tookMs += 1) figures.committed(2, tookMs)
    expect(figures.read('FILESYSTEM')).toEqual({
      mode: 'FILESYSTEM',
      commits: KEPT_LATENCIES + 1,
      records: 2 * KEPT_LATENCIES + 3,
      commitP50Ms: KEPT_LATENCIES / 2,
      commitP99Ms: Math.floor(KEPT_LATENCIES * 0.99),
      failures: 0,
    })
  })
})
