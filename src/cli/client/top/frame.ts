/** What `magneto top` shows of its state, as lines. Pure. */
import { durationText, memoryText } from '../../../http/figures.js'
import type { ClusterAnswer, WorkerItem } from '../api.js'
import { APPLICATIONS } from '../apps.js'
import { LOOK_EVERY_MS } from '../client.js'
import { reasonsOf } from '../explain.js'
import { TableWriter } from '../table.js'
import { cellText, cut, padded, textWidth, wrapped } from '../text-width.js'
import { WORKERS } from '../workers.js'
import type { FirstWaiting } from './look.js'
import { line, span, type Line, type Style } from './paint.js'
import { SORTS, type Outage, type Size, type TopState } from './state.js'

/** Before the figures of each line of the head. */
const LABEL_WIDTH = 10
const BAR_WIDTH_MAX = 50
const HEAD_WIDTH_MAX = 100
/** Of a sentence. */
const REASON_LINES_MAX = 2
/** More kinds than this are on the pages. */
const RESOURCES_SHOWN = 3
/** Title and head; of the workers also what parts them. */
const APPLICATION_HEAD_ROWS = 2
const WORKER_HEAD_ROWS = 3
const NEARLY_FULL = 0.9

const KEYS_HELP = 'q quit  s sort  p pause  j k ↓ ↑ PgDn PgUp g G scroll'

/** All of the screen: `size.rows` lines, unless that is Infinity. */
export function frame(state: TopState, size: Size, nowMs: number): Line[] {
  const applications = applicationLines(state, size)
  const lines = [...headLines(state, size, nowMs), ...applications, ...workerLines(state, size)]
  if (size.rows === Infinity) return lines
  const body = lines.slice(0, Math.max(0, size.rows - 1))
  while (body.length < size.rows - 1) body.push(line(''))
  return [...body, footer(state, size)]
}

/** How many applications can be seen at once. */
export function applicationRows(state: TopState, size: Size): number {
  const free = freeRows(state, size) - APPLICATION_HEAD_ROWS
  return Math.max(1, free - workerLines(state, size).length)
}

/** What the head and the footer leave. */
function freeRows(state: TopState, size: Size): number {
  return size.rows - headLines(state, size, 0).length - 1
}

const grouped = (count: number): string => count.toLocaleString('en-US')
const counted = (count: number, what: string): string =>
  `${grouped(count)} ${what}${count === 1 ? '' : 's'}`

function headLines({ snapshot, outage }: TopState, { columns }: Size, nowMs: number): Line[] {
  const { cluster, waiting } = snapshot
  return [
    titleLine(cluster, outage, { columns, atMs: nowMs }),
    workersLine(cluster),
    ...useLines(cluster, columns),
    workLine(cluster),
    ...waiting.flatMap((first) => waitingLines(first, columns)),
    // Nothing jumps for an outage.
    outage === null ? line('') : line(cellText(outage.message), 'bad'),
  ]
}

function ends(left: string, right: string, columns: number): string {
  if (columns === Infinity) return `${left}  ${right}`
  return padded(left, Math.max(0, columns - textWidth(right) - 1)) + ` ${right}`
}

/** Local time. */
export function clockText(atMs: number): string {
  const at = new Date(atMs)
  const parts = [at.getHours(), at.getMinutes(), at.getSeconds()]
  return parts.map((part) => String(part).padStart(2, '0')).join(':')
}

function titleLine(
  { url, state, nowMs, mainThreadAnswerMs }: ClusterAnswer,
  outage: Outage | null,
  { columns, atMs }: { columns: number; atMs: number },
): Line {
  if (outage !== null) {
    const since = durationText(Math.max(LOOK_EVERY_MS, atMs - outage.sinceMs))
    return line(ends(cellText(url), `no answer for ${since}, asking again`, columns), 'bad')
  }
  const answers = `answers in ${mainThreadAnswerMs.toFixed(1)} ms  ${clockText(nowMs)}`
  return line(ends(`${cellText(url)}  ${cellText(state)}`, answers, columns), 'bold')
}

const label = (text: string) => span(padded(text, LABEL_WIDTH), 'dim')

function workersLine({ workers }: ClusterAnswer): Line {
  const { alive, dead, decommissioned, unknown } = workers
  return [
    label('Workers'),
    span(`${grouped(alive)} alive`),
    span(`, ${grouped(dead)} dead`, dead > 0 ? 'bad' : 'plain'),
    span(`, ${grouped(decommissioned)} decommissioned`, decommissioned > 0 ? 'warning' : 'plain'),
    span(`, ${grouped(unknown)} unknown`, unknown > 0 ? 'warning' : 'plain'),
  ]
}

const waitingSpan = (count: number) =>
  span(` (${grouped(count)} waiting)`, count > 0 ? 'warning' : 'plain')

function workLine({ executors, applications, drivers }: ClusterAnswer): Line {
  return [
    label('Queue'),
    span(counted(applications.active, 'application')),
    waitingSpan(applications.waiting),
    span(`, ${counted(executors, 'executor')}, ${counted(drivers.active, 'driver')}`),
    waitingSpan(drivers.waiting),
  ]
}

