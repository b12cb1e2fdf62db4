/** What `magneto apps` and `workers` share: their flags, and a list that is printed page by page. */
import { quoted, UsageError } from '../../conf/errors.js'
import type { Flag, ParsedArguments } from '../../conf/flags.js'
import type { ListAnswer, ListName, Lists, Query, WebApi } from './api.js'
import type { Client } from './client.js'
import { MASTER_FLAG } from './masters.js'
import { TableWriter, type Column } from './table.js'
import { jsonText } from './text-width.js'

/** Rows without --all and --limit. */
const LIMIT_DEFAULT = 200

export interface ListingFlags {
  /** What --all adds. */
  readonly all: string
  /** That there are. */
  readonly states: readonly string[]
  /** That sort. */
  readonly keys: readonly string[]
  /** Parts that can be shown alone. */
  readonly parts?: readonly string[]
}

export function listingFlags({ all, states, keys, parts = [] }: ListingFlags): readonly Flag[] {
  const show = { names: ['--show'], value: 'PART', help: `Only those that are ${parts.join(', ')}` }
  return [
    MASTER_FLAG,
    { names: ['--all', '-a'], help: all },
    {
      names: ['--state'],
      value: 'STATES',
      help: `Only those in one of these, with commas between: ${states.join(', ')}`,
    },
    ...(parts.length === 0 ? [] : [show]),
    {
      names: ['--search'],
      value: 'TEXT',
      help: 'Only those that have it in what is listed of them',
    },
    { names: ['--sort'], value: 'KEY', help: `${keys.join(', ')}; -KEY for descending` },
    { names: ['--limit'], value: 'N', help: `At most so many; default: ${LIMIT_DEFAULT}` },
    { names: ['--json'], help: 'As a JSON array, with all that the master tells of them' },
    { names: ['--help', '-h'], help: 'Print this' },
  ]
}

export interface Listing {
  readonly query: Query
  readonly rowsMax: number
  readonly asJson: boolean
}

/** @param states that there are @throws UsageError */
export function listingOf({ flags }: ParsedArguments, states: readonly string[]): Listing {
  const named = flags.get('--state')
  const search = flags.get('--search')
  const sort = flags.get('--sort')
  const show = flags.get('--show')
  return {
    query: {
      ...(named === undefined ? {} : { state: statesOf(named, states).join(',') }),
      ...(show === undefined ? {} : { show }),
      ...(search === undefined ? {} : { q: search }),
      ...(sort === undefined ? {} : { sort }),
    },
    rowsMax: limitOf(flags),
    asJson: flags.has('--json'),
  }
}

function statesOf(text: string, known: readonly string[]): string[] {
  return text.split(',').map((part) => {
    const state = part.trim().toUpperCase()
    if (known.includes(state)) return state
    throw new UsageError(
      `--state ${quoted(text)}: expected one or more of ${known.join(', ')}, with commas between`,
    )
  })
}

function limitOf(flags: ReadonlyMap<string, string>): number {
  const text = flags.get('--limit')
  if (text === undefined) return flags.has('--all') ? Infinity : LIMIT_DEFAULT
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text)
  throw new UsageError(`--limit ${quoted(text)}: expected a whole number from 1 on`)
}

export interface Shown<Item> {
  readonly columns: readonly Column[]
  /** @returns a cell for each column, fit for a terminal */
  readonly row: (item: Item, nowMs: number) => readonly string[]
}

/** Never holds more than one page. @throws Refused @throws UsageError */
export async function printList<Name extends ListName>(
  { client, web, name }: { client: Client; web: WebApi; name: Name },
  { query, rowsMax, asJson }: Listing,
  shown: Shown<Lists[Name]>,
): Promise<void> {
  const print = asJson ? jsonPrinter(client) : tablePrinter(client, shown)
  let count = 0
  let total = 0
  for await (const page of web.pages(name, query, rowsMax)) {
    print.page(page)
    count += page.items.length
    total = page.total
  }
  print.end()
  if (count < total)
    client.stderr(`${count} of ${total} are listed: --all lists all of them, --limit N so many\n`)
}

interface Printer<Item> {
  page(page: ListAnswer<Item>): void
  end(): void
}

function tablePrinter<Item>(client: Client, { columns, row }: Shown<Item>): Printer<Item> {
  const writer = new TableWriter(columns, client.terminal()?.columns)
  let isFirst = true
  return {
    page: ({ items, nowMs }) => {
      const rows = items.map((item) => row(item, nowMs))
      const lines = isFirst ? writer.linesWithHead(rows) : writer.lines(rows)
      isFirst = false
      client.stdout(lines.map((line) => `${line}\n`).join(''))
    },
    end: () => {},
  }
}

/** One item a line: an array for programs, and lines for those that search them. */
function jsonPrinter<Item>(client: Client): Printer<Item> {
  let before = '[\n'
  return {
    page: ({ items }) => {
      if (items.length === 0) return
      client.stdout(before + items.map((item) => jsonText(item)).join(',\n'))
      before = ',\n'
    },
    end: () => client.stdout(before === '[\n' ? '[]\n' : '\n]\n'),
  }
}
