/** What the master says about why something waits must be true: its counts against the workers it lists. */
import {
  DriverState,
  Limit,
  WorkerState,
  type ClusterViewT,
  type ExplanationT,
  type WorkerViewT,
} from '../../src/schema/magneto.js'
import { hasRoom, type Scene } from './rest.js'

function gpusOf({ resources }: ExplanationT): number {
  return resources.find(({ name }) => name === 'gpu')?.amount ?? 0
}

function fits(worker: WorkerViewT, explanation: ExplanationT): boolean {
  if (worker.state !== WorkerState.ALIVE) return false
  if (!explanation.runtimes.some((each) => worker.runtimes.includes(each))) return false
  const { cores, memoryMb } = explanation
  return hasRoom(worker, Math.max(1, cores), memoryMb, gpusOf(explanation))
}

function* explained({ workers }: ClusterViewT, who: string, why: ExplanationT): Generator<string> {
  const ruledOut =
    why.ruledOutByState +
    why.ruledOutByRuntime +
    why.ruledOutByCores +
    why.ruledOutByMemory +
    why.ruledOutByResources
  if (ruledOut + why.fitting !== why.workers || why.workers !== workers.length) {
    yield `${who}: ${ruledOut} ruled out and ${why.fitting} fitting of ${workers.length} workers`
  }
  const fitting = workers.filter((worker) => fits(worker, why)).length
  if (fitting !== why.fitting) yield `${who}: ${why.fitting} fit, and really it is ${fitting}`
  // Whoever asks for the same before it would have got what fits.
  const turn = why.limit === Limit.NONE || why.limit === Limit.EARLIER
  if (turn && why.wanted !== 0 && fitting > 0) {
    yield `${who}: ${fitting} workers fit, nothing limits it, and it waits`
  }
  if (why.limit === Limit.MASTER_STATE) yield `${who}: this master leads, and says it does not`
  if (why.reason === '' || why.advice === '') yield `${who}: no reason or no advice`
}

export function* explanationsAreTrue({ view }: Scene): Generator<string> {
  for (const { id, state, explanation } of view.activeDrivers) {
    if (state !== DriverState.SUBMITTED) continue
    if (explanation === null) yield `nobody says why driver ${id} waits`
    else yield* explained(view, `driver ${id}`, explanation)
  }
  for (const { id, explanations, executors } of view.activeApplications) {
    if (executors.length === 0 && explanations.length === 0) yield `nobody says why ${id} waits`
    for (const each of explanations) yield* explained(view, `${id} profile ${each.profileId}`, each)
  }
}
