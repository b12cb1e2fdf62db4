/** The first page `/`: cluster facts (spec U1), workers (U2), applications (U3). Pure. */
import {
  ApplicationState,
  MasterState,
  WorkerState,
  type ApplicationViewT,
  type ClusterViewT,
  type WorkerViewT,
} from '../schema/magneto.js'
import { durationText, memoryText, timeText } from './format.js'
import { html, link, webUrl, type Fragment, type Markup } from './html.js'
import { document, facts, section } from './layout.js'
import { applicationDurationMs, clusterTotals } from './totals.js'

export interface PageOptions {
  /** `spark.ui.killEnabled` (P46). */
  readonly killEnabled: boolean
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

function summary(view: ClusterViewT): Markup {
  const totals = clusterTotals(view)
  return facts([
    ['URL', String(view.masterUrl)],
    ['Status', MasterState[view.state]],
    ['Workers', workerCounts(view)],
    ['Cores in use', `${totals.cores} total, ${totals.coresUsed} used`],
    [
      'Memory in use',
      `${memoryText(totals.memoryMb)} total, ${memoryText(totals.memoryUsedMb)} used`,
    ],
    [
      'Applications',
      html`<a href="#running">${view.activeApplications.length} running</a>,
        <a href="#completed">${view.completedApplications.length} completed</a>`,
    ],
  ])
}

function workerCells(worker: WorkerViewT): Fragment[] {
  const alive = worker.state === WorkerState.ALIVE
  return [
    link(alive ? webUrl(worker.webUiUrl) : null, String(worker.id)),
    `${worker.host}:${worker.port}`,
    WorkerState[worker.state],
    `${worker.cores} (${worker.coresUsed} used)`,
    `${memoryText(worker.memoryMb)} (${memoryText(worker.memoryUsedMb)} used)`,
    worker.runtimes.join(', '),
  ]
}

export function applicationPath(id: string): string {
  return `/app/?appId=${encodeURIComponent(id)}`
}

function killForm(id: string): Markup {
  const action = `/app/kill/?id=${encodeURIComponent(id)}&terminate=true`
  return html` <form method="post" action="${action}">
    <button aria-label="Kill application ${id}">kill</button>
  </form>`
}

function applicationCells(
  application: ApplicationViewT,
  view: ClusterViewT,
  killable: boolean,
): Fragment[] {
  const id = String(application.id)
  const live = application.endedMs === 0n
  return [
    html`${link(applicationPath(id), id)}${killable ? killForm(id) : null}`,
    link(live ? webUrl(application.uiUrl) : null, String(application.name)),
    application.coresGranted,
    memoryText(application.memoryPerExecutorMb),
    timeText(Number(application.submittedMs)),
    application.user ?? '',
    ApplicationState[application.state],
    durationText(applicationDurationMs(application, Number(view.nowMs))),
  ]
}

const workerColumns = ['Worker Id', 'Address', 'State', 'Cores', 'Memory', 'Runtimes']
const applicationColumns = [
  'Application ID',
  'Name',
  'Cores',
  'Memory per Executor',
  'Submitted Time',
  'User',
  'State',
  'Duration',
]

/** Newest first, as Spark lists them. */
function newestFirst(applications: readonly ApplicationViewT[]): ApplicationViewT[] {
  return [...applications].sort((a, b) => Number(b.submittedMs - a.submittedMs))
}

function byId(workers: readonly WorkerViewT[]): WorkerViewT[] {
  return [...workers].sort((a, b) => (String(a.id) < String(b.id) ? -1 : 1))
}

export function clusterPage(view: ClusterViewT, { killEnabled }: PageOptions): string {
  const rows = (applications: readonly ApplicationViewT[], killable: boolean) =>
    newestFirst(applications).map((one) => applicationCells(one, view, killable))
  return document(`Magneto Master at ${view.masterUrl}`, [
    summary(view),
    section('workers', 'Workers', workerColumns, byId(view.workers).map(workerCells)),
    section(
      'running',
      'Running Applications',
      applicationColumns,
      rows(view.activeApplications, killEnabled),
    ),
    section(
      'completed',
      'Completed Applications',
      applicationColumns,
      rows(view.completedApplications, false),
    ),
  ])
}
