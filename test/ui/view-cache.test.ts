import { describe, expect, test } from 'vitest'
import { ViewUnavailable } from '../../src/ui/errors.js'
import { ViewCache } from '../../src/ui/view-cache.js'
import { clusterView, viewBytes } from './views.js'

function cacheWithClock() {
  const asked: number[] = []
  const clock = { nowMs: 0 }
  const cache = new ViewCache({ request: (id) => asked.push(id), nowMs: () => clock.nowMs })
  return { asked, clock, cache }
}

describe('views are asked for sparingly', () => {
  test('Y12: fifty readers at once cost one request', async () => {
    const { asked, cache } = cacheWithClock()
    const readers = Array.from({ length: 50 }, () => cache.get())
    expect(asked).toEqual([1])
    cache.deliver(1, viewBytes(clusterView()))
    const views = await Promise.all(readers)
    expect(new Set(views).size).toBe(1)
    expect(views[0]?.masterUrl).toBe('spark://master:7077')
  })

  test('a view is served again for 100 ms and not longer', async () => {
    const { asked, clock, cache } = cacheWithClock()
    const first = cache.get()
    cache.deliver(1, viewBytes(clusterView()))
    await first
    clock.nowMs = 99
    await cache.get()
    expect(asked).toEqual([1])
    clock.nowMs = 100
    const second = cache.get()
    expect(asked).toEqual([1, 2])
    cache.deliver(2, viewBytes(clusterView({ masterUrl: 'spark://other:7077' })))
    expect((await second).masterUrl).toBe('spark://other:7077')
  })

  test('a view that was not asked for is dropped', async () => {
    const { cache } = cacheWithClock()
    const reader = cache.get()
    cache.deliver(7, viewBytes(clusterView({ masterUrl: 'spark://stale:7077' })))
    cache.deliver(1, viewBytes(clusterView()))
    expect((await reader).masterUrl).toBe('spark://master:7077')
  })

  test('a silent master ends the wait, and the next reader asks again', async () => {
    const asked: number[] = []
    const cache = new ViewCache({ request: (id) => asked.push(id), waitMs: 1 })
    await expect(cache.get()).rejects.toBeInstanceOf(ViewUnavailable)
    const again = cache.get()
    expect(asked).toEqual([1, 2])
    cache.deliver(2, viewBytes(clusterView()))
    await again
  })

  test('closing ends every wait', async () => {
    const { cache } = cacheWithClock()
    const reader = cache.get()
    cache.close()
    await expect(reader).rejects.toBeInstanceOf(ViewUnavailable)
  })
})
