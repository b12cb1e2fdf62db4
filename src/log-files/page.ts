/** A part of a log as text (U9) and as a page (U8, U24), with links to what is older and newer. Pure. */
import { page, plain, text, type Answer } from '../http/answer.js'
import { html, type Fragment, type Markup } from '../http/html.js'
import { document } from '../http/layout.js'
import { DEFAULT_RANGE_BYTES, type WantedRange } from './range.js'
import { LogUnavailable, type LogPart } from './read.js'

/** The request is wrong; the message says what is expected. */
export class BadLogRequest extends Error {
  override readonly name = 'BadLogRequest'
}

export interface FoundLog {
  /** Of the file that is written to. */
  path: string
  part: LogPart
  wanted: WantedRange
  /** The parameters that lead to the log, without its range. */
  query: URLSearchParams
  title: string
}

/** @throws BadLogRequest */
export function wantedRange(parameters: URLSearchParams): WantedRange {
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

/** The first line says what follows; who shows it reads three numbers from it. */
export function logText({ path, part }: FoundLog): Answer {
  const head = `==== Bytes ${part.start}-${part.end} of ${part.total} of ${path} ====\n`
  return text(Buffer.concat([Buffer.from(head), part.bytes]))
}

/** @param home links to where the reader may have come from */
export function logPage(found: FoundLog, home: Fragment): Answer {
  const { title, part } = found
  const { start, end, total, bytes } = part
  const links = linksOf(found)
  const body = html`<p>${home}</p>
    <p>${end - start} bytes: ${start} - ${end} of ${total}</p>
    <nav aria-label="Parts of the log">${links}</nav>
    <pre tabindex="0" role="region" aria-label="${title}">${bytes.toString('utf8')}</pre>
    <nav aria-label="Parts of the log, below">${links}</nav>`
  return page(document(title, body))
}

function linksOf({ query, wanted, part: { start, end, total } }: FoundLog): Markup[] {
  const byteLength = Math.max(end - start, Math.min(wanted.byteLength, total), 1)
  const to = (target: string, name: string, range: Record<string, number>): Markup => {
    const parameters = new URLSearchParams(query)
    for (const [key, value] of Object.entries(range)) parameters.set(key, String(value))
    return html`<a href="${target}?${parameters.toString()}">${name}</a> `
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

/** @returns null for what is a fault of ours or of the disk */
export function logFailure(error: unknown): Answer | null {
  if (error instanceof BadLogRequest) return plain(400, error.message)
  if (error instanceof LogUnavailable) return plain(503, error.message, { 'Retry-After': '1' })
  return null
}
