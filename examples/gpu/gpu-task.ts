/** The task: says which GPUs its executor has to itself. Runs in the executors. */
import { setTimeout as wait } from 'node:timers/promises'

import type { TaskContext } from '../../src/app/index.js'

export interface GpuResult {
  executor: string
  addresses: readonly string[]
}

const WORK_MS = 100

export default async function whichGpus(_task: null, context: TaskContext): Promise<GpuResult> {
  const addresses = context.resources['gpu'] ?? []
  // A task that computes would now tell its library, before that looks for devices:
  // process.env['CUDA_VISIBLE_DEVICES'] = addresses.join(',')
  await wait(WORK_MS)
  return { executor: `${context.executorId} on ${context.hostname}`, addresses }
}
