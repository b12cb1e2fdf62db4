/** A part of a log as a page (U24), with links to what is older and newer. Pure. */
import { html, link, webUrl, type Markup } from '../../http/html.js'
import { document } from '../../http/layout.js'
import type { ByteRange } from '../../log-files/range.js'
import type { LogRequest } from './log-request.js'
import { logQuery, type LogOwner } from './log-urls.js'

export interface ShownLog extends ByteRange {
  request: LogRequest
  text: string
  total: number
  masterWebUiUrl: string | null
}

export function ownerName(owner: LogOwner | null): string {
  if (owner === null) return 'this worker'
  return 'driverId' in owner ? owner.driverId : `${owner.appId}/${owner.executorId}`
}

export function logPage(shown: ShownLog): string {
  const { request, text, start, end, total } = shown
  const title = `${request.logType} log page for ${ownerName(request.owner)}`
  const links = linksOf(shown)
  const body = html`<p>
      ${link(webUrl(shown.masterWebUiUrl), 'Back to Master')} <a href="/">Worker</a>
    </p>
    <p>${end - start} bytes: ${start} - ${end} of ${total}</p>
    <nav aria-label="Parts of the log">${links}</nav>
    <pre tabindex="0" role="region" aria-label="${title}">${text}</pre>
    <nav aria-label="Parts of the log, below">${links}</nav>`
  return document(title, body)
}

function linksOf({ request, start, end, total }: ShownLog): Markup[] {
  const { owner, logType } = request
  const byteLength = Math.max(end - start, Math.min(request.byteLength, total), 1)
  const to = (page: string, name: string, range: Record<string, number>): Markup => {
    const query = logQuery(owner, logType)
    for (const [key, value] of Object.entries(range)) query.set(key, String(value))
    return html`<a href="${page}?${query.toString()}">${name}</a> `
  }
  const oldest = { offset: 0, byteLength }
  const older = { offset: Math.max(start - byteLength, 0), byteLength: Math.min(byteLength, start) }
  return [
    ...(start > 0 ? [to('/logPage/', 'Oldest', oldest), to('/logPage/', 'Older', older)] : []),
    ...(end < total ? [to('/logPage/', 'Newer', { offset: end, byteLength })] : []),
    to('/logPage/', 'Newest', { byteLength }),
    to('/log', 'As text', { offset: start, byteLength: end - start }),
  ]
}
