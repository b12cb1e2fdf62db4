/**
 * Full disks, of a worker and of a master. A worker whose scratch disk is nearly full gets nothing new, says why, and
 * goes on when there is room again. A master whose recovery store is full leads no more until there is; nothing is lost.
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'

import type { ClusterPool } from '../../src/app/index.js'
import { Cluster, root } from './cluster.js'

const MIB = 2 ** 20
let disk = ''
let mounted = false
let cluster: Cluster | null = null

beforeEach(() => {
  disk = mkdtempSync(join(tmpdir(), 'magneto-full-disk-'))
  mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', disk]).status === 0
})
afterEach(async () => {
  expect(await cluster?.stop()).toEqual([])
  if (mounted) spawnSync('umount', [disk])
  rmSync(disk, { recursive: true })
})

test(
  'a full disk: executors wait, explain says why, and they start when it is emptied',
  { timeout: 120_000 },
  async (context) => {
    if (!mounted) {
      context.skip('no file system can be mounted here (needs root): a full disk was NOT tried')
    }
    cluster = await Cluster.start({
      workers: 1,
      properties: [
        'spark.magneto.worker.minFreeDiskSpace 8m',
        'spark.magneto.worker.diskCheckInterval 100',
      ],
      environment: { SPARK_LOCAL_DIRS: disk },
    })
    writeFileSync(join(disk, 'ballast'), Buffer.alloc(12 * MIB))
    await expect.poll(() => cluster?.logs()).toContain('is unhealthy')
    const pi = ['dist/examples/pi/pi.js', '--master', cluster.masterUrl, '--partitions', '4']
    const child = spawn(process.execPath, pi, {
      cwd: root,
      env: cluster.environment,
      stdio: 'ignore',
    })
    try {
      const ended = once(child, 'exit')
      const state = await cluster.until('it is registered', (now) => now.activeapps.length === 1)
      const page = `${cluster.webUi}/api/v1/applications/${state.activeapps[0]?.id}/explain`
      const explained = async () =>
        (await fetch(page, { headers: { accept: 'text/plain' } })).text()
      await expect.poll(explained).toContain('unhealthy')
      expect((await cluster.json())?.coresused).toBe(0)
      rmSync(join(disk, 'ballast'))
      expect(await ended).toEqual([0, null])
    } finally {
      child.kill('SIGKILL')
    }
  },
)

interface Leadership {
  readonly role: string
  readonly reason: string
  readonly elections: number
}

test(
  'S9, Y10: a full recovery store: the master stands by, what runs goes on, and with room again it leads as before',
  { timeout: 180_000 },
  async (context) => {
    if (!mounted) {
      context.skip('no file system can be mounted here (needs root): a full disk was NOT tried')
    }
    cluster = await Cluster.start({
      workers: 1,
      coresPerWorker: 4,
      properties: [
        'spark.deploy.recoveryMode FILESYSTEM',
        `spark.deploy.recoveryDirectory ${join(disk, 'recovery')}`,
      ],
    })
    const from = cluster
    const leadership = async (): Promise<Leadership> =>
      (await (
        await fetch(from.masterUrl.replace('spark:', 'http:') + '/masters')
      ).json()) as Leadership
    const { master, workers } = from.pids()
    const first = await poolOf(from, 'first', {})
    const pools = [first]
    try {
      const pid = await first.run(null, { name: 'pid' })
      fill(join(disk, 'ballast'))
      // Its record is larger than what is left in the last page of the store.
      const second = await poolOf(from, 'second', { LONG: 'x'.repeat(64 * 1024) })
      pools.push(second)
      const late = second.run(null, { name: 'pid' })
      await expect.poll(() => from.logs()).toContain('steps down')
      await expect.poll(leadership).toMatchObject({
        role: 'standby',
        reason: expect.stringContaining('ENOSPC') as string,
      })
      expect(await first.run(null, { name: 'pid' })).toBe(pid)

      rmSync(join(disk, 'ballast'))
      expect(await late).not.toBe(pid)
      expect(await first.run(null, { name: 'pid' })).toBe(pid)
      expect(await leadership()).toMatchObject({ role: 'leader', reason: '' })
      const state = await from.until('both are served', ({ coresused }) => coresused === 2)
      expect(state.activeapps.map(({ name }) => name).sort()).toEqual(['first', 'second'])
      expect(state.completedapps).toEqual([])
      expect(from.pids()).toEqual({ master, workers })
    } finally {
      for (const pool of pools) await pool.destroy()
    }
  },
)

async function poolOf(
  from: Cluster,
  name: string,
  env: Record<string, string>,
): Promise<ClusterPool> {
  // Its executors start from what was built.
  const library = (await import(join(root, 'dist/src/app/index.js'))) as {
    ClusterPool: typeof ClusterPool
  }
  const pool = new library.ClusterPool({
    master: from.masterUrl,
    filename: join(root, 'test/app/fixtures/tasks.mjs'),
    name,
    env,
    maxCores: 1,
    executorCores: 1,
    executorMemory: '128m',
  })
  pool.on('warning', () => {})
  return pool
}

/** Writes until nothing more fits. */
function fill(path: string): void {
  const file = openSync(path, 'w')
  try {
    for (let bytes = MIB; bytes >= 1;) {
      try {
        writeSync(file, Buffer.alloc(bytes))
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
        bytes /= 2
      }
    }
  } finally {
    closeSync(file)
  }
}
