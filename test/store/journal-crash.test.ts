/** The journal on a disk that dies before any call, that is full, and that loses what it was asked to sync. */
import { describe, expect, test } from 'vitest'
import { StoreError, type StoreChange } from '../../src/store/engine.js'
import { Journal } from '../../src/store/journal.js'
import { FakeDisk, noLock, seeded, type Random } from './fake-disk.js'

const FOLDER = '/recovery'

function journalOn(disk: FakeDisk): Journal {
  return new Journal(FOLDER, { files: disk, lock: noLock, compactFromBytes: 1500, codec: 'lz4' })
}

type Model = ReadonlyMap<string, string>

function applied(model: Model, batch: readonly StoreChange[]): Model {
  const next = new Map(model)
  for (const { key, record } of batch) {
    next.delete(key)
    if (record !== null) next.set(key, Buffer.from(record).toString())
  }
  return next
}

function randomBatch(random: Random, round: number): StoreChange[] {
  return Array.from({ length: 1 + Math.floor(random() * 5) }, (_, index) => {
    const key = `app_${Math.floor(random() * 8)}`
    if (random() < 0.25) return { key, record: null }
    const text = `round ${round} of ${index} `.repeat(random() < 0.2 ? 60 : 3)
    return { key, record: Buffer.from(text) }
  })
}

interface Outcome {
  /** What was acknowledged. */
  sure: Model
  /** What it is if the commit that was under way counts. */
  perhaps: Model
}

/** Opens, commits and closes until the disk dies or `rounds` are over. */
async function live(
  disk: FakeDisk,
  before: Outcome,
  random: Random,
  rounds: number,
): Promise<Outcome> {
  let { sure, perhaps } = before
  let journal = journalOn(disk)
  try {
    const { records } = await journal.open()
    const found = records.map(({ key, record }) => [key, Buffer.from(record).toString()])
    expect(found).toEqual([...sure])
    for (let round = 0; round < rounds; round += 1) {
      const batch = randomBatch(random, round)
      perhaps = applied(sure, batch)
      await journal.commit(batch)
      sure = perhaps
      if (random() < 0.1) {
        await journal.close()
        journal = journalOn(disk)
        await journal.open()
      }
    }
  } catch (error) {
    if (!disk.crashed) throw error
  }
  await journal.close()
  return { sure, perhaps }
}

async function contentOf(disk: FakeDisk): Promise<[string, string][]> {
  const journal = journalOn(disk)
  const { records } = await journal.open()
  await journal.close()
  return records.map(({ key, record }) => [key, Buffer.from(record).toString()])
}

const nothing: Outcome = { sure: new Map(), perhaps: new Map() }

describe('the journal and the death of its machine (H3, Y10)', () => {
  test('before any call: what was acknowledged is there, a commit as a whole or not at all', async () => {
    const quiet = new FakeDisk()
    await live(quiet, nothing, seeded(1), 40)
    expect(quiet.calls).toBeGreaterThan(200)
    const outcomes = { with: 0, without: 0 }
    for (let crashAt = 1; crashAt <= quiet.calls; crashAt += 1) {
      const disk = new FakeDisk()
      disk.crashAt = crashAt
      const { sure, perhaps } = await live(disk, nothing, seeded(1), 40)
      for (let seed = 0; seed < 4; seed += 1) {
        const found = await contentOf(disk.afterCrash(seeded(crashAt * 10 + seed)))
        const expected = [[...sure], [...perhaps]]
        expect(expected, `crash before call ${crashAt}, seed ${seed}`).toContainEqual(found)
        if (JSON.stringify(found) === JSON.stringify([...sure])) outcomes.without += 1
        else outcomes.with += 1
      }
    }
    expect(outcomes.with).toBeGreaterThan(0)
    expect(outcomes.without).toBeGreaterThan(0)
  })

  test('again and again, also while it recovers', async () => {
    for (let seed = 0; seed < 150; seed += 1) {
      const random = seeded(seed)
      let disk = new FakeDisk()
      let outcome = nothing
      for (let life = 0; life < 6; life += 1) {
        disk.crashAt = 1 + Math.floor(random() * random() * 300)
        const before = outcome
        outcome = await live(disk, before, random, 40)
        disk = disk.afterCrash(random)
        const expected = [[...outcome.sure], [...outcome.perhaps]]
        // Looked at without touching: the next life starts from the same disk.
        const found = await contentOf(disk.afterCrash(() => 0))
        expect(expected, `seed ${seed}, life ${life}`).toContainEqual(found)
        const model = new Map(found)
        outcome = { sure: model, perhaps: model }
      }
      expect(disk.names.length, `seed ${seed}`).toBeLessThan(12)
    }
  })
})

