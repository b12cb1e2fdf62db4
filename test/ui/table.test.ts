import { describe, expect, test } from 'vitest'
import { orderedRowsMax, ordersMax, Table, type Order, type Row } from '../../src/ui/model/table.js'
import { BadQuery, tablePage, tableQuery, type TableSpec } from '../../src/ui/table-query.js'
import { Random } from '../sim/random.js'

interface Named extends Row {
  readonly name: string
  readonly size: number
}

const bySize: Order<Named> = {
  key: 'size',
  compare: (a, b) => a.size - b.size || a.number - b.number,
}
const largeByName: Order<Named> = {
  key: 'name?large',
  keeps: ({ size }) => size > 50,
  compare: (a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.number - b.number),
}

function plainly(rows: ReadonlyMap<number, Named>, { keeps, compare }: Order<Named>): Named[] {
  return [...rows.values()].filter((row) => keeps === undefined || keeps(row)).sort(compare)
}

describe('orders of a table', () => {
  test('after any history each is what filtering and sorting everything gives', () => {
    for (let seed = 1; seed <= 30; ++seed) {
      const random = new Random(seed)
      const table = new Table<Named>()
      const plain = new Map<number, Named>()
      for (let step = 0; step < 400; ++step) {
        const number = random.between(0, 59)
        const dice = random.between(0, 99)
        if (dice < 60) {
          const row = {
            number,
            name: `n${random.between(0, 29)}`,
            size: random.between(0, 99),
            stale: false,
          }
          expect(table.put(row)).toBe(plain.get(number))
          plain.set(number, row)
        } else if (dice < 80) {
          expect(table.remove(number)).toBe(plain.get(number))
          plain.delete(number)
        } else if (dice < 81) {
          table.clear()
          plain.clear()
        }
        for (const order of [bySize, largeByName])
          if (random.between(0, 2) === 0)
            expect(table.ordered(order)).toEqual(plainly(plain, order))
      }
    }
  })

  test('what is read again unchanged is not even looked at', () => {
    const table = new Table<Named>()
    table.put({ number: 1, name: 'a', size: 1, stale: false })
    expect(table.ordered(bySize)).toBe(table.ordered(bySize))
  })

  test('one that missed more than is kept is made anew, as is one that gave way to others', () => {
    const table = new Table<Named>()
    const put = (number: number, size: number) =>
      table.put({ number, name: '', size, stale: false })
    put(1, 1)
    table.ordered(bySize)
    for (let step = 0; step < 20_000; ++step) put(2, step)
    expect(table.ordered(bySize).map(({ size }) => size)).toEqual([1, 19_999])
    for (let other = 0; other <= ordersMax; ++other)
      table.ordered({ key: `other ${other}`, compare: bySize.compare })
    put(3, 0)
    expect(table.ordered(bySize).map(({ number }) => number)).toEqual([3, 1, 2])
  })

  test('orders of many rows are fewer', () => {
    const table = new Table<Named>()
    for (let number = 0; number < 100_000; ++number)
      table.put({ number, name: '', size: 0, stale: false })
    const asked = orderedRowsMax / 100_000 + 1
    const orders = Array.from({ length: asked }, (_, at) => ({
      key: String(at),
      compare: (a: Named, b: Named) => a.number - b.number,
    }))
    const [first, second] = orders.map((order) => table.ordered(order))
    // The same array as long as it is kept.
    expect(table.ordered(orders[1]!)).toBe(second)
    expect(table.ordered(orders[0]!)).not.toBe(first)
  })
})

const spec: TableSpec<Named> = {
  id: 'things',
  columns: [
    { title: 'Name', key: 'name', value: ({ name }) => name },
    { title: 'Size', key: 'size', value: ({ size }) => size },
  ],
  order: { key: 'number', compare: (a, b) => a.number - b.number },
  text: ({ name }) => name,
}

describe('what a reader asks of a table', () => {
  const table = new Table<Named>()
  for (let number = 1; number <= 10; ++number)
    table.put({ number, name: number % 2 === 0 ? 'Even' : 'odd', size: number % 3, stale: false })
  const ask = (query: string, prefix = '') =>
    tablePage(table, spec, tableQuery(spec, new URLSearchParams(query), prefix))

  test.each([
    ['', [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 10],
    ['limit=3&offset=8', [9, 10], 10],
    ['offset=10', [], 10],
    ['q=EVEN', [2, 4, 6, 8, 10], 5],
    ['q=even&sort=-size&limit=2', [2, 8], 5],
    ['sort=size&limit=4', [3, 6, 9, 1], 10],
    ['sort=-size&limit=2', [2, 5], 10],
    ['q=%3Cscript%3E', [], 0],
  ])('%s', (query, numbers, total) => {
    const page = ask(query)
    expect(page.rows.map(({ number }) => number)).toEqual(numbers)
    expect(page.total).toBe(total)
  })

  test('parameters of another table change nothing', () => {
    expect(ask('other.sort=nonsense&limit=1', 'things.').rows).toHaveLength(10)
    expect(ask('things.limit=1', 'things.').rows).toHaveLength(1)
  })

  test.each([
    ['limit=0', 'limit must be a whole number from 1 to 1000'],
    ['limit=1001', 'limit must be a whole number from 1 to 1000'],
    ['offset=-1', 'offset must be a whole number from 0 to 9007199254740991'],
    ['offset=1e3', 'offset must be a whole number from 0 to 9007199254740991'],
    ['sort=colour', 'sort must be one of name, size, with - before it for descending'],
    [`q=${'x'.repeat(201)}`, 'q must have 200 characters at most'],
  ])('%s is refused with what was expected', (query, reason) => {
    expect(() => ask(query)).toThrow(new BadQuery(reason))
  })
})
