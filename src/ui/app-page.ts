/** `/app/?appId=`: one application and its executors (spec U6). Pure. */
import {
  ApplicationState,
  ExecutorPlace,
  ExecutorState,
  type ApplicationViewT,
  type ExecutorViewT,
} from '../schema/magneto.js'
import { explainedApplication } from './explain.js'
import { explainSection } from './explain-section.js'
import { amountsText, durationText, memoryText, resourcesText, timeText } from './format.js'
import { html, link, webUrl, type Fragment, type Markup } from '../http/html.js'
import { document, facts, liveBar } from '../http/layout.js'
import { executorLogs, livePages, placeOf, workerLink, type Place } from './links.js'
import { historyUrl } from './lists.js'
import {
  byOrder,
  type ApplicationRow,
  type ClusterModel,
  type ExecutorRow,
} from './model/cluster-model.js'
import { stateBadge } from './states.js'
import type { Column, TableSpec } from './table-query.js'
import { shownTable, type ShownTable } from './table-section.js'
import { applicationDurationMs } from './totals.js'

export interface ApplicationPageOptions {
  readonly historyServerUrl?: string | null
  /** Of the request. */
  readonly path?: string
  /** Of the request, for its tables. */
  readonly parameters?: URLSearchParams
  /** `spark.ui.reverseProxy` (P47); absent: false. */
  readonly proxied?: boolean
}

function coresText({ coresGranted, coresMax }: ApplicationViewT): string {
  if (coresMax === null) return `Unlimited (${coresGranted} granted)`
  const left = Math.max(0, coresMax - coresGranted)
  return `${coresMax} (${coresGranted} granted, ${left} left)`
}

/** Of the driver while it lives, of the history server afterwards (P21). */
function detailLink(
  place: Place,
  application: ApplicationViewT,
  historyServer?: string | null,
): Fragment {
  if (application.endedMs !== 0n) {
    const past = webUrl(historyUrl(historyServer, String(application.id)))
    return past === null ? 'ended' : link(past, 'Application History UI')
  }
  const url = livePages(place, application)
  return url === null ? 'Disabled' : link(url, 'Application Detail UI')
}

const executorColumns: readonly Column<ExecutorRow>[] = [
  { title: 'ExecutorID', key: 'id', value: ({ executor }) => executor.id },
  { title: 'Worker', key: 'worker', value: ({ executor }) => String(executor.workerId) },
  { title: 'Cores', key: 'cores', value: ({ executor }) => executor.cores },
  { title: 'Memory', key: 'memory', value: ({ executor }) => executor.memoryMb },
  { title: 'Resource Profile Id', key: 'profile', value: ({ executor }) => executor.profileId },
  {
    title: 'Resources',
    key: 'resources',
    value: ({ executor }) => resourcesText(executor.resources),
  },
  { title: 'State', key: 'state', value: ({ executor }) => ExecutorState[executor.state] },
]

/** Those that it has or ended with, by their ids; or those that were removed, in that order. */
export function executorTable(application: number, removed: boolean): TableSpec<ExecutorRow> {
  return {
    id: removed ? 'removed' : 'executors',
    columns: executorColumns,
    keeps: {
      key: `${removed ? 'removed' : 'executors'} of ${application}`,
      of: (row) =>
        row.application === application && (row.place === ExecutorPlace.REMOVED) === removed,
    },
    order: removed
      ? byOrder
      : { key: 'id', compare: (a, b) => a.executor.id - b.executor.id || a.number - b.number },
    text: ({ executor }) => `${executor.id} ${executor.workerId} ${ExecutorState[executor.state]}`,
  }
}

function executorCells(executor: ExecutorViewT, worker: Fragment): Fragment[] {
  return [
    executor.id,
    worker,
    executor.cores,
    memoryText(executor.memoryMb),
    executor.profileId,
    resourcesText(executor.resources),
    stateBadge(ExecutorState[executor.state]),
  ]
}

/**
 * @param row null: there is none of that id, which Spark says on a page of its own with status 200
 * @throws BadQuery
 */
export function applicationPage(
  row: ApplicationRow | null,
  model: ClusterModel,
  options: ApplicationPageOptions = {},
): string {
  const { historyServerUrl, path = '/app/', parameters = new URLSearchParams(), proxied } = options
  const place = placeOf(path, proxied)
  const back = html`<a href="${place.root}">Back to Master</a>`
  const bar = liveBar(place.root)
  if (row === null) return document('Not Found', html`<p>No such application. ${back}</p>`, bar)
  const { application, number } = row
  const asked = { path, parameters }
  const table = (title: string, removed: boolean) =>
    executorSection(model, shownTable(model.executors, executorTable(number, removed), asked), {
      title,
      place,
      appId: String(application.id),
    })
  const body = [
    html`<p>${back}</p>`,
    applicationFacts(row, model, { place, historyServerUrl: historyServerUrl ?? null }),
    explainSection(place, explainedApplication(application)),
    table('Executor Summary', false),
    table('Removed Executors', true),
  ]
  return document(`Application: ${application.name}`, body, bar)
}

function applicationFacts(
  { application, executors }: ApplicationRow,
  { nowMs }: ClusterModel,
  { place, historyServerUrl }: { place: Place; historyServerUrl: string | null },
): Markup {
  const limit = application.executorLimit
  return facts([
    ['ID', String(application.id)],
    ['Name', String(application.name)],
    ['User', application.user ?? ''],
    ['Cores', coresText(application)],
    ['Executor Limit', `${limit ?? 'Unlimited'} (${executors} granted)`],
    ['Executor Memory - Default Resource Profile', memoryText(application.memoryPerExecutorMb)],
    [
      'Executor Resources - Default Resource Profile',
      amountsText(application.resourcesPerExecutor),
    ],
    ['Runtime', application.runtime ?? ''],
    ['Submit Date', timeText(Number(application.submittedMs))],
    ['Duration', durationText(applicationDurationMs(application, nowMs))],
    ['State', stateBadge(ApplicationState[application.state])],
    ['Live UI', detailLink(place, application, historyServerUrl)],
  ])
}

interface ExecutorSection {
  readonly title: string
  readonly place: Place
  readonly appId: string
}

/** The logs of each are at its worker, as long as that is known. */
function executorSection(
  model: ClusterModel,
  table: ShownTable<ExecutorRow>,
  { title, place, appId }: ExecutorSection,
): Markup {
  const workerOf = ({ workerId }: ExecutorViewT) => model.worker(String(workerId))?.worker ?? null
  const cells = ({ executor }: ExecutorRow) => {
    const worker = workerOf(executor)
    const named = worker === null ? String(executor.workerId) : workerLink(place, worker)
    return executorCells(executor, named)
  }
  const logs = ({ executor }: ExecutorRow) =>
    executorLogs(place, workerOf(executor), { appId, executorId: executor.id })
  return table.section(title, cells, { title: 'Logs', cell: logs })
}
