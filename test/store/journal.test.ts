import {
  appendFileSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { StoreError } from '../../src/store/engine.js'
import { encodeEntry, scanJournal } from '../../src/store/journal-format.js'
import { Journal } from '../../src/store/journal.js'

let folder: string
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'magneto-journal-'))))
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const bytes = (text: string) => new Uint8Array(Buffer.from(text))
const put = (key: string, text: string) => ({ key, record: bytes(text) })
const forget = (key: string) => ({ key, record: null })

async function reopened(): Promise<Record<string, string>> {
  const journal = new Journal(folder)
  const { records } = await journal.open()
  await journal.close()
  return Object.fromEntries(records.map(({ key, record }) => [key, Buffer.from(record).toString()]))
}

async function written(...batches: Parameters<Journal['commit']>[0][]): Promise<void> {
  const journal = new Journal(folder)
  await journal.open()
  for (const batch of batches) await journal.commit(batch)
  await journal.close()
}

describe('the journal (spec H1 to H3)', () => {
  test('gives back the last record of every key that was not forgotten', async () => {
    await written(
      [put('app_1', 'a'), put('app_2', 'b')],
      [put('app_1', 'c'), forget('app_2')],
      [put('worker_1', '')],
    )
    expect(await reopened()).toEqual({ app_1: 'c', worker_1: '' })
  })

  test('a write that a crash cut off at any byte loses only itself', async () => {
    await written([put('app_1', 'kept')])
    const whole = readFileSync(join(folder, 'journal'))
    const torn = encodeEntry(put('app_2', 'torn'))
    for (let cut = 1; cut < torn.byteLength; cut += 1) {
      writeFileSync(join(folder, 'journal'), Buffer.concat([whole, torn.subarray(0, cut)]))
      expect(await reopened()).toEqual({ app_1: 'kept' })
      expect(statSync(join(folder, 'journal')).size).toBe(whole.byteLength)
    }
  })

  test('goes on writing behind a dropped tail', async () => {
    await written([put('app_1', 'kept')])
    appendFileSync(join(folder, 'journal'), encodeEntry(put('app_2', 'torn')).subarray(0, 9))
    await written([put('app_3', 'after')])
    expect(await reopened()).toEqual({ app_1: 'kept', app_3: 'after' })
  })

  test('a damaged record is set aside with its reason and stops nothing (Y10)', async () => {
    await written([put('app_1', 'first')], [put('app_2', 'second')], [put('app_3', 'third')])
    const file = readFileSync(join(folder, 'journal'))
    file[file.indexOf('second')] = 0x21
    writeFileSync(join(folder, 'journal'), file)
    const journal = new Journal(folder)
    const { records, damaged } = await journal.open()
    await journal.close()
    expect(records.map(({ key }) => key)).toEqual(['app_1', 'app_3'])
    expect(damaged).toHaveLength(1)
    expect(damaged[0]?.reason).toMatch(/checksum mismatch at \d+/)
    expect(readFileSync(damaged[0]!.file).includes('econd')).toBe(true)
  })

  test('every single damaged byte is noticed', async () => {
    await written([put('app_1', 'first'), put('app_2', 'second')])
    const file = readFileSync(join(folder, 'journal'))
    for (let at = 8; at < file.byteLength; at += 1) {
      const broken = Buffer.from(file)
      broken[at] = broken[at]! ^ 0x40
      const { entries, damaged, validBytes } = scanJournal(broken)
      expect(entries.length).toBeLessThan(2)
      expect(damaged.length > 0 || validBytes < file.byteLength).toBe(true)
    }
  })

  test('a second master on the same folder is refused until the first has gone', async () => {
    const first = new Journal(folder)
    await first.open()
    await expect(new Journal(folder).open()).rejects.toThrow(/held by process \d+/)
    await first.close()
    expect(await reopened()).toEqual({})
  })

  test('the lock of a process that died is taken over', async () => {
    writeFileSync(
      join(folder, 'lock'),
      JSON.stringify({
        pid: 2 ** 22 + 1,
        host: (await import('node:os')).hostname(),
        started: '1',
      }),
    )
    expect(await reopened()).toEqual({})
  })

  test('a file that is mostly garbage is written anew, and nothing is lost', async () => {
    const journal = new Journal(folder, { compactFromBytes: 2000 })
    await journal.open()
    for (let round = 0; round < 200; round += 1) {
      await journal.commit([
        put('app_1', `round ${round}`),
        put(`app_${round}`, 'x'),
        forget(`app_${round - 1}`),
      ])
    }
    expect(statSync(join(folder, 'journal')).size).toBeLessThan(4000)
    await journal.close()
    expect(readdirSync(folder)).toEqual(['journal'])
    expect(await reopened()).toMatchObject({ app_199: 'x' })
  })

  test('after a failed write it takes no more changes', async () => {
    const journal = new Journal(folder)
    await journal.open()
    const tooLarge = put('k'.repeat(2000), 'x')
    await expect(journal.commit([tooLarge])).rejects.toThrow(StoreError)
    await expect(journal.commit([put('app_1', 'x')])).rejects.toThrow(/can't write the journal/)
    await journal.close()
  })

  test('a foreign file is refused and left as it is', async () => {
    writeFileSync(join(folder, 'journal'), 'something else entirely')
    await expect(new Journal(folder).open()).rejects.toThrow(/is no journal of this version/)
    expect(readFileSync(join(folder, 'journal'), 'utf8')).toBe('something else entirely')
    expect(readdirSync(folder)).toEqual(['journal'])
  })

  test('records of an earlier run are set aside, and only the newest few are kept', async () => {
    for (let run = 0; run < 7; run += 1) {
      const journal = new Journal(folder)
      await journal.open()
      await journal.commit([put('app_1', `run ${run}`)])
      const kept = await journal.setAside(Date.UTC(2026, 0, 1 + run))
      expect(readFileSync(kept, 'utf8')).toContain(`run ${run}`)
      await journal.close()
      expect(await reopened()).toEqual({})
    }
    expect(readdirSync(folder).filter((name) => name.startsWith('journal.'))).toHaveLength(5)
  })

  test('a crash inside the very first write leaves an empty journal', async () => {
    writeFileSync(join(folder, 'journal'), 'MGJ')
    expect(await reopened()).toEqual({})
    await written([put('app_1', 'x')])
    expect(await reopened()).toEqual({ app_1: 'x' })
  })
})
