/** The first page `/`: cluster facts (spec U1), workers (U2), applications (U3), drivers (U4), who leads. Pure. */
import type { LeadershipStatus } from '../control/leadership.js'
import {
  ApplicationState,
  DriverState,
  MasterState,
  WorkerState,
  type ApplicationViewT,
} from '../schema/magneto.js'
import { driverSections, driverTables, type DriverTables } from './driver-tables.js'
import { explainedApplication } from './explain.js'
import { whyLink } from './explain-section.js'
import { amountsText, durationText, memoryText, timeText } from './format.js'
import { html, link, webUrl, type Fragment, type Markup } from '../http/html.js'
import { document, facts } from '../http/layout.js'
import { leadershipSection, stateRemark } from './leadership-section.js'
import { historyUrl, killForm, newestFirst } from './lists.js'
import type { ApplicationRow, ClusterModel } from './model/cluster-model.js'
import type { Column, TableSpec } from './table-query.js'
import { shownTable, type PageAsked, type ShownTable } from './table-section.js'
import { applicationDurationMs } from './totals.js'
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

function workerCounts({ totals }: ClusterModel): string {
  return [
    `${totals.workersIn(WorkerState.ALIVE)} alive`,
    `${totals.workersIn(WorkerState.DEAD)} dead`,
    `${totals.workersIn(WorkerState.DECOMMISSIONED)} decommissioned`,
    `${totals.workersIn(WorkerState.UNKNOWN)} unknown`,
  ].join(', ')
}

/** Completed ones count by how they ended, finished ones left out, as Spark counts them. */
function driverCounts({
  totals,
  activeDrivers: active,
  completedDrivers: completed,
}: ClusterModel) {
  const how = [
    `${totals.completedDriversIn(DriverState.KILLED)} killed`,
    `${totals.completedDriversIn(DriverState.FAILED)} failed`,
    `${totals.completedDriversIn(DriverState.ERROR)} error`,
    `${totals.completedDriversIn(DriverState.RELAUNCHING)} relaunching`,
  ]
  const any = active.size + completed.size > 0
  const named = (target: string, text: string) => link(any ? target : null, text)
  return html`${named('#running-drivers', `${active.size} running`)}
  (${totals.driversIn(DriverState.SUBMITTED)} waiting),
  ${named('#completed-drivers', `${completed.size} completed`)} (${how.join(', ')})`
}

const logLink = html`<a href="/logPage/?self&amp;logType=out">Log</a>`

function summary(model: ClusterModel, { restUrl = null, leadership = null }: PageOptions): Markup {
  const { totals, cluster: view } = model
  const resources = [...totals.resources].map(
    ([name, { total, used }]) => `${used} / ${total} ${name}`,
  )
  return facts([
    ['URL', String(view.masterUrl)],
    ...(restUrl === null ? [] : [['REST URL', `${restUrl} (cluster mode)`] as const]),
    ['Status', html`${MasterState[view.state]} (${logLink})${stateRemark(view, leadership)}`],
    ['Workers', workerCounts(model)],
    ['Cores in use', `${totals.cores} total, ${totals.coresUsed} used`],
    [
      'Memory in use',
      `${memoryText(totals.memoryMb)} total, ${memoryText(totals.memoryUsedMb)} used`,
    ],
    ...(resources.length === 0 ? [] : [['Resources in use', resources.join(', ')] as const]),
    [
      'Applications',
      html`<a href="#running">${model.activeApplications.size} running</a>,
        <a href="#completed">${model.completedApplications.size} completed</a>`,
    ],
    ['Drivers', driverCounts(model)],
  ])
}

export function applicationPath(id: string): string {
  return `/app/?appId=${encodeURIComponent(id)}`
}

function applicationCells(
  application: ApplicationViewT,
  nowMs: number,
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
    durationText(applicationDurationMs(application, nowMs)),
  ]
}

const applicationColumns: readonly Column<ApplicationRow>[] = [
  { title: 'Application ID', key: 'id', value: ({ application }) => String(application.id) },
  { title: 'Name', key: 'name', value: ({ application }) => String(application.name) },
  { title: 'Cores', key: 'cores', value: ({ application }) => application.coresGranted },
  {
    title: 'Memory per Executor',
    key: 'memory',
    value: ({ application }) => application.memoryPerExecutorMb,
  },
  {
    title: 'Resources Per Executor',
    key: 'resources',
    value: ({ application }) => amountsText(application.resourcesPerExecutor),
  },
  {
    title: 'Submitted Time',
    key: 'submitted',
    value: ({ application }) => Number(application.submittedMs),
  },
  { title: 'User', key: 'user', value: ({ application }) => application.user ?? '' },
  { title: 'State', key: 'state', value: ({ application }) => ApplicationState[application.state] },
  {
    title: 'Duration',
    key: 'duration',
    // The longer it has run, the earlier it began; what has ended is compared by how long it ran.
    value: ({ application }) =>
      application.endedMs === 0n
        ? Number.MAX_SAFE_INTEGER - Number(application.submittedMs)
        : Number(application.endedMs - application.submittedMs),
  },
]

function applicationTable(id: string): TableSpec<ApplicationRow> {
  return {
    id,
    columns: applicationColumns,
    order: newestFirst(({ application }: ApplicationRow) => application.submittedMs),
    text: ({ application }) =>
      `${application.id} ${application.name} ${application.user ?? ''} ${ApplicationState[application.state]}`,
  }
}

export const runningTable = applicationTable('running')
export const completedTable = applicationTable('completed')

/** What the page shows of its tables: what of it waits can be explained before it is drawn. */
export interface ClusterTables {
  readonly asked: PageAsked
  readonly running: ShownTable<ApplicationRow>
  readonly completed: ShownTable<ApplicationRow>
  readonly drivers: DriverTables
}

/** @throws BadQuery */
export function clusterTables(model: ClusterModel, parameters: URLSearchParams): ClusterTables {
  const asked = { path: '/', parameters }
  return {
    asked,
    running: shownTable(model.activeApplications, runningTable, asked),
    completed: shownTable(model.completedApplications, completedTable, asked),
    drivers: driverTables(model, asked),
  }
}

/** @throws BadQuery */
export function clusterPage(
  model: ClusterModel,
  { asked, running, completed, drivers }: ClusterTables,
  options: PageOptions,
): string {
  const cells = ({ application }: ApplicationRow) =>
    applicationCells(application, model.nowMs, options)
  return document(options.title ?? `Magneto Master at ${model.cluster.masterUrl}`, [
    summary(model, options),
    workerSection(model, asked),
    running.section('Running Applications', cells),
    completed.section('Completed Applications', cells),
    driverSections(model, drivers, options),
    leadershipSection(options.leadership ?? null),
  ])
}
