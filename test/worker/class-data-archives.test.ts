/** When archives are made: which executor's end or age counts, how many at a time, how many a day. Threads that are played. */
import { beforeEach, afterEach, expect, test, vi } from 'vitest'

import { createLogger } from '../../src/log/logger.js'
import { ClassDataArchives } from '../../src/worker/class-data/archives.js'
import type { Training } from '../../src/worker/class-data/choose.js'
import type { ArchiveResult } from '../../src/worker/class-data/make.js'
import { settledLater } from '../../src/worker/settled-later.js'
import type { LauncherThreads } from '../../src/worker/launcher/threads.js'

interface Asked {
  key: string
  done(result: ArchiveResult): Promise<void>
  killed: boolean
}

let asked: Asked[] = []
let archives: ClassDataArchives
const made: ArchiveResult = { kind: 'made', bytes: 1, classes: 1, unusedBecause: null }

beforeEach(() => {
  vi.useFakeTimers()
  asked = []
  const threads = {
    guardian: { started() {}, ended() {} },
    runLong(kind: string, { key }: Training) {
      expect(kind).toBe('archive')
      const { promise, resolve } = settledLater<ArchiveResult>()
      const one: Asked = {
        key,
        killed: false,
        async done(result) {
          resolve(result)
          await vi.advanceTimersByTimeAsync(0)
        },
      }
      asked.push(one)
      const kill = (): void => {
        one.killed = true
        resolve({ kind: 'failed', message: 'killed' })
      }
      return { result: promise, kill }
    },
  } as unknown as LauncherThreads
  archives = new ClassDataArchives({ threads, log: createLogger('Test', { level: 'silent' }) })
})
afterEach(async () => {
  await archives.close()
  vi.useRealTimers()
})

const train = (key: string): (() => void) => archives.training({ key } as Training)
const keys = (): string[] => asked.map(({ key }) => key)

test('when the executor ends, and not again a minute later', async () => {
  const ended = train('a')
  expect(keys()).toEqual([])
  ended()
  expect(keys()).toEqual(['a'])
  await asked[0]?.done(made)
  await vi.advanceTimersByTimeAsync(120_000)
  expect(keys()).toEqual(['a'])
})

test('after a minute of one that stays, and not again at its end', async () => {
  const ended = train('a')
  await vi.advanceTimersByTimeAsync(59_000)
  expect(keys()).toEqual([])
  await vi.advanceTimersByTimeAsync(1000)
  expect(keys()).toEqual(['a'])
  ended()
  await asked[0]?.done(made)
  expect(keys()).toEqual(['a'])
})

test('one at a time, also after one that failed; of many at once the first nine', async () => {
  const all = Array.from({ length: 12 }, (_, at) => `k${at}`)
  for (const key of all) train(key)()
  expect(keys()).toEqual(['k0'])
  await asked[0]?.done({ kind: 'failed', message: 'no room' })
  expect(keys()).toEqual(['k0', 'k1'])
  for (let at = 1; at < 12; at += 1) await asked[at]?.done(made)
  expect(keys()).toEqual(all.slice(0, 9))
})

test('sixteen a day', async () => {
  for (let at = 0; at < 20; at += 1) {
    train(`k${at}`)()
    await asked[at]?.done(made)
  }
  expect(asked).toHaveLength(16)
  await vi.advanceTimersByTimeAsync(86_400_000)
  train('tomorrow')()
  await vi.advanceTimersByTimeAsync(0)
  expect(keys()[16]).toBe('tomorrow')
})

test('none any more when the worker stops, and what is under way ends first', async () => {
  train('a')()
  train('b')()
  const ended = train('c')
  await archives.close()
  ended()
  await vi.advanceTimersByTimeAsync(120_000)
  expect(asked.map(({ key, killed }) => [key, killed])).toEqual([['a', true]])
})
