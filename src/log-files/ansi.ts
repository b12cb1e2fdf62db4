/** Text with the colours that terminals would show, as markup; whatever else steers a terminal is left out. Pure. */
import { html, Markup } from '../http/html.js'

/** What is marked where it occurs. */
export interface Marked {
  readonly text: string
  readonly ignoreCase: boolean
}

/** CSI, OSC and the short sequences of ECMA-48. One that is not ended stays, as a box. */
const ESCAPE =
  // oxlint-disable-next-line no-control-regex -- these are what is looked for
  /\u001B(?:\[([0-?]*)[ -/]*([@-~])|\][^\u0007\u001B]*(?:\u0007|\u001B\\)|[ -/]*[0-Z\\^-~])/g

interface Look {
  bold: boolean
  faint: boolean
  italic: boolean
  underlined: boolean
  inverse: boolean
  /** 0 to 7: black, red, green, yellow, blue, magenta, cyan, white. */
  text: number | null
  ground: number | null
}

const PLAIN: Look = {
  bold: false,
  faint: false,
  italic: false,
  underlined: false,
  inverse: false,
  text: null,
  ground: null,
}

/** @returns markup in which nothing of `text` is markup */
export function ansiMarkup(text: string, marked: Marked | null = null): Markup {
  const parts: string[] = []
  let look = PLAIN
  let at = 0
  for (const match of text.matchAll(ESCAPE)) {
    parts.push(run(text.slice(at, match.index), look, marked))
    at = match.index + match[0].length
    const [, parameters = '', final] = match
    if (final === 'm') look = changed(look, parameters)
  }
  parts.push(run(text.slice(at), look, marked))
  return new Markup(parts.join(''))
}

function run(text: string, look: Look, marked: Marked | null): string {
  if (text === '') return ''
  const shown = marked === null ? html`${text}`.text : withMarks(text, marked)
  const classes = classesOf(look)
  return classes === '' ? shown : `<span class="${classes}">${shown}</span>`
}

/** Letters of ASCII alone are alike in both cases, as in the search. */
export function foldAscii(text: string): string {
  return text.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase())
}

function withMarks(text: string, marked: Marked): string {
  const [within, sought] = marked.ignoreCase
    ? [foldAscii(text), foldAscii(marked.text)]
    : [text, marked.text]
  if (sought === '') return html`${text}`.text
  const parts: string[] = []
  let at = 0
  for (let next = within.indexOf(sought); next >= 0; next = within.indexOf(sought, at)) {
    const end = next + sought.length
    parts.push(html`${text.slice(at, next)}<mark>${text.slice(next, end)}</mark>`.text)
    at = end
  }
  parts.push(html`${text.slice(at)}`.text)
  return parts.join('')
}

function classesOf(look: Look): string {
  const classes = [
    look.bold ? 'bold' : '',
    look.faint ? 'faint' : '',
    look.italic ? 'italic' : '',
    look.underlined ? 'underlined' : '',
    look.inverse ? 'inverse' : '',
    look.text === null ? '' : `t${look.text}`,
    look.ground === null ? '' : `g${look.ground}`,
  ]
  return classes.filter(Boolean).join(' ')
}

/** SGR. What has no class here, such as 256 colours, changes nothing. */
function changed(before: Look, parameters: string): Look {
  let look = { ...before }
  const codes = parameters.split(/[;:]/).map(Number)
  for (let at = 0; at < codes.length; at += 1) {
    const code = codes[at] ?? 0
    // 38;5;N and 38;2;R;G;B: of those, the first sixteen are the usual ones.
    if (code === 38 || code === 48) {
      const named = codes[at + 1] === 5 ? (codes[at + 2] ?? 16) : 16
      const colour = named < 16 ? named % 8 : null
      look = code === 38 ? { ...look, text: colour } : { ...look, ground: colour }
      at += codes[at + 1] === 5 ? 2 : 4
    } else look = after(look, code)
  }
  return look
}

function after(look: Look, code: number): Look {
  if (code === 0) return PLAIN
  if ((code >= 30 && code <= 37) || (code >= 90 && code <= 97)) return { ...look, text: code % 10 }
  if ((code >= 40 && code <= 47) || (code >= 100 && code <= 107))
    return { ...look, ground: code % 10 }
  const change: Record<number, Partial<Look>> = {
    1: { bold: true },
    2: { faint: true },
    3: { italic: true },
    4: { underlined: true },
    7: { inverse: true },
    22: { bold: false, faint: false },
    23: { italic: false },
    24: { underlined: false },
    27: { inverse: false },
    39: { text: null },
    49: { ground: null },
  }
  return { ...look, ...change[code] }
}
