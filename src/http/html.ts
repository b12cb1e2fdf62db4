/** HTML that is escaped unless it was made here: names of strangers can't become markup. Pure. */

/** Text that is already markup. Only `html` and this file make it. */
export class Markup {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

export type Fragment = string | number | Markup | null | readonly Fragment[]

const escapes: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

// oxlint-disable-next-line no-control-regex -- these are what has to go
const unsafe = /[&<>"'\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F]/

/** Safe between tags and inside quoted attributes. Control characters, which HTML forbids, show as a box. */
export function escapeHtml(text: string): string {
  // Most of what a page shows is safe, and a large page has thousands of them.
  if (!unsafe.test(text)) return text
  return (
    text
      // oxlint-disable-next-line no-control-regex -- these are what has to go
      .replaceAll(/[\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F]/g, '\uFFFD')
      .replaceAll(/[&<>"']/g, (character) => escapes[character] ?? '')
  )
}

function textOf(fragment: Fragment): string {
  if (fragment === null) return ''
  if (fragment instanceof Markup) return fragment.text
  if (typeof fragment === 'number') return String(fragment)
  if (typeof fragment === 'string') return escapeHtml(fragment)
  let text = ''
  for (const part of fragment) text += textOf(part)
  return text
}

/** Template tag: strings and numbers are escaped, markup is kept, lists are joined, null is nothing. */
export function html(parts: TemplateStringsArray, ...values: readonly Fragment[]): Markup {
  let text = parts[0] ?? ''
  for (const [at, value] of values.entries()) text += textOf(value) + parts[at + 1]
  return new Markup(text)
}

/** @returns the URL when a browser may follow it, null for anything but http and https */
export function webUrl(text: string | null): string | null {
  if (text === null || !URL.canParse(text)) return null
  const url = new URL(text)
  return url.protocol === 'http:' || url.protocol === 'https:' ? url.href : null
}

/** A link when the URL can be followed, otherwise the text alone. */
export function link(url: string | null, text: string): Markup {
  return url === null ? html`${text}` : html`<a href="${url}">${text}</a>`
}
