/** Workers on the first page (spec U2). Pure. */
import { WorkerState, type WorkerViewT } from '../schema/magneto.js'
import { memoryText } from './format.js'
import { html, type Fragment, type Markup } from '../http/html.js'
import { workerLink, type Place } from './links.js'
import { confirmedForm } from './lists.js'
import { workersById, type ClusterModel, type WorkerRow } from './model/cluster-model.js'
import { stateBadge, useBar } from './states.js'
import type { Column, Filter, TableSpec } from './table-query.js'
import { shownTable, type PageAsked } from './table-section.js'
import { freeResources, usedResources } from './totals.js'

/** `gpu: Free: [1] / Used: [0]`, as Spark shows them. */
function resourcesCell(worker: WorkerViewT): string {
  const used = usedResources(worker)
  return freeResources(worker)
    .map(({ name, addresses }, at) => {
      const taken = used[at]?.addresses ?? []
      return `${name}: Free: [${addresses.join(', ')}] / Used: [${taken.join(', ')}]`
    })
    .join('; ')
}

function full({ state, cores, coresUsed, memoryMb, memoryUsedMb }: WorkerViewT): boolean {
  return state === WorkerState.ALIVE && (coresUsed >= cores || memoryUsedMb >= memoryMb)
}

/** Spark's word, and beside it why the worker gets nothing new although it is alive. */
function stateText({ state, healthReport }: WorkerViewT): string {
  if (healthReport === null) return WorkerState[state]
  return `${WorkerState[state]}, unhealthy: ${healthReport}`
}

function stateCell(worker: WorkerViewT): Markup {
  const { state, healthReport } = worker
  const ill =
    healthReport === null ? null : html`, <span class="bad">unhealthy</span>: ${healthReport}`
  return html`${stateBadge(WorkerState[state])}${full(worker) ? ', full' : null}${ill}`
}

/** Where its reader may tell workers to leave (U15, D1); Spark knows them by their hosts. */
function leaveForm({ root }: Place, { state, host }: WorkerViewT): Markup | null {
  if (state !== WorkerState.ALIVE) return null
  const action = `${root}workers/kill/?host=${encodeURIComponent(String(host))}`
  const question = `Decommission all workers on ${host}`
  return confirmedForm(action, { button: 'decommission', question })
}

export interface WorkerTableOptions {
  readonly place: Place
  /** The reader may decommission workers. */
  readonly decommissions: boolean
}

function cells(worker: WorkerViewT, { place, decommissions }: WorkerTableOptions): Fragment[] {
  const { cores, coresUsed, memoryMb, memoryUsedMb } = worker
  const alive = worker.state === WorkerState.ALIVE
  const memory = `${memoryText(memoryMb)} (${memoryText(memoryUsedMb)} used)`
  return [
    html`${workerLink(place, worker)}${decommissions ? leaveForm(place, worker) : null}`,
    `${worker.host}:${worker.port}`,
    stateCell(worker),
    html`${cores} (${coresUsed} used)${alive ? useBar(coresUsed, cores) : null}`,
    html`${memory}${alive ? useBar(memoryUsedMb, memoryMb) : null}`,
    worker.runtimes.join(', '),
  ]
}

const columns: readonly Column<WorkerRow>[] = [
  { title: 'Worker Id', key: 'id', value: ({ worker }) => String(worker.id) },
  { title: 'Address', key: 'address', value: ({ worker }) => `${worker.host}:${worker.port}` },
  { title: 'State', key: 'state', value: ({ worker }) => stateText(worker) },
  { title: 'Cores', key: 'cores', value: ({ worker }) => worker.coresUsed },
  { title: 'Memory', key: 'memory', value: ({ worker }) => worker.memoryUsedMb },
  { title: 'Runtimes', key: 'runtimes', value: ({ worker }) => worker.runtimes.join(', ') },
]

const inState =
  (state: WorkerState): Filter<WorkerRow>['of'] =>
  ({ worker }) =>
    worker.state === state

const filters: readonly Filter<WorkerRow>[] = [
  { key: 'alive', of: inState(WorkerState.ALIVE) },
  { key: 'dead', of: inState(WorkerState.DEAD) },
  { key: 'decommissioned', of: inState(WorkerState.DECOMMISSIONED) },
  { key: 'unknown', of: inState(WorkerState.UNKNOWN) },
  { key: 'full', of: ({ worker }) => full(worker) },
  {
    key: 'idle',
    of: ({ worker }) => worker.state === WorkerState.ALIVE && worker.coresUsed === 0,
  },
  {
    key: 'unhealthy',
    of: ({ worker }) => worker.state === WorkerState.ALIVE && worker.healthReport !== null,
  },
]

/** Cores and memory sort by what is used. */
export const workerTable: TableSpec<WorkerRow> = {
  id: 'workers',
  columns,
  order: workersById,
  text: ({ worker }) => `${worker.id} ${worker.host}:${worker.port} ${stateText(worker)}`,
  filters,
}

/** The resources have a column only where a worker has some. @throws BadQuery */
export function workerSection(
  { workers, totals }: ClusterModel,
  asked: PageAsked,
  options: WorkerTableOptions,
): Markup {
  const all = shownTable(workers, workerTable, asked)
  const any =
    totals.resources.size > 0 || all.rows.some(({ worker }) => worker.resources.length > 0)
  const resources = { title: 'Resources', cell: ({ worker }: WorkerRow) => resourcesCell(worker) }
  return all.section('Workers', ({ worker }) => cells(worker, options), any ? resources : undefined)
}
