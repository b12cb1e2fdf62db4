/** U25: parts of a log across rolled and compressed files, as one stream, also while it is written. */
import { mkdir, mkdtemp, readdir, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { spawnSync } from 'node:child_process'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import { PlainLengths } from '../../src/log-files/plain-length.js'
import { MAX_RANGE_BYTES } from '../../src/log-files/range.js'
import { readLog, type LogPart } from '../../src/log-files/read.js'
import { RollingLog } from '../../src/worker/launcher/rolling-log.js'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'magneto-log-files-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const OLD = 'stdout--2026-11-20--09-00-00--0'

async function put(name: string, content: string | Buffer): Promise<void> {
  await writeFile(join(folder, name), content)
}

function read(offset: number | null, byteLength: number, lengths = new PlainLengths(100)) {
  return readLog(folder, 'stdout', { offset, byteLength }, lengths)
}

function shown(part: LogPart | null): string | null {
  if (part === null) return null
  const { bytes, start, end, total } = part
  expect(bytes.length).toBe(end - start)
  return `${start}-${end}/${total} ${bytes.toString()}`
}

describe('U25: one stream', () => {
  test('a log that was never rolled', async () => {
    await put('stdout', 'hello world')
    expect(shown(await read(null, 5))).toBe('6-11/11 world')
    expect(shown(await read(0, 5))).toBe('0-5/11 hello')
  })

  test('rolled and compressed files, oldest first, the present one last', async () => {
    await put(`${OLD}001.gz`, gzipSync('aaaa'))
    await put(`${OLD}002`, 'bbbb')
    await put(`${OLD}002--0.gz`, gzipSync('cccc'))
    await put('stdout', 'dddd')
    expect(shown(await read(0, 100))).toBe('0-16/16 aaaabbbbccccdddd')
    expect(shown(await read(2, 8))).toBe('2-10/16 aabbbbcc')
    expect(shown(await read(null, 6))).toBe('10-16/16 ccdddd')
  })

  test('parts of any size of anything that was rolled', async () => {
    const lines = fc.array(fc.string({ unit: 'binary', maxLength: 400 }), { maxLength: 30 })
    await fc.assert(
      fc.asyncProperty(
        lines,
        fc.boolean(),
        fc.nat(4000),
        fc.nat(4000),
        async (wrote, gz, at, n) => {
          await rm(folder, { recursive: true, force: true })
          await mkdir(folder)
          const policy = { by: 'size' as const, maxBytes: 500 }
          const rolling = { policy, maxRetainedFiles: -1, compress: gz }
          const log = await RollingLog.open(join(folder, 'stdout'), rolling)
          for (const line of wrote) await log.write(Buffer.from(line))
          await log.close()
          const all = Buffer.from(wrote.join(''))
          const part = await read(at, n)
          expect(part?.total).toBe(all.length)
          expect(part?.bytes).toEqual(all.subarray(at, at + n))
        },
      ),
      { numRuns: 40 },
    )
  })

  test('nothing there, nothing read', async () => {
    expect(await read(null, 10)).toBeNull()
    expect(
      await readLog(
        join(folder, 'none'),
        'stdout',
        { offset: null, byteLength: 1 },
        new PlainLengths(1),
      ),
    ).toBeNull()
  })

  test('the present log was taken away; old ones are still read', async () => {
    await put(`${OLD}001`, 'aaaa')
    expect(shown(await read(null, 10))).toBe('0-4/4 aaaa')
  })

  test('an empty log is a log', async () => {
    await put('stdout', '')
    expect(shown(await read(null, 10))).toBe('0-0/0 ')
  })

  test('links and pipes in the folder are not followed', async () => {
    await put('secret', 'secret')
    await symlink(join(folder, 'secret'), join(folder, 'stdout'))
    await symlink(join(folder, 'secret'), join(folder, `${OLD}001`))
    await symlink(join(folder, 'secret'), join(folder, `${OLD}002.gz`))
    expect(spawnSync('mkfifo', [join(folder, `${OLD}003`)]).status).toBe(0)
    expect(await read(null, 10)).toBeNull()
  })
})

describe('U25: compressed files', () => {
  test('only files that are needed are read', async () => {
    // Were it inflated, it would be found broken, and shorter than it says.
    const broken = gzipSync('x'.repeat(1000))
    broken.fill(0xff, 10, broken.length - 8)
    await put(`${OLD}001.gz`, broken)
    await put('stdout', 'dddd')
    expect(shown(await read(null, 4))).toBe('1000-1004/1004 dddd')
  })

  test('a file that was cut off counts for what is whole in it', async () => {
    const content = Buffer.from(
      Array.from({ length: 50_000 }, (_, at) => `${at * 7919}\n`).join(''),
    )
    const whole = gzipSync(content)
    await put(`${OLD}001.gz`, whole.subarray(0, whole.length / 2))
    await put('stdout', 'end')
    const part = await read(null, 2000)
    const cut = part!.total - 3
    expect(cut).toBeGreaterThan(content.length / 4)
    expect(cut).toBeLessThan(content.length)
    const expected = Buffer.concat([content.subarray(0, cut), Buffer.from('end')])
    expect(part?.bytes).toEqual(expected.subarray(-2000))
  })

  test('garbage with the right name holds nothing', async () => {
    await put(`${OLD}001.gz`, 'this was never compressed by anybody')
    await put(`${OLD}002.gz`, 'short')
    await put('stdout', 'end')
    expect(shown(await read(0, 100))).toBe('0-3/3 end')
  })

  test('a length that its last four bytes can not tell is counted', async () => {
    // Nothing that compresses well, so that it is large enough to hold 4 GiB if it did.
    const piece = Buffer.alloc(5 * 1024 * 1024)
    for (let at = 0; at < piece.length; at += 4) {
      piece.writeUInt32LE(Math.imul(at, 2_654_435_761) >>> 0, at)
    }
    const compressed = Buffer.concat([gzipSync(piece, { level: 1 }), gzipSync('last')])
    expect(compressed.length).toBeGreaterThan(2 ** 32 / 1032)
    expect(compressed.readUInt32LE(compressed.length - 4)).toBe(4)
    await put(`${OLD}001.gz`, compressed)
    await put('stdout', 'end')
    const lengths = new PlainLengths(1)
    // Twice: the second time from memory.
    for (let time = 0; time < 2; time += 1) {
      const part = await read(null, 100, lengths)
      expect(part?.total).toBe(piece.length + 7)
      expect(part?.bytes).toEqual(Buffer.concat([piece.subarray(-93), Buffer.from('lastend')]))
    }
  })

  test('a file that is broken holds nothing', async () => {
    const broken = gzipSync('x'.repeat(1000))
    broken.writeUInt32LE(1, broken.length - 8)
    await put(`${OLD}001.gz`, broken)
    await put('stdout', 'end')
    const lengths = new PlainLengths(1)
    expect(shown(await read(null, 100, lengths))).toBe('0-3/3 end')
    expect(shown(await read(0, 100, lengths))).toBe('0-3/3 end')
  })

  test('no more than the limit is read at once', async () => {
    await put(`${OLD}001.gz`, gzipSync(Buffer.alloc(3 * MAX_RANGE_BYTES, 'x')))
    const part = await read(5, Number.MAX_SAFE_INTEGER)
    expect(part).toMatchObject({ start: 5, end: 5 + MAX_RANGE_BYTES, total: 3 * MAX_RANGE_BYTES })
    expect(part?.bytes.length).toBe(MAX_RANGE_BYTES)
  })
})

describe('U25: while it is written', () => {
  test.each([
    ['rolled', false, -1],
    ['compressed', true, -1],
    ['removed', false, 2],
    ['compressed and removed', true, 2],
  ])(
    'files that are %s meanwhile leave no gap and nothing twice',
    async (_name, compress, kept) => {
      const policy = { by: 'size' as const, maxBytes: 900 }
      const rolling = { policy, maxRetainedFiles: kept, compress }
      const log = await RollingLog.open(join(folder, 'stdout'), rolling)
      let written = 0
      const stop = new AbortController()
      const writer = (async () => {
        for (; !stop.signal.aborted; written += 1)
          await log.write(Buffer.from(`${String(written).padStart(9, '0')}\n`))
        await log.close()
      })()
      const lengths = new PlainLengths(100)
      let parts = 0
      try {
        await expect.poll(() => written).toBeGreaterThan(200)
        while (parts < 100) {
          const part = await read(parts % 2 === 0 ? null : 0, 4000, lengths)
          const text = part!.bytes.toString()
          // Whole lines only: the part may begin in the middle of one.
          const numbers = text.split('\n').slice(1, -1).map(Number)
          expect(numbers.length).toBeGreaterThan(10)
          const first = numbers[0] ?? 0
          expect(numbers).toEqual(numbers.map((_, at) => first + at))
          parts += 1
        }
      } finally {
        stop.abort()
        await writer
      }
      expect(await readdir(folder)).not.toHaveLength(0)
    },
  )

  test('a file that vanishes between being listed and being read', async () => {
    await put('stdout', 'dddd')
    await put(`${OLD}001`, 'aaaa')
    const lengths = new PlainLengths(1)
    const compressing = (async () => {
      await put(`${OLD}001.gz`, gzipSync('aaaa'))
      await unlink(join(folder, `${OLD}001`))
      await rename(join(folder, `${OLD}001.gz`), join(folder, `${OLD}000.gz`))
    })()
    const [part] = await Promise.all([read(0, 100, lengths), compressing])
    expect(['0-8/8 aaaadddd', '0-4/4 dddd']).toContain(shown(part))
    expect(shown(await read(0, 100, lengths))).toBe('0-8/8 aaaadddd')
  })
})
