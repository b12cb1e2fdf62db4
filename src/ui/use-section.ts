/** How much of the cluster was used, and how long its queue and its answers were, on the first page. Pure. */
import { memoryText } from './format.js'
import { html, type Markup } from '../http/html.js'
import { foldable } from '../http/layout.js'
import { chartFigure, roundTop, type Chart, type Values } from './chart.js'
import { selfOf } from './links.js'
import type { History, Interval, Sample } from './model/history.js'
import { BadQuery } from './table-query.js'
import type { PageAsked } from './table-section.js'

export type ShownHistory = Pick<History, 'samples'>

interface Span {
  readonly interval: Interval
  readonly title: string
  readonly since: string
  /** How long one step of a chart is, and how many there are: a chart is no finer than it can be seen. */
  readonly stepMs: number
  readonly steps: number
}

const spans: readonly Span[] = [
  { interval: '1s', title: '10 minutes', since: '10 min ago', stepMs: 5_000, steps: 120 },
  { interval: '1m', title: '24 hours', since: '24 h ago', stepMs: 600_000, steps: 144 },
]

/** @throws BadQuery */
function spanOf(parameters: URLSearchParams): Span {
  const asked = parameters.get('use') ?? ''
  const found = spans.find(({ interval }) => interval === (asked === '' ? '1s' : asked))
  if (found === undefined) throw new BadQuery('use must be one of 1s, 1m')
  return found
}

/** @returns the samples of each step of the span that ends with the newest one */
function stepsOf(samples: readonly Sample[], { stepMs, steps }: Span): Sample[][] {
  const found: Sample[][] = Array.from({ length: steps }, () => [])
  const newest = samples.at(-1)
  if (newest === undefined) return found
  const first = Math.floor(newest.atMs / stepMs) - steps + 1
  for (const sample of samples) found[Math.floor(sample.atMs / stepMs) - first]?.push(sample)
  return found
}

type Of = (sample: Sample) => number

function each(steps: readonly Sample[][], value: (samples: readonly Sample[]) => number): Values {
  return steps.map((samples) => (samples.length === 0 ? null : value(samples)))
}

const mean = (steps: readonly Sample[][], of: Of): Values =>
  each(steps, (samples) => samples.reduce((sum, sample) => sum + of(sample), 0) / samples.length)

const most = (steps: readonly Sample[][], of: Of): Values =>
  each(steps, (samples) => Math.max(...samples.map(of)))

function largest(...lists: readonly Values[]): number {
  return Math.max(0, ...lists.map((values) => Math.max(...values.map((value) => value ?? 0))))
}

interface Level {
  readonly title: string
  readonly used: Of
  readonly total: Of
  readonly text: (value: number) => string
}

const levels: readonly Level[] = [
  {
    title: 'Cores',
    used: ({ coresUsed }) => coresUsed,
    total: ({ cores }) => cores,
    text: String,
  },
  {
    title: 'Memory',
    used: ({ memoryUsedMb }) => memoryUsedMb,
    total: ({ memoryMb }) => memoryMb,
    text: memoryText,
  },
]

type Drawn = readonly [samples: readonly Sample[], steps: readonly Sample[][], span: Span]

/** What is used of what there is, which is the dashed line. */
function levelChart([samples, steps, span]: Drawn, { title, used, total, text }: Level): Chart {
  const newest = samples.at(-1)!
  const values = mean(steps, used)
  const second = mean(steps, total)
  const top = largest(values, second) || 1
  const range = `between ${text(Math.min(...samples.map(used)))} and ${text(Math.max(...samples.map(used)))}`
  return {
    title,
    words: `${text(used(newest))} of ${text(total(newest))} used, ${range}`,
    values,
    second,
    top,
    topText: text(Math.round(top)),
    since: span.since,
  }
}

interface Count {
  readonly title: string
  readonly of: Of
}

const counts: readonly Count[] = [
  { title: 'Executors', of: ({ executors }) => executors },
  {
    // Of applications and drivers.
    title: 'Queue length',
    of: ({ applicationsWaiting, driversWaiting }) => applicationsWaiting + driversWaiting,
  },
]

function countChart([samples, steps, span]: Drawn, { title, of }: Count): Chart {
  const all = samples.map(of)
  const values = most(steps, of)
  const top = roundTop(largest(values))
  return {
    title,
    words: `${all.at(-1) ?? 0} now, between ${Math.min(...all)} and ${Math.max(...all)}`,
    values,
    top,
    topText: String(top),
    since: span.since,
  }
}

function msText(ms: number): string {
  return `${ms < 10 ? ms.toFixed(1) : ms.toFixed(0)} ms`
}

/** Only of steps that are over: an answer differs from the next one, and the page would change without end. */
function answerChart([, steps, span]: Drawn): Chart {
  const over = [...steps.slice(0, -1), []]
  const values = most(over, ({ mainThreadAnswerMs }) => mainThreadAnswerMs)
  const second = over.map((samples) => {
    const known = samples.flatMap(({ schedulingP99Us }) => schedulingP99Us ?? [])
    return known.length === 0 ? null : Math.max(...known) / 1000
  })
  const decisions = second.some((value) => value !== null)
  const top = roundTop(largest(values, second))
  const lately = values.findLast((value) => value !== null) ?? null
  return {
    title: 'Scheduling thread',
    words:
      lately === null
        ? 'nothing is known yet'
        : `answers within ${msText(lately)}, ${msText(largest(values))} at worst` +
          (decisions ? `; decisions (dashed) within ${msText(largest(second))} (p99)` : ''),
    values,
    ...(decisions ? { second } : {}),
    top,
    topText: `${top} ms`,
    since: span.since,
  }
}

function spanLinks({ path, parameters }: PageAsked, shown: Span): Markup {
  const links = spans.map(({ interval, title }) => {
    const next = new URLSearchParams(parameters)
    next.set('use', interval)
    const current = interval === shown.interval ? html`aria-current="true"` : null
    return html`<a href="${selfOf(path)}?${next.toString()}#use" ${current}>${title}</a> `
  })
  return html`<nav aria-label="Span of the charts">
    Last: ${links} <a href="./api/v1/history?interval=${shown.interval}">as JSON</a>
  </nav>`
}

/** What was drawn last, by the newest sample of it: readers ask more often than there is one. */
const drawnCharts = new WeakMap<Sample, Markup>()

function charts(samples: readonly Sample[], span: Span): Markup {
  const newest = samples.at(-1)
  if (newest === undefined) {
    const yet =
      span.interval === '1m' ? 'the first minute is not over' : 'the master has just started'
    return html`<p>Nothing is known yet: ${yet}.</p>`
  }
  const before = drawnCharts.get(newest)
  if (before !== undefined) return before
  const steps = stepsOf(samples, span)
  const drawn: Drawn = [steps.flat(), steps, span]
  const markup = html`<div class="charts">
    ${levels.map((level) => chartFigure(levelChart(drawn, level)))}
    ${counts.map((count) => chartFigure(countChart(drawn, count)))}
    ${chartFigure(answerChart(drawn))}
  </div>`
  drawnCharts.set(newest, markup)
  return markup
}

/** @throws BadQuery */
export function useSection(history: ShownHistory, asked: PageAsked): Markup {
  const span = spanOf(asked.parameters)
  const samples = history.samples(span.interval)
  return foldable('use', 'Cluster use', html`${spanLinks(asked, span)} ${charts(samples, span)}`)
}
