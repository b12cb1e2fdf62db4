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
import { whyFold } from './explain-section.js'
import { amountsText, durationText, memoryText, timeText } from './format.js'
import { html, link, webUrl, type Fragment, type Markup } from '../http/html.js'
import { document, facts, liveBar } from '../http/layout.js'
import { leadershipSection, stateRemark } from './leadership-section.js'
import { applicationPath, livePages, placeOf, type Place } from './links.js'
import { historyUrl, killForm, newestFirst } from './lists.js'
import type { ApplicationRow, ClusterModel } from './model/cluster-model.js'
import { stateBadge, useBar } from './states.js'
import type { Column, Filter, TableSpec } from './table-query.js'
import {
  countShown,
  shownTable,
  viewLink,
  type PageAsked,
  type ShownTable,
} from './table-section.js'
import { applicationDurationMs } from './totals.js'
import { useSection, type ShownHistory } from './use-section.js'
import { workerSection, workerTable } from './worker-table.js'

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
  /** `spark.ui.reverseProxy` (P47); absent: false. */
  readonly proxied?: boolean
  /** Whether its reader may tell workers to leave (P22); absent: no. */
  readonly decommissions?: boolean
  /** How the cluster was; absent: there are no charts. */
  readonly history?: ShownHistory
  /** What the page Environment shows (U7); absent: there is none. */
  readonly environment?: object
}

/** A count that leads to what it counts. */
function counted(asked: PageAsked, table: string, show: string, text: string): Markup {
  return html`<a href="${viewLink(asked, table, { show, offset: '', q: '' })}">${text}</a>`
}

const workerStates = ['ALIVE', 'DEAD', 'DECOMMISSIONED', 'UNKNOWN'] as const

/** Those that are full or ill are named only where there are some. */
function workerCounts({ totals, workers }: ClusterModel, asked: PageAsked): Markup {
  const states = workerStates.map((name) => {
    const key = name.toLowerCase()
    const count = totals.workersIn(WorkerState[name])
    const text = `${count} ${key}`
    return count === 0 ? html`${text}` : counted(asked, 'workers', key, text)
  })
  const parts = ['full', 'unhealthy'].flatMap((key) => {
    const count = countShown(workers, workerTable, key)
    return count === 0 ? [] : [counted(asked, 'workers', key, `${count} ${key}`)]
  })
  return html`${[...states, ...parts].map((part, at) => [at === 0 ? null : ', ', part])}`
}

function applicationCounts(model: ClusterModel, asked: PageAsked): Markup {
  const waiting = model.totals.applicationsIn(ApplicationState.WAITING)
  const waits = counted(asked, 'running', 'waiting', `${waiting} waiting`)
  return html`<a href="#running">${model.activeApplications.size} running</a>${
      waiting === 0 ? null : html` (${waits})`
    }, <a href="#completed">${model.completedApplications.size} completed</a>`
}

/** Completed ones count by how they ended, finished ones left out, as Spark counts them. */
function driverCounts(
  { totals, activeDrivers: active, completedDrivers: completed }: ClusterModel,
  asked: PageAsked,
): Markup {
  const how = [
    `${totals.completedDriversIn(DriverState.KILLED)} killed`,
    `${totals.completedDriversIn(DriverState.FAILED)} failed`,
    `${totals.completedDriversIn(DriverState.ERROR)} error`,
    `${totals.completedDriversIn(DriverState.RELAUNCHING)} relaunching`,
  ]
  const any = active.size + completed.size > 0
  const named = (target: string, text: string) => link(any ? target : null, text)
  const waiting = totals.driversIn(DriverState.SUBMITTED)
  const waits =
    waiting === 0 ? '0 waiting' : counted(asked, 'running-drivers', 'waiting', `${waiting} waiting`)
  return html`${named('#running-drivers', `${active.size} running`)} (${waits}),
  ${named('#completed-drivers', `${completed.size} completed`)} (${how.join(', ')})`
}

