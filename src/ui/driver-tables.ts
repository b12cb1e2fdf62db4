/** Drivers on the first page (spec U4). Pure. */
import { DriverState, type DriverViewT } from '../schema/magneto.js'
import { explainedDriver } from './explain.js'
import { whyFold } from './explain-section.js'
import { amountsText, durationText, memoryText, resourcesText, timeText } from './format.js'
import { html, type Fragment, type Markup } from '../http/html.js'
import { workerLink, type Place } from './links.js'
import { killForm, newestFirst } from './lists.js'
import type { ClusterModel, DriverRow } from './model/cluster-model.js'
import { stateBadge } from './states.js'
import type { Column, Filter, TableSpec } from './table-query.js'
import { shownTable, type PageAsked, type ShownTable } from './table-section.js'

/** A stack trace would fill the page; the driver's own log has all of it. */
const exceptionLengthMax = 300

const columns: readonly Column<DriverRow>[] = [
  { title: 'Submission ID', key: 'id', value: ({ driver }) => String(driver.id) },
  { title: 'Submitted Time', key: 'submitted', value: ({ driver }) => Number(driver.submittedMs) },
  { title: 'Worker', key: 'worker', value: ({ driver }) => driver.workerId ?? '' },
  { title: 'State', key: 'state', value: ({ driver }) => DriverState[driver.state] },
  { title: 'Cores', key: 'cores', value: ({ driver }) => driver.cores },
  { title: 'Memory', key: 'memory', value: ({ driver }) => driver.memoryMb },
  { title: 'Resources', key: 'resources', value: ({ driver }) => resourcesText(driver.resources) },
  { title: 'Main Class', key: 'class', value: ({ driver }) => driver.mainClass ?? '' },
]

const inState =
  (state: DriverState): Filter<DriverRow>['of'] =>
  ({ driver }) =>
    driver.state === state

function driverTable(id: string, filters: readonly Filter<DriverRow>[]): TableSpec<DriverRow> {
  return {
    id,
    columns,
    order: newestFirst(({ driver }: DriverRow) => driver.submittedMs),
    text: ({ driver }) =>
      `${driver.id} ${driver.mainClass ?? ''} ${driver.workerId ?? ''} ${DriverState[driver.state]}`,
    filters,
  }
}

export const runningDriverTable = driverTable('running-drivers', [
  { key: 'running', of: inState(DriverState.RUNNING) },
  { key: 'waiting', of: inState(DriverState.SUBMITTED) },
])
export const completedDriverTable = driverTable('completed-drivers', [
  { key: 'finished', of: inState(DriverState.FINISHED) },
  { key: 'failed', of: inState(DriverState.FAILED) },
  { key: 'error', of: inState(DriverState.ERROR) },
  { key: 'killed', of: inState(DriverState.KILLED) },
])

function killable({ state }: DriverViewT): boolean {
  return state === DriverState.RUNNING || state === DriverState.SUBMITTED
}

export interface DriverTableOptions {
  readonly place: Place
  readonly killEnabled: boolean
}

function cells(
  driver: DriverViewT,
  worker: (id: string) => Fragment,
  { place, killEnabled }: DriverTableOptions,
): Fragment[] {
  const id = String(driver.id)
  const waits = driver.workerId === null
  return [
    html`${id}${killEnabled && killable(driver) ? killForm(place, 'driver', id) : null}`,
    timeText(Number(driver.submittedMs)),
    driver.workerId === null ? 'None' : worker(driver.workerId),
    html`${stateBadge(DriverState[driver.state])}${whyFold(place, explainedDriver(driver))}`,
    driver.cores,
    memoryText(driver.memoryMb),
    waits ? amountsText(driver.resourcesAsked) : resourcesText(driver.resources),
    driver.mainClass ?? '',
  ]
}

function exceptionText({ exception }: DriverViewT): string {
  if (exception === null || exception.length <= exceptionLengthMax) return exception ?? ''
  return `${exception.slice(0, exceptionLengthMax)}…`
}

export interface DriverTables {
  readonly running: ShownTable<DriverRow>
  readonly completed: ShownTable<DriverRow>
}

/** @throws BadQuery */
export function driverTables(model: ClusterModel, asked: PageAsked): DriverTables {
  return {
    running: shownTable(model.activeDrivers, runningDriverTable, asked),
    completed: shownTable(model.completedDrivers, completedDriverTable, asked),
  }
}

/** @returns null when there is no driver to show, as with Spark */
export function driverSections(
  model: ClusterModel,
  { running, completed }: DriverTables,
  { place, killEnabled }: DriverTableOptions,
): Markup | null {
  if (model.activeDrivers.size + model.completedDrivers.size === 0) return null
  const worker = (id: string) => {
    const found = model.worker(id)
    return found === null ? id : workerLink(place, found.worker)
  }
  const duration = ({ driver }: DriverRow) =>
    durationText(Math.max(0, model.nowMs - Number(driver.submittedMs)))
  return html`${running.section(
    'Running Drivers',
    ({ driver }) => cells(driver, worker, { place, killEnabled }),
    { title: 'Duration', cell: duration },
  )}
  ${completed.section(
    'Completed Drivers',
    ({ driver }) => cells(driver, worker, { place, killEnabled: false }),
    { title: 'Exception', cell: ({ driver }) => exceptionText(driver) },
  )}`
}
