import { createHash } from 'node:crypto'
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { crc32 } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { CODEC_NAMES, type CodecName } from '../../src/store/codec/codec.js'
import { StoreError } from '../../src/store/engine.js'
import { systemFiles } from '../../src/store/files.js'
import { MAX_DAMAGED_FILES } from '../../src/store/journal-folder.js'
import {
  BATCH_HEADER_BYTES,
  FILE_HEADER_BYTES,
  fileHeader,
} from '../../src/store/journal-format.js'
import { scanJournal, type ScannedJournal } from '../../src/store/journal-scan.js'
import { Journal, type JournalOptions } from '../../src/store/journal.js'

let folder: string
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'magneto-journal-'))))
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const put = (key: string, text: string) => ({ key, record: new Uint8Array(Buffer.from(text)) })
const forget = (key: string) => ({ key, record: null })
const names = (prefix: string) => readdirSync(folder).filter((name) => name.startsWith(prefix))

/** The one file that counts. */
function journalPath(): string {
  const found = names('journal').sort()
  return join(folder, found.at(-1) ?? '')
}

async function opened(options: JournalOptions = {}) {
  const journal = new Journal(folder, options)
  const { records, damaged } = await journal.open()
  await journal.close()
  const content = records.map(({ key, record }) => [key, Buffer.from(record).toString()])
  return { content: Object.fromEntries(content) as Record<string, string>, damaged }
}

async function reopened(): Promise<Record<string, string>> {
  return (await opened()).content
}

async function written(...batches: Parameters<Journal['commit']>[0][]): Promise<void> {
  const journal = new Journal(folder)
  await journal.open()
  for (const batch of batches) await journal.commit(batch)
  await journal.close()
}

/** An entry as version 1 wrote it. */
function version1(key: string, record: string | null): Buffer {
  const head = Buffer.alloc(15)
  head.write('MGJ1', 'latin1')
  head.writeUInt32LE(2 + key.length + (record ?? '').length, 4)
  head.writeUInt8(record === null ? 2 : 1, 12)
  head.writeUInt16LE(key.length, 13)
  const entry = Buffer.concat([head, Buffer.from(key), Buffer.from(record ?? '')])
  entry.writeUInt32LE(crc32(entry.subarray(12)), 8)
  return entry
}

const magic1 = Buffer.from('MGJRNL\u0001\u0000', 'latin1')

