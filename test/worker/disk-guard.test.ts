/** The guard against full and broken disks: when a worker calls itself unhealthy, and when no longer. */
import { spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'

import {
  DiskGuard,
  sizeText,
  type DiskFacts,
  type DiskGuardOptions,
  type Health,
} from '../../src/worker/disk-guard.js'

const GIB = 2 ** 30
const MIB = 2 ** 20
const INTERVAL_MS = 10_000

/** Disks by folder; anything else is not there. */
type Disks = Map<string, Partial<DiskFacts> | Error | 'hangs'>

function failure(code: string): Error {
  return Object.assign(new Error(`${code}: something is wrong`), { code })
}

class Bench {
  readonly disks: Disks = new Map()
  readonly told: Health[] = []
  readonly looked: string[] = []
  /** Lets looks that hang go on. */
  readonly release: (() => void)[] = []
  readonly guard: DiskGuard

  constructor(disks: [string, Partial<DiskFacts> | Error | 'hangs'][], scratchRoots: string[]) {
    this.disks = new Map(disks)
    this.guard = new DiskGuard({
      workDir: '/work',
      scratchRoots,
      minFreeBytes: GIB,
      intervalMs: INTERVAL_MS,
      onHealth: (health) => void this.told.push(health),
      look: (path) => this.#look(path),
    })
  }

  /** The next pass, and what it told. */
  async pass(ms = INTERVAL_MS): Promise<Health[]> {
    await vi.advanceTimersByTimeAsync(ms)
    return this.told.splice(0)
  }

  async #look(path: string): Promise<DiskFacts> {
    this.looked.push(path)
    const disk = this.disks.get(path)
    if (disk === undefined) throw failure('ENOENT')
    if (disk instanceof Error) throw disk
    if (disk === 'hangs') await new Promise<void>((resolve) => this.release.push(resolve))
    const facts = disk === 'hangs' ? {} : disk
    return {
      freeBytes: 50 * GIB,
      totalBytes: 100 * GIB,
      freeInodes: 1e6,
      totalInodes: 2e6,
      ...facts,
    }
  }
}

describe('disk guard: with disks that are played', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  test('healthy disks are never told of', async () => {
    const bench = new Bench(
      [
        ['/work', {}],
        ['/tmp', {}],
      ],
      ['/tmp'],
    )
    for (let pass = 0; pass < 5; pass += 1) expect(await bench.pass()).toEqual([])
    expect(bench.looked.length).toBeGreaterThanOrEqual(10)
  })

  test('too little space, told once with figures and the key, and again well above the limit', async () => {
    const bench = new Bench([['/work', { freeBytes: 120 * MIB }]], [])
    expect(await bench.pass(0)).toEqual([
      {
        healthy: false,
        report:
          '/work: 120 MiB free of 100 GiB, below 1 GiB (spark.magneto.worker.minFreeDiskSpace)',
      },
    ])
    bench.disks.set('/work', { freeBytes: 110 * MIB })
    expect(await bench.pass()).toEqual([])
    // Just over the limit is not enough: it would waver.
    bench.disks.set('/work', { freeBytes: 1.05 * GIB })
    expect(await bench.pass()).toEqual([])
    bench.disks.set('/work', { freeBytes: 1.2 * GIB })
    expect(await bench.pass()).toEqual([{ healthy: true, report: '' }])
    bench.disks.set('/work', { freeBytes: 1.05 * GIB })
    expect(await bench.pass()).toEqual([])
    bench.disks.set('/work', { freeBytes: GIB - 1 })
    expect(await bench.pass()).toMatchObject([{ healthy: false }])
  })

  test('too few inodes; file systems that count none are fine', async () => {
    const bench = new Bench([['/work', { freeInodes: 0, totalInodes: 0 }]], [])
    expect(await bench.pass(0)).toEqual([])
    bench.disks.set('/work', { freeInodes: 12, totalInodes: 65_536 })
    expect(await bench.pass()).toEqual([
      { healthy: false, report: '/work: 12 inodes free of 65536, below 1000' },
    ])
    bench.disks.set('/work', { freeInodes: 1050, totalInodes: 65_536 })
    expect(await bench.pass()).toEqual([])
    bench.disks.set('/work', { freeInodes: 1100, totalInodes: 65_536 })
    expect(await bench.pass()).toMatchObject([{ healthy: true }])
  })

  test('each scratch folder counts; those of one file system are named together', async () => {
    const full = { freeBytes: 10 * MIB }
    const bench = new Bench(
      [
        ['/work', full],
        ['/a', full],
        ['/b', {}],
      ],
      ['/a', '/b'],
    )
    const [health] = await bench.pass(0)
    expect(health?.report).toMatch(/^\/work, \/a: 10 MiB free of 100 GiB, below 1 GiB \(/)
    // Another one more is news.
    bench.disks.set('/b', { freeBytes: 20 * MIB })
    const [more] = await bench.pass()
    expect(more?.report).toMatch(/^\/work, \/a: 10 MiB .*; \/b: 20 MiB /)
  })

  test.each([
    ['vanished', failure('ENOENT')],
    ['can not be read', failure('EIO')],
    ['was mounted read-only', failure('EROFS')],
  ])('a folder that %s', async (_name, error) => {
    const bench = new Bench(
      [
        ['/work', {}],
        ['/a', {}],
      ],
      ['/a'],
    )
    expect(await bench.pass(0)).toEqual([])
    for (const path of ['/a', '/work']) {
      bench.disks.set(path, error)
      expect(await bench.pass()).toEqual([
        { healthy: false, report: `${path}: can't be used: ${error.message}` },
      ])
      bench.disks.set(path, {})
      expect(await bench.pass()).toMatchObject([{ healthy: true }])
    }
  })

  test('W3: a scratch folder that never could be used is passed over while another can', async () => {
    const bench = new Bench(
      [
        ['/work', {}],
        ['/a', failure('EACCES')],
        ['/b', {}],
      ],
      ['/a', '/b'],
    )
    expect(await bench.pass(0)).toEqual([])
    bench.disks.set('/b', failure('EIO'))
    const [health] = await bench.pass()
    expect(health?.report).toContain("/a: can't be used: EACCES")
    expect(health?.report).toContain("/b: can't be used: EIO")
  })

  test('W3: a scratch folder that is not there yet: the disk it will be on counts', async () => {
    const bench = new Bench(
      [
        ['/work', {}],
        ['/', { freeBytes: MIB }],
      ],
      ['/a/b/c'],
    )
    const [health] = await bench.pass(0)
    expect(health?.report).toMatch(/^\/a\/b\/c: 1 MiB free/)
    bench.disks.set('/a', {})
    expect(await bench.pass()).toMatchObject([{ healthy: true }])
  })

  test('a mount that hangs is told of, costs one look, and is looked at again when it answers', async () => {
    const disks: [string, Partial<DiskFacts>][] = [
      ['/work', {}],
      ['/a', {}],
      ['/b', {}],
    ]
    const bench = new Bench(disks, ['/a', '/b'])
    expect(await bench.pass(0)).toEqual([])
    bench.disks.set('/a', 'hangs')
    bench.disks.set('/b', 'hangs')
    const report = "/a: can't be used: no answer within 10 s"
    expect(await bench.pass(2 * INTERVAL_MS)).toEqual([{ healthy: false, report }])
    // Whatever time goes by, nothing else is tried that may hang too.
    const before = bench.looked.length
    expect(await bench.pass(10 * INTERVAL_MS)).toEqual([])
    expect(bench.looked).toHaveLength(before)
    expect(bench.release).toHaveLength(1)
    bench.disks.set('/a', {})
    bench.disks.set('/b', {})
    bench.release.shift()?.()
    expect(await bench.pass()).toEqual([{ healthy: true, report: '' }])
  })

  test('nothing is looked at or told after stop, in the middle of a look too', async () => {
    const bench = new Bench([['/work', { freeBytes: 0 }]], [])
    bench.guard.stop()
    expect(await bench.pass(60_000)).toEqual([])
    expect(bench.looked).toEqual(['/work'])
  })

  test('the work folder that is a scratch folder too is looked at once', async () => {
    const bench = new Bench([['/work', {}]], ['/work'])
    await bench.pass(0)
    expect(bench.looked).toEqual(['/work'])
  })
})