function statusFact({ cluster }: ClusterModel, { leadership, environment }: PageOptions): Markup {
  const { state } = cluster
  const more = [
    ...(environment ? [html`<a href="./environment/">Environment</a>, `] : []),
    html`<a href="./logPage/?self&amp;logType=out">Log</a>`,
  ]
  return html`${stateBadge(MasterState[state])} (${more})${stateRemark(cluster, leadership ?? null)}`
}

function summary(model: ClusterModel, asked: PageAsked, options: PageOptions): Markup {
  const { totals, cluster: view } = model
  const { restUrl = null } = options
  const resources = [...totals.resources].map(
    ([name, { total, used }]) => `${used} / ${total} ${name}`,
  )
  const memory = `${memoryText(totals.memoryMb)} total, ${memoryText(totals.memoryUsedMb)} used`
  return facts([
    ['URL', String(view.masterUrl)],
    ...(restUrl === null ? [] : [['REST URL', `${restUrl} (cluster mode)`] as const]),
    ['Status', statusFact(model, options)],
    ['Workers', workerCounts(model, asked)],
    [
      'Cores in use',
      html`${totals.cores} total, ${totals.coresUsed} used${useBar(totals.coresUsed, totals.cores)}`,
    ],
    ['Memory in use', html`${memory}${useBar(totals.memoryUsedMb, totals.memoryMb)}`],
    ...(resources.length === 0 ? [] : [['Resources in use', resources.join(', ')] as const]),
    ['Applications', applicationCounts(model, asked)],
    ['Drivers', driverCounts(model, asked)],
  ])
}

function applicationCells(
  application: ApplicationViewT,
  nowMs: number,
  place: Place,
  { killEnabled, historyServerUrl }: PageOptions,
): Fragment[] {
  const id = String(application.id)
  const live = application.endedMs === 0n
  const past = () => webUrl(historyUrl(historyServerUrl, id))
  return [
    html`${link(applicationPath(place, id), id)}${
      live && killEnabled ? killForm(place, 'application', id) : null
    }`,
    link(live ? livePages(place, application) : past(), String(application.name)),
    application.coresGranted,
    memoryText(application.memoryPerExecutorMb),
    amountsText(application.resourcesPerExecutor),
    timeText(Number(application.submittedMs)),
    application.user ?? '',
    html`${stateBadge(ApplicationState[application.state])}${whyFold(
      place,
      explainedApplication(application),
    )}`,
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

const inState =
  (state: ApplicationState): Filter<ApplicationRow>['of'] =>
  ({ application }) =>
    application.state === state

function applicationTable(
  id: string,
  filters: readonly Filter<ApplicationRow>[],
): TableSpec<ApplicationRow> {
  return {
    id,
    columns: applicationColumns,
    order: newestFirst(({ application }: ApplicationRow) => application.submittedMs),
    text: ({ application }) =>
      `${application.id} ${application.name} ${application.user ?? ''} ${ApplicationState[application.state]}`,
    filters,
  }
}

export const runningTable = applicationTable('running', [
  { key: 'running', of: inState(ApplicationState.RUNNING) },
  { key: 'waiting', of: inState(ApplicationState.WAITING) },
])
export const completedTable = applicationTable('completed', [
  { key: 'finished', of: inState(ApplicationState.FINISHED) },
  { key: 'failed', of: inState(ApplicationState.FAILED) },
  { key: 'killed', of: inState(ApplicationState.KILLED) },
])

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
  const place = placeOf(asked.path, options.proxied)
  const cells = ({ application }: ApplicationRow) =>
    applicationCells(application, model.nowMs, place, options)
  const { decommissions = false, killEnabled } = options
  const title = options.title ?? `Magneto Master at ${model.cluster.masterUrl}`
  const body = [
    summary(model, asked, options),
    options.history === undefined ? null : useSection(options.history, asked),
    workerSection(model, asked, { place, decommissions }),
    running.section('Running Applications', cells),
    completed.section('Completed Applications', cells),
    driverSections(model, drivers, { place, killEnabled }),
    leadershipSection(options.leadership ?? null),
  ]
  return document(title, body, liveBar(place.root))
}
