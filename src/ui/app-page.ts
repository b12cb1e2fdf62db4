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
import { durationText, memoryText, resourcesText, timeText } from './format.js'
import { html, link, webUrl, type Fragment } from '../http/html.js'
import { document, facts } from '../http/layout.js'
import { historyUrl } from './lists.js'
import {
  byOrder,
  type ApplicationRow,
  type ClusterModel,
  type ExecutorRow,
} from './model/cluster-model.js'
import type { Column, TableSpec } from './table-query.js'
import { shownTable } from './table-section.js'
import { applicationDurationMs } from './totals.js'

export interface ApplicationPageOptions {
  readonly historyServerUrl?: string | null
  /** Of the request, for its tables. */
  readonly parameters?: URLSearchParams
}

function coresText({ coresGranted, coresMax }: ApplicationViewT): string {
  if (coresMax === null) return `Unlimited (${coresGranted} granted)`
  const left = Math.max(0, coresMax - coresGranted)
  return `${coresMax} (${coresGranted} granted, ${left} left)`
}

/** Of the driver while it lives, of the history server afterwards (P21). */
function detailLink(application: ApplicationViewT, historyServer?: string | null): Fragment {
  if (application.endedMs !== 0n) {
    const past = webUrl(historyUrl(historyServer, String(application.id)))
    return past === null ? 'ended' : link(past, 'Application History UI')
  }
  const url = webUrl(application.uiUrl)
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

function executorCells(executor: ExecutorViewT): Fragment[] {
  return [
    executor.id,
    String(executor.workerId),
    executor.cores,
    memoryText(executor.memoryMb),
    executor.profileId,
    resourcesText(executor.resources),
    ExecutorState[executor.state],
  ]
}

/**
 * @param row null: there is none of that id, which Spark says on a page of its own with status 200
 * @throws BadQuery
 */
export function applicationPage(
  row: ApplicationRow | null,
  model: ClusterModel,
  { historyServerUrl, parameters = new URLSearchParams() }: ApplicationPageOptions = {},
): string {
  if (row === null) {
    return document('Not Found', html`<p>No such application. <a href="/">Back to Master</a></p>`)
  }
  const { application, number, executors } = row
  const limit = application.executorLimit
  const asked = { path: '/app/', parameters }
  const table = (title: string, removed: boolean) =>
    shownTable(model.executors, executorTable(number, removed), asked).section(
      title,
      ({ executor }) => executorCells(executor),
    )
  return document(`Application: ${application.name}`, [
    html`<p><a href="/">Back to Master</a></p>`,
    facts([
      ['ID', String(application.id)],
      ['Name', String(application.name)],
      ['User', application.user ?? ''],
      ['Cores', coresText(application)],
      ['Executor Limit', `${limit ?? 'Unlimited'} (${executors} granted)`],
      ['Executor Memory - Default Resource Profile', memoryText(application.memoryPerExecutorMb)],
      ['Runtime', application.runtime ?? ''],
      ['Submit Date', timeText(Number(application.submittedMs))],
      ['Duration', durationText(applicationDurationMs(application, model.nowMs))],
      ['State', ApplicationState[application.state]],
      ['Live UI', detailLink(application, historyServerUrl)],
    ]),
    explainSection(explainedApplication(application)),
    table('Executor Summary', false),
    table('Removed Executors', true),
  ])
}
