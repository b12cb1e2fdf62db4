/**
 * Looks for a literal text in a log of any size, from its end towards its start: what is new is what people look for. Each
 * search is bounded in bytes, time and lines, and says from where the next one goes on.
 */
import type { WantedRange } from './range.js'
import { LogUnavailable, type LogPart } from './read.js'

export const MAX_SEARCH_TEXT_BYTES = 256
/** Read at once, at first and at last: the more, the less often a compressed file is inflated from its front. */
const FIRST_WINDOW_BYTES = 4 * 1024 * 1024
const LAST_WINDOW_BYTES = 16 * 1024 * 1024
/** No window is begun beyond. */
const MAX_SEARCHED_BYTES = 256 * 1024 * 1024
const MAX_SEARCH_MS = 1_000
export const MAX_FOUND_LINES = 100
/** Of a line, on each side of what was found. */
const CONTEXT_BYTES = 200
const NEWLINE = 0x0a

export interface Search {
  text: string
  /** Letters from A to Z are alike in both cases. */
  ignoreCase: boolean
  /** What lies from this byte on is not searched; null: all is. */
  before: number | null
}

export interface FoundLine {
  /** Of the line, or of what is shown of a long one; bytes of the whole log. */
  start: number
  text: string
}

export interface SearchResult {
  /** Newest first. */
  lines: FoundLine[]
  /** What was searched. */
  start: number
  end: number
  /** Where the next search goes on: its `before`; null: all was searched. */
  next: number | null
}

export type ReadPart = (wanted: WantedRange, maxBytes?: number) => Promise<LogPart | null>

/** @returns null when there is no such log @throws LogUnavailable @throws Error of the file system */
export async function searchLog(
  read: ReadPart,
  search: Search,
  nowMs = () => performance.now(),
): Promise<SearchResult | null> {
  const sought = fold(Buffer.from(search.text), search.ignoreCase)
  const known = await read({ offset: null, byteLength: 0 })
  if (known === null) return null
  const end = Math.min(search.before ?? known.total, known.total)
  const deadlineMs = nowMs() + MAX_SEARCH_MS
  const lines: FoundLine[] = []
  let to = end
  let windowBytes = FIRST_WINDOW_BYTES
  while (to > 0 && end - to < MAX_SEARCHED_BYTES && lines.length < MAX_FOUND_LINES) {
    const from = Math.max(0, to - windowBytes)
    // What begins before `to` may end behind it.
    const offset = Math.max(0, from - CONTEXT_BYTES)
    const byteLength = to - offset + sought.length + CONTEXT_BYTES
    const part = await read({ offset, byteLength }, byteLength)
    if (part === null) return null
    if (part.start !== offset || part.end < to)
      throw new LogUnavailable('the log was cut while it was searched; try again')
    const window = { part, from, to, most: MAX_FOUND_LINES - lines.length }
    const found = linesWithin(window, sought, search.ignoreCase)
    lines.push(...found)
    // A line that reaches into the window before has been found; of one window there may be more lines than wanted.
    const oldest = found.at(-1)?.start ?? from
    to = lines.length === MAX_FOUND_LINES ? oldest : Math.min(from, oldest)
    if (nowMs() >= deadlineMs) break
    windowBytes = Math.min(windowBytes * 2, LAST_WINDOW_BYTES)
  }
  return { lines, start: to, end, next: to > 0 ? to : null }
}

interface Window {
  part: LogPart
  /** What begins here or later counts, */
  from: number
  /** what begins here or later does not. */
  to: number
  most: number
}

/** @returns the last ones, newest first */
function linesWithin(
  { part, from, to, most }: Window,
  sought: Buffer,
  ignoreCase: boolean,
): FoundLine[] {
  const { bytes, start } = part
  const within = fold(bytes, ignoreCase)
  const lines: FoundLine[] = []
  for (let at = to - 1 - start; at >= from - start && lines.length < most;) {
    const found = within.lastIndexOf(sought, at)
    if (found < from - start) break
    const first = Math.max(
      bytes.lastIndexOf(NEWLINE, Math.max(found - 1, 0)) + 1,
      found - CONTEXT_BYTES,
      0,
    )
    const [lineStart, lineEnd] = [Math.min(first, found), endOfLine(bytes, found + sought.length)]
    lines.push({ start: start + lineStart, text: bytes.toString('utf8', lineStart, lineEnd) })
    at = lineStart - 1
  }
  return lines
}

function endOfLine(bytes: Buffer, from: number): number {
  const end = bytes.indexOf(NEWLINE, from)
  const most = Math.min(from + CONTEXT_BYTES, bytes.length)
  return end < 0 ? most : Math.min(end, most)
}

const LOWER = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte,
)

/** Byte by byte, so that offsets stay; no byte of a longer UTF-8 character is a letter of ASCII. */
function fold(bytes: Buffer, ignoreCase: boolean): Buffer {
  if (!ignoreCase) return bytes
  const folded = Buffer.allocUnsafe(bytes.length)
  for (let at = 0; at < bytes.length; at += 1) folded[at] = LOWER[bytes[at] ?? 0] ?? 0
  return folded
}
