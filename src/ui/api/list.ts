/** Lists of rows: filtered, searched, sorted and paged as the tables of the pages are. Pure. */
import type { ClusterModel } from '../model/cluster-model.js'
import type { Order, Row, Table } from '../model/table.js'
import {
  limitDefault,
  limitMax,
  orderOf,
  searchLengthMax,
  tableQuery,
  type TablePage,
  type TableQuery,
  type TableSpec,
} from '../table-query.js'
import { itemOf, momentOf, object, wholeSchema, type Fields, type Schema } from './field.js'
import type { Filter, Parameter } from './filter.js'
import type { ListAnswer } from './shapes.js'

export interface List<R extends Row, Item> {
  /** In its path: `workers`. */
  readonly name: string
  /** What each is called. */
  readonly item: 'Worker' | 'Application' | 'Executor' | 'Driver'
  readonly summary: string
  readonly fields: Fields<R, Item>
  readonly filters: readonly Filter<R>[]
  /** What sorts, and where a search looks. */
  readonly table: TableSpec<R>
  readonly tables: (model: ClusterModel) => readonly Table<R>[]
}

export function listParameters<R extends Row, Item>({
  filters,
  table,
}: List<R, Item>): readonly Parameter[] {
  const keys = table.columns.flatMap(({ key }) => [key, `-${key}`])
  const parts = (table.filters ?? []).map(({ key }) => key)
  return [
    ...filters,
    ...(parts.length === 0 ? [] : [showParameter(parts)]),
    {
      name: 'q',
      description: 'Only those with this text in what the pages list of them; case does not count.',
      schema: { type: 'string', maxLength: searchLengthMax },
    },
    {
      name: 'sort',
      description: 'As the columns of the pages do; with - before it descending.',
      schema: { type: 'string', enum: keys },
    },
    {
      name: 'offset',
      description: 'How many of them to leave out.',
      schema: { ...wholeSchema, default: 0 },
    },
    {
      name: 'limit',
      description: 'How many of them to answer.',
      schema: { type: 'integer', minimum: 1, maximum: limitMax, default: limitDefault },
    },
  ]
}

/** @param parts that the pages show alone */
function showParameter(parts: readonly string[]): Parameter {
  return {
    name: 'show',
    description: 'Only those that the pages show by this name.',
    schema: { type: 'string', enum: parts },
  }
}

/** @param item of each */
export function listSchema(item: Schema): Schema {
  return object({
    items: { type: 'array', items: item, maxItems: limitMax },
    total: { ...wholeSchema, description: 'How many there are of those that are wanted.' },
    offset: wholeSchema,
    limit: wholeSchema,
    nowMs: { ...wholeSchema, description: "By the master's clock, in ms since 1970." },
  })
}

/** @throws BadQuery */
export function listAnswer<R extends Row, Item>(
  { fields, filters, table, tables }: List<R, Item>,
  model: ClusterModel,
  parameters: URLSearchParams,
): ListAnswer<Item> {
  const query = tableQuery(table, parameters)
  const wanted = filters.flatMap((filter) => {
    const text = parameters.get(filter.name) ?? ''
    return text === '' ? [] : [{ name: filter.name, ...filter.wanted(text, model) }]
  })
  const keeps = {
    key: JSON.stringify(wanted.map(({ name, key }) => [name, key])),
    of: (row: R) => wanted.every(({ of }) => of(row)),
  }
  // Without a filter it is an order of the pages too.
  const spec = wanted.length === 0 ? table : { ...table, keeps }
  const { rows, total } = pageOf(tables(model), orderOf(spec, query), query)
  const moment = momentOf(model)
  const { offset, limit } = query
  const items = rows.map((row) => itemOf(fields, row, moment))
  return { items, total, offset, limit, nowMs: moment.nowMs }
}

/** Of several tables as if they were one. */
function pageOf<R extends Row>(
  tables: readonly Table<R>[],
  order: Order<R>,
  { offset, limit }: TableQuery,
): TablePage<R> {
  const lists = tables.map((table) => ({ rows: table.ordered(order), next: 0 }))
  const total = lists.reduce((sum, { rows }) => sum + rows.length, 0)
  const end = Math.min(offset + limit, total)
  const page: R[] = []
  for (let place = 0; place < end; ++place) {
    let least: { row: R; list: (typeof lists)[number] } | null = null
    for (const list of lists) {
      const row = list.rows[list.next]
      if (row !== undefined && (least === null || order.compare(row, least.row) < 0))
        least = { row, list }
    }
    if (least === null) break
    least.list.next += 1
    if (place >= offset) page.push(least.row)
  }
  return { rows: page, total }
}
