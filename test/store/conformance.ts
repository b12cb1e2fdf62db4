/**
 * What every store must do (src/store/engine.ts), as tests. `describeStore` declares them for one store; a store of your own
 * passes when this does.
 */
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  StoreError,
  type StoreChange,
  type StoreEngine,
  type StoredRecord,
} from '../../src/store/engine.js'

/** One place that a store keeps its records in, empty at first. */
export interface StorePlace {
  /** An engine on this place, not open yet. */
  engine(): StoreEngine
  /** Lets the engine's process die without a word, as far as that can be done from within: its locks count no more. */
  crash?(engine: StoreEngine): Promise<void>
  /** Makes the next commit of this engine fail; every store that can has it (`StoreTraits.cannotFail`). */
  fail?(engine: StoreEngine): Promise<void>
  remove(): Promise<void>
}

export interface StoreTraits {
  /** Nothing is kept (NONE). */
  readonly keepsNothing?: boolean
  /** Records come back in the order they were written. */
  readonly ordered?: boolean
  /** Largest record the store promises, bytes. */
  readonly maxRecordBytes?: number
  /** How many records it is filled with; 100,000 unless that takes minutes. */
  readonly manyRecords?: number
  readonly modelRuns?: number
  /** Nothing a test can do makes a commit fail. */
  readonly cannotFail?: boolean
  readonly timeoutMs?: number
}

const MIB = 1024 * 1024
const put = (key: string, text: string): StoreChange => ({ key, record: Buffer.from(text) })
const forget = (key: string): StoreChange => ({ key, record: null })

type Content = [string, string][]

function textOf(records: readonly StoredRecord[]): Content {
  return records.map(({ key, record }) => [key, Buffer.from(record).toString('latin1')])
}

function sorted(content: Content): Content {
  return content.toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
}

async function raw(place: StorePlace) {
  const engine = place.engine()
  return { engine, ...(await engine.open()) }
}

/** What the tests of one store share. */
class Bench {
  readonly #makePlace: () => Promise<StorePlace>
  readonly #ordered: boolean
  readonly keepsNothing: boolean
  readonly #opened: StoreEngine[] = []
  #place: StorePlace | null = null

  constructor(makePlace: () => Promise<StorePlace>, traits: StoreTraits) {
    this.#makePlace = makePlace
    this.keepsNothing = traits.keepsNothing ?? false
    this.#ordered = traits.ordered ?? false
  }

