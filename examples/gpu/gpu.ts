/** Prints which GPUs each executor got: `node dist/examples/gpu/gpu.js --master spark://host:7077`. */
import { parseArgs } from 'node:util'

import { ClusterPool } from '../../src/app/index.js'
import type { GpuResult } from './gpu-task.js'

const usage = `usage: gpu [--master spark://127.0.0.1:7077] [--executors 2] [--gpus 1] [--tasks 40]
  --master     the cluster
  --executors  how many, of one core each
  --gpus       GPUs of each executor
  --tasks      tasks in all, a tenth of a second each`

function count(name: string, text: string): number {
  const value = Number(text)
  if (Number.isSafeInteger(value) && value >= 1) return value
  throw new Error(`--${name} is ${text}: expected a whole number from 1`)
}

function readArguments() {
  const { values } = parseArgs({
    options: {
      master: { type: 'string', default: 'spark://127.0.0.1:7077' },
      executors: { type: 'string', default: '2' },
      gpus: { type: 'string', default: '1' },
      tasks: { type: 'string', default: '40' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) {
    console.log(usage)
    process.exit(0)
  }
  return {
    master: values.master,
    executors: count('executors', values.executors),
    gpus: count('gpus', values.gpus),
    tasks: count('tasks', values.tasks),
  }
}

async function show({ master, executors, gpus, tasks }: ReturnType<typeof readArguments>) {
  const pool = new ClusterPool<null, GpuResult>({
    master,
    filename: new URL('gpu-task.js', import.meta.url),
    name: 'GPUs',
    maxCores: executors,
    executorCores: 1,
    executorMemory: '256m',
    executorResources: { gpu: gpus },
  })
  pool.on('warning', (text) => process.stderr.write(`${text}\n`))
  const perExecutor = new Map<string, { addresses: readonly string[]; tasks: number }>()
  try {
    for await (const { executor, addresses } of pool.map(Array<null>(tasks).fill(null))) {
      const before = perExecutor.get(executor)?.tasks ?? 0
      perExecutor.set(executor, { addresses, tasks: before + 1 })
    }
    for (const [executor, done] of perExecutor) {
      console.log(`executor ${executor}: GPU ${done.addresses.join(', ')} (${done.tasks} tasks)`)
    }
  } finally {
    await pool.destroy()
  }
}

try {
  await show(readArguments())
} catch (error) {
  process.stderr.write(`gpu: ${(error as Error).message}\n`)
  process.exitCode = 1
}
