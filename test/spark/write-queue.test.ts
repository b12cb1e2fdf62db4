import { describe, expect, it } from 'vitest'
import { WriteQueue } from '../../src/spark/write-queue.js'

function busyFor(ms: number): void {
  const endMs = performance.now() + ms
  while (performance.now() < endMs);
}

describe('what is written in a turn', () => {
  it('leaves at its end, each peer’s once', async () => {
    const written: number[] = []
    const queue = new WriteQueue()
    queue.add({ writeOut: () => written.push(1) })
    queue.add({ writeOut: () => written.push(2) })
    await new Promise<void>((resolve) => {
      setImmediate(resolve)
    })
    expect(written).toEqual([1, 2])
  })

  it('of those who come first in a long turn does not wait for its end, and then seldom', async () => {
    let early = 0
    let written = 0
    const queue = new WriteQueue()
    const peers = 60
    for (let count = 0; count < peers; count++) {
      const before = written
      queue.add({ writeOut: () => (written += 1) })
      if (written > before) early++
      busyFor(1)
    }
    expect(early).toBeGreaterThan(0)
    expect(early).toBeLessThan(peers / 2)
    await new Promise<void>((resolve) => {
      setImmediate(resolve)
    })
    expect(written).toBe(peers)
  })
})
