/** Workers on the first page (spec U2). Pure. */
import { WorkerState, type WorkerViewT } from '../schema/magneto.js'
import { memoryText } from './format.js'
import { link, webUrl, type Fragment, type Markup } from '../http/html.js'
import { workersById, type ClusterModel, type WorkerRow } from './model/cluster-model.js'
import type { Column, TableSpec } from './table-query.js'
import { shownTable, type PageAsked } from './table-section.js'
import { freeResources, usedResources } from './totals.js'

/** A link to its own pages while it lives. */
export function workerLink(worker: WorkerViewT): Markup {
  const alive = worker.state === WorkerState.ALIVE
  return link(alive ? webUrl(worker.webUiUrl) : null, String(worker.id))
}

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

/** Spark's word, and beside it why the worker gets nothing new although it is alive. */
function stateCell({ state, healthReport }: WorkerViewT): string {
  if (healthReport === null) return WorkerState[state]
  return `${WorkerState[state]}, unhealthy: ${healthReport}`
}

function cells(worker: WorkerViewT): Fragment[] {
  return [
    workerLink(worker),
    `${worker.host}:${worker.port}`,
    stateCell(worker),
    `${worker.cores} (${worker.coresUsed} used)`,
    `${memoryText(worker.memoryMb)} (${memoryText(worker.memoryUsedMb)} used)`,
    worker.runtimes.join(', '),
  ]
}

const columns: readonly Column<WorkerRow>[] = [
  { title: 'Worker Id', key: 'id', value: ({ worker }) => String(worker.id) },
  { title: 'Address', key: 'address', value: ({ worker }) => `${worker.host}:${worker.port}` },
  { title: 'State', key: 'state', value: ({ worker }) => stateCell(worker) },
  { title: 'Cores', key: 'cores', value: ({ worker }) => worker.coresUsed },
  { title: 'Memory', key: 'memory', value: ({ worker }) => worker.memoryUsedMb },
  { title: 'Runtimes', key: 'runtimes', value: ({ worker }) => worker.runtimes.join(', ') },
]

/** Cores and memory sort by what is used. */
export const workerTable: TableSpec<WorkerRow> = {
  id: 'workers',
  columns,
  order: workersById,
  text: ({ worker }) => `${worker.id} ${worker.host}:${worker.port} ${stateCell(worker)}`,
}

/** The resources have a column only where a worker has some. @throws BadQuery */
export function workerSection({ workers, totals }: ClusterModel, asked: PageAsked): Markup {
  const all = shownTable(workers, workerTable, asked)
  const any =
    totals.resources.size > 0 || all.rows.some(({ worker }) => worker.resources.length > 0)
  const resources = { title: 'Resources', cell: ({ worker }: WorkerRow) => resourcesCell(worker) }
  return all.section('Workers', ({ worker }) => cells(worker), any ? resources : undefined)
}
