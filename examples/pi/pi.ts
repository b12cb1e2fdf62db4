/** Estimates Pi on a cluster: `node dist/examples/pi/pi.js --master spark://host:7077`. */
import { parseArgs } from 'node:util'

import { ClusterPool } from '../../src/app/index.js'
import type { PiResult, PiTask } from './pi-task.js'

const BAR_WIDTH = 40

const usage = `usage: pi [--master spark://127.0.0.1:7077] [--points 200000000] [--partitions 100]
  --master      the cluster
  --points      darts in all
  --partitions  tasks to spread them over`

function count(name: string, text: string): number {
  const value = Number(text)
  if (Number.isSafeInteger(value) && value >= 1) return value
  throw new Error(`--${name} is ${text}: expected a whole number from 1`)
}

function readArguments() {
  const { values } = parseArgs({
    options: {
      master: { type: 'string', default: 'spark://127.0.0.1:7077' },
      points: { type: 'string', default: '200000000' },
      partitions: { type: 'string', default: '100' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) {
    console.log(usage)
    process.exit(0)
  }
  return {
    master: values.master,
    points: count('points', values.points),
    partitions: count('partitions', values.partitions),
  }
}

/** A bar on a terminal, else a line for each tenth. */
function showProgress(done: number, total: number, executors: number): void {
  const percent = Math.floor((done * 100) / total)
  if (process.stderr.isTTY) {
    const filled = Math.round((done * BAR_WIDTH) / total)
    const bar = '█'.repeat(filled) + '░'.repeat(BAR_WIDTH - filled)
    process.stderr.write(`\r${bar} ${percent}%  ${done}/${total} tasks, ${executors} executors `)
    if (done === total) process.stderr.write('\n')
  } else if (Math.floor((done * 10) / total) > Math.floor(((done - 1) * 10) / total)) {
    process.stderr.write(`${percent}%: ${done} of ${total} tasks\n`)
  }
}

async function estimate({ master, points, partitions }: ReturnType<typeof readArguments>) {
  const pool = new ClusterPool<PiTask, PiResult>({
    master,
    filename: new URL('pi-task.js', import.meta.url),
    name: 'Pi',
    executorMemory: '256m',
  })
  pool.on('warning', (text) => process.stderr.write(`${text}\n`))
  try {
    const each = Math.ceil(points / partitions)
    const perExecutor = new Map<string, number>()
    let inside = 0
    let done = 0
    for await (const result of pool.map(
      Array.from({ length: partitions }, () => ({ points: each })),
    )) {
      inside += result.inside
      perExecutor.set(result.executor, (perExecutor.get(result.executor) ?? 0) + 1)
      showProgress(++done, partitions, pool.executors.length)
    }
    console.log(`Pi is roughly ${((4 * inside) / (each * partitions)).toFixed(6)}`)
    for (const [executor, tasks] of perExecutor)
      console.log(`  executor ${executor}: ${tasks} tasks`)
  } finally {
    await pool.destroy()
  }
}

try {
  await estimate(readArguments())
} catch (error) {
  process.stderr.write(`pi: ${(error as Error).message}\n`)
  process.exitCode = 1
}
