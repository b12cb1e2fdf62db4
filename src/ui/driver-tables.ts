/** Drivers on the first page (spec U4). Pure. */
import { DriverState, type ClusterViewT, type DriverViewT } from '../schema/magneto.js'
import { explainedDriver } from './explain.js'
import { whyLink } from './explain-section.js'
import { amountsText, durationText, memoryText, resourcesText, timeText } from './format.js'
import { html, type Fragment, type Markup } from '../http/html.js'
import { section } from '../http/layout.js'
import { killForm, newestFirst } from './lists.js'
import { workerLink } from './worker-table.js'

/** A stack trace would fill the page; the driver's own log has all of it. */
const exceptionLengthMax = 300

const columns = [
  'Submission ID',
  'Submitted Time',
  'Worker',
  'State',
  'Cores',
  'Memory',
  'Resources',
  'Main Class',
]

function killable({ state }: DriverViewT): boolean {
  return state === DriverState.RUNNING || state === DriverState.SUBMITTED
}

function cells(
  driver: DriverViewT,
  worker: (id: string) => Fragment,
  { killEnabled }: { killEnabled: boolean },
): Fragment[] {
  const id = String(driver.id)
  const waits = driver.workerId === null
  return [
    html`${id}${killEnabled && killable(driver) ? killForm('driver', id) : null}`,
    timeText(Number(driver.submittedMs)),
    driver.workerId === null ? 'None' : worker(driver.workerId),
    html`${DriverState[driver.state]}${whyLink(explainedDriver(driver))}`,
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

/** @returns null when there is no driver to show, as with Spark */
export function driverSections(
  view: ClusterViewT,
  { killEnabled }: { readonly killEnabled: boolean },
): Markup | null {
  const { activeDrivers: active, completedDrivers: completed } = view
  if (active.length + completed.length === 0) return null
  const workers = new Map(view.workers.map((worker) => [worker.id, worker]))
  const worker = (id: string) => {
    const found = workers.get(id)
    return found === undefined ? id : workerLink(found)
  }
  const nowMs = Number(view.nowMs)
  const running = newestFirst(active).map((driver) =>
    cells(driver, worker, { killEnabled }).concat(
      durationText(Math.max(0, nowMs - Number(driver.submittedMs))),
    ),
  )
  const ended = newestFirst(completed).map((driver) =>
    cells(driver, worker, { killEnabled: false }).concat(exceptionText(driver)),
  )
  return html`${section('running-drivers', 'Running Drivers', [...columns, 'Duration'], running)}
  ${section('completed-drivers', 'Completed Drivers', [...columns, 'Exception'], ended)}`
}