  get place(): StorePlace {
    if (this.#place === null) throw new Error('no place yet')
    return this.#place
  }

  async start(): Promise<void> {
    this.#place = await this.#makePlace()
  }

  async end(): Promise<void> {
    for (const engine of this.#opened.splice(0)) await engine.close()
    await this.place.remove()
  }

  another(): Promise<StorePlace> {
    return this.#makePlace()
  }

  async open(): Promise<{ engine: StoreEngine; content: Content }> {
    const engine = this.place.engine()
    const { records, damaged } = await engine.open()
    this.#opened.push(engine)
    expect(damaged).toEqual([])
    const content = textOf(records)
    expect(new Set(content.map(([key]) => key)).size).toBe(content.length)
    return { engine, content }
  }

  /** What another opening finds. */
  async found(): Promise<Content> {
    const { engine, content } = await this.open()
    await engine.close()
    return content
  }

  async written(...batches: StoreChange[][]): Promise<void> {
    const { engine } = await this.open()
    for (const batch of batches) await engine.commit(batch)
    await engine.close()
  }

  /** As the store promises it: in order, or in any. */
  expectContent(actual: Content, expected: Content): void {
    const given = this.keepsNothing ? [] : expected
    expect(this.#ordered ? actual : sorted(actual)).toEqual(this.#ordered ? given : sorted(given))
  }
}

export function describeStore(
  name: string,
  makePlace: () => Promise<StorePlace>,
  traits: StoreTraits = {},
): void {
  const bench = new Bench(makePlace, traits)
  describe(`conformance of ${name} (H1 to H7)`, { timeout: traits.timeoutMs ?? 60_000 }, () => {
    beforeEach(() => bench.start())
    afterEach(() => bench.end())
    whatItKeeps(bench)
    howMuchItKeeps(bench, traits)
    howItLives(bench)
    if (!bench.keepsNothing) {
      whatItRefuses(bench)
      if (traits.cannotFail !== true) howItFails(bench)
    }
    randomHistories(bench, traits.modelRuns ?? 30)
  })
}

function whatItKeeps(bench: Bench): void {
  test('a new place is empty', async () => {
    expect(await bench.found()).toEqual([])
  })

  test('of each key the last record comes back', async () => {
    await bench.written([put('app_1', 'a'), put('app_2', 'b')], [put('app_1', 'c')])
    await bench.written([put('app_2', 'd'), put('app_2', 'e')])
    bench.expectContent(await bench.found(), [
      ['app_1', 'c'],
      ['app_2', 'e'],
    ])
  })

  test('what is forgotten does not come back, unless it is written again', async () => {
    await bench.written(
      [put('a', '1'), put('b', '2'), put('c', '3')],
      [forget('a'), forget('b'), forget('never there')],
      [put('b', 'again'), put('d', '4'), forget('d')],
    )
    bench.expectContent(await bench.found(), [
      ['c', '3'],
      ['b', 'again'],
    ])
  })

  test('a commit of nothing is a commit', async () => {
    await bench.written([], [put('a', '1')], [])
    bench.expectContent(await bench.found(), [['a', '1']])
  })

  test('records may be empty', async () => {
    await bench.written([put('a', ''), put('b', 'x')], [put('b', '')])
    bench.expectContent(await bench.found(), [
      ['a', ''],
      ['b', ''],
    ])
  })
}

function howMuchItKeeps(bench: Bench, traits: StoreTraits): void {
  const { maxRecordBytes = 16 * MIB, manyRecords = 100_000 } = traits

  test(`a record may have ${maxRecordBytes} bytes, of any kind`, async () => {
    const large = Buffer.alloc(maxRecordBytes)
    for (let at = 0; at < large.byteLength; at += 4)
      large.writeUInt32LE((at * 2654435761) >>> 0, at)
    const zeros = Buffer.alloc(maxRecordBytes)
    await bench.written([{ key: 'large', record: large }, put('small', 'x')])
    await bench.written([{ key: 'zeros', record: zeros }])
    const { engine, records } = await raw(bench.place)
    await engine.close()
    if (bench.keepsNothing) return
    const byKey = new Map(records.map(({ key, record }) => [key, Buffer.from(record)]))
    expect(byKey.get('large')?.equals(large)).toBe(true)
    expect(byKey.get('zeros')?.equals(zeros)).toBe(true)
    expect(byKey.get('small')?.toString()).toBe('x')
  })

  test('a key may be any text of up to 1 KiB', async () => {
    const keys = [
      'worker_worker-20261121-127.0.0.1-7078',
      'app/with/slashes',
      '../up',
      '.',
      '..',
      '/',
      'dots.and spaces\nand lines\t',
      '%2F',
      'Ключ-键-🗝️',
      'nul\u0000inside',
      'UPPER',
      'upper',
      'lock',
      'k'.repeat(1024),
      '键'.repeat(341),
      '/'.repeat(1000),
    ]
    await bench.written(keys.map((key, index) => put(key, String(index))))
    bench.expectContent(
      await bench.found(),
      keys.map((key, index) => [key, String(index)]),
    )
    await bench.written(keys.map(forget))
    expect(await bench.found()).toEqual([])
  })

  test('bytes that the caller changes after a commit stay as they were', async () => {
    const { engine, content } = await bench.open()
    expect(content).toEqual([])
    const record = Buffer.from('before')
    await engine.commit([{ key: 'a', record }])
    record.fill('x')
    await engine.close()
    bench.expectContent(await bench.found(), [['a', 'before']])
  })

  test(`${manyRecords} records come back`, async () => {
    const { engine } = await bench.open()
    const expected: Content = []
    for (let next = 0; next < manyRecords;) {
      const batch: StoreChange[] = []
      for (; batch.length < 2000 && next < manyRecords; next += 1) {
        batch.push(put(`app_${next}`, `record ${next}`))
        expected.push([`app_${next}`, `record ${next}`])
      }
      await engine.commit(batch)
    }
    await engine.close()
    bench.expectContent(await bench.found(), expected)
  })
}

function howItLives(bench: Bench): void {
  test('it may be opened again and again', async () => {
    const expected: Content = []
    for (let round = 0; round < 20; round += 1) {
      const { engine, content } = await bench.open()
      bench.expectContent(content, expected)
      await engine.commit([put(`app_${round}`, 'x'), forget(`app_${round - 1}`)])
      await engine.close()
      expected.splice(0, 1, [`app_${round}`, 'x'])
    }
  })

  test('one engine may be opened again after it was closed', async () => {
    const { engine } = await bench.open()
    await engine.commit([put('a', '1')])
    await engine.close()
    const { records } = await engine.open()
    expect(records.map(({ key }) => key)).toEqual(bench.keepsNothing ? [] : ['a'])
    await engine.commit([put('b', '2')])
    await engine.close()
    bench.expectContent(await bench.found(), [
      ['a', '1'],
      ['b', '2'],
    ])
  })

  test('closing twice, or what was never open, is nothing', async () => {
    const { engine } = await bench.open()
    await engine.commit([put('a', '1')])
    await Promise.all([engine.close(), engine.close()])
    await engine.close()
    await bench.place.engine().close()
    bench.expectContent(await bench.found(), [['a', '1']])
  })

  test('closing waits for the commit that is under way', async () => {
    const { engine } = await bench.open()
    const committing = engine.commit([put('a', '1')])
    await engine.close()
    await committing
    bench.expectContent(await bench.found(), [['a', '1']])
  })
}

function whatItRefuses(bench: Bench): void {
  test('a commit before it is open, or after it was closed, is refused', async () => {
    const engine = bench.place.engine()
    await expect(engine.commit([put('a', '1')])).rejects.toThrow(StoreError)
    await engine.open()
    await engine.close()
    await expect(engine.commit([put('a', '1')])).rejects.toThrow(StoreError)
    expect(await bench.found()).toEqual([])
  })

  test('a second one on the same place is refused until the first has gone', async () => {
    const { engine } = await bench.open()
    await engine.commit([put('a', '1')])
    const second = bench.place.engine()
    await expect(second.open()).rejects.toThrow(StoreError)
    await second.close()
    await engine.commit([put('b', '2')])
    await engine.close()
    bench.expectContent(await bench.found(), [
      ['a', '1'],
      ['b', '2'],
    ])
  })

  test('what was acknowledged survives a crash', async () => {
    const { engine } = await bench.open()
    await engine.commit([put('a', '1'), put('b', '2')])
    await engine.commit([forget('a')])
    if (bench.place.crash !== undefined) await bench.place.crash(engine)
    else await engine.close()
    bench.expectContent(await bench.found(), [['b', '2']])
  })
}

function howItFails(bench: Bench): void {
  test('after a commit that failed it takes no more until it is opened again', async () => {
    const { engine } = await bench.open()
    await engine.commit([put('a', '1')])
    if (bench.place.fail === undefined) throw new Error('the place can cause no failure')
    await bench.place.fail(engine)
    await expect(engine.commit([put('b', '2')])).rejects.toThrow(StoreError)
    await expect(engine.commit([put('c', '3')])).rejects.toThrow(StoreError)
    await engine.close()
    const after = await bench.found()
    expect(after).toContainEqual(['a', '1'])
    expect(after.some(([key]) => key === 'c')).toBe(false)
    await bench.written([put('d', '4')])
    expect(await bench.found()).toContainEqual(['d', '4'])
  })
}

function randomHistories(bench: Bench, modelRuns: number): void {
  test('random histories end as a Map has them', async () => {
    const key = fc.constantFrom('a', 'b', 'c', 'd', 'e/f', 'ж')
    const change = fc.record({
      key,
      record: fc.option(fc.uint8Array({ maxLength: 2000 }), { nil: null, freq: 3 }),
    })
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.array(change, { maxLength: 8 }) },
      { weight: 1, arbitrary: fc.constant('reopen' as const) },
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const model = new Map<string, string>()
        const own = await bench.another()
        try {
          let { engine } = await raw(own)
          for (const now of [...steps, 'reopen' as const]) {
            if (now !== 'reopen') {
              await engine.commit(now)
              for (const each of now) {
                model.delete(each.key)
                if (each.record !== null)
                  model.set(each.key, Buffer.from(each.record).toString('latin1'))
              }
              continue
            }
            await engine.close()
            const again = await raw(own)
            engine = again.engine
            bench.expectContent(textOf(again.records), [...model])
          }
          await engine.close()
        } finally {
          await own.remove()
        }
      }),
      { numRuns: modelRuns },
    )
  })
}