test.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1024, '1 KiB'],
  [GIB - 1, '1023 MiB'],
  [1.55 * GIB, '1.5 GiB'],
  [120 * MIB, '120 MiB'],
  [100 * 2 ** 50, '100 PiB'],
])('%d bytes are %s', (bytes, text) => {
  expect(sizeText(bytes)).toBe(text)
})

describe('disk guard: with real disks', () => {
  let root = ''
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'magneto-disk-guard-'))
  })
  afterEach(async () => {
    spawnSync('umount', [join(root, 'small')], { stdio: 'ignore' })
    await rm(root, { recursive: true, force: true })
  })

  function watch(changes: Partial<DiskGuardOptions>): { told: Health[]; guard: DiskGuard } {
    const told: Health[] = []
    const onHealth = (health: Health) => void told.push(health)
    const options = { workDir: root, scratchRoots: [], minFreeBytes: MIB, intervalMs: 5 }
    return { told, guard: new DiskGuard({ ...options, onHealth, ...changes }) }
  }

  test('a file system that fills up, and is emptied', async (context) => {
    const small = join(root, 'small')
    await mkdir(small)
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', small])
    if (mounted.status !== 0) {
      context.skip('no file system can be mounted here (needs root): filling one was NOT checked')
    }
    const { told, guard } = watch({ scratchRoots: [small] })
    try {
      await writeFile(join(small, 'file'), Buffer.alloc(3.5 * MIB))
      await expect.poll(() => told).toMatchObject([{ healthy: false }])
      expect(told[0]?.report).toMatch(/small: \d+ KiB free of 4 MiB, below 1 MiB/)
      await rm(join(small, 'file'))
      await expect.poll(() => told.slice(1)).toEqual([{ healthy: true, report: '' }])
      expect(spawnSync('mount', ['-o', 'remount,ro', small]).status).toBe(0)
      await expect.poll(() => told.slice(2)).toMatchObject([{ healthy: false }])
      expect(told[2]?.report).toContain('EROFS')
    } finally {
      guard.stop()
    }
  })

  test('a work folder that is removed, and comes back', async () => {
    const workDir = join(root, 'work')
    await mkdir(workDir)
    const { told, guard } = watch({ workDir })
    try {
      await rm(workDir, { recursive: true })
      await expect.poll(() => told).toMatchObject([{ healthy: false }])
      expect(told[0]?.report).toContain('ENOENT')
      await mkdir(workDir)
      await expect.poll(() => told.slice(1)).toEqual([{ healthy: true, report: '' }])
    } finally {
      guard.stop()
    }
  })
})
