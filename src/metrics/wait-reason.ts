/** Why something waits, in one word of a short list: what explanations say in sentences (docs/explain.md). Pure. */
import { Limit, type ExplanationT } from '../schema/magneto.js'
import type { Queued } from './cluster-figures.js'

export const WAIT_REASONS = [
  'cores_max',
  'executor_limit',
  'max_drivers',
  'master_state',
  'earlier',
  'no_workers',
  'worker_state',
  'runtime',
  'cores',
  'memory',
  'resources',
  'placing',
  'unexplained',
] as const

export type WaitReason = (typeof WAIT_REASONS)[number]

const OF_LIMIT: Readonly<Partial<Record<Limit, WaitReason>>> = {
  [Limit.CORES_MAX]: 'cores_max',
  [Limit.EXECUTOR_LIMIT]: 'executor_limit',
  [Limit.MAX_DRIVERS]: 'max_drivers',
  [Limit.MASTER_STATE]: 'master_state',
  [Limit.EARLIER]: 'earlier',
}

/** A limit first; else what rules out most of the workers that come into question. */
export function waitReason(explanation: ExplanationT): WaitReason {
  const limit = OF_LIMIT[explanation.limit]
  if (limit !== undefined) return limit
  if (explanation.workers === 0) return 'no_workers'
  if (explanation.fitting > 0) return 'placing'
  const full: [WaitReason, number][] = [
    ['cores', explanation.ruledOutByCores],
    ['memory', explanation.ruledOutByMemory],
    ['resources', explanation.ruledOutByResources],
  ]
  const [most] = full.toSorted(([, left], [, right]) => right - left)
  if (most !== undefined && most[1] > 0) return most[0]
  return explanation.ruledOutByRuntime > 0 ? 'runtime' : 'worker_state'
}

/** What it waits for most; null: it has started. */
export function queuedReason({ waiting, explanations }: Queued): WaitReason | null {
  if (!waiting) return null
  if (explanations === null) return 'unexplained'
  const [explanation] = explanations
  return explanation === undefined ? 'placing' : waitReason(explanation)
}
