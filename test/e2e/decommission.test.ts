/** A worker leaves a real cluster in order: by script, with its work done, without a task lost (spec D1 to D5, B7). */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'

import { ClusterPool } from '../../src/app/index.js'
import { Cluster, eventually, root } from './cluster.js'

let cluster: Cluster | null = null
let pool: ClusterPool | null = null

afterEach(async () => {
  await pool?.destroy()
  expect(await cluster?.stop()).toEqual([])
})

test(
  'D2 to D5, Y9, B7: what runs is finished, then the worker is gone, and the rest goes on',
  { timeout: 120_000 },
  async () => {
    cluster = await Cluster.start({
      workers: 2,
      coresPerWorker: 1,
      properties: [
        'spark.decommission.enabled true',
        'spark.magneto.worker.decommissionDeadline 10min',
      ],
    })
    pool = new ClusterPool({
      master: cluster.masterUrl,
      filename: join(root, 'test/app/fixtures/tasks.mjs'),
      executorMemory: '128m',
      maxRetries: 0,
    })
    const files = ['a', 'b'].map((name) => join(cluster?.folder ?? '', name))
    const other = join(cluster.folder, 'go-ahead')
    const held = files.map((mine) => pool!.run({ mine, other }, { name: 'waitForFile' }))
    // What an executor was given and has not begun goes to another one, and its worker need not stay for it.
    await eventually('both executors work', () => files.every((mine) => existsSync(mine)) || null)

    const script = spawn(join(root, 'sbin/decommission-worker.sh'), ['--block-until-exit'], {
      env: { ...cluster.environment, SPARK_WORKER_INSTANCES: '1' },
      stdio: 'ignore',
    })
    const gone = once(script, 'exit')
    const state = await cluster.until('the master knows', (now) => now.aliveworkers === 1)
    expect(state.workers.map((worker) => worker.state).toSorted()).toEqual([
      'ALIVE',
      'DECOMMISSIONED',
    ])
    expect(cluster.executors()).toHaveLength(2)
    expect(script.exitCode).toBeNull()

    const more = [1, 2, 3].map((value) => pool!.run(value))
    writeFileSync(other, '')
    expect(new Set(await Promise.all(held)).size).toBe(2)
    expect(await Promise.all(more)).toEqual([2, 4, 6])
    expect(await gone).toEqual([0, null])
    await cluster.until('it has left', (now) => now.workers.some(({ state: is }) => is === 'DEAD'))
    expect(cluster.executors()).toHaveLength(1)
    expect(await pool.run(4)).toBe(8)
  },
)
