/** What every page shares: the document around it, fact lists, tables and buttons. Pure. */
import { html, type Fragment, type Markup } from './html.js'
import { style } from './style.js'

export function document(title: string, body: Fragment): string {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}</title>
        ${style}
      </head>
      <body>
        <header><h1>${title}</h1></header>
        <main>${body}</main>
      </body>
    </html> `.text
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

/** @param id of the heading that names it */
export function tableMarkup(
  id: string,
  headings: readonly Markup[],
  rows: readonly (readonly Fragment[])[],
): Markup {
  return html`<div class="scroll" tabindex="0" role="region" aria-labelledby="${id}">
    <table aria-labelledby="${id}">
      <thead>
        <tr>
          ${headings}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (cells) =>
            html`<tr>
              ${cells.map((cell) => html`<td>${cell}</td>`)}
            </tr> `,
        )}
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
  const heading = html`<h2 id="${id}">${title} (${rows.length})</h2>`
  if (rows.length === 0) {
    return html`${heading}
      <p>None.</p>`
  }
  const headings = columns.map((column) => html`<th scope="col">${column}</th>`)
  return html`${heading} ${tableMarkup(id, headings, rows)}`
}
