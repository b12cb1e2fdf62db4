/**
 * What every store must do (src/store/engine.ts), as tests. `describeStore` declares them for one store; a store of your own
 * passes when this does.
 */
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { StoreError, type StoreChange, type StoreEngine } from '../../src/store/engine.js'

/** One place that a store keeps its records in, empty at first. */
export interface StorePlace {
  /** An engine on this place, not open yet. */
  engine(): StoreEngine
  /** Lets the engine's process die without a word, as far as that can be done from within: its locks count no more. */
  crash?(engine: StoreEngine): Promise<void>
  /** Makes the next commit of this engine fail. */
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
  readonly timeoutMs?: number
}

const MIB = 1024 * 1024
const put = (key: string, text: string): StoreChange => ({ key, record: Buffer.from(text) })
const forget = (key: string): StoreChange => ({ key, record: null })

type Content = [string, string][]

export function describeStore(
  name: string,
  makePlace: () => Promise<StorePlace>,
  traits: StoreTraits = {},
): void {
  const {
    keepsNothing = false,
    ordered = false,
    maxRecordBytes = 16 * MIB,
    manyRecords = 100_000,
    modelRuns = 30,
    timeoutMs = 60_000,
  } = traits
  let place: StorePlace
  const opened: StoreEngine[] = []

  beforeEach(async () => {
    place = await makePlace()
  })
  afterEach(async () => {
    for (const engine of opened.splice(0)) await engine.close()
    await place.remove()
  })

  async function open(): Promise<{ engine: StoreEngine; content: Content }> {
    const engine = place.engine()
    const { records, damaged } = await engine.open()
    opened.push(engine)
    expect(damaged).toEqual([])
    const content = records.map(({ key, record }): [string, string] => [
      key,
      Buffer.from(record).toString('latin1'),
    ])
    expect(new Set(content.map(([key]) => key)).size).toBe(content.length)
    return { engine, content }
  }

  /** What another opening finds. */
  async function found(): Promise<Content> {
    const { engine, content } = await open()
    await engine.close()
    return content
  }

  async function written(...batches: StoreChange[][]): Promise<void> {
    const { engine } = await open()
    for (const batch of batches) await engine.commit(batch)
    await engine.close()
  }

  /** As the store promises it: in order, or in any. */
  function expectContent(actual: Content, expected: Content): void {
    const given = keepsNothing ? [] : expected
    expect(ordered ? actual : sorted(actual)).toEqual(ordered ? given : sorted(given))
  }

  describe(`conformance of ${name} (H1 to H7)`, { timeout: timeoutMs }, () => {
    test('a new place is empty', async () => {
      expect(await found()).toEqual([])
    })

    test('of each key the last record comes back', async () => {
      await written([put('app_1', 'a'), put('app_2', 'b')], [put('app_1', 'c')])
      await written([put('app_2', 'd'), put('app_2', 'e')])
      expectContent(await found(), [
        ['app_1', 'c'],
        ['app_2', 'e'],
      ])
    })

    test('what is forgotten does not come back, unless it is written again', async () => {
      await written(
        [put('a', '1'), put('b', '2'), put('c', '3')],
        [forget('a'), forget('b'), forget('never there')],
        [put('b', 'again'), put('d', '4'), forget('d')],
      )
      expectContent(await found(), [
        ['c', '3'],
        ['b', 'again'],
      ])
    })

    test('a commit of nothing is a commit', async () => {
      await written([], [put('a', '1')], [])
      expectContent(await found(), [['a', '1']])
    })

    test('records may be empty', async () => {
      await written([put('a', ''), put('b', 'x')], [put('b', '')])
      expectContent(await found(), [
        ['a', ''],
        ['b', ''],
      ])
    })

    test(`a record may have ${maxRecordBytes} bytes, of any kind`, async () => {
      const large = Buffer.alloc(maxRecordBytes)
      for (let at = 0; at < large.byteLength; at += 4)
        large.writeUInt32LE((at * 2654435761) >>> 0, at)
      const zeros = Buffer.alloc(maxRecordBytes)
      await written([{ key: 'large', record: large }, put('small', 'x')])
      await written([{ key: 'zeros', record: zeros }])
      const { engine, records } = await raw(place)
      await engine.close()
      if (keepsNothing) return
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
      await written(keys.map((key, index) => put(key, String(index))))
      expectContent(
        await found(),
        keys.map((key, index) => [key, String(index)]),
      )
      await written(keys.map(forget))
      expect(await found()).toEqual([])
    })

    test('bytes that the caller changes after a commit stay as they were', async () => {
      const { engine, content } = await open()
      expect(content).toEqual([])
      const record = Buffer.from('before')
      await engine.commit([{ key: 'a', record }])
      record.fill('x')
      await engine.close()
      expectContent(await found(), [['a', 'before']])
    })

    test(`${manyRecords} records come back`, async () => {
      const { engine } = await open()
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
      expectContent(await found(), expected)
    })

    test('it may be opened again and again', async () => {
      const expected: Content = []
      for (let round = 0; round < 20; round += 1) {
        const { engine, content } = await open()
        expectContent(content, expected)
        await engine.commit([put(`app_${round}`, 'x'), forget(`app_${round - 1}`)])
        await engine.close()
        expected.splice(0, 1, [`app_${round}`, 'x'])
      }
    })

    test('one engine may be opened again after it was closed', async () => {
      const { engine } = await open()
      await engine.commit([put('a', '1')])
      await engine.close()
      const { records } = await engine.open()
      expect(records.map(({ key }) => key)).toEqual(keepsNothing ? [] : ['a'])
      await engine.commit([put('b', '2')])
      await engine.close()
      expectContent(await found(), [
        ['a', '1'],
        ['b', '2'],
      ])
    })

    test('closing twice, or what was never open, is nothing', async () => {
      const { engine } = await open()
      await engine.commit([put('a', '1')])
      await Promise.all([engine.close(), engine.close()])
      await engine.close()
      await place.engine().close()
      expectContent(await found(), [['a', '1']])
    })

    test('closing waits for the commit that is under way', async () => {
      const { engine } = await open()
      const committing = engine.commit([put('a', '1')])
      await engine.close()
      await committing
      expectContent(await found(), [['a', '1']])
    })

    if (!keepsNothing) {
      test('a commit before it is open, or after it was closed, is refused', async () => {
        const engine = place.engine()
        await expect(engine.commit([put('a', '1')])).rejects.toThrow(StoreError)
        await engine.open()
        await engine.close()
        await expect(engine.commit([put('a', '1')])).rejects.toThrow(StoreError)
        expect(await found()).toEqual([])
      })

      test('a second one on the same place is refused until the first has gone', async () => {
        const { engine } = await open()
        await engine.commit([put('a', '1')])
        const second = place.engine()
        await expect(second.open()).rejects.toThrow(StoreError)
        await second.close()
        await engine.commit([put('b', '2')])
        await engine.close()
        expectContent(await found(), [
          ['a', '1'],
          ['b', '2'],
        ])
      })

      test('what was acknowledged survives a crash', async () => {
        const { engine } = await open()
        await engine.commit([put('a', '1'), put('b', '2')])
        await engine.commit([forget('a')])
        if (place.crash !== undefined) await place.crash(engine)
        else await engine.close()
        expectContent(await found(), [['b', '2']])
      })

      test('after a commit that failed it takes no more until it is opened again', async (context) => {
        if (place.fail === undefined)
          return context.skip('this store has no failure that a test can cause')
        const { engine } = await open()
        await engine.commit([put('a', '1')])
        await place.fail(engine)
        await expect(engine.commit([put('b', '2')])).rejects.toThrow(StoreError)
        await expect(engine.commit([put('c', '3')])).rejects.toThrow(StoreError)
        await engine.close()
        const after = await found()
        expect(after).toContainEqual(['a', '1'])
        expect(after.some(([key]) => key === 'c')).toBe(false)
        await written([put('d', '4')])
        expect(await found()).toContainEqual(['d', '4'])
      })
    }

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
          const own = await makePlace()
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
              const content = again.records.map((each): [string, string] => [
                each.key,
                Buffer.from(each.record).toString('latin1'),
              ])
              expectContent(content, [...model])
            }
            await engine.close()
          } finally {
            await own.remove()
          }
        }),
        { numRuns: modelRuns },
      )
    })
  })
}

function sorted(content: Content): Content {
  return content.toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
}

async function raw(place: StorePlace) {
  const engine = place.engine()
  return { engine, ...(await engine.open()) }
}
