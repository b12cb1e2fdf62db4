/**
 * Where things are, as seen from a page. Every link of ours is relative, since the master may be shown below another path;
 * with `spark.ui.reverseProxy` the pages of workers and running applications are below the master's own (P47). Pure.
 */
import type { ApplicationViewT, WorkerViewT } from '../schema/magneto.js'
import { WorkerState } from '../schema/magneto.js'
import { html, link, webUrl, type Markup } from '../http/html.js'
import { rootOf } from '../http/route.js'

export interface Place {
  /** The relative way to the first page: `./`, `../`. */
  readonly root: string
  /** `spark.ui.reverseProxy`. */
  readonly proxied: boolean
}

/** @param path of the page */
export function placeOf(path: string, proxied = false): Place {
  return { root: rootOf(path), proxied }
}

/** From the page of this path to itself: what a query is put behind. */
export function selfOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1) || './'
}

export function applicationPath({ root }: Place, id: string): string {
  return `${root}app/?appId=${encodeURIComponent(id)}`
}

function proxiedPath({ root }: Place, id: string): string {
  return `${root}proxy/${encodeURIComponent(id)}/`
}

/** @returns where its own pages are; null: nowhere that a browser may follow */
export function workerPages(place: Place, { id, webUiUrl }: WorkerViewT): string | null {
  const own = webUrl(webUiUrl)
  return own !== null && place.proxied ? proxiedPath(place, String(id)) : own
}

/** A link to its own pages while it lives (U2). */
export function workerLink(place: Place, worker: WorkerViewT): Markup {
  const alive = worker.state === WorkerState.ALIVE
  return link(alive ? workerPages(place, worker) : null, String(worker.id))
}

/** @returns where the pages of a live application are; null: nowhere */
export function livePages(place: Place, { id, uiUrl }: ApplicationViewT): string | null {
  const own = webUrl(uiUrl)
  return own !== null && place.proxied ? proxiedPath(place, String(id)) : own
}

/** Both logs of an executor, which its worker shows (U6, U24). @returns null while nobody can show them */
export function executorLogs(
  place: Place,
  worker: WorkerViewT | null,
  executor: { readonly appId: string; readonly executorId: number },
): Markup | null {
  if (worker === null || worker.state === WorkerState.DEAD) return null
  const pages = workerPages(place, worker)
  if (pages === null) return null
  const { appId, executorId } = executor
  return html`${['stdout', 'stderr'].map((logType) => {
    const query = new URLSearchParams({ appId, executorId: String(executorId), logType })
    const target = `${pages.replace(/\/+$/, '')}/logPage/?${query.toString()}`
    return html`<a href="${target}" aria-label="${logType} of executor ${executorId}"
      >${logType}</a
    > `
  })}`
}