describe('the journal after a crash and with damage (H3, Y10)', () => {
  test('a commit that was cut off at any byte loses itself and nothing else', async () => {
    await written([put('app_1', 'kept')])
    const before = readFileSync(journalPath())
    const journal = new Journal(folder)
    await journal.open()
    const start = statSync(journalPath()).size
    await journal.commit([put('app_2', 'one'), forget('app_1'), put('app_3', 'two')])
    const whole = readFileSync(journalPath())
    await journal.close()
    expect(before.byteLength).toBeLessThan(whole.byteLength)
    for (let cut = start; cut < whole.byteLength; cut += 1) {
      for (const name of names('')) rmSync(join(folder, name))
      writeFileSync(join(folder, 'journal-0000000007'), whole.subarray(0, cut))
      expect(await opened(), `cut at ${cut}`).toEqual({ content: { app_1: 'kept' }, damaged: [] })
    }
  })

  test('a damaged record is set aside with its reason, and stops nothing', async () => {
    await written(
      [put('app_1', 'first')],
      [put('app_2', 'second'), put('app_3', 'third')],
      [put('app_4', 'fourth')],
    )
    const file = readFileSync(journalPath())
    // Opening wrote the records of one commit as they were; the second is in the middle.
    file[file.indexOf('second')] = 0x21
    writeFileSync(journalPath(), file)
    const { content, damaged } = await opened()
    expect(content).toEqual({ app_1: 'first', app_3: 'third', app_4: 'fourth' })
    expect(damaged).toHaveLength(1)
    expect(damaged[0]?.reason).toMatch(/checksum mismatch at \d+/)
    expect(readFileSync(damaged[0]!.file).includes('econd')).toBe(true)
    expect((await opened()).damaged).toEqual([])
  })

  test('every single damaged byte is noticed, and costs at most the commit it hit', async () => {
    await written([put('app_1', 'first'), put('app_2', 'second')], [put('app_3', 'third')])
    const file = readFileSync(journalPath())
    const sound = scanJournal(file) as ScannedJournal
    expect(sound.damaged).toEqual([])
    for (let at = 0; at < file.byteLength; at += 1) {
      const broken = Buffer.from(file)
      broken[at] = broken[at]! ^ 0x40
      const found = scanJournal(broken)
      if (typeof found === 'string') throw new Error(`unreadable after damage at ${at}: ${found}`)
      const lost = sound.entries.length - found.entries.length
      const cutOff = found.damaged.length === 0
      // Nothing but the header of the last commit can be lost without bytes that are kept.
      expect(found.damaged.length > 0 || lost === 1, `byte ${at}`).toBe(true)
      if (cutOff) expect(at).toBeGreaterThan(file.indexOf('second'))
      expect(lost, `byte ${at}`).toBeLessThan(3)
      expect(found.entries.some(({ body }) => body.toString() === 'third') || lost === 1).toBe(true)
    }
  })

  test('a stretch of zeros in the middle costs what it hit', async () => {
    const journal = new Journal(folder)
    await journal.open()
    for (let index = 0; index < 100; index += 1)
      await journal.commit([put(`app_${index}`, `record ${index} ${'x'.repeat(100)}`)])
    await journal.close()
    const file = readFileSync(journalPath())
    file.fill(0, 4000, 8096)
    writeFileSync(journalPath(), file)
    const { content, damaged } = await opened()
    expect(Object.keys(content).length).toBeGreaterThan(65)
    expect(Object.keys(content).length).toBeLessThan(80)
    expect(content).toHaveProperty('app_99')
    expect(damaged.length).toBeGreaterThan(0)
  })

  test('bytes in a record that look like entries are never taken for some', async () => {
    const forged = Buffer.concat([version1('worker_1', 'forged'), version1('app_9', 'forged')])
    const batch = Buffer.alloc(BATCH_HEADER_BYTES)
    batch.write('MGB2', 'latin1')
    batch.writeUInt32LE(forged.byteLength, 8)
    batch.writeUInt32LE(2, 12)
    batch.writeUInt32LE(crc32(batch.subarray(0, 20)), 20)
    const record = Buffer.concat([batch, forged, batch, forged])
    const journal = new Journal(folder)
    await journal.open()
    await journal.commit([{ key: 'app_1', record }])
    await journal.commit([put('app_2', 'second')])
    await journal.close()
    const file = readFileSync(journalPath())
    // The checksum of the entry that holds them: now the reader looks for the next one.
    const entry = file.indexOf('app_1') - 15
    file[entry + 8] = file[entry + 8]! ^ 1
    writeFileSync(journalPath(), file)
    const { content, damaged } = await opened()
    expect(content).toEqual({ app_2: 'second' })
    expect(damaged).toHaveLength(1)
  })

  test('files of damaged bytes are kept, but not without end', async () => {
    await written([put('app_1', 'kept')])
    for (let index = 0; index < MAX_DAMAGED_FILES + 20; index += 1)
      writeFileSync(join(folder, `damaged-${String(index).padStart(10, '0')}-0000000000`), 'old')
    await written([put('app_2', 'hit')], [put('app_3', 'kept')])
    const file = readFileSync(journalPath())
    file[file.indexOf('hit')] = 0x21
    writeFileSync(journalPath(), file)
    const { damaged } = await opened()
    expect(damaged).toHaveLength(1)
    expect(names('damaged-')).toHaveLength(MAX_DAMAGED_FILES)
    expect(readFileSync(damaged[0]!.file).includes('it')).toBe(true)
  })

  test('a crash inside the very first write leaves an empty journal', async () => {
    const header = fileHeader(7)
    for (let cut = 0; cut < FILE_HEADER_BYTES; cut += 1) {
      for (const name of names('')) rmSync(join(folder, name))
      writeFileSync(join(folder, 'journal-0000000001'), header.subarray(0, cut))
      expect(await reopened()).toEqual({})
    }
    await written([put('app_1', 'x')])
    expect(await reopened()).toEqual({ app_1: 'x' })
  })
})

