/** What goes and what stays in the work folder: real folders with ages of their own, a clock of the test's. */
import { mkdir, mkdtemp, readdir, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'

import { createLogger } from '../../src/log/logger.js'
import { keepDir, ownDirs, removeExpiredDir } from '../../src/worker/launcher/expired-dirs.js'
import { settledLater } from '../../src/worker/settled-later.js'
import { WorkDirCleaner, type CleaningPort } from '../../src/worker/work-dir-cleaner.js'
import { createExecutorDir, MARKER } from '../../src/worker/work-dir.js'

const OLD_MS = Date.UTC(2026, 0, 1)
const CUTOFF_MS = Date.UTC(2026, 0, 8)
const YOUNG_MS = CUTOFF_MS + 1000

let work = ''
beforeEach(async () => {
  work = await mkdtemp(join(tmpdir(), 'magneto-work-'))
})
afterEach(() => rm(work, { recursive: true, force: true }))

const age = (path: string, ms: number) => utimes(join(work, path), ms / 1000, ms / 1000)

/** An application's folder as a worker leaves it: everything in it is old. */
async function application(name: string): Promise<void> {
  createExecutorDir(join(work, name, '0'))
  await writeFile(join(work, name, '0', 'stdout'), 'x')
  for (const path of ['0/stdout', '0', MARKER]) await age(join(name, path), OLD_MS)
}

const removed = (name: string) => removeExpiredDir(work, name, CUTOFF_MS)

describe('W16: a folder by its age', () => {
  test('goes when nothing in it is newer', async () => {
    await application('app-1')
    expect(await removed('app-1')).toBe(true)
    expect(await readdir(work)).toEqual([])
  })

  test('stays for one newer file, however deep', async () => {
    await application('app-1')
    await mkdir(join(work, 'app-1/0/a/b'), { recursive: true })
    await writeFile(join(work, 'app-1/0/a/b/jar'), '')
    await age('app-1/0/a/b/jar', YOUNG_MS)
    for (const path of ['0/a/b', '0/a', '0']) await age(join('app-1', path), OLD_MS)
    expect(await removed('app-1')).toBe(false)
    await age('app-1/0/a/b/jar', CUTOFF_MS)
    expect(await removed('app-1')).toBe(true)
  })

  test('stays while another worker that shares the work folder says that the application lives', async () => {
    await application('app-1')
    await keepDir(work, 'app-1', YOUNG_MS)
    expect(await removed('app-1')).toBe(false)
  })

  test('goes without what its links lead to, however new that is', async () => {
    const elsewhere = await mkdtemp(join(tmpdir(), 'magneto-elsewhere-'))
    try {
      await writeFile(join(elsewhere, 'data'), 'x')
      await application('app-1')
      await symlink(elsewhere, join(work, 'app-1/0/link'))
      await age('app-1/0', OLD_MS)
      // The link itself was made just now.
      expect(await removed('app-1')).toBe(false)
      expect(await removeExpiredDir(work, 'app-1', Date.now() + 60_000)).toBe(true)
      expect(await readdir(elsewhere)).toEqual(['data'])
    } finally {
      await rm(elsewhere, { recursive: true, force: true })
    }
  })

  test('stays with the reason when it is too deep to look through', async () => {
    await application('app-1')
    const deep = join(work, 'app-1', ...Array.from({ length: 70 }, () => 'd'))
    await mkdir(deep, { recursive: true })
    const future = Date.now() + 60_000
    await expect(removeExpiredDir(work, 'app-1', future)).rejects.toThrow(/deeper than 64/)
    expect(await readdir(work)).toEqual(['app-1'])
  })
})

describe('Y11: foreign folders', () => {
  test('are none that a worker made', async () => {
    await application('app-1')
    await application('any name')
    expect((await ownDirs(work)).toSorted()).toEqual(['any name', 'app-1'])
    expect(await ownDirs(work, 1)).toHaveLength(1)
  })

  test('stay, whatever their names and ages', async () => {
    await mkdir(join(work, 'app-20260101000000-0001/0'), { recursive: true })
    await mkdir(join(work, 'data\n'))
    await writeFile(join(work, 'file'), '')
    await symlink(work, join(work, 'link'))
    for (const name of ['app-20260101000000-0001', 'data\n', 'file', 'link', 'gone']) {
      expect(await removed(name)).toBe(false)
    }
    expect(await ownDirs(work)).toEqual([])
    expect(await readdir(work)).toHaveLength(4)
  })

  test('stay foreign when an executor runs in them', async () => {
    await mkdir(join(work, 'data'))
    createExecutorDir(join(work, 'data', '0'))
    createExecutorDir(join(work, 'data', '0'))
    expect(await ownDirs(work)).toEqual([])
  })

  test('is what a folder becomes that somebody renames', async () => {
    await application('app-1')
    await rename(join(work, 'app-1'), join(work, 'keep'))
    expect(await removed('keep')).toBe(false)
  })

  test.each(['a folder', 'a link', 'other text'])(
    '%s in place of the mark is none',
    async (kind) => {
      await application('app-1')
      const marker = join(work, 'app-1', MARKER)
      await rename(marker, join(work, 'marker'))
      if (kind === 'a folder') await mkdir(marker)
      else if (kind === 'a link') await symlink(join(work, 'marker'), marker)
      else await writeFile(marker, 'app-12')
      expect(await removeExpiredDir(work, 'app-1', Date.now() + 60_000)).toBe(false)
    },
  )

  test('a folder whose removal was cut off is still ours', async () => {
    await application('app-1')
    await rm(join(work, 'app-1/0'), { recursive: true })
    expect(await removed('app-1')).toBe(true)
  })
})

describe('P33: a cleaner', () => {
  const log = createLogger('Test', { level: 'silent' })
  const INTERVAL_MS = 1_800_000
  const TTL_MS = 604_800_000
  let cleaner: WorkDirCleaner | null = null
  let calls: string[] = []

  beforeEach(() => {
    vi.useFakeTimers({ now: 0 })
    calls = []
  })
  afterEach(() => {
    cleaner?.stop()
    vi.useRealTimers()
    vi.restoreAllMocks()
  })

  function clean(port: Partial<CleaningPort> = {}, intervalMs = INTERVAL_MS): void {
    cleaner = new WorkDirCleaner({
      log,
      intervalMs,
      ttlMs: TTL_MS,
      port: {
        listDirs: () => Promise.resolve(['ended', 'live']),
        isLive: (name) => name === 'live',
        keepDir: async (name, nowMs) => void calls.push(`keep ${name} ${nowMs}`),
        removeExpiredDir: async (name, cutoffMs) =>
          calls.push(`remove ${name} ${cutoffMs + TTL_MS}`) > 0,
        ...port,
      },
    })
  }

  test('looks after each interval, and keeps what lives', async () => {
    clean()
    await vi.advanceTimersByTimeAsync(INTERVAL_MS - 1)
    expect(calls).toEqual([])
    await vi.advanceTimersByTimeAsync(1)
    expect(calls).toEqual([`remove ended ${INTERVAL_MS}`, `keep live ${INTERVAL_MS}`])
    await vi.advanceTimersByTimeAsync(INTERVAL_MS)
    expect(calls.slice(2)).toEqual([
      `remove ended ${2 * INTERVAL_MS}`,
      `keep live ${2 * INTERVAL_MS}`,
    ])
  })

  test('never looks twice at the same time', async () => {
    let passes = 0
    const first = settledLater<string[]>()
    clean({ listDirs: () => (passes++ === 0 ? first.promise : Promise.resolve([])) })
    await vi.advanceTimersByTimeAsync(5 * INTERVAL_MS)
    expect(passes).toBe(1)
    first.resolve([])
    await vi.advanceTimersByTimeAsync(INTERVAL_MS)
    expect(passes).toBe(2)
  })

  test('tells each trouble once, and goes on with the other folders', async () => {
    const warn = vi.spyOn(log, 'warn')
    clean({
      listDirs: () => Promise.resolve(['a', 'b']),
      isLive: () => false,
      removeExpiredDir: (name) => Promise.reject(new Error(`${name} is in use`)),
    })
    await vi.advanceTimersByTimeAsync(3 * INTERVAL_MS)
    expect(warn.mock.calls).toEqual([
      ['folder a of an application stays: a is in use'],
      ['folder b of an application stays: b is in use'],
    ])
  })

  test('tells once that the work folder can not be read', async () => {
    const warn = vi.spyOn(log, 'warn')
    clean({ listDirs: () => Promise.reject(new Error('EACCES')) })
    await vi.advanceTimersByTimeAsync(3 * INTERVAL_MS)
    expect(warn.mock.calls).toEqual([["work folder can't be cleaned: EACCES"]])
  })

  test('stops in the middle of a pass, and says nothing of what breaks then', async () => {
    const warn = vi.spyOn(log, 'warn')
    clean({
      removeExpiredDir: (name) => {
        calls.push(name)
        cleaner?.stop()
        return Promise.reject(new Error('the threads are gone'))
      },
    })
    await vi.advanceTimersByTimeAsync(3 * INTERVAL_MS)
    expect(calls).toEqual(['ended'])
    expect(warn).not.toHaveBeenCalled()
    expect(vi.getTimerCount()).toBe(0)
  })

  test('takes an interval longer than a timer holds for the longest', async () => {
    clean({}, 2 ** 40)
    await vi.advanceTimersByTimeAsync(2 ** 31 - 2)
    expect(calls).toEqual([])
    await vi.advanceTimersByTimeAsync(1)
    expect(calls).toHaveLength(2)
  })
})
