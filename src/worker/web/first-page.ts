/** The worker's first page (U21 to U23): what it is, and what it hosts and has hosted. Pure. */
import { memoryText } from '../../http/figures.js'
import { html, link, webUrl, type Fragment, type Markup } from '../../http/html.js'
import { document, facts, liveBar, section } from '../../http/layout.js'
import type { HostedDriver, HostedExecutor, HostedLists, HostedResource } from '../hosted-work.js'
import { logQuery, type LogOwner } from './log-urls.js'
import type { WorkerFacts } from './thread-messages.js'
import { usedOf } from './totals.js'

export interface FirstPage {
  readonly worker: WorkerFacts
  readonly lists: HostedLists
  /** null: none yet. */
  readonly master: { readonly url: string; readonly webUiUrl: string } | null
  /** Where applications are below the master; null: they are reached where they are (P47). */
  readonly proxyBase: string | null
}

const EXECUTOR_COLUMNS = [
  'ExecutorID',
  'State',
  'Cores',
  'Memory',
  'Resources',
  'Job Details',
  'Logs',
] as const
const DRIVER_COLUMNS = [
  'DriverID',
  'Main Class',
  'State',
  'Cores',
  'Memory',
  'Resources',
  'Logs',
  'Notes',
] as const

/** Every link is relative: the page is also served below another path (U18). */
export function firstPage(shown: FirstPage): string {
  const { worker, lists, master } = shown
  const executors = (id: string, title: string, rows: readonly HostedExecutor[]): Markup =>
    section(
      id,
      title,
      EXECUTOR_COLUMNS,
      rows.map((row) => executorCells(row, shown)),
    )
  const { finishedExecutors, finishedDrivers } = lists
  const back = master === null ? null : webUrl(master.webUiUrl)
  const body = [
    summary(shown),
    back === null ? null : html`<p><a href="${back}">Back to Master</a></p>`,
    executors('running-executors', 'Running Executors', lists.executors),
    lists.drivers.length === 0
      ? null
      : driverSection('running-drivers', 'Running Drivers', lists.drivers),
    finishedExecutors.length === 0
      ? null
      : executors('finished-executors', 'Finished Executors', finishedExecutors),
    finishedDrivers.length === 0
      ? null
      : driverSection('finished-drivers', 'Finished Drivers', finishedDrivers),
  ]
  return document(`Magneto Worker at ${worker.address}`, body, liveBar('./'))
}

function driverSection(id: string, title: string, rows: readonly HostedDriver[]): Markup {
  return section(id, title, DRIVER_COLUMNS, rows.map(driverCells))
}

function summary({ worker, lists, master }: FirstPage): Markup {
  const used = usedOf(lists)
  const own = html`<a href="logPage/?${String(logQuery(null, 'out'))}">${worker.workerId}</a>`
  const url = master === null ? 'none yet' : link(webUrl(master.webUiUrl), master.url)
  return facts([
    ['ID', own],
    ['Master URL', url],
    ['Cores', `${worker.cores} (${used.cores} Used)`],
    ['Memory', `${memoryText(worker.memoryMb)} (${memoryText(used.memoryMb)} Used)`],
    ...(worker.resources.length === 0
      ? []
      : [['Resources', freeAndUsed(worker.resources, used.resources)] as const]),
  ])
}

/** `gpu: Free: [1] / Used: [0]`, as Spark shows them. */
function freeAndUsed(
  all: readonly HostedResource[],
  used: ReadonlyMap<string, readonly string[]>,
): string {
  return all
    .map(({ name, addresses }) => {
      const taken = used.get(name) ?? []
      const free = addresses.filter((address) => !taken.includes(address))
      return `${name}: Free: [${free.join(', ')}] / Used: [${taken.join(', ')}]`
    })
    .join('; ')
}

function executorCells(executor: HostedExecutor, shown: FirstPage): Fragment[] {
  const { appId, executorId, application } = executor
  return [
    executorId,
    executor.state,
    executor.cores,
    memoryText(executor.memoryMb),
    resourcesText(executor.resources),
    html`<ul>
      <li>ID: ${appId}</li>
      <li>Name: ${link(applicationUrl(executor, shown), application.name)}</li>
      <li>User: ${application.user}</li>
    </ul>`,
    logLinks({ appId, executorId }, `executor ${appId}/${executorId}`),
  ]
}

/** Of its driver's pages, while it runs and has some. */
function applicationUrl(executor: HostedExecutor, { proxyBase }: FirstPage): string | null {
  const url = webUrl(executor.application.uiUrl)
  if (executor.state !== 'RUNNING' || url === null) return null
  return proxyBase === null ? url : `${proxyBase}/${encodeURIComponent(executor.appId)}/`
}

function driverCells(driver: HostedDriver): Fragment[] {
  const { driverId } = driver
  return [
    driverId,
    driver.mainClass,
    driver.state,
    driver.cores,
    memoryText(driver.memoryMb),
    resourcesText(driver.resources),
    logLinks({ driverId }, `driver ${driverId}`),
    driver.notes,
  ]
}

function logLinks(owner: LogOwner, name: string): Markup[] {
  return ['stdout', 'stderr'].map(
    (logType) =>
      html`<a href="logPage/?${String(logQuery(owner, logType))}" aria-label="${logType} of ${name}"
        >${logType}</a
      > `,
  )
}

function resourcesText(resources: readonly HostedResource[]): string {
  return resources.map(({ name, addresses }) => `${name}: [${addresses.join(', ')}]`).join('; ')
}
