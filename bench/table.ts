/** The table of figures that `npm run bench` prints and keeps. */
import {
  type Aim,
  advantage,
  type Failure,
  type Figure,
  isMet,
  rounded,
  type Spread,
} from './figures.js'

const HEAD = `| figure | Magneto | Apache | times better | aim | met | conditions |
|---|---|---|---|---|---|---|`

function measured(value: number, unit: string, spread: Spread | undefined): string {
  const text = `${rounded(value)} ${unit}`
  if (spread === undefined || spread.runs < 2) return text
  return `${text} (${rounded(spread.min)} to ${rounded(spread.max)})`
}

function aimText(aim: Aim | undefined, unit: string): string {
  if (aim === undefined) return ''
  if ('atMost' in aim) return `<= ${rounded(aim.atMost)} ${unit}`
  if ('atLeast' in aim) return `>= ${rounded(aim.atLeast)} ${unit}`
  return aim.atMostOfApache === 1 ? 'no worse' : `<= ${aim.atMostOfApache * 100}% of Apache's`
}

function row(figure: Figure): string {
  const { name, value, unit, note, spread, apache, aim } = figure
  const times = advantage(figure)
  const met = isMet(figure)
  const cells = [
    name,
    measured(value, unit, spread),
    apache === undefined ? '' : measured(apache.value, unit, apache),
    times === null ? '' : rounded(times),
    aimText(aim, unit),
    met === null ? '' : met ? 'yes' : '**no**',
    note,
  ]
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`
}

/** @returns Markdown; what failed stands below what was measured */
export function tableOf(figures: readonly Figure[], failures: readonly Failure[]): string {
  const table = [HEAD, ...figures.map(row)].join('\n')
  if (failures.length === 0) return table
  const lines = failures.map(({ name, reason }) => `- ${name}: ${reason.replaceAll('\n', ' ')}`)
  return `${table}\n\nWhat failed:\n\n${lines.join('\n')}`
}
