/** U21: what is hosted, asked for once for all who look. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'

import type { HostedLists } from '../../src/worker/hosted-work.js'
import { WorkCache } from '../../src/worker/web/work-cache.js'

const lists = (): HostedLists => ({
  executors: [],
  drivers: [],
  finishedExecutors: [],
  finishedDrivers: [],
})

let asked: number[] = []
let cache: WorkCache
beforeEach(() => {
  vi.useFakeTimers()
  asked = []
  cache = new WorkCache((id) => asked.push(id))
})
afterEach(() => vi.useRealTimers())

test('U21: many who look at once, and soon after, cost one message', async () => {
  const looks = [cache.get(), cache.get(), cache.get()]
  expect(asked).toEqual([1])
  const found = lists()
  cache.deliver(1, found)
  for (const look of looks) expect(await look).toBe(found)
  vi.advanceTimersByTime(200)
  expect(await cache.get()).toBe(found)
  vi.advanceTimersByTime(100)
  const later = cache.get()
  expect(asked).toEqual([1, 2])
  cache.deliver(2, lists())
  expect(await later).not.toBe(found)
})

test('U21: a main thread that does not answer costs a reader five seconds, not the next one', async () => {
  const late = cache.get()
  vi.advanceTimersByTime(5_000)
  await expect(late).rejects.toThrow('did not answer in time')
  const again = cache.get()
  expect(asked).toEqual([1, 2])
  // The answer to the first comes at last, and is nobody's any more.
  cache.deliver(1, lists())
  const found = lists()
  cache.deliver(2, found)
  expect(await again).toBe(found)
})
