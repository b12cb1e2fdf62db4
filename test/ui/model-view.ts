/** The model of what people see, held against a whole view of the core: for tests and the simulator. */
import { isDeepStrictEqual } from 'node:util'
import {
  ApplicationViewT,
  ClusterViewT,
  DriverState,
  DriverViewT,
  ExecutorPlace,
  ExecutorState,
  WorkerState,
  type ExecutorViewT,
} from '../../src/schema/magneto.js'
import { byOrder, type ClusterModel, type ExecutorRow } from '../../src/ui/model/cluster-model.js'
import type { Row } from '../../src/ui/model/table.js'
import { viewOf } from '../../src/ui/model/view-of.js'
import { clusterTotals, waitingDrivers } from '../../src/ui/totals.js'

interface Executors {
  readonly now: ExecutorRow[]
  readonly removed: ExecutorRow[]
}

function executorsByApplication({ executors }: ClusterModel): Map<number, Executors> {
  const found = new Map<number, Executors>()
  for (const row of executors.values()) {
    const of = found.get(row.application) ?? { now: [], removed: [] }
    found.set(row.application, of)
    if (row.place === ExecutorPlace.REMOVED) of.removed.push(row)
    else of.now.push(row)
  }
  for (const { now, removed } of found.values()) {
    now.sort((a, b) => a.executor.id - b.executor.id)
    removed.sort(byOrder.compare)
  }
  return found
}

function executorsOf(rows: readonly ExecutorRow[] = []): ExecutorViewT[] {
  return rows.map(({ executor }) => executor)
}

/** What a model, whose reader has taken everything, shows as a view of the core does: but for explanations, which are asked for. */
function shownBy(model: ClusterModel): ClusterViewT {
  const executors = executorsByApplication(model)
  const whole = (applications: readonly ApplicationViewT[], rows: readonly Row[]) =>
    applications.map((application, at) => {
      const { now, removed } = executors.get(rows[at]!.number) ?? {}
      return Object.assign(new ApplicationViewT(), application, {
        executors: executorsOf(now),
        removedExecutors: executorsOf(removed),
      })
    })
  const shown = viewOf(model)
  return Object.assign(new ClusterViewT(), shown, {
    activeApplications: whole(shown.activeApplications, model.activeApplications.ordered(byOrder)),
    completedApplications: whole(
      shown.completedApplications,
      model.completedApplications.ordered(byOrder),
    ),
  })
}

function unexplainedApplication(application: ApplicationViewT): ApplicationViewT {
  return Object.assign(new ApplicationViewT(), application, { explanations: [] })
}

function unexplainedDriver(driver: DriverViewT): DriverViewT {
  return Object.assign(new DriverViewT(), driver, { explanation: null })
}

function unexplained(view: ClusterViewT): ClusterViewT {
  return Object.assign(new ClusterViewT(), view, {
    activeApplications: view.activeApplications.map(unexplainedApplication),
    completedApplications: view.completedApplications.map(unexplainedApplication),
    activeDrivers: view.activeDrivers.map(unexplainedDriver),
    completedDrivers: view.completedDrivers.map(unexplainedDriver),
  })
}

function waiting(model: ClusterModel): unknown[] {
  return [
    ...model.activeApplications.ordered(byOrder).map((row) => [row.waits, row.executors]),
    ...model.activeDrivers.ordered(byOrder).map(({ waits }) => waits),
  ]
}

function waitingOf({ activeApplications, activeDrivers }: ClusterViewT): unknown[] {
  return [
    ...activeApplications.map((one) => [one.explanations.length > 0, one.executors.length]),
    ...activeDrivers.map(({ explanation }) => explanation !== null),
  ]
}

function sumsOf({ totals }: ClusterModel): unknown {
  return {
    cores: totals.cores,
    coresUsed: totals.coresUsed,
    memoryMb: totals.memoryMb,
    memoryUsedMb: totals.memoryUsedMb,
    resources: new Map(totals.resources),
    executors: totals.executors,
    unhealthyWorkers: totals.unhealthyWorkers,
    running: totals.executorsIn(ExecutorState.RUNNING),
    dead: totals.workersIn(WorkerState.DEAD),
    drivers: totals.driversIn(DriverState.SUBMITTED),
  }
}

function sumsOfView(view: ClusterViewT): unknown {
  const { alive, ...sums } = clusterTotals(view)
  const executors = view.activeApplications.flatMap((one) => one.executors)
  return {
    ...sums,
    executors: executors.length,
    unhealthyWorkers: alive.filter(({ healthReport }) => healthReport !== null).length,
    running: executors.filter(({ state }) => state === ExecutorState.RUNNING).length,
    dead: view.workers.filter(({ state }) => state === WorkerState.DEAD).length,
    drivers: waitingDrivers(view).length,
  }
}

function text(value: unknown): string {
  const shown = JSON.stringify(value, (_, one: unknown) => {
    if (typeof one === 'bigint') return Number(one)
    return one instanceof Map ? [...one] : one
  })
  return (shown ?? 'nothing').slice(0, 400)
}

/** @returns what the model shows otherwise than the core does, in a line each; empty: nothing */
export function differencesOf(model: ClusterModel, view: ClusterViewT): string[] {
  const found: string[] = []
  const compare = (what: string, shown: unknown, expected: unknown): void => {
    if (isDeepStrictEqual(shown, expected)) return
    found.push(`${what}: ${text(shown)} is shown, and it is ${text(expected)}`)
  }
  const expected = unexplained(view) as unknown as Record<string, unknown>
  for (const [name, shown] of Object.entries(unexplained(shownBy(model)))) {
    const real = expected[name]
    if (!Array.isArray(shown) || !Array.isArray(real)) compare(name, shown, real)
    else if (shown.length !== real.length) compare(name, shown, real)
    else for (const [at, one] of shown.entries()) compare(`${name} ${at}`, one, real[at])
  }
  compare('what waits', waiting(model), waitingOf(view))
  compare('sums', sumsOf(model), sumsOfView(view))
  return found
}
