/** When logs are rolled, what old ones are called, and what is left of them. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import zlib from 'node:zlib'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'

import { Configuration } from '../../src/conf/configuration.js'
import { createLogger } from '../../src/log/logger.js'
import { openLog } from '../../src/worker/launcher/process-log.js'
import { RollingLog } from '../../src/worker/launcher/rolling-log.js'
import { logRolling, rolledSuffix, type LogRolling } from '../../src/worker/log-rolling.js'

const KEY = 'spark.executor.logs.rolling.'
const log = createLogger('Test', { level: 'silent' })

function configured(settings: Record<string, string>) {
  const warn = vi.spyOn(log, 'warn').mockClear()
  const entries = Object.entries(settings).map(([name, value]): [string, string] => [
    KEY + name,
    value,
  ])
  return { rolling: logRolling(new Configuration(entries), log), warnings: warn.mock.calls }
}

describe('P45: settings', () => {
  test.each([{}, { strategy: '' }, { maxSize: '100000', enableCompression: 'true' }])(
    '%j: not rolled',
    (settings) => {
      expect(configured(settings)).toEqual({ rolling: null, warnings: [] })
    },
  )

  test.each([
    [{}, 86_400_000, 3],
    [{ 'time.interval': 'daily' }, 86_400_000, 3],
    [{ 'time.interval': 'hourly' }, 3_600_000, 4],
    [{ 'time.interval': 'minutely' }, 60_000, 5],
    [{ 'time.interval': '61' }, 61_000, 6],
    [{ 'time.interval': '60' }, 60_000, 6],
  ])('by time, %j: %d ms', (settings, intervalMs, fields) => {
    expect(configured({ strategy: 'time', ...settings })).toEqual({
      rolling: {
        policy: { by: 'time', intervalMs, fields },
        maxRetainedFiles: -1,
        compress: false,
      },
      warnings: [],
    })
  })

  test.each(['59', '0', '-5'])('%s seconds are too few', (interval) => {
    const { rolling, warnings } = configured({ strategy: 'time', 'time.interval': interval })
    expect(rolling?.policy).toEqual({ by: 'time', intervalMs: 60_000, fields: 6 })
    expect(warnings).toEqual([[expect.stringMatching(/too short/)]])
  })

  test.each(['weekly', '1h', '', '2147483648'])('%j is no interval', (interval) => {
    const { rolling, warnings } = configured({ strategy: 'time', 'time.interval': interval })
    expect(rolling).toBeNull()
    expect(warnings).toEqual([[expect.stringMatching(/none of daily, hourly, minutely/)]])
  })

  test('by size, with all options', () => {
    const settings = {
      strategy: 'size',
      maxSize: '81920',
      maxRetainedFiles: '3',
      enableCompression: 'true',
    }
    expect(configured(settings)).toEqual({
      rolling: { policy: { by: 'size', maxBytes: 81_920 }, maxRetainedFiles: 3, compress: true },
      warnings: [],
    })
  })

  test('a size below 80 KiB is too small', () => {
    const { rolling, warnings } = configured({ strategy: 'size', maxSize: '81919' })
    expect(rolling?.policy).toEqual({ by: 'size', maxBytes: 81_920 })
    expect(warnings).toEqual([[expect.stringMatching(/too small/)]])
  })
})

describe('W12: names of old logs, in local time', () => {
  const at = new Date(2026, 10, 1, 9, 5, 7, 23)
  test.each([
    [3, '--2026-11-01'],
    [4, '--2026-11-01--09'],
    [5, '--2026-11-01--09-05'],
    [6, '--2026-11-01--09-05-07'],
  ] as const)('%d fields: %s', (fields, name) => {
    expect(rolledSuffix({ by: 'time', intervalMs: 60_000, fields }, at)).toBe(name)
  })

  test('by size, with four digits of milliseconds', () => {
    const name = rolledSuffix({ by: 'size', maxBytes: 1 }, at)
    expect(name).toBe('--2026-11-01--09-05-07--0023')
  })
})

describe('W12: a log', () => {
  const SIZE: LogRolling = {
    policy: { by: 'size', maxBytes: 81_920 },
    maxRetainedFiles: -1,
    compress: false,
  }
  const DAILY: LogRolling = {
    policy: { by: 'time', intervalMs: 60_000, fields: 3 },
    maxRetainedFiles: -1,
    compress: false,
  }
  const START_MS = new Date(2026, 10, 1, 9, 0, 30).getTime()
  let folder = ''
  let nowMs = START_MS
  let opened: RollingLog | null = null

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'magneto-logs-'))
    nowMs = START_MS
  })
  afterEach(async () => {
    await opened?.close()
    await rm(folder, { recursive: true, force: true })
  })

  async function open(rolling: LogRolling): Promise<RollingLog> {
    return (opened = await RollingLog.open(join(folder, 'stdout'), rolling, () => nowMs))
  }
  const names = async () => (await readdir(folder)).toSorted()
  const content = (name: string) => readFile(join(folder, name), 'utf8')

  test('by size is cut before it grows too long', async () => {
    const stdout = await open(SIZE)
    await stdout.write(Buffer.alloc(81_920, 'a'))
    expect(await names()).toEqual(['stdout'])
    await stdout.write(Buffer.from('b'))
    expect(await names()).toEqual(['stdout', 'stdout--2026-11-01--09-00-30--0000'])
    expect(await content('stdout')).toBe('b')
    expect(await content('stdout--2026-11-01--09-00-30--0000')).toBe('a'.repeat(81_920))
  })

  test('by time is cut by the first output after the interval, counted from the epoch', async () => {
    const stdout = await open(DAILY)
    await stdout.write(Buffer.from('a'))
    nowMs = START_MS + 30_000
    await stdout.write(Buffer.from('b'))
    expect(await names()).toEqual(['stdout'])
    nowMs += 1
    await stdout.write(Buffer.from('c'))
    expect(await names()).toEqual(['stdout', 'stdout--2026-11-01'])
    expect(await content('stdout--2026-11-01')).toBe('ab')
    expect(await content('stdout')).toBe('c')
  })

  test('gets a number when the name is taken, also by a compressed one', async () => {
    await writeFile(join(folder, 'stdout--2026-11-01.gz'), '')
    const stdout = await open(DAILY)
    for (const text of ['a', 'b', 'c']) {
      await stdout.write(Buffer.from(text))
      nowMs += 60_000
    }
    expect(await names()).toEqual([
      'stdout',
      'stdout--2026-11-01--0',
      'stdout--2026-11-01--1',
      'stdout--2026-11-01.gz',
    ])
    expect(await content('stdout--2026-11-01--1')).toBe('b')
  })

  test('keeps the newest of its old ones, and leaves other files alone', async () => {
    await writeFile(join(folder, 'stdout--notes'), '')
    await writeFile(join(folder, 'stderr--2026-10-01'), '')
    await writeFile(join(folder, 'stdout--2026-10-30.gz'), '')
    const stdout = await open({ ...DAILY, maxRetainedFiles: 3 })
    for (let n = 0; n < 13; n += 1) {
      await stdout.write(Buffer.from(String(n)))
      nowMs += 60_000
    }
    expect(await names()).toEqual([
      'stderr--2026-10-01',
      'stdout',
      'stdout--2026-11-01--10',
      'stdout--2026-11-01--8',
      'stdout--2026-11-01--9',
      'stdout--notes',
    ])
  })

  test('is compressed when it is old', async () => {
    const stdout = await open({ ...DAILY, compress: true })
    await stdout.write(Buffer.alloc(20_000, 'x'))
    nowMs += 60_000
    await stdout.write(Buffer.from('y'))
    expect(await names()).toEqual(['stdout', 'stdout--2026-11-01.gz'])
    const old = zlib.gunzipSync(await readFile(join(folder, 'stdout--2026-11-01.gz')))
    expect(old.toString()).toBe('x'.repeat(20_000))
  })

  test('that somebody took away starts anew', async () => {
    const stdout = await open(DAILY)
    await stdout.write(Buffer.from('a'))
    await rm(join(folder, 'stdout'))
    nowMs += 60_000
    await stdout.write(Buffer.from('b'))
    expect(await names()).toEqual(['stdout'])
    expect(await content('stdout')).toBe('b')
  })

  test('that can not be rolled goes on, and says why once', async () => {
    const stdout = await open(DAILY)
    await stdout.write(Buffer.from('a'))
    // Even for root: a name that is no file any more, under which no other can be made.
    await rm(folder, { recursive: true })
    await writeFile(folder, '')
    for (let n = 0; n < 3; n += 1) {
      nowMs += 60_000
      await stdout.write(Buffer.from(String(n)))
    }
    await rm(folder)
    await mkdir(folder)
    nowMs += 60_000
    await stdout.write(Buffer.from('b'))
    expect(await names()).toEqual(['stdout'])
    expect(await content('stdout')).toBe('b')
  })

  test('that can not be compressed stays as it was, and the reason is said once', async () => {
    const createGzip = vi.spyOn(zlib, 'createGzip').mockImplementation(() => {
      throw new Error('no memory')
    })
    syncBuiltinESMExports()
    try {
      const stdout = await open({ ...DAILY, compress: true })
      await stdout.write(Buffer.from('a'))
      for (const text of ['b', 'c']) {
        nowMs += 60_000
        await stdout.write(Buffer.from(text))
      }
      expect(await names()).toEqual(['stdout', 'stdout--2026-11-01', 'stdout--2026-11-01--0'])
      expect(await content('stdout--2026-11-01--0')).toBe('\n[rolling failed: no memory]\nb')
      expect(await content('stdout')).toBe('c')
    } finally {
      createGzip.mockRestore()
      syncBuiltinESMExports()
    }
  })

  test('says how much is missing once it can be written again', async () => {
    const stdout = await open(SIZE)
    await stdout.write(Buffer.from('a'))
    const handle = await import('node:fs/promises').then((fs) => fs.open(join(folder, 'stdout')))
    const prototype = Object.getPrototypeOf(handle) as { appendFile: () => Promise<void> }
    await handle.close()
    const full = vi
      .spyOn(prototype, 'appendFile')
      .mockImplementation(() => Promise.reject(new Error('ENOSPC: disk is full')))
    await stdout.write(Buffer.alloc(10_000, 'x'))
    full.mockRestore()
    await stdout.write(Buffer.from('b'))
    expect(await content('stdout')).toBe('a\n[10000 bytes are missing: ENOSPC: disk is full]\nb')
  })

  describe('at the end of its process', () => {
    const path = () => join(folder, 'stdout')

    test('takes what is left, however long the disk needs for it', async () => {
      // oxlint-disable-next-line typescript/unbound-method -- called with the log below
      const { write } = RollingLog.prototype
      const slow = vi.spyOn(RollingLog.prototype, 'write').mockImplementation(async function (
        this: RollingLog,
        bytes,
      ) {
        await new Promise((later) => setTimeout(later, 100))
        return write.call(this, bytes)
      })
      try {
        const stdout = await openLog(path(), SIZE)
        stdout.follow(Readable.from([Buffer.from('a'), Buffer.from('b'), Buffer.from('c')]))
        await stdout.finish(20)
      } finally {
        slow.mockRestore()
      }
      expect(await content('stdout')).toBe('abc')
    })

    test('waits for nobody who holds it open, nor for one who writes on and on', async () => {
      const stdout = await openLog(path(), SIZE)
      const held = new PassThrough()
      held.write('a')
      stdout.follow(held)
      await stdout.finish(20)
      expect(await content('stdout')).toBe('a')
      const stderr = await openLog(join(folder, 'stderr'), { ...SIZE, maxRetainedFiles: 1 })
      const endless = new Readable({ read: () => void endless.push(Buffer.alloc(65_536, 'x')) })
      stderr.follow(endless)
      await stderr.finish(2000)
      expect(endless.destroyed).toBe(true)
    })
  })
})
