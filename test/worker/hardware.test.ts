import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import {
  detectHardware,
  readCgroupLimits,
  usableCores,
  usableMemoryMb,
} from '../../src/worker/hardware.js'

const GIB = 1024 ** 3
let root = ''

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'magneto-cgroup-'))
})
afterEach(() => rm(root, { recursive: true, force: true }))

async function tree(files: Record<string, string>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), content)
  }
}

describe('cgroup v2', () => {
  test('the tightest limit on the way up counts', async () => {
    await tree({
      'proc/self/cgroup': '0::/a/b\n',
      'sys/fs/cgroup/a/cpu.max': '150000 100000\n',
      'sys/fs/cgroup/a/b/cpu.max': 'max 100000\n',
      'sys/fs/cgroup/a/memory.max': `${4 * GIB}\n`,
      'sys/fs/cgroup/a/b/memory.max': `${3 * GIB}\n`,
    })
    expect(await readCgroupLimits(root)).toEqual({ cpus: 1.5, memoryBytes: 3 * GIB })
  })

  test('no limits', async () => {
    await tree({
      'proc/self/cgroup': '0::/\n',
      'sys/fs/cgroup/cpu.max': 'max 100000\n',
      'sys/fs/cgroup/memory.max': 'max\n',
    })
    expect(await readCgroupLimits(root)).toEqual({ cpus: null, memoryBytes: null })
  })

  test('the path of the host is not there: the mount is the container', async () => {
    await tree({
      'proc/self/cgroup': '0::/../../host/pod\n',
      'sys/fs/cgroup/cpu.max': '200000 100000\n',
    })
    expect(await readCgroupLimits(root)).toEqual({ cpus: 2, memoryBytes: null })
  })
})

describe('cgroup v1', () => {
  test('quota and memory lie under controllers of their own', async () => {
    await tree({
      'proc/self/cgroup': '11:memory:/docker/x\n4:cpu,cpuacct:/docker/x\n1:name=systemd:/x\n',
      'sys/fs/cgroup/cpu,cpuacct/docker/x/cpu.cfs_quota_us': '250000\n',
      'sys/fs/cgroup/cpu,cpuacct/docker/x/cpu.cfs_period_us': '100000\n',
      'sys/fs/cgroup/memory/docker/x/memory.limit_in_bytes': '2147483648\n',
      'sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712\n',
    })
    expect(await readCgroupLimits(root)).toEqual({ cpus: 2.5, memoryBytes: 2 * GIB })
  })

  test('-1 and the largest number are no limits', async () => {
    await tree({
      'proc/self/cgroup': '11:memory:/\n4:cpu:/\n',
      'sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1\n',
      'sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
      'sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712\n',
    })
    expect(await readCgroupLimits(root)).toEqual({ cpus: null, memoryBytes: null })
  })
})

test('no cgroups at all', async () => {
  expect(await readCgroupLimits(root)).toEqual({ cpus: null, memoryBytes: null })
})

describe('C10: cores', () => {
  test.each([
    [8, 8, null, 8],
    [8, 4, null, 4],
    [8, 8, 1.5, 2],
    [8, 8, 0.1, 1],
    [0, 4, null, 4],
    [0, 0, null, 1],
    [2, 2, 64, 2],
  ])('%s processors, affinity %s, quota %s: %s', (processors, affinity, quota, cores) => {
    expect(usableCores(processors, affinity, quota)).toBe(cores)
  })
})

describe('C11: memory', () => {
  test.each([
    [16 * GIB, null, 15 * 1024],
    [16 * GIB, 4 * GIB, 3 * 1024],
    [1.5 * GIB, null, 1024],
    [16 * GIB, 256 * 1024 ** 2, 1024],
    [0, null, 1024],
    [Number.NaN, 16 * GIB, 1024],
  ])('%s bytes, limit %s: %s MiB', (total, limit, expected) => {
    expect(usableMemoryMb(total, limit)).toBe(expected)
  })
})

const fails = () => Promise.reject(new Error('no'))

test('what can not be learnt counts as absent', async () => {
  const probe = { processors: fails, memoryBytes: fails, affinity: () => 3, limits: fails }
  expect(await detectHardware(probe)).toEqual({ cores: 3, memoryMb: 1024 })
})

test('this machine has some', async () => {
  const { cores, memoryMb } = await detectHardware()
  expect(cores).toBeGreaterThanOrEqual(1)
  expect(memoryMb).toBeGreaterThanOrEqual(1024)
})
