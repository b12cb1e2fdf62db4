/** Tiny tasks share messages and a thread's turn; nobody can tell by what becomes of each. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import type { ClusterPool } from '../../src/app/cluster-pool.js'
import { AbortError, ThreadExitedError } from '../../src/app/errors.js'
import { FakeCluster, temporaryFile } from './fake-cluster.js'

const upTo = (count: number) => Array.from({ length: count }, (_, at) => at)

let pool: ClusterPool
const doubles = (values: readonly number[]) => Promise.all(values.map((value) => pool.run(value)))

/** Until executors know that tasks are tiny. */
async function warmUp(cluster: FakeCluster): Promise<void> {
  pool = cluster.pool()
  await doubles(upTo(2000))
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5))
}
const untilThere = (file: string) => until(() => existsSync(file))

afterEach(() => pool.destroy())

describe('with two cores', () => {
  beforeEach(() => warmUp(new FakeCluster(1, 2)))

  test.each(['waitForFile', 'blockUntil'])(
    'a task that takes long (%s) holds back neither those before it nor those behind it',
    async (name) => {
      const mine = temporaryFile('mine')
      const other = temporaryFile('other')
      const first = doubles(upTo(100))
      const long = pool.run({ mine, other, started: mine, file: other }, { name })
      const last = doubles(upTo(400))
      expect(await first).toEqual(upTo(100).map((value) => value * 2))
      expect(await last).toEqual(upTo(400).map((value) => value * 2))
      await untilThere(mine)
      writeFileSync(other, '')
      await long
    },
  )

  test('tasks that wait for each other meet', async () => {
    const one = temporaryFile('one')
    const two = temporaryFile('two')
    const first = doubles(upTo(50))
    const met = [
      pool.run({ mine: one, other: two }, { name: 'waitForFile' }),
      pool.run({ mine: two, other: one }, { name: 'waitForFile' }),
    ]
    await Promise.all([first, ...met])
  })

  test('the end of a thread costs the task that ran, and none runs twice', async () => {
    const file = temporaryFile('notes')
    const noted = (from: number) =>
      upTo(200).map((value) => pool.run({ file, value: from + value }, { name: 'note' }))
    const before = noted(0)
    const exits = pool.run(null, { name: 'exits' })
    const after = noted(200)
    await expect(exits).rejects.toThrow(ThreadExitedError)
    expect(await Promise.all([...before, ...after])).toEqual(upTo(400))
    const lines = readFileSync(file, 'utf8').trim().split('\n').map(Number)
    expect(lines.sort((a, b) => a - b)).toEqual(upTo(400))
  })
})

describe('with one core', () => {
  beforeEach(() => warmUp(new FakeCluster(1, 1)))

  test('results before a task that blocks its thread are there while it does', async () => {
    const started = temporaryFile('started')
    const file = temporaryFile('go')
    const before = doubles(upTo(100))
    const blocks = pool.run({ started, file }, { name: 'blockUntil' })
    const behind = doubles(upTo(100))
    await untilThere(started)
    expect(await before).toEqual(upTo(100).map((value) => value * 2))
    writeFileSync(file, '')
    await blocks
    expect(await behind).toEqual(upTo(100).map((value) => value * 2))
  })

  test('what is aborted while another one runs never starts', async () => {
    const started = temporaryFile('started')
    const go = temporaryFile('go')
    const file = temporaryFile('notes')
    const stop = new AbortController()
    const blocks = pool.run({ started, file: go }, { name: 'blockUntil' })
    const noted = upTo(50).map((value) =>
      pool.run(
        { file, value },
        { name: 'note', signal: value % 2 === 0 ? stop.signal : undefined },
      ),
    )
    const settled = Promise.allSettled(noted)
    await untilThere(started)
    stop.abort()
    await expect(noted[0]).rejects.toThrow(AbortError)
    // The executor has heard of it when all that it holds is the one that runs and those that are still wanted.
    await until(() => pool.runningTasks + pool.queueSize === 1 + 25)
    writeFileSync(go, '')
    await blocks
    const odd = upTo(50).filter((value) => value % 2 === 1)
    const done = (await settled).flatMap((each) =>
      each.status === 'fulfilled' ? [each.value] : [],
    )
    expect(done).toEqual(odd)
    expect(readFileSync(file, 'utf8').trim().split('\n').map(Number)).toEqual(odd)
  })

  test('a task that is deaf to its abort loses the thread, and those around it are done', async () => {
    const started = temporaryFile('started')
    const stop = new AbortController()
    const before = doubles(upTo(20))
    const deaf = pool.run(
      { started, file: temporaryFile('never') },
      { name: 'blockUntil', signal: stop.signal },
    )
    const behind = doubles(upTo(20))
    await untilThere(started)
    stop.abort()
    await expect(deaf).rejects.toThrow(AbortError)
    const expected = upTo(20).map((value) => value * 2)
    expect([await before, await behind]).toEqual([expected, expected])
  })

  test('results that fill the shared memory, or have no room in it, arrive in order', async () => {
    const sizes = upTo(60).map((at) => (at % 7 === 0 ? 200_000 : 20_000))
    const big = sizes.map((size) => pool.run(size, { name: 'big' }) as Promise<Uint8Array>)
    const small = doubles(upTo(100))
    expect((await Promise.all(big)).map(({ byteLength }) => byteLength)).toEqual(sizes)
    expect(await small).toEqual(upTo(100).map((value) => value * 2))
  })

  test('errors and results come to who asked for them', async () => {
    const asked = upTo(300).map((value) =>
      value % 3 === 0 ? pool.run(null, { name: 'fails' }) : pool.run(value),
    )
    const settled = await Promise.allSettled(asked)
    for (const [value, each] of settled.entries())
      if (value % 3 === 0)
        expect(each).toMatchObject({ status: 'rejected', reason: { message: 'out of range' } })
      else expect(each).toEqual({ status: 'fulfilled', value: value * 2 })
  })
})
