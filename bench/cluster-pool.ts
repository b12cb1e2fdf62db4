/**
 * Tasks of a Node application through the whole of it: a real master, one real worker with two cores, two executors
 * of one core, and a pool in this process; and the same tasks through piscina alone, which is the limit.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Piscina } from 'piscina'

import type * as App from '../src/app/index.js'
import { Cluster, eventually, root } from '../test/e2e/cluster.js'
import type { Figure } from './figures.js'

const module = join(root, 'bench/fixtures/tasks.mjs')
const ticksPerSecond = 100
const threads = 2
const tinyTasks = 100_000
const waitingTasks = 1_000
const waitMs = 50

interface Used {
  seconds: number
  cpuSeconds: number
}

/** @returns CPU seconds, user and system, of the processes so far (proc(5)) */
function cpuSeconds(pids: readonly number[]): number {
  const ticks = pids.map((pid) => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
    return Number(fields[11]) + Number(fields[12])
  })
  return ticks.reduce((sum, count) => sum + count, 0) / ticksPerSecond
}

async function used(pids: readonly number[], work: () => Promise<unknown>): Promise<Used> {
  const before = { cpu: cpuSeconds(pids), at: performance.now() }
  await work()
  return {
    seconds: (performance.now() - before.at) / 1000,
    cpuSeconds: cpuSeconds(pids) - before.cpu,
  }
}

type Run = (task: object, name: string) => Promise<unknown>

const tiny = (run: Run, count: number) => () =>
  Promise.all(Array.from({ length: count }, (_, a) => run({ a, b: 1 }, 'default')))
const waiting = (run: Run) => () =>
  Promise.all(Array.from({ length: waitingTasks }, () => run({ ms: waitMs }, 'wait')))

function figures(name: string, limit: string, [short, long]: readonly [Used, Used]): Figure[] {
  const ideal = (waitingTasks * waitMs) / 1000 / threads
  return [
    {
      name: `tiny tasks, ${name}`,
      value: tinyTasks / short.seconds,
      unit: 'tasks/s',
      note: `${tinyTasks} at once; ${short.cpuSeconds.toFixed(2)} CPU seconds; ${limit}`,
    },
    {
      name: `tasks of ${waitMs} ms, ${name}`,
      value: (long.seconds / ideal - 1) * 100,
      unit: '% over ideal',
      note: `${waitingTasks} on ${threads} cores; ${long.cpuSeconds.toFixed(2)} CPU seconds; timers are the limit`,
    },
  ]
}

async function throughCluster(): Promise<Figure[]> {
  const cluster = await Cluster.start({ workers: 1, coresPerWorker: threads })
  try {
    const built = pathToFileURL(join(root, 'dist/src/app/index.js')).href
    const { ClusterPool } = (await import(built)) as typeof App
    const pool = new ClusterPool({
      master: cluster.masterUrl,
      filename: module,
      executorCores: 1,
      executorMemory: '256m',
      maxCores: threads,
    })
    try {
      await eventually('executors', () => (pool.executors.length === threads ? true : null))
      const run: Run = (task, name) => pool.run(task, { name })
      await tiny(run, 1000)()
      const pids = [process.pid, ...cluster.executors().map(({ pid }) => pid)]
      const short = await used(pids, tiny(run, tinyTasks))
      return figures('ClusterPool', 'threads, sockets and promises', [
        short,
        await used(pids, waiting(run)),
      ])
    } finally {
      await pool.destroy()
    }
  } finally {
    await cluster.stop()
  }
}

async function throughPiscina(): Promise<Figure[]> {
  const pool = new Piscina({ filename: module, minThreads: threads, maxThreads: threads })
  try {
    const run: Run = (task, name) => pool.run(task, { name }) as Promise<unknown>
    await tiny(run, 1000)()
    const short = await used([process.pid], tiny(run, tinyTasks))
    return figures('piscina alone', 'threads and promises', [
      short,
      await used([process.pid], waiting(run)),
    ])
  } finally {
    await pool.destroy()
  }
}

export async function clusterPool(): Promise<Figure[]> {
  return [...(await throughPiscina()), ...(await throughCluster())]
}

if (process.argv[1] === import.meta.filename)
  for (const { name, value, unit, note } of await clusterPool())
    console.log(`${name}: ${value.toFixed(1)} ${unit} (${note})`)
