/** Workers on the first page (spec U2). Pure. */
import { WorkerState, type ClusterViewT, type WorkerViewT } from '../schema/magneto.js'
import { memoryText } from './format.js'
import { link, webUrl, type Fragment, type Markup } from '../http/html.js'
import { section } from '../http/layout.js'
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

function byId(workers: readonly WorkerViewT[]): WorkerViewT[] {
  return [...workers].sort((a, b) => (String(a.id) < String(b.id) ? -1 : 1))
}

const columns = ['Worker Id', 'Address', 'State', 'Cores', 'Memory', 'Runtimes']

/** The resources have a column only where a worker has some. */
export function workerSection({ workers }: ClusterViewT): Markup {
  const sorted = byId(workers)
  if (workers.every(({ resources }) => resources.length === 0)) {
    return section('workers', 'Workers', columns, sorted.map(cells))
  }
  const rows = sorted.map((worker) => cells(worker).concat(resourcesCell(worker)))
  return section('workers', 'Workers', [...columns, 'Resources'], rows)
}