/** Bars of one length, with what they stand for. */
function useLines({ cores, memoryMb, resources }: ClusterAnswer, columns: number): Line[] {
  const uses = [
    { name: 'Cores', use: cores, text: grouped },
    { name: 'Memory', use: memoryMb, text: memoryText },
    ...Object.entries(resources)
      .slice(0, RESOURCES_SHOWN)
      .map(([name, use]) => ({ name: cellText(name), use, text: grouped })),
  ].map(({ name, use, text }) => {
    const share = use.total === 0 ? 0 : Math.min(1, use.used / use.total)
    const figures = `${text(use.used)} of ${text(use.total)}, ${Math.floor(share * 100)} %`
    return { name, share, figures }
  })
  const figuresWidth = Math.max(...uses.map(({ figures }) => textWidth(figures)))
  const room = Math.min(columns, HEAD_WIDTH_MAX) - LABEL_WIDTH - figuresWidth - '[] '.length
  const width = Math.max(0, Math.min(BAR_WIDTH_MAX, room))
  return uses.map(({ name, share, figures }) => {
    const filled = Math.round(share * width)
    const style: Style = share >= 1 ? 'bad' : share >= NEARLY_FULL ? 'warning' : 'good'
    const bar = span('|'.repeat(filled), style)
    return [label(name), span('['), bar, span(`${' '.repeat(width - filled)}] ${figures}`)]
  })
}

/** Who waits first and why, then what would help. */
function waitingLines({ kind, id, name, explained }: FirstWaiting, columns: number): Line[] {
  const [reason = 'it is about to start', advice] = reasonsOf(explained)
  const who = name === '' ? cellText(id) : `${cellText(id)} (${cut(cellText(name), 30)})`
  const lines = (text: string) => wrapped(text, columns - LABEL_WIDTH, REASON_LINES_MAX)
  return [
    ...lines(`first ${kind} ${who}: ${reason}`).map((text) => span(text, 'warning')),
    ...(advice === undefined ? [] : lines(advice).map((text) => span(text))),
  ].map((shown, at) => [label(at === 0 ? 'Waits' : ''), shown])
}

function applicationLines(state: TopState, size: Size): Line[] {
  const { snapshot, scroll, sort } = state
  const { items, offset, total, nowMs } = snapshot.applications
  const rows = applicationRows(state, size)
  // What is scrolled to and is not there yet is left blank.
  const seen = scroll < offset ? [] : items.slice(scroll - offset, scroll - offset + rows)
  const { text, column } = SORTS[sort]!
  const isPart = seen.length > 0 && seen.length < total
  const range = isPart ? `${scroll + 1} to ${scroll + seen.length} of ` : ''
  const title = line(`Applications: ${range}${grouped(total)}, ${text}`, 'bold')
  const columns = APPLICATIONS.columns.map((one) =>
    one.title === column ? { ...one, title: `${one.title}*` } : one,
  )
  const writer = new TableWriter(columns, size.columns)
  const [head = '', ...shown] = writer.linesWithHead(
    seen.map((item) => APPLICATIONS.row(item, nowMs)),
  )
  const filled = shown.map((one, at) => line(one, seen[at]!.waits ? 'warning' : 'plain'))
  const used = rows === Infinity ? filled.length : rows
  const blank = Array.from({ length: used - filled.length }, () => line(''))
  return [title, headLine(head, size), ...filled, ...blank]
}

const headLine = (text: string, { columns }: Size): Line =>
  line(columns === Infinity ? text : padded(text, columns), 'head')

/** Those that get nothing new, on half of the room, or what applications leave; none of it where all is well. */
function workerLines(state: TopState, size: Size): Line[] {
  const { lost, unhealthy, full } = state.snapshot.workers
  const healthy = full.items.filter(({ unhealthyReason }) => unhealthyReason === null)
  const items = [...lost.items, ...unhealthy.items, ...healthy]
  const free = freeRows(state, size) - APPLICATION_HEAD_ROWS
  const room = Math.max(Math.floor(free / 2), free - state.snapshot.applications.total)
  const seen = items.slice(0, Math.max(0, room - WORKER_HEAD_ROWS))
  if (seen.length === 0) return []
  const counts = [
    `lost: ${grouped(lost.total)}`,
    `unhealthy: ${grouped(unhealthy.total)}`,
    `full: ${grouped(full.total)}`,
  ].join(', ')
  const isAll = seen.length === lost.total + unhealthy.total + healthy.length
  const more = isAll && full.items.length === full.total ? '' : '; magneto workers lists all'
  const writer = new TableWriter(WORKERS.columns, size.columns)
  const [head = '', ...shown] = writer.linesWithHead(
    seen.map((item) => WORKERS.row(item, lost.nowMs)),
  )
  return [
    line(''),
    line(`Workers ${counts}${more}`, 'bold'),
    headLine(head, size),
    ...shown.map((one, at) => line(one, styleOf(seen[at]!))),
  ]
}

function styleOf({ state }: WorkerItem): Style {
  if (state === 'ALIVE') return 'warning'
  return state === 'DEAD' ? 'bad' : 'dim'
}

function footer({ paused }: TopState, { columns }: Size): Line {
  return line(padded(paused ? `PAUSED: p goes on  ${KEYS_HELP}` : KEYS_HELP, columns), 'head')
}
