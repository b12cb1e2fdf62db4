/** How wide text is in a terminal, and text of strangers as a cell of a table or as JSON. Pure. */
import { singleLine } from '../../http/single-line.js'

/** Where nothing has another width than its length. */
const NARROW = /^[\u0020-\u007E]*$/

/** Wide and fullwidth blocks of Unicode's East Asian Width (UAX #11), and what is shown as an emoji. */
const WIDE =
  /[\u1100-\u115F\u2329\u232A\u2E80-\u303E\u3041-\uA4CF\uA960-\uA97F\uAC00-\uD7A3\uF900-\uFAFF\uFE10-\uFE19\uFE30-\uFE6F\uFF01-\uFF60\uFFE0-\uFFE6\u{16FE0}-\u{18DFF}\u{1AFF0}-\u{1B2FF}\u{1F200}-\u{1F265}\u{20000}-\u{3FFFD}]|\p{Emoji_Presentation}/u

/** Drawn onto the character before. */
const MARK = /[\p{Mn}\p{Me}]/u

/** Not seen itself, though it may turn around how what follows is drawn. */
const UNSEEN = /\p{Cf}/gu

const ELLIPSIS = '…'

function characterWidth(character: string): number {
  if (MARK.test(character)) return 0
  return WIDE.test(character) ? 2 : 1
}

/** @returns columns of a terminal */
export function textWidth(text: string): number {
  if (NARROW.test(text)) return text.length
  let width = 0
  for (const character of text) width += characterWidth(character)
  return width
}

/** @returns it all, or a beginning that shows that it is one */
export function cut(text: string, width: number): string {
  if (textWidth(text) <= width) return text
  if (width < 1) return ''
  let kept = ''
  let left = width - textWidth(ELLIPSIS)
  for (const character of text) {
    left -= characterWidth(character)
    if (left < 0) break
    kept += character
  }
  return kept + ELLIPSIS
}

/** Exactly so wide: blanks are added, or what is too much is cut. */
export function padded(text: string, width: number, side: 'left' | 'right' = 'left'): string {
  const shown = cut(text, width)
  const blanks = ' '.repeat(Math.max(0, width - textWidth(shown)))
  return side === 'left' ? shown + blanks : blanks + shown
}

/** Broken between words, into so many lines at most; the last one is cut where there is more. */
export function wrapped(text: string, width: number, linesMax: number): string[] {
  const lines = ['']
  for (const word of text.split(' ')) {
    const last = lines.length - 1
    const longer = lines[last] === '' ? word : `${lines[last]} ${word}`
    const fits = textWidth(longer) <= width || lines[last] === ''
    if (fits || lines.length === linesMax) lines[last] = longer
    else lines.push(word)
  }
  return lines.map((one) => cut(one, width))
}

/** Names may be as long as a message. */
const CELL_WIDTH_MAX = 200

/** One line of a sane length, without anything that a terminal would obey or that would turn the line around. */
export function cellText(text: string): string {
  return cut(singleLine(text).replace(UNSEEN, '').trim(), CELL_WIDTH_MAX)
}

/** JSON of strangers' names: whatever a terminal would obey is escaped, also what JSON lets stand. */
export function jsonText(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent).replaceAll(
    /[\u007F-\u009F]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
