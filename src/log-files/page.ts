/**
 * A log as text (U9), as a page (U8, U24) with links to what is older and newer and a search, and as the parts by which the
 * page's script makes it longer.
 */
import { page, plain, text, type Answer } from '../http/answer.js'
import { html, type Fragment, type Markup } from '../http/html.js'
import { document } from '../http/layout.js'
import { rootOf, type Asked } from '../http/route.js'
import { scriptPolicy } from '../http/script.js'
import { ansiMarkup, type Marked } from './ansi.js'
import { wholeAt, type Edge } from './edges.js'
import { DEFAULT_RANGE_BYTES, type WantedRange } from './range.js'
import { LogUnavailable, type LogPart } from './read.js'
import {
  MAX_SEARCH_TEXT_BYTES,
  searchLog,
  type ReadPart,
  type Search,
  type SearchResult,
} from './search.js'

/** The request is wrong; the message says what is expected. */
export class BadLogRequest extends Error {
  override readonly name = 'BadLogRequest'
}

export interface FoundLog {
  /** Of the file that is written to. */
  path: string
  /** The parameters that lead to the log, without its range. */
  query: URLSearchParams
  title: string
  read: ReadPart
}

/** text: U9; page: U8 and U24; part: what the page's script asks for. */
export type LogForm = 'text' | 'page' | 'part'

/**
 * @param locate finds the log; null: there is none
 * @param home links to where the reader may have come from
 * @returns null when there is no such log @throws BadLogRequest @throws LogUnavailable
 */
export async function logAnswer(
  locate: () => Promise<FoundLog | null>,
  form: LogForm,
  asked: Asked,
  home: Fragment,
): Promise<Answer | null> {
  // What is wrong with the request is said whether there is a log or not.
  const wanted = wantedRange(asked.parameters)
  const search = form === 'page' ? searchOf(asked.parameters) : null
  const edge = form === 'part' ? edgeOf(asked.parameters) : null
  const found = await locate()
  if (found === null) return null
  if (form === 'page') return logPage(found, { wanted, search, path: asked.path, home })
  const part = await found.read(wanted)
  if (part === null) return null
  return edge === null ? logText(found, part) : logPart(wholeAt(part, edge))
}

/** @throws BadLogRequest */
function wantedRange(parameters: URLSearchParams): WantedRange {
  return {
    offset: integerOf(parameters, 'offset'),
    byteLength: integerOf(parameters, 'byteLength') ?? DEFAULT_RANGE_BYTES,
  }
}

/** Bytes; as in Spark below zero too, which means zero. */
function integerOf(parameters: URLSearchParams, name: string): number | null {
  const value = parameters.get(name)
  if (value === null) return null
  if (/^[+-]?\d{1,15}$/.test(value)) return Number(value)
  throw new BadLogRequest(`${name} is ${JSON.stringify(value)}: expected a whole number of bytes`)
}

function edgeOf(parameters: URLSearchParams): Edge {
  const edge = parameters.get('edge') ?? 'both'
  if (edge === 'both' || edge === 'older' || edge === 'newer') return edge
  throw new BadLogRequest(`edge is ${JSON.stringify(edge)}: expected older, newer or both`)
}

/** @returns null when nothing is looked for */
function searchOf(parameters: URLSearchParams): Search | null {
  const sought = parameters.get('search') ?? ''
  if (sought === '') return null
  if (Buffer.byteLength(sought) > MAX_SEARCH_TEXT_BYTES || sought.includes('\n')) {
    throw new BadLogRequest(
      `search is too long or has several lines: expected a text of ${MAX_SEARCH_TEXT_BYTES} bytes at most`,
    )
  }
  const ignoreCase = parameters.get('ignoreCase') === 'true'
  return { text: sought, ignoreCase, before: integerOf(parameters, 'before') }
}

/** The first line says what follows; who shows it reads three numbers from it. */
function logText({ path }: FoundLog, part: LogPart): Answer {
  const head = `==== Bytes ${part.start}-${part.end} of ${part.total} of ${path} ====\n`
  return text(Buffer.concat([Buffer.from(head), part.bytes]))
}

function logPart({ start, end, total, bytes }: LogPart): Answer {
  const markup = ansiMarkup(bytes.toString('utf8')).text
  const body = JSON.stringify({ start, end, total, markup })
  return { status: 200, type: 'application/json', body }
}

interface PageRequest {
  wanted: WantedRange
  search: Search | null
  path: string
  home: Fragment
}

async function logPage(
  found: FoundLog,
  { wanted, search, path, home }: PageRequest,
): Promise<Answer | null> {
  // With an offset the reader has chosen a line of what was found.
  const result = search && wanted.offset === null ? await searchLog(found.read, search) : null
  const read = await found.read(wanted)
  if (read === null) return null
  const part = wholeAt(read, 'both')
  const root = rootOf(path)
  const shown: Shown = { ...found, wanted, part, root, search }
  const body = html`<p>${home}</p>
    ${searchForm(shown)} ${search && result && searchResults(shown, search, result)}
    ${logSection(shown)}
    <script type="module" src="${root}static/log-viewer.js"></script>`
  return { ...page(document(found.title, body)), headers: scriptPolicy }
}

