/** A figure over time as inline SVG: drawn on the server, with its figures in words beside it. Pure. */
import { html, type Markup } from '../http/html.js'

/** One value for each step of time; null: nothing is known of it. */
export type Values = readonly (number | null)[]

export interface Chart {
  readonly title: string
  /** The same in words: what it is now, and between what it was. */
  readonly words: string
  /** From the oldest step to now. */
  readonly values: Values
  /** A second line, dashed, such as what there is at most. */
  readonly second?: Values
  /** What the height stands for. */
  readonly top: number
  readonly topText: string
  /** When the first step was: `10 min ago`. */
  readonly since: string
}

const width = 200
const height = 74
/** Between the lines of text above and below. */
const ceiling = 13
const ground = 61

/** @returns 1, 2 or 5 times a power of ten, so that an axis seldom changes */
export function roundTop(most: number): number {
  if (most <= 0) return 1
  const power = 10 ** Math.floor(Math.log10(most))
  return power * (most <= power ? 1 : most <= 2 * power ? 2 : most <= 5 * power ? 5 : 10)
}

interface Run {
  readonly from: number
  readonly values: readonly number[]
}

/** What is known without a gap. */
function runs(values: Values): Run[] {
  const found: { from: number; values: number[] }[] = []
  let open: (typeof found)[number] | null = null
  for (const [at, value] of values.entries()) {
    if (value === null) {
      open = null
      continue
    }
    if (open === null) {
      open = { from: at, values: [] }
      found.push(open)
    }
    open.values.push(value)
  }
  return found
}

function place(at: number, count: number): string {
  return ((width * at) / Math.max(1, count - 1)).toFixed(1)
}

function points({ from, values }: Run, count: number, top: number): string {
  return values
    .map((value, at) => {
      const share = Math.min(1, Math.max(0, value / top))
      return `${place(from + at, count)} ${(ground - share * (ground - ceiling)).toFixed(1)}`
    })
    .join('L')
}

/** A run of one step is a dot. */
function linePath(values: Values, top: number): string {
  return runs(values)
    .map((run) => `M${points(run, values.length, top)}${run.values.length === 1 ? 'h0' : ''}`)
    .join('')
}

function areaPath(values: Values, top: number): string {
  return runs(values)
    .map((run) => {
      const { length } = values
      const last = place(run.from + run.values.length - 1, length)
      const first = place(run.from, length)
      return `M${first} ${ground}L${points(run, length, top)}L${last} ${ground}Z`
    })
    .join('')
}

export function chartFigure({ title, words, values, second, ...axes }: Chart): Markup {
  const { top, topText, since } = axes
  const dashed =
    second === undefined ? null : html`<path class="second" d="${linePath(second, top)}" />`
  return html`<figure>
    <figcaption><strong>${title}</strong>: ${words}</figcaption>
    <svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${title} since ${since}: ${words}">
      <path class="axis" d="M0 ${ground}H${width}M0 ${ceiling}H${width}" />
      <path class="area" d="${areaPath(values, top)}" />
      <path class="line" d="${linePath(values, top)}" />
      ${dashed}
      <text x="0" y="${ceiling - 4}">${topText}</text>
      <text x="0" y="${height - 3}">${since}</text>
      <text x="${width}" y="${height - 3}" text-anchor="end">now</text>
    </svg>
  </figure> `
}
