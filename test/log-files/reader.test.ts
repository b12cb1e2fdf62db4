/** U25: readers of logs wait for each other, and not without end. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'

import { LogUnavailable } from '../../src/log-files/read.js'
import { LogReader } from '../../src/log-files/reader.js'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'magneto-log-reader-'))
  await writeFile(join(folder, 'stdout'), 'hello')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

test('U25: some read, some wait, the rest is told to come again; then all have their turn again', async () => {
  const reader = new LogReader(100)
  const read = () => reader.read(folder, 'stdout', { offset: 1, byteLength: 3 })
  for (let time = 0; time < 2; time += 1) {
    const outcomes = await Promise.allSettled(Array.from({ length: 100 }, read))
    const done = outcomes.filter((outcome) => outcome.status === 'fulfilled')
    expect(done).toHaveLength(66)
    for (const { value } of done) expect(value?.bytes.toString()).toBe('ell')
    for (const outcome of outcomes.filter(({ status }) => status === 'rejected')) {
      expect((outcome as PromiseRejectedResult).reason).toBeInstanceOf(LogUnavailable)
    }
  }
})

test('U25: a log that is not there, or can not be read, takes nobody his turn', async () => {
  const reader = new LogReader(100)
  for (let time = 0; time < 5; time += 1) {
    expect(await reader.read(folder, 'none', { offset: null, byteLength: 1 })).toBeNull()
    const bad = reader.read(`${folder}\u0000`, 'stdout', { offset: null, byteLength: 1 })
    await expect(bad).rejects.toThrow('null bytes')
  }
  expect(await reader.read(folder, 'stdout', { offset: null, byteLength: 9 })).not.toBeNull()
})
