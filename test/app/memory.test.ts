/** What a task costs the driver in memory, and that it costs nothing once it is done. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'

import { FakeCluster } from './fake-cluster.js'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** Bytes of what is alive, on the heap and outside it. */
async function inUse(): Promise<number> {
  // What is freed by a callback of the first collection goes with the second.
  collect()
  await new Promise(setImmediate)
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

const tasks = 20_000

test('a task that waits takes less than a kilobyte, its promises included', async () => {
  const pool = new FakeCluster(0).pool()
  await pool.ready()
  const before = await inUse()
  const waiting = Array.from({ length: tasks }, (_, a) => pool.run({ a, b: 1 }))
  const rejected = Promise.allSettled(waiting)
  expect(((await inUse()) - before) / tasks).toBeLessThan(1024)
  await pool.destroy()
  expect((await rejected).every(({ status }) => status === 'rejected')).toBe(true)
})

test('tasks that are done leave nothing behind', async () => {
  const pool = new FakeCluster(2).pool()
  const round = async () => {
    const asked = Array.from({ length: tasks }, (_, value) => pool.run(value))
    for (const [value, result] of (await Promise.all(asked)).entries())
      if (result !== value * 2) throw new Error(`${value} gave ${String(result)}`)
  }
  await round()
  await round()
  const before = await inUse()
  for (let count = 0; count < 5; count += 1) await round()
  // Ten bytes a task would show; compiled code and what V8 keeps for itself do not.
  expect((await inUse()) - before).toBeLessThan(5 * tasks * 10)
  await pool.destroy()
})
