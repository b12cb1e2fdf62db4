/** What every page shares: the document around it, fact lists, tables and parts that fold. Pure. */
import { html, type Fragment, type Markup } from './html.js'
import { style } from './style.js'

/** @param beside stands beside the title, outside of what a script keeps current */
export function document(title: string, body: Fragment, beside: Fragment = null): string {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}</title>
        ${style}
      </head>
      <body>
        <header>
          <h1>${title}</h1>
          ${beside}
        </header>
        <main>${body}</main>
      </body>
    </html> `.text
}

/**
 * Beside the title of a page that keeps itself current by src/browser/live-page.ts; nothing of it shows without scripts.
 *
 * @param root the relative way to the first page
 */
export function liveBar(root: string): Markup {
  return html`<p id="live" hidden>
      <label><input type="checkbox" id="live-on" checked /> Live updates</label>
      <span id="live-status" role="status"></span>
    </p>
    <script type="module" src="${root}static/live-page.js"></script>`
}

export function facts(rows: readonly (readonly [string, Fragment])[]): Markup {
  return html`<dl>
    ${rows.map(
      ([name, value]) =>
        html`<dt>${name}</dt>
          <dd>${value}</dd> `,
    )}
  </dl>`
}

/** A part of a page under a heading, which its reader may fold away (U5). @param id of the heading */
export function foldable(id: string, title: string, body: Fragment): Markup {
  return html`<details class="part" data-key="${id}" open>
    <summary><h2 id="${id}">${title}</h2></summary>
    ${body}
  </details>`
}

export interface TableRow {
  /** Of nothing else in the table, whatever comes and goes; absent: rows are known by their places. */
  readonly key?: string | number
  readonly cells: readonly Fragment[]
}

function rowMarkup({ key, cells }: TableRow): Markup {
  const named = key === undefined ? null : html` data-key="${key}"`
  return html`<tr${named}>
    ${cells.map((cell) => html`<td>${cell}</td>`)}
  </tr> `
}

/** @param id of the heading that names it */
export function tableMarkup(
  id: string,
  headings: readonly Markup[],
  rows: readonly TableRow[],
): Markup {
  return html`<div
    class="scroll"
    tabindex="0"
    role="region"
    aria-labelledby="${id}"
    data-key="table"
  >
    <table aria-labelledby="${id}">
      <thead>
        <tr>
          ${headings}
        </tr>
      </thead>
      <tbody>
        ${rows.map(rowMarkup)}
      </tbody>
    </table>
  </div>`
}

/** A heading with its table; says so when there is nothing to list. */
export function section(
  id: string,
  title: string,
  columns: readonly string[],
  rows: readonly (readonly Fragment[])[],
): Markup {
  const headings = columns.map((column) => html`<th scope="col">${column}</th>`)
  const listed = rows.map((cells) => ({ cells }))
  const body = rows.length === 0 ? html`<p>None.</p>` : tableMarkup(id, headings, listed)
  return foldable(id, `${title} (${rows.length})`, body)
}