describe('the journal and what others left (H3)', () => {
  test('a journal of version 1 is taken up, its cut-off end dropped', async () => {
    const torn = version1('app_4', 'torn')
    for (let cut = 0; cut < torn.byteLength; cut += 1) {
      for (const name of names('')) rmSync(join(folder, name))
      writeFileSync(
        join(folder, 'journal'),
        Buffer.concat([
          magic1,
          version1('app_1', 'first'),
          version1('app_2', 'gone'),
          version1('app_1', 'second'),
          version1('app_2', null),
          version1('app_3', ''),
          torn.subarray(0, cut),
        ]),
      )
      expect(await reopened()).toEqual({ app_1: 'second', app_3: '' })
    }
    expect(readdirSync(folder)).toEqual(['journal-0000000001'])
    expect(await reopened()).toEqual({ app_1: 'second', app_3: '' })
  })

  test('a foreign file is refused and left as it is', async () => {
    for (const name of ['journal', 'journal-0000000004']) {
      writeFileSync(join(folder, name), 'something else entirely')
      await expect(new Journal(folder).open()).rejects.toThrow(/is no journal; move it away/)
      expect(readFileSync(join(folder, name), 'utf8')).toBe('something else entirely')
      expect(readdirSync(folder)).toEqual([name])
      rmSync(join(folder, name))
    }
  })

  test('a journal of a newer release is refused', async () => {
    const header = fileHeader(7)
    header.writeUInt16LE(3, 6)
    header.writeUInt32LE(crc32(header.subarray(0, 12)), 12)
    writeFileSync(join(folder, 'journal-0000000001'), header)
    await expect(new Journal(folder).open()).rejects.toThrow(/was written by a newer release/)
  })

  test('other files of the folder stay', async () => {
    writeFileSync(join(folder, 'notes.txt'), 'mine')
    writeFileSync(join(folder, 'journal-old'), 'mine')
    await written([put('app_1', 'x')])
    expect(readdirSync(folder).sort()).toEqual(['journal-0000000001', 'journal-old', 'notes.txt'])
  })

  test('the folder is made, with all above it', async () => {
    const inner = join(folder, 'a/b/c')
    const journal = new Journal(inner)
    await journal.open()
    await journal.close()
    expect(readdirSync(inner)).toEqual(['journal-0000000001'])
  })

  test('a folder that can not be made is named', async () => {
    writeFileSync(join(folder, 'file'), '')
    await expect(new Journal(join(folder, 'file/below')).open()).rejects.toThrow(
      /can't create the recovery directory .*file\/below/,
    )
  })
})

