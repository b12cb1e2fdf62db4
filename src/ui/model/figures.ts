/** The model as metrics want it. */
import type { ClusterFigures, Queued } from '../../metrics/cluster-figures.js'
import {
  ApplicationState,
  DriverState,
  Limit,
  type ExplanationT,
  type WorkerViewT,
} from '../../schema/magneto.js'
import { explainedMax, type ClusterFeed } from './cluster-feed.js'
import { byOrder, type ClusterModel } from './cluster-model.js'

/** Of what waits, those in front of the queue are explained: so many applications, and as many drivers. */
export const explainedOfKindMax = explainedMax / 2

/** @throws ViewUnavailable */
export async function clusterFigures(
  cluster: Pick<ClusterFeed, 'current' | 'explain'>,
): Promise<ClusterFigures> {
  const model = await cluster.current()
  const asked = {
    applications: firstWaiting(model.activeApplications.ordered(byOrder)),
    drivers: firstWaiting(model.activeDrivers.ordered(byOrder)),
  }
  await cluster.explain(asked)
  // Rows may have been replaced since: what has been said of one is true of the next.
  const known = new Map<number, readonly ExplanationT[]>()
  for (const { number, application } of asked.applications)
    known.set(number, application.explanations)
  for (const { number, driver } of asked.drivers)
    known.set(number, driver.explanation === null ? [] : [driver.explanation])
  return {
    nowMs: model.nowMs,
    totals: model.totals,
    workers: workersOf(model),
    applications: model.activeApplications.ordered(byOrder).map((row) => ({
      id: String(row.application.id),
      submittedMs: Number(row.application.submittedMs),
      waiting: row.application.state === ApplicationState.WAITING,
      explanations: explanationsOf(row, known, model),
    })),
    drivers: model.activeDrivers.ordered(byOrder).map((row) => ({
      id: String(row.driver.id),
      submittedMs: Number(row.driver.submittedMs),
      waiting: row.driver.state === DriverState.SUBMITTED,
      explanations: explanationsOf(row, known, model),
    })),
  }
}

function firstWaiting<Row extends { readonly waits: boolean }>(rows: readonly Row[]): Row[] {
  return rows.filter(({ waits }) => waits).slice(0, explainedOfKindMax)
}

function* workersOf({ workers }: ClusterModel): Generator<WorkerViewT> {
  for (const { worker } of workers.values()) yield worker
}

function explanationsOf(
  { number, waits }: { readonly number: number; readonly waits: boolean },
  known: ReadonlyMap<number, readonly ExplanationT[]>,
  { workers }: ClusterModel,
): Queued['explanations'] {
  if (!waits) return []
  const explanations = known.get(number)
  // One that names no worker of many was beyond what the core looks at for one question.
  const leftOut = ({ limit, workers: seen }: ExplanationT) =>
    limit === Limit.NONE && seen === 0 && workers.size > 0
  return explanations === undefined || explanations.some(leftOut) ? null : explanations
}
