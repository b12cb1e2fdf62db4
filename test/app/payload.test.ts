/** What tasks take and return comes out as V8's structured clone would have it, whichever way it travels. */
import { deserialize, serialize } from 'node:v8'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { DataCloneError } from '../../src/app/errors.js'
import { GroupSlot } from '../../src/app/group-slot.js'
import { MAX_GROUP_TASKS, SLOT_RESULT_BYTES } from '../../src/app/limits.js'
import { fromPayload, toPayload } from '../../src/app/payload.js'
import { ResultStatus } from '../../src/app/protocol.js'

const through = (value: unknown) => fromPayload(toPayload(value, 'it'))
const isText = (value: unknown) => typeof toPayload(value, 'it') === 'string'
const shared = { x: 1 }
const cycle: { self?: unknown } = {}
cycle.self = cycle
class Point {
  x = 1
}

const values = fc.anything({
  withBigInt: true,
  withDate: true,
  withMap: true,
  withSet: true,
  withTypedArray: true,
  withSparseArray: true,
  withNullPrototype: true,
  withObjectString: true,
})

describe('a payload', () => {
  test('is for any value what a structured clone of it is', () => {
    const check = (value: unknown) => {
      expect(through(value)).toStrictEqual(deserialize(serialize(value)))
    }
    fc.assert(fc.property(values, check), { numRuns: 3000 })
    fc.assert(fc.property(fc.string({ unit: 'binary' }), check))
    fc.assert(fc.property(fc.jsonValue(), check), { numRuns: 1000 })
  })

  test.each([
    ['undefined', undefined],
    ['a number', 7],
    ['a lone surrogate', '\ud800'],
    ['a small object', { a: 1, b: [true, null, 'x'], c: { d: '"\\\u2028' } }],
    ['a field called __proto__', JSON.parse('{"__proto__": {"a": 1}}')],
  ])('is text for %s', (_name, value) => {
    expect(isText(value)).toBe(true)
    expect(through(value)).toStrictEqual(deserialize(serialize(value)))
  })

  test.each([
    ['negative zero', -0],
    ['not a number', Number.NaN],
    ['infinity', -Infinity],
    ['a field that is undefined', { a: undefined }],
    ['a hole', [1, , 3]], // oxlint-disable-line no-sparse-arrays
    ['properties of an array', Object.assign([1], { note: 'x' })],
    ['an object that is there twice', [shared, shared]],
    ['a cycle', cycle],
    ['a date', new Date(7)],
    ["a class's object", new Point()],
    ['an object that says how to become JSON', Object.assign(Object.create({ toJSON: () => 1 }))],
    ['a list of many', Array.from({ length: 1000 }, (_, at) => at)],
    ['a long text', 'x'.repeat(100_000)],
  ])('is never text for %s', (_name, value) => {
    expect(isText(value)).toBe(false)
    expect(through(value)).toStrictEqual(deserialize(serialize(value)))
  })

  test('keeps what was one object one object', () => {
    const [first, second] = through([shared, shared]) as object[]
    expect(first).toBe(second)
  })

  test.each([
    ['a function', () => 1],
    ['one inside', { deep: [{ toJSON: () => 1 }] }],
    ['a symbol', Symbol('x')],
    ['a proxy', new Proxy({}, {})],
  ])('says what is wrong with %s', (_name, value) => {
    expect(() => toPayload(value, 'the task')).toThrow(DataCloneError)
    expect(() => toPayload(value, 'the task')).toThrow(/the task can't be sent/)
  })

  test('takes an error of an accessor for its own', () => {
    const value = Object.defineProperty({}, 'a', {
      enumerable: true,
      get() {
        throw new RangeError('no')
      },
    })
    expect(() => toPayload(value, 'the task')).toThrow(DataCloneError)
  })
})

describe('a slot', () => {
  const { DONE, THREW } = ResultStatus

  test('gives back what was put, text and bytes, in both views of its memory', () => {
    const slot = new GroupSlot()
    const thread = new GroupSlot(slot.memory)
    slot.open()
    const payloads = ['', 'grün \u{1f600}', new Uint8Array([255, 0]), new Uint8Array(), '7']
    payloads.forEach((payload, at) => {
      expect(thread.claim()).toBe(at)
      expect(slot.done).toBe(at)
      const status = at % 2 === 0 ? DONE : THREW
      expect(thread.put(at, { status, runMs: at / 2, payload })).toBe(true)
    })
    expect(slot.done).toBe(payloads.length)
    payloads.forEach((payload, at) => {
      const status = at % 2 === 0 ? DONE : THREW
      expect(slot.read(at)).toStrictEqual({ status, runMs: at / 2, payload })
    })
  })

  test('refuses what has no room and keeps what it has', () => {
    const slot = new GroupSlot()
    slot.open()
    const most = new Uint8Array(SLOT_RESULT_BYTES - 1)
    expect(slot.put(0, { status: DONE, runMs: 0, payload: most })).toBe(true)
    expect(slot.put(1, { status: DONE, runMs: 0, payload: 'xx' })).toBe(false)
    expect(slot.put(1, { status: DONE, runMs: 0, payload: new Uint8Array(2) })).toBe(false)
    expect(slot.done).toBe(1)
    expect(slot.read(0).payload).toHaveLength(most.length)
    expect(slot.put(1, { status: DONE, runMs: 0, payload: new Uint8Array(1) })).toBe(true)
  })

  test('holds as many results as a group has tasks', () => {
    const slot = new GroupSlot()
    for (let round = 0; round < 2; round += 1) {
      slot.open()
      for (let at = 0; at < MAX_GROUP_TASKS; at += 1)
        expect(slot.put(at, { status: DONE, runMs: at, payload: String(at) })).toBe(true)
      for (let at = 0; at < MAX_GROUP_TASKS; at += 1)
        expect(slot.read(at)).toEqual({ status: DONE, runMs: at, payload: String(at) })
    }
  })

  test('lets the thread start nothing more once it is closed', () => {
    const slot = new GroupSlot()
    slot.open()
    slot.claim()
    slot.claim()
    expect(slot.close()).toBe(2)
    expect(slot.claim()).toBeGreaterThan(MAX_GROUP_TASKS)
    expect(slot.close()).toBeGreaterThan(MAX_GROUP_TASKS)
    slot.open()
    expect(slot.claim()).toBe(0)
  })
})