describe('compression of the journal (P4)', () => {
  const text = 'spark.executor.memory=4g;'.repeat(400)

  test('what one codec has packed stays readable under every other', async () => {
    const expected: Record<string, string> = {}
    const order: (CodecName | null)[] = [null, ...CODEC_NAMES, null, ...CODEC_NAMES.toReversed()]
    for (const [index, codec] of order.entries()) {
      const journal = new Journal(folder, { codec })
      await journal.open()
      await journal.commit([put(`app_${index}`, `${text}${index}`), put(`small_${index}`, 'x')])
      await journal.close()
      expected[`app_${index}`] = `${text}${index}`
      expected[`small_${index}`] = 'x'
      expect(await reopened()).toEqual(expected)
    }
    const { entries } = scanJournal(readFileSync(journalPath())) as ScannedJournal
    expect(entries.map(({ codec }) => codec)).toEqual(
      [0, 1, 2, 3, 4, 0, 4, 3, 2, 1].flatMap((id) => [id, 0]),
    )
  })

  test('records that do not get smaller are kept as they are', async () => {
    const noise = createHash('shake256', { outputLength: 4000 }).update('noise').digest()
    const journal = new Journal(folder, { codec: 'lz4' })
    await journal.open()
    await journal.commit([{ key: 'noise', record: noise }])
    await journal.close()
    const { entries } = scanJournal(readFileSync(journalPath())) as ScannedJournal
    expect(entries.map(({ codec, size }) => [codec, size])).toEqual([[0, 4000]])
  })

  test('a record that can not be unpacked is set aside', async () => {
    const journal = new Journal(folder, { codec: 'snappy' })
    await journal.open()
    await journal.commit([put('app_1', text), put('app_2', 'kept')])
    await journal.close()
    const file = readFileSync(journalPath())
    const { entries, salt } = scanJournal(file) as ScannedJournal
    const { offset, raw } = entries[0]!
    // Another size, under a checksum that is right.
    file.writeUInt32LE(7, offset + 15 + 'app_1'.length)
    file.writeUInt32LE(crc32(file.subarray(offset + 12, offset + raw.byteLength), salt), offset + 8)
    writeFileSync(journalPath(), file)
    const { content, damaged } = await opened()
    expect(content).toEqual({ app_2: 'kept' })
    expect(damaged.map(({ reason }) => reason)).toEqual([
      expect.stringMatching(/record 'app_1' can't be unpacked: it says \d+ bytes, not 7/),
    ])
  })
})

describe('the size of the journal', () => {
  test('a file that is mostly garbage is rewritten beside the commits, and nothing is lost', async () => {
    const journal = new Journal(folder, { compactFromBytes: 100_000 })
    await journal.open()
    let largest = 0
    for (let round = 0; round < 3000; round += 1) {
      await journal.commit([
        put('app_1', `round ${round}`),
        put(`app_${round % 50}`, `${round} ${'x'.repeat(300)}`),
        forget(`app_${(round + 25) % 50}`),
      ])
      const all = names('journal').map((name) =>
        statSync(join(folder, name), { throwIfNoEntry: false }),
      )
      largest = Math.max(
        largest,
        all.reduce((sum, found) => sum + (found?.size ?? 0), 0),
      )
    }
    await journal.close()
    expect(largest).toBeGreaterThan(100_000)
    expect(largest).toBeLessThan(250_000)
    const content = await reopened()
    expect(Object.keys(content)).toHaveLength(26)
    expect(content['app_49']).toMatch(/^2999 x+$/)
  })

  test('commits go on while the file that it is rewritten into is being made', async () => {
    const made: string[] = []
    const files = Object.create(systemFiles) as typeof systemFiles
    files.create = async (path) => {
      const file = await systemFiles.create(path)
      made.push(path)
      // It is there long before whoever makes it knows.
      for (let turns = 0; turns < 1000; turns += 1) await turn()
      return file
    }
    const journal = new Journal(folder, { compactFromBytes: 10_000, files })
    await journal.open()
    for (let commit = 0; made.length < 4; commit += 1)
      await journal.commit([put('app_1', `${commit} ${'x'.repeat(500)}`)])
    await journal.close()
    expect(names('journal')).toHaveLength(1)
  })

  test('it may be closed while it is rewritten', async () => {
    for (let round = 0; round < 20; round += 1) {
      const journal = new Journal(folder, { compactFromBytes: 10_000 })
      await journal.open()
      for (let commit = 0; commit < 40 + round; commit += 1)
        await journal.commit([put('app_1', `${commit} ${'x'.repeat(500)}`), put('app_2', 'y')])
      await journal.close()
      expect((await reopened())['app_1']).toMatch(new RegExp(`^${39 + round} x+$`))
      expect(names('journal')).toHaveLength(1)
    }
  })

  test('a record or a key that is too large is refused, and so is all that follows', async () => {
    for (const change of [
      put('k'.repeat(1025), 'x'),
      { key: 'app_1', record: new Uint8Array(2 ** 26) },
    ]) {
      const journal = new Journal(folder)
      await journal.open()
      await expect(journal.commit([change])).rejects.toThrow(/is too large for the journal/)
      await expect(journal.commit([put('app_1', 'x')])).rejects.toThrow(StoreError)
      await journal.close()
      expect(await reopened()).toEqual({})
    }
  })
})

describe('the system files', () => {
  test('a file that ends before what is read of it says so', async () => {
    mkdirSync(join(folder, 'x'))
    const file = await systemFiles.create(join(folder, 'x/file'))
    await file.write(Buffer.from('1234'), 0)
    await expect(file.read(Buffer.alloc(4), 1)).rejects.toThrow(/the file ends before 5/)
    expect(await file.size()).toBe(4)
    await file.close()
    await expect(systemFiles.create(join(folder, 'x/file'))).rejects.toThrow(/EEXIST/)
  })
})
