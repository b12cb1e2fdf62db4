/** The task: throws darts at a square and counts those inside the circle. Runs in the executors. */
import type { TaskContext } from '../../src/app/index.js'

export interface PiTask {
  points: number
}

export interface PiResult {
  inside: number
  executor: string
}

export default function countInside({ points }: PiTask, context: TaskContext): PiResult {
  let inside = 0
  for (let dart = 0; dart < points; dart++) {
    const x = Math.random() * 2 - 1
    const y = Math.random() * 2 - 1
    if (x * x + y * y <= 1) inside++
  }
  return { inside, executor: `${context.executorId} on ${context.hostname}` }
}