describe('the journal on a disk with trouble', () => {
  test('full while it commits: broken until it is opened again, and nothing acknowledged is lost', async () => {
    const disk = new FakeDisk()
    const journal = journalOn(disk)
    await journal.open()
    await journal.commit([{ key: 'a', record: Buffer.from('1') }])
    disk.trouble = (call) => {
      if (call === 'write')
        throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
    }
    const change = { key: 'b', record: Buffer.from('2') }
    await expect(journal.commit([change])).rejects.toThrow(/no space left on device/)
    await expect(journal.commit([change])).rejects.toThrow(StoreError)
    await journal.close()
    // Still full: it can be read, and the first commit says why nothing can be written.
    const { records } = await journal.open()
    expect(records.map(({ key }) => key)).toEqual(['a'])
    await expect(journal.commit([change])).rejects.toThrow(/no space left on device/)
    await journal.close()
    disk.trouble = () => {}
    await journal.open()
    await journal.commit([change])
    await journal.close()
    expect(await contentOf(disk.afterCrash(() => 1))).toEqual([
      ['a', '1'],
      ['b', '2'],
    ])
    expect(disk.names).toHaveLength(1)
  })

  test('a sync that failed is never trusted, though its bytes can still be read', async () => {
    const disk = new FakeDisk()
    const journal = journalOn(disk)
    await journal.open()
    await journal.commit([{ key: 'a', record: Buffer.from('1') }])
    disk.trouble = (call) => {
      if (call === 'datasync') throw Object.assign(new Error('i/o error'), { code: 'EIO' })
    }
    await expect(journal.commit([{ key: 'b', record: Buffer.from('2') }])).rejects.toThrow(
      /i\/o error/,
    )
    disk.trouble = () => {}
    await expect(journal.commit([{ key: 'c', record: Buffer.from('3') }])).rejects.toThrow(
      /i\/o error/,
    )
    await journal.close()
    // What the next opening gives back is on the disk again, whatever the kernel forgot.
    const { records } = await journal.open()
    await journal.close()
    const found = await contentOf(disk.afterCrash(() => 1))
    expect(found.map(([key]) => key)).toEqual(records.map(({ key }) => key))
    expect(found).toContainEqual(['a', '1'])
  })

  test('trouble while it is rewritten beside the commits stops no commit', async () => {
    const disk = new FakeDisk()
    const journal = journalOn(disk)
    await journal.open()
    const created = disk.names.length
    let failures = 0
    disk.trouble = (call) => {
      if (call !== 'create') return
      failures += 1
      throw Object.assign(new Error('no inodes'), { code: 'ENOSPC' })
    }
    for (let round = 0; round < 200; round += 1)
      await journal.commit([{ key: 'a', record: Buffer.from(`round ${round}`) }])
    // Tried again only after it has grown by half.
    expect(failures).toBeGreaterThan(1)
    expect(failures).toBeLessThan(12)
    expect(disk.names.length).toBe(created)
    disk.trouble = () => {}
    for (let round = 200; round < 1000; round += 1)
      await journal.commit([{ key: 'a', record: Buffer.from(`round ${round}`) }])
    await journal.close()
    expect(disk.totalBytes()).toBeLessThan(10_000)
    expect(await contentOf(disk)).toEqual([['a', 'round 999']])
  })

  test('reading fails: it does not open, and holds nothing', async () => {
    const disk = new FakeDisk()
    const journal = journalOn(disk)
    await journal.open()
    await journal.commit([{ key: 'a', record: Buffer.from('1') }])
    await journal.close()
    disk.trouble = (call) => {
      if (call === 'read') throw Object.assign(new Error('i/o error'), { code: 'EIO' })
    }
    for (let attempt = 0; attempt < 5; attempt += 1)
      await expect(journal.open()).rejects.toThrow(
        /can't open the journal in \/recovery: .*i\/o error/,
      )
    disk.trouble = () => {}
    expect(disk.names).toHaveLength(1)
    expect(await contentOf(disk)).toEqual([['a', '1']])
  })
})

describe('the journal and a second master whom no lock keeps out (H13)', () => {
  test('whoever is replaced acknowledges nothing more, and all it acknowledged before is taken over', async () => {
    let replaced = 0
    for (let seed = 0; seed < 400; seed += 1) {
      const random = seeded(seed)
      const disk = new FakeDisk()
      disk.pause = async () => {
        for (let turns = Math.floor(random() * 4); turns > 0; turns -= 1) await Promise.resolve()
      }
      const first = journalOn(disk)
      await first.open()
      let acknowledged: Model = new Map()
      let perhaps: Model = acknowledged
      const reigns = { first: true }
      const reign = (async () => {
        for (let round = 0; reigns.first && round < 500; round += 1) {
          const batch = randomBatch(random, round)
          perhaps = applied(acknowledged, batch)
          await first.commit(batch)
          acknowledged = perhaps
        }
      })()
      const ended = reign.then(
        () => null,
        (error: Error) => error,
      )
      for (let turns = Math.floor(random() * 2000); turns > 0; turns -= 1) await Promise.resolve()
      const second = journalOn(disk)
      const { records } = await second.open()
      const taken = records.map(({ key, record }) => [key, Buffer.from(record).toString()])
      const atTakeover = [...acknowledged]
      reigns.first = false
      const error = await ended
      // It may have ended by itself after a commit that was acknowledged before the takeover.
      if (error !== null) {
        expect(error.message).toMatch(/another master has taken over/)
        replaced += 1
      }
      expect([...acknowledged], `seed ${seed}`).toEqual(atTakeover)
      expect([atTakeover, [...perhaps]], `seed ${seed}`).toContainEqual(taken)
      const own = [{ key: 'mine', record: Buffer.from('second') }]
      await second.commit(own)
      await first.close()
      await second.commit([{ key: 'mine', record: Buffer.from('still') }])
      await second.close()
      expect(await contentOf(disk)).toEqual([...taken, ['mine', 'still']])
    }
    expect(replaced).toBeGreaterThan(100)
  })
})
