/** A table of the first page: its heading, search, sorted headings and pages, all of it plain links and forms. Pure. */
import { html, type Fragment, type Markup } from '../http/html.js'
import { tableMarkup } from '../http/layout.js'
import type { Row, Table } from './model/table.js'
import {
  limitDefault,
  tablePage,
  tableQuery,
  type Column,
  type TableQuery,
  type TableSpec,
} from './table-query.js'

export interface TableSection {
  readonly id: string
  readonly title: string
  readonly columns: readonly Pick<Column<never>, 'title' | 'key'>[]
  /** A further column, which sorts nothing. */
  readonly last: string | null
  readonly query: TableQuery
  readonly total: number
  readonly rows: readonly (readonly Fragment[])[]
  /** Of the page. */
  readonly path: string
  /** Of the whole page: what other tables show stays. */
  readonly parameters: URLSearchParams
}

type Change = Partial<Record<'q' | 'sort' | 'offset' | 'limit', string>>

function target({ id, path, parameters }: TableSection, change: Change): string {
  const next = new URLSearchParams(parameters)
  for (const [name, value] of Object.entries(change)) {
    next.delete(`${id}.${name}`)
    if (value !== '') next.set(`${id}.${name}`, value)
  }
  const text = next.toString()
  return `${path}${text === '' ? '' : `?${text}`}#${id}`
}

function heading(section: TableSection, { title, key }: TableSection['columns'][number]): Markup {
  const { sort, descending } = section.query
  const sorted = sort === key
  const next = sorted && !descending ? `-${key}` : key
  const href = target(section, { sort: next, offset: '' })
  const order = sorted ? html` aria-sort="${descending ? 'descending' : 'ascending'}"` : null
  return html`<th scope="col" ${order}><a href="${href}">${title}</a></th>`
}

function searchForm({ id, title, query, path, parameters }: TableSection): Markup {
  const own = new Set([`${id}.q`, `${id}.offset`])
  const others = [...parameters].filter(([name]) => !own.has(name))
  return html`<form method="get" action="${path}#${id}" role="search" aria-label="Search ${title}">
    ${others.map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}" />`)}
    <input
      type="search"
      name="${id}.q"
      value="${query.search}"
      maxlength="200"
      aria-label="Search in ${title}"
    />
    <button>Search</button>
  </form>`
}

function pages(section: TableSection): Markup | null {
  const { query, total, rows, title } = section
  if (total <= rows.length && query.offset === 0) return null
  const { offset, limit } = query
  const link = (to: number, text: string) =>
    html`<a href="${target(section, { offset: to === 0 ? '' : String(to) })}">${text}</a> `
  const last = Math.floor((total - 1) / limit) * limit
  const shown = rows.length === 0 ? 'none' : `${offset + 1} to ${offset + rows.length}`
  return html`<nav aria-label="Pages of ${title}">
    ${offset > 0 ? [link(0, 'first'), link(Math.max(0, offset - limit), 'previous')] : null}
    ${shown} of ${total}
    ${offset + limit < total ? [link(offset + limit, 'next'), link(last, 'last')] : null}
  </nav>`
}

/** As Spark has it, with all rows, as long as they fit on one page and nothing is asked for. */
export function tableSection(section: TableSection): Markup {
  const { id, title, columns, last, rows, total, query } = section
  const heading2 = html`<h2 id="${id}">${title} (${total})</h2>`
  const plain = query.search === '' && query.offset === 0
  if (total === 0 && plain) {
    return html`${heading2}
      <p>None.</p>`
  }
  const searched = !plain || total > limitDefault / 4 ? searchForm(section) : null
  const headings = columns.map((column) => heading(section, column))
  if (last !== null) headings.push(html`<th scope="col">${last}</th>`)
  return html`${heading2} ${searched} ${tableMarkup(id, headings, rows)} ${pages(section)}`
}

/** Of a page with several tables: where it is, and what is asked of each. */
export interface PageAsked {
  readonly path: string
  readonly parameters: URLSearchParams
}

export interface LastColumn<R> {
  readonly title: string
  readonly cell: (row: R) => Fragment
}

export interface ShownTable<R> {
  /** What there is to be seen of it. */
  readonly rows: readonly R[]
  /** @param cells of each row, one for each column @param last a further column, which sorts nothing */
  section(title: string, cells: (row: R) => Fragment[], last?: LastColumn<R>): Markup
}

/** @throws BadQuery */
export function shownTable<R extends Row>(
  table: Table<R>,
  spec: TableSpec<R>,
  asked: PageAsked,
): ShownTable<R> {
  const query = tableQuery(spec, asked.parameters, `${spec.id}.`)
  const { rows, total } = tablePage(table, spec, query)
  return {
    rows,
    section: (title, cells, last) =>
      tableSection({
        ...asked,
        id: spec.id,
        title,
        columns: spec.columns,
        last: last?.title ?? null,
        query,
        total,
        rows: rows.map((row) =>
          last === undefined ? cells(row) : cells(row).concat(last.cell(row)),
        ),
      }),
  }
}
