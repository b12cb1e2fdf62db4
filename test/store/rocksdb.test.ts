import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { StoreError } from '../../src/store/engine.js'
import { RocksStore } from '../../src/store/rocksdb.js'

let folder: string
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'magneto-rocksdb-'))))
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** A package whose database notes how it is written. */
function noting(batches: { changes: unknown; options: unknown }[]) {
  class RocksLevel {
    open = () => Promise.resolve()
    close = () => Promise.resolve()
    iterator = () => []
    batch(changes: unknown, options: unknown): Promise<void> {
      batches.push({ changes, options })
      return Promise.resolve()
    }
  }
  return () => Promise.resolve({ RocksLevel })
}

describe('ROCKSDB (H4)', () => {
  test('a commit is one batch, synced, with names in UTF-8 as keys', async () => {
    const batches: { changes: unknown; options: unknown }[] = []
    const store = new RocksStore(folder, { load: noting(batches) })
    await store.open()
    await store.commit([
      { key: 'worker_é', record: Buffer.from('1') },
      { key: 'app_1', record: null },
    ])
    await store.close()
    expect(batches).toEqual([
      {
        changes: [
          { type: 'put', key: Buffer.from('worker_é'), value: Buffer.from('1') },
          { type: 'del', key: Buffer.from('app_1') },
        ],
        options: { sync: true },
      },
    ])
  })

  test('without its package it says what to install', async () => {
    const load = () => Promise.reject(new Error('Cannot find package'))
    const opening = new RocksStore(folder, { load }).open()
    await expect(opening).rejects.toThrow(StoreError)
    await expect(opening).rejects.toThrow(
      /npm install @nxtedition\/rocksdb@12\.2\.12 .*Cannot find package/,
    )
  })

  test('a second master is told that the database is in use', async () => {
    const first = new RocksStore(folder)
    await first.open()
    await expect(new RocksStore(folder).open()).rejects.toThrow(
      /the database in .* is in use .*give this one another spark\.deploy\.recoveryDirectory/,
    )
    await first.close()
  })
})
