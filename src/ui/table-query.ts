/** What of a table a reader wants: search, sort and page, from the parameters of the request. Pure. */
import type { Order, Row, Table } from './model/table.js'

export interface Column<R> {
  readonly title: string
  /** Its name as a parameter. */
  readonly key: string
  readonly value: (row: R) => string | number
}

/** A part of the rows that readers often look for. */
export interface Filter<R> {
  /** Its name as a parameter. */
  readonly key: string
  readonly of: (row: R) => boolean
}

export interface TableSpec<R extends Row> {
  /** Of the section, and before its parameters: `workers.sort`. */
  readonly id: string
  readonly columns: readonly Column<R>[]
  /** Which rows of the table are of this one; absent: all. */
  readonly keeps?: { readonly key: string; readonly of: (row: R) => boolean }
  /** While nothing else is asked for. */
  readonly order: Order<R>
  /** Where a search looks. */
  readonly text: (row: R) => string
  /** `workers.show=dead` is one of them. */
  readonly filters?: readonly Filter<R>[]
  /** There is a search also where all rows fit on one page. */
  readonly alwaysSearched?: boolean
}

export interface TableQuery {
  readonly search: string
  /** Of a filter; null: all rows. */
  readonly show: string | null
  /** Of a column; null: the order of the table itself. */
  readonly sort: string | null
  readonly descending: boolean
  /** From 0. */
  readonly offset: number
  readonly limit: number
}

export interface TablePage<R> {
  readonly rows: readonly R[]
  /** How many match the search. */
  readonly total: number
}

export const limitDefault = 200
export const limitMax = 1000
export const searchLengthMax = 200

/** What a parameter should have been; becomes 400. */
export class BadQuery extends Error {}

/** @throws BadQuery */
export function whole(
  name: string,
  text: string,
  [least, most]: readonly [number, number],
): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : NaN
  if (value >= least && value <= most) return value
  throw new BadQuery(`${name} must be a whole number from ${least} to ${most}`)
}

/**
 * @param prefix `workers.` where one page has several tables, else nothing
 * @throws BadQuery
 */
export function tableQuery<R extends Row>(
  { columns, filters = [] }: Pick<TableSpec<R>, 'columns' | 'filters'>,
  parameters: URLSearchParams,
  prefix = '',
): TableQuery {
  const get = (name: string) => parameters.get(prefix + name) ?? ''
  const search = get('q').trim().toLowerCase()
  if (search.length > searchLengthMax)
    throw new BadQuery(`${prefix}q must have ${searchLengthMax} characters at most`)
  const show = filters.length === 0 ? '' : get('show')
  if (show !== '' && !filters.some((filter) => filter.key === show)) {
    const names = filters.map((filter) => filter.key).join(', ')
    throw new BadQuery(`${prefix}show must be one of ${names}`)
  }
  const [, minus = '', key = ''] = /^(-?)(.*)$/s.exec(get('sort')) ?? []
  if (key !== '' && !columns.some((column) => column.key === key)) {
    const names = columns.map((column) => column.key).join(', ')
    throw new BadQuery(`${prefix}sort must be one of ${names}, with - before it for descending`)
  }
  const limit =
    get('limit') === '' ? limitDefault : whole(`${prefix}limit`, get('limit'), [1, limitMax])
  const offset =
    get('offset') === '' ? 0 : whole(`${prefix}offset`, get('offset'), [0, Number.MAX_SAFE_INTEGER])
  return {
    search,
    show: show === '' ? null : show,
    sort: key === '' ? null : key,
    descending: minus === '-',
    offset,
    limit,
  }
}

/** @returns undefined when no row is left out */
function keepsOf<R extends Row>(
  spec: TableSpec<R>,
  { search, show }: TableQuery,
): ((row: R) => boolean) | undefined {
  const conditions: ((row: R) => boolean)[] = []
  if (spec.keeps !== undefined) conditions.push(spec.keeps.of)
  const filter = spec.filters?.find(({ key }) => key === show)
  if (filter !== undefined) conditions.push(filter.of)
  if (search !== '') conditions.push((row) => spec.text(row).toLowerCase().includes(search))
  if (conditions.length === 0) return undefined
  return (row) => conditions.every((holds) => holds(row))
}

export function orderOf<R extends Row>(spec: TableSpec<R>, query: TableQuery): Order<R> {
  const { sort, descending, search, show } = query
  const column = spec.columns.find(({ key }) => key === sort)
  const kept = keepsOf(spec, query)
  const keeps = kept === undefined ? {} : { keeps: kept }
  const filters = `${spec.id}/${spec.keeps?.key ?? ''}/${show ?? ''}`
  const name = `${filters}/${descending ? '-' : ''}${sort ?? spec.order.key}?${search}`
  const sign = descending ? -1 : 1
  if (column === undefined)
    return { key: name, compare: (a, b) => sign * spec.order.compare(a, b), ...keeps }
  const { value } = column
  return {
    key: name,
    compare: (a, b) => {
      const left = value(a)
      const right = value(b)
      if (left === right) return spec.order.compare(a, b)
      return left < right ? -sign : sign
    },
    ...keeps,
  }
}

export function tablePage<R extends Row>(
  table: Table<R>,
  spec: TableSpec<R>,
  query: TableQuery,
): TablePage<R> {
  const all = table.ordered(orderOf(spec, query))
  return { rows: all.slice(query.offset, query.offset + query.limit), total: all.length }
}