interface Shown extends FoundLog {
  wanted: WantedRange
  part: LogPart
  /** From the page to the first one. */
  root: string
  search: Search | null
}

function logSection(shown: Shown): Markup {
  const { title, query, root, search, wanted, part } = shown
  const { start, end, total, bytes } = part
  const links = linksOf(shown)
  const marked: Marked | null = search
  return html`<p id="log-range">${end - start} bytes: ${start} - ${end} of ${total}</p>
    <p id="log-live" hidden>
      <label><input type="checkbox" id="log-follow" /> Follow what is written</label>
      <span id="log-status" role="status"></span>
    </p>
    <nav aria-label="Parts of the log">${links}</nav>
    <pre
      id="log"
      class="log"
      tabindex="0"
      role="region"
      aria-label="${title}"
      data-part="${root}logPart?${query.toString()}"
      data-start="${start}"
      data-end="${end}"
      data-total="${total}"
      data-length="${Math.max(1, Math.min(wanted.byteLength, DEFAULT_RANGE_BYTES))}"
    >
${ansiMarkup(bytes.toString('utf8'), marked)}</pre>
    <nav aria-label="Parts of the log, below">${links}</nav>`
}

function linksOf({ query, wanted, root, part: { start, end, total } }: Shown): Markup[] {
  const byteLength = Math.max(end - start, Math.min(wanted.byteLength, total), 1)
  const to = (target: string, name: string, range: Record<string, number>): Markup => {
    return html`<a href="${root}${target}?${withRange(query, range)}">${name}</a> `
  }
  const oldest = { offset: 0, byteLength }
  const older = { offset: Math.max(start - byteLength, 0), byteLength: Math.min(byteLength, start) }
  return [
    ...(start > 0 ? [to('logPage/', 'Oldest', oldest), to('logPage/', 'Older', older)] : []),
    ...(end < total ? [to('logPage/', 'Newer', { offset: end, byteLength })] : []),
    to('logPage/', 'Newest', { byteLength }),
    to('log', 'As text', { offset: start, byteLength: end - start }),
  ]
}

function withRange(query: URLSearchParams, range: Readonly<Record<string, number>>): string {
  const parameters = new URLSearchParams(query)
  for (const [name, value] of Object.entries(range)) parameters.set(name, String(value))
  return parameters.toString()
}

function searchForm({ query, root, search }: Shown): Markup {
  const hidden = [...query].map(
    ([name, value]) => html`<input type="hidden" name="${name}" value="${value}" />`,
  )
  const checked = search?.ignoreCase === true ? html`checked` : null
  return html`<form role="search" action="${root}logPage/" method="get">
    ${hidden}
    <label
      >Search for
      <input
        type="search"
        name="search"
        required
        maxlength="${MAX_SEARCH_TEXT_BYTES}"
        value="${search?.text ?? ''}"
      />
    </label>
    <label><input type="checkbox" name="ignoreCase" value="true" ${checked} /> Ignore case</label>
    <button>Search</button>
  </form>`
}

function searchResults(shown: Shown, search: Search, result: SearchResult): Markup {
  const { query, root } = shown
  const { lines, start, end, next } = result
  const to = (more: Readonly<Record<string, number>>): string => {
    const parameters = new URLSearchParams(withRange(query, more))
    parameters.set('search', search.text)
    if (search.ignoreCase) parameters.set('ignoreCase', 'true')
    return `${root}logPage/?${parameters.toString()}`
  }
  const count = lines.length === 1 ? '1 line' : `${lines.length} lines`
  const rows = lines.map(
    (line) =>
      html`<li>
        <a href="${to({ offset: line.start, byteLength: DEFAULT_RANGE_BYTES })}">${line.start}</a>
        <code>${ansiMarkup(line.text, search)}</code>
      </li> `,
  )
  return html`<section aria-labelledby="found">
    <h2 id="found">Found</h2>
    <p>
      ${count} with “${search.text}” in bytes ${start} -
      ${end}${lines.length > 1 ? ', newest first' : ''}.
      ${next === null ? 'That is all of it.' : html`<a href="${to({ before: next })}">Search older parts</a>`}
    </p>
    <ul class="found">
      ${rows}
    </ul>
  </section>`
}

/** @returns null for what is a fault of ours or of the disk */
export function logFailure(error: unknown): Answer | null {
  if (error instanceof BadLogRequest) return plain(400, error.message)
  if (error instanceof LogUnavailable) return plain(503, error.message, { 'Retry-After': '1' })
  return null
}
