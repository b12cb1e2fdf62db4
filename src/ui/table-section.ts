/** A table of a page: its heading, search, filters, sorted headings and pages, all of it plain links and forms. Pure. */
import { html, type Fragment, type Markup } from '../http/html.js'
import { foldable, tableMarkup, type TableRow } from '../http/layout.js'
import { selfOf } from './links.js'
import type { Row, Table } from './model/table.js'
import {
  limitDefault,
  tablePage,
  tableQuery,
  type Column,
  type TableQuery,
  type TableSpec,
} from './table-query.js'

/** Of a page with several tables: where it is, and what is asked of each. */
export interface PageAsked {
  readonly path: string
  readonly parameters: URLSearchParams
}

export interface TableSection extends PageAsked {
  readonly id: string
  readonly title: string
  readonly columns: readonly Pick<Column<never>, 'title' | 'key'>[]
  /** Keys of the parts that may be shown alone. */
  readonly filters: readonly string[]
  /** A further column, which sorts nothing. */
  readonly last: string | null
  readonly query: TableQuery
  readonly total: number
  readonly rows: readonly TableRow[]
}

export type Change = Partial<Record<'q' | 'show' | 'sort' | 'offset' | 'limit', string>>

/** @returns the way from a page to itself with another view of one of its tables; what others show stays */
export function viewLink({ path, parameters }: PageAsked, id: string, change: Change): string {
  const next = new URLSearchParams(parameters)
  for (const [name, value] of Object.entries(change)) {
    next.delete(`${id}.${name}`)
    if (value !== '') next.set(`${id}.${name}`, value)
  }
  const text = next.toString()
  return `${selfOf(path)}${text === '' ? '' : `?${text}`}#${id}`
}

function heading(section: TableSection, { title, key }: TableSection['columns'][number]): Markup {
  const { sort, descending } = section.query
  const sorted = sort === key
  const next = sorted && !descending ? `-${key}` : key
  const href = viewLink(section, section.id, { sort: next, offset: '' })
  const order = sorted ? html` aria-sort="${descending ? 'descending' : 'ascending'}"` : null
  const arrow = sorted ? html` <span aria-hidden="true">${descending ? '▼' : '▲'}</span>` : null
  return html`<th scope="col" ${order}><a href="${href}">${title}</a>${arrow}</th>`
}

function searchForm({ id, title, query, path, parameters }: TableSection): Markup {
  const own = new Set([`${id}.q`, `${id}.offset`])
  const others = [...parameters].filter(([name]) => !own.has(name))
  const action = `${selfOf(path)}#${id}`
  return html`<form
    method="get"
    action="${action}"
    role="search"
    aria-label="Search ${title}"
    data-key="search"
  >
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

function filterLinks(section: TableSection): Markup | null {
  const { id, title, filters, query } = section
  if (filters.length === 0) return null
  const links = [null, ...filters].map((key) => {
    const current = key === query.show ? html`aria-current="true"` : null
    const href = viewLink(section, id, { show: key ?? '', offset: '' })
    return html`<a href="${href}" ${current}>${key ?? 'all'}</a> `
  })
  return html`<nav aria-label="Which ${title}" data-key="show">Show: ${links}</nav>`
}

function pages(section: TableSection): Markup | null {
  const { id, query, total, rows, title } = section
  if (total <= rows.length && query.offset === 0) return null
  const { offset, limit } = query
  const link = (to: number, text: string) => {
    const href = viewLink(section, id, { offset: to === 0 ? '' : String(to) })
    return html`<a href="${href}">${text}</a> `
  }
  const last = Math.floor((total - 1) / limit) * limit
  const shown = rows.length === 0 ? 'none' : `${offset + 1} to ${offset + rows.length}`
  return html`<nav aria-label="Pages of ${title}" data-key="pages">
    ${offset > 0 ? [link(0, 'first'), link(Math.max(0, offset - limit), 'previous')] : null}
    ${shown} of ${total}
    ${offset + limit < total ? [link(offset + limit, 'next'), link(last, 'last')] : null}
  </nav>`
}

/** As Spark has it, with all rows, as long as they fit on one page and nothing is asked for. */
export function tableSection(section: TableSection, alwaysSearched = false): Markup {
  const { id, title, columns, last, rows, total, query } = section
  const named = `${title} (${total})`
  const plain = query.search === '' && query.show === null && query.offset === 0
  if (total === 0 && plain) return foldable(id, named, html`<p>None.</p>`)
  const searched = alwaysSearched || !plain || total > limitDefault / 4 ? searchForm(section) : null
  const headings = columns.map((column) => heading(section, column))
  if (last !== null) headings.push(html`<th scope="col">${last}</th>`)
  const table = rows.length === 0 ? html`<p>None.</p>` : tableMarkup(id, headings, rows)
  const body = html`${filterLinks(section)} ${searched} ${table} ${pages(section)}`
  return foldable(id, named, body)
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
  const rowOf = (row: R, cells: Fragment[], last?: LastColumn<R>): TableRow => ({
    key: row.number,
    cells: last === undefined ? cells : [...cells, last.cell(row)],
  })
  return {
    rows,
    section: (title, cells, last) =>
      tableSection(
        {
          ...asked,
          id: spec.id,
          title,
          columns: spec.columns,
          filters: spec.filters?.map(({ key }) => key) ?? [],
          last: last?.title ?? null,
          query,
          total,
          rows: rows.map((row) => rowOf(row, cells(row), last)),
        },
        spec.alwaysSearched,
      ),
  }
}

/** @returns how many rows of the table are shown by one of its filters */
export function countShown<R extends Row>(
  table: Table<R>,
  spec: TableSpec<R>,
  filter: string,
): number {
  const only = new URLSearchParams({ show: filter })
  return tablePage(table, spec, tableQuery(spec, only)).total
}
