/** `/app/?appId=`: one application and its executors (spec U6). Pure. */
import {
  ApplicationState,
  ExecutorState,
  type ApplicationViewT,
  type ClusterViewT,
  type ExecutorViewT,
} from '../schema/magneto.js'
import { explainedApplication } from './explain.js'
import { explainSection } from './explain-section.js'
import { durationText, memoryText, resourcesText, timeText } from './format.js'
import { html, link, webUrl, type Fragment } from '../http/html.js'
import { document, facts, section } from '../http/layout.js'
import { historyUrl } from './lists.js'
import { applicationDurationMs } from './totals.js'

export function findApplication(view: ClusterViewT, id: string): ApplicationViewT | null {
  const named = (one: ApplicationViewT) => one.id === id
  return view.activeApplications.find(named) ?? view.completedApplications.find(named) ?? null
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

const executorColumns = [
  'ExecutorID',
  'Worker',
  'Cores',
  'Memory',
  'Resource Profile Id',
  'Resources',
  'State',
]

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

/** @param application null: there is none of that id, which Spark says on a page of its own with status 200 */
export function applicationPage(
  application: ApplicationViewT | null,
  nowMs: number,
  { historyServerUrl }: { readonly historyServerUrl?: string | null } = {},
): string {
  if (application === null) {
    return document('Not Found', html`<p>No such application. <a href="/">Back to Master</a></p>`)
  }
  const limit = application.executorLimit
  return document(`Application: ${application.name}`, [
    html`<p><a href="/">Back to Master</a></p>`,
    facts([
      ['ID', String(application.id)],
      ['Name', String(application.name)],
      ['User', application.user ?? ''],
      ['Cores', coresText(application)],
      ['Executor Limit', `${limit ?? 'Unlimited'} (${application.executors.length} granted)`],
      ['Executor Memory - Default Resource Profile', memoryText(application.memoryPerExecutorMb)],
      ['Runtime', application.runtime ?? ''],
      ['Submit Date', timeText(Number(application.submittedMs))],
      ['Duration', durationText(applicationDurationMs(application, nowMs))],
      ['State', ApplicationState[application.state]],
      ['Live UI', detailLink(application, historyServerUrl)],
    ]),
    explainSection(explainedApplication(application)),
    section(
      'executors',
      'Executor Summary',
      executorColumns,
      application.executors.map(executorCells),
    ),
    section(
      'removed',
      'Removed Executors',
      executorColumns,
      application.removedExecutors.map(executorCells),
    ),
  ])
}
