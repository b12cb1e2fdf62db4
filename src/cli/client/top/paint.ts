/** Lines of styled text, and how a terminal is told to draw them. Pure. */
import { cut, textWidth } from '../text-width.js'

/** Never the only sign of anything: who sees no colours reads the same. */
export type Style = 'plain' | 'bold' | 'dim' | 'head' | 'good' | 'warning' | 'bad'

export interface Span {
  readonly text: string
  readonly style: Style
}

export type Line = readonly Span[]

export const span = (text: string, style: Style = 'plain'): Span => ({ text, style })
export const line = (text: string, style: Style = 'plain'): Line => [span(text, style)]

/** Select Graphic Rendition (ECMA-48). */
const CODES: Readonly<Record<Style, string>> = {
  plain: '',
  bold: '1',
  dim: '2',
  head: '7',
  good: '32',
  warning: '33',
  bad: '31;1',
}

/** @returns without style, as wide as `columns` at most */
export function plainText(spans: Line, columns: number): string {
  return cut(spans.map(({ text }) => text).join(''), columns).trimEnd()
}

function styledText(spans: Line, columns: number): string {
  let left = columns
  let drawn = ''
  for (const { text, style } of spans) {
    const shown = cut(text, left)
    left -= textWidth(shown)
    const code = CODES[style]
    drawn += code === '' ? shown : `\u001B[${code}m${shown}\u001B[0m`
  }
  return drawn
}

/** @returns what draws the lines over whatever the screen shows, without a moment in which it is empty */
export function screenText(
  lines: readonly Line[],
  columns: number,
  { colours }: { colours: boolean },
): string {
  const text = lines.map((spans) =>
    colours ? styledText(spans, columns) : plainText(spans, columns),
  )
  // Home; each line after what was there is erased, as behind a full line the cursor still stands on its last character.
  const erased = text.map((one, at) => `${at === text.length - 1 ? '\u001B[J' : '\u001B[K'}${one}`)
  return `\u001B[H${erased.join('\r\n')}`
}
