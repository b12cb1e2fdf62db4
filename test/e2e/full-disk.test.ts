/** A worker whose scratch disk is nearly full gets nothing new, says why, and goes on when there is room again. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'

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
}, 60_000)

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
    await expect.poll(() => cluster?.logs(), { timeout: 20_000 }).toContain('is unhealthy')
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
      await expect.poll(explained, { timeout: 20_000 }).toContain('unhealthy')
      expect((await cluster.json())?.coresused).toBe(0)
      rmSync(join(disk, 'ballast'))
      expect(await ended).toEqual([0, null])
    } finally {
      child.kill('SIGKILL')
    }
  },
)
