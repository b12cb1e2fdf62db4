/** The first page `/`: cluster facts (spec U1), workers (U2), applications (U3), drivers (U4), who leads. Pure. */
import type { LeadershipStatus } from '../control/leadership.js'
import {
  ApplicationState,
  DriverState,
  MasterState,
  WorkerState,
  type ApplicationViewT,
  type ClusterViewT,
} from '../schema/magneto.js'
import { driverSections } from './driver-tables.js'
import { explainedApplication } from './explain.js'
import { whyLink } from './explain-section.js'
import { amountsText, durationText, memoryText, timeText } from './format.js'
import { html, link, webUrl, type Fragment, type Markup } from '../http/html.js'
import { document, facts, section } from '../http/layout.js'
import { leadershipSection, stateRemark } from './leadership-section.js'
import { historyUrl, killForm, newestFirst } from './lists.js'
import { applicationDurationMs, clusterTotals, waitingDrivers } from './totals.js'
import { workerSection } from './worker-table.js'

export interface PageOptions {
  /** `spark.ui.killEnabled` (P46). */
  readonly killEnabled: boolean
  /** `spark.master.ui.title` (P20); absent: the URL of the master. */
  readonly title?: string | null
  /** `spark.master.ui.historyServerUrl` (P21); absent: completed applications link nowhere. */
  readonly historyServerUrl?: string | null
  /** Where submissions are taken; absent or null: nowhere. */
  readonly restUrl?: string | null
  /** Absent or null: nothing is known of it yet. */
  readonly leadership?: LeadershipStatus | null
}

function workerCounts(view: ClusterViewT): string {
  const count = (state: WorkerState) => view.workers.filter((one) => one.state === state).length
  return [
    `${count(WorkerState.ALIVE)} alive`,
    `${count(WorkerState.DEAD)} dead`,
    `${count(WorkerState.DECOMMISSIONED)} decommissioned`,
    `${count(WorkerState.UNKNOWN)} unknown`,
  ].join(', ')
}

/** Completed ones count by how they ended, finished ones left out, as Spark counts them. */
function driverCounts(view: ClusterViewT): Markup {
  const { activeDrivers: active, completedDrivers: completed } = view
  const count = (state: DriverState) => completed.filter((one) => one.state === state).length
  const how = [
    `${count(DriverState.KILLED)} killed`,
    `${count(DriverState.FAILED)} failed`,
    `${count(DriverState.ERROR)} error`,
    `${count(DriverState.RELAUNCHING)} relaunching`,
  ]
  const any = active.length + completed.length > 0
  const named = (target: string, text: string) => link(any ? target : null, text)
  return html`${named('#running-drivers', `${active.length} running`)}
  (${waitingDrivers(view).length} waiting),
  ${named('#completed-drivers', `${completed.length} completed`)} (${how.join(', ')})`
}

const logLink = html`<a href="/logPage/?self&amp;logType=out">Log</a>`

function summary(view: ClusterViewT, { restUrl = null, leadership = null }: PageOptions): Markup {
  const totals = clusterTotals(view)
  const resources = [...totals.resources].map(
    ([name, { total, used }]) => `${used} / ${total} ${name}`,
  )
  return facts([
    ['URL', String(view.masterUrl)],
    ...(restUrl === null ? [] : [['REST URL', `${restUrl} (cluster mode)`] as const]),
    ['Status', html`${MasterState[view.state]} (${logLink})${stateRemark(view, leadership)}`],
    ['Workers', workerCounts(view)],
    ['Cores in use', `${totals.cores} total, ${totals.coresUsed} used`],
    [
      'Memory in use',
      `${memoryText(totals.memoryMb)} total, ${memoryText(totals.memoryUsedMb)} used`,
    ],
    ...(resources.length === 0 ? [] : [['Resources in use', resources.join(', ')] as const]),
    [
      'Applications',
      html`<a href="#running">${view.activeApplications.length} running</a>,
        <a href="#completed">${view.completedApplications.length} completed</a>`,
    ],
    ['Drivers', driverCounts(view)],
  ])
}

export function applicationPath(id: string): string {
  return `/app/?appId=${encodeURIComponent(id)}`
}

function applicationCells(
  application: ApplicationViewT,
  view: ClusterViewT,
  { killEnabled, historyServerUrl }: PageOptions,
): Fragment[] {
  const id = String(application.id)
  const live = application.endedMs === 0n
  const killable = live && killEnabled
  const details = live ? application.uiUrl : historyUrl(historyServerUrl, id)
  return [
    html`${link(applicationPath(id), id)}${killable ? killForm('application', id) : null}`,
    link(webUrl(details), String(application.name)),
    application.coresGranted,
    memoryText(application.memoryPerExecutorMb),
    amountsText(application.resourcesPerExecutor),
    timeText(Number(application.submittedMs)),
    application.user ?? '',
    html`${ApplicationState[application.state]}${whyLink(explainedApplication(application))}`,
    durationText(applicationDurationMs(application, Number(view.nowMs))),
  ]
}

const applicationColumns = [
  'Application ID',
  'Name',
  'Cores',
  'Memory per Executor',
  'Resources Per Executor',
  'Submitted Time',
  'User',
  'State',
  'Duration',
]

export function clusterPage(view: ClusterViewT, options: PageOptions): string {
  const rows = (applications: readonly ApplicationViewT[]) =>
    newestFirst(applications).map((one) => applicationCells(one, view, options))
  return document(options.title ?? `Magneto Master at ${view.masterUrl}`, [
    summary(view, options),
    workerSection(view),
    section('running', 'Running Applications', applicationColumns, rows(view.activeApplications)),
    section(
      'completed',
      'Completed Applications',
      applicationColumns,
      rows(view.completedApplications),
    ),
    driverSections(view, options),
    leadershipSection(options.leadership ?? null),
  ])
}
