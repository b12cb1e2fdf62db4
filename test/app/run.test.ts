import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import type { ClusterPool } from '../../src/app/cluster-pool.js'
import { DataCloneError, NoFunctionError, ThreadExitedError } from '../../src/app/errors.js'
import { FakeCluster } from './fake-cluster.js'

describe('run', () => {
  const cluster = new FakeCluster(2, 2)
  let pool: ClusterPool
  beforeAll(async () => {
    pool = cluster.pool({ env: { COLOUR: 'green' } })
    await pool.ready()
  })
  afterAll(() => pool.destroy())

  test('calls the default export, and named exports', async () => {
    expect(await pool.run(21)).toBe(42)
    expect(await pool.run({ a: 1, b: 2 }, { name: 'add' })).toBe(3)
  })

  test('carries what structured cloning carries', async () => {
    const value = {
      map: new Map([[1, new Date(5)]]),
      floats: new Float64Array([1.5, 2]),
      big: 2n ** 70n,
    }
    const back = (await pool.run(value, { name: 'echo' })) as typeof value
    expect(back).toEqual(value)
    expect(back.floats.buffer.byteLength).toBe(16)
  })

  test('gives executors the environment, without the secret', async () => {
    expect(await pool.run('COLOUR', { name: 'environment' })).toBe('green')
    expect(await pool.run('MAGNETO_APP_TOKEN', { name: 'environment' })).toBeUndefined()
  })

  test('an error comes back as that error, with stack, cause and properties', async () => {
    const error = (await pool
      .run(null, { name: 'fails' })
      .catch((each: unknown) => each)) as RangeError
    expect(error).toBeInstanceOf(RangeError)
    expect(error).toMatchObject({ message: 'out of range', detail: { at: 7 } })
    expect(error.stack).toContain('tasks.mjs')
    expect(error.cause).toBeInstanceOf(TypeError)
  })

  test('what cannot be cloned is said clearly, on the way there and back', async () => {
    await expect(pool.run(() => 1)).rejects.toThrow(DataCloneError)
    await expect(pool.run(null, { name: 'giveFunction' })).rejects.toThrow(DataCloneError)
  })

  test('a result over the limit is an error of that task', async () => {
    await expect(pool.run(65 * 1024 * 1024, { name: 'big' })).rejects.toMatchObject({
      code: 'ERR_MAGNETO_TOO_LARGE',
    })
  })

  test('a task that ends its thread costs itself only', async () => {
    await expect(pool.run(null, { name: 'exits' })).rejects.toThrow(ThreadExitedError)
    expect(await Promise.all([1, 2, 3, 4].map((value) => pool.run(value)))).toEqual([2, 4, 6, 8])
  })

  test('a missing function is named', async () => {
    await expect(pool.run(null, { name: 'nowhere' })).rejects.toThrow(NoFunctionError)
  })

  test('10,000 tiny tasks run, on both executors', async () => {
    await expect.poll(() => pool.executors).toHaveLength(2)
    const values = Array.from({ length: 10_000 }, (_, index) => index)
    const results = await Promise.all(values.map((value) => pool.run(value)))
    expect(results).toEqual(values.map((value) => value * 2))
    expect(pool.executors.every(({ completed }) => completed > 0)).toBe(true)
  })

  test('map ends with the first error and leaves nothing queued', async () => {
    const results = pool.map([1, 2, 3], { name: 'nowhere' })
    await expect(results.next()).rejects.toThrow(NoFunctionError)
    expect(pool.queueSize).toBe(0)
  })

  test('map keeps the order and its bound', async () => {
    let taken = 0
    let most = 0
    let given = 0
    const items = (function* () {
      for (; taken < 200; taken++) {
        most = Math.max(most, taken - given)
        yield taken
      }
    })()
    for await (const result of pool.map(items, { concurrency: 8 })) expect(result).toBe(given++ * 2)
    expect(given).toBe(200)
    expect(most).toBeLessThanOrEqual(8)
  })
})

test('a module that cannot be loaded rejects tasks with why', async () => {
  const pool = new FakeCluster().pool({ filename: '/nowhere/at-all.mjs' })
  await expect(pool.run(1)).rejects.toMatchObject({
    code: 'ERR_MAGNETO_MODULE_LOAD',
    message: expect.stringContaining('/nowhere/at-all.mjs'),
  })
  await pool.destroy()
})
