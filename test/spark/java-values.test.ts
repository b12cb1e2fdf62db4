import { describe, expect, it } from 'vitest'
import { ValueBuilder } from '../../src/spark/java/build.js'
import { JavaStreamError } from '../../src/spark/java/error.js'
import { readJavaStream } from '../../src/spark/java/reader.js'
import { BlockData, ClassDescriptor, JavaArray, JavaObject } from '../../src/spark/java/tree.js'
import { JavaString } from '../../src/spark/java/tree.js'
import type { JavaNode } from '../../src/spark/java/tree.js'
import {
  JavaShapeError,
  ValueReader,
  boxedNumberOf,
  classNameOf,
  optionOf,
} from '../../src/spark/java/values.js'
import { writeJavaStream } from '../../src/spark/java/writer.js'
import { listedDescriptor } from '../../src/spark/tables/class-table.js'
import type { SparkVersion } from '../../src/control/runtimes.js'
import { RELEASES, sample } from './golden-vectors.js'
import type { Release } from './golden-vectors.js'

function read(release: Release, name: string): JavaNode | null {
  return readJavaStream(sample(release, `value/${name}`)).root
}

function builder(release: Release): ValueBuilder {
  const version = release.slice(0, 3) as SparkVersion
  return new ValueBuilder({
    descriptor: (name) => listedDescriptor(name, version)!,
    has: (name) => listedDescriptor(name, version) !== null,
  })
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

function hexOf(root: JavaNode): string {
  return hex(writeJavaStream(root))
}

describe.each(RELEASES)('K10: values as Spark %s writes them (WIRE 2.1)', (release) => {
  const values = new ValueReader()

  it('options', () => {
    expect(optionOf(read(release, 'None'))).toBeNull()
    expect(values.optionalString(read(release, 'Some-string'))).toBe('x')
    expect(boxedNumberOf(optionOf(read(release, 'Some-int')))).toBe(5)
  })

  it.each([
    ['Nil', []],
    ['Seq-empty', []],
    ['List-1', ['a']],
    ['List-3', ['a', 'b', 'c']],
    ['Vector-2', ['a', 'b']],
    ['ArrayBuffer-2', ['a', 'b']],
    ['wrappedArray-2', ['a', 'b']],
    ['Set-1', ['a']],
    ['Set-5', ['e', 'a', 'b', 'c', 'd']],
  ])('%s', (name, expected) => {
    expect(values.strings(read(release, name))).toEqual(expected)
  })

  it.each([0, 1, 2, 3, 4, 5, 6])('a Map of %i', (count) => {
    const entries = values
      .entries(read(release, `Map-${count}`))
      .map(([key, value]) => `${values.string(key)}=${values.string(value)}`)
      .sort()
    const expected = Array.from({ length: count }, (_none, index) => `k${index + 1}=v${index + 1}`)
    expect(entries).toEqual(expected)
  })

  it('a mutable HashMap', () => {
    const entries = values.entries(read(release, 'mutableHashMap-1'))
    expect(entries.map(([key, value]) => [values.string(key), values.string(value)])).toEqual([
      ['a', 'b'],
    ])
  })

  it('what is written equals what Spark wrote', () => {
    const build = builder(release)
    const theirs = (name: string): string => hex(sample(release, `value/${name}`))
    expect(hexOf(build.none())).toBe(theirs('None'))
    expect(hexOf(build.option(build.integer(5)))).toBe(theirs('Some-int'))
    for (const count of [0, 1, 2, 3, 4, 5, 6]) {
      const entries = values.entries(read(release, `Map-${count}`)) as [JavaNode, JavaNode][]
      expect(hexOf(builder(release).map(entries)), `Map-${count}`).toBe(theirs(`Map-${count}`))
    }
  })
})

describe('what is not as expected is told by name', () => {
  const values = new ValueReader()
  const list = read('4.3.0', 'List-1')
  const map = read('4.3.0', 'Map-1')

  it.each<[() => unknown, string]>([
    [() => values.string(list), 'a string is expected, not scala.collection.generic.Default'],
    [
      () => values.strings(map),
      'a collection is expected, not scala.collection.immutable.Map$Map1',
    ],
    [() => values.entries(read('4.3.0', 'Set-1')), 'a Map is expected'],
    [() => optionOf(list), 'an Option is expected'],
    [() => optionOf(null), 'an object is expected, not null'],
    [() => boxedNumberOf(read('4.3.0', 'true')), 'a boxed number is expected'],
  ])('%#', (action, message) => {
    expect(action).toThrow(JavaShapeError)
    expect(action).toThrow(message)
  })

  it('a list that claims other elements than it has', () => {
    const object = list as JavaObject
    const custom = object.data[0]!.custom!
    const lying = new JavaObject(object.descriptor, [
      { values: object.data[0]!.values, custom: [new BlockData(Buffer.from('7fffffff', 'hex'))] },
    ])
    expect(custom.length).toBe(3)
    expect(() => values.elements(lying)).toThrow('a count of 2147483647 before 0 elements')
  })

  it('a Scala object is named by its class in both forms', () => {
    for (const release of RELEASES) {
      expect(classNameOf(read(release, 'None') as JavaObject)).toBe('scala.None$')
    }
  })
})

describe('Scala 2.12 Vector', () => {
  const arrayClass = new ClassDescriptor('[Ljava.lang.Object;', 0n, 2, [], null)
  const names = ['depth', 'endIndex', 'startIndex', 'display0', 'display1']
  const vectorClass = new ClassDescriptor(
    'scala.collection.immutable.Vector',
    0n,
    2,
    names.map((name) => ({ name, type: name.startsWith('display') ? '[Ljava/lang/Object;' : 'I' })),
    null,
  )
  const vector = (start: number, end: number, depth: number, top: JavaArray): JavaObject =>
    new JavaObject(vectorClass, [
      {
        values: [depth, end, start, depth === 1 ? top : null, depth === 2 ? top : null],
        custom: null,
      },
    ])
  const leaf = (from: number): JavaArray =>
    new JavaArray(
      arrayClass,
      Array.from({ length: 32 }, (_none, index) => new JavaString(`e${from + index}`)),
    )

  it('of two levels, started in the middle', () => {
    const tree = vector(3, 70, 2, new JavaArray(arrayClass, [leaf(0), leaf(32), leaf(64)]))
    const texts = new ValueReader().strings(tree)
    expect(texts.length).toBe(67)
    expect(texts[0]).toBe('e3')
    expect(texts.at(-1)).toBe('e69')
  })

  it('that claims elements it has not', () => {
    const values = new ValueReader()
    expect(() => values.elements(vector(0, 33, 1, leaf(0)))).not.toThrow()
    expect(() => values.elements(vector(0, 40, 2, new JavaArray(arrayClass, [leaf(0)])))).toThrow(
      'no Vector element 32',
    )
    expect(() => values.elements(vector(0, 2 ** 31 - 1, 1, leaf(0)))).toThrow('hold more than')
  })
})

it('naming one large collection many times is paid each time', () => {
  const values = new ValueReader()
  const list = read('4.3.0', 'List-3')
  const readForever = (): void => {
    for (;;) values.strings(list)
  }
  expect(readForever).toThrow(JavaStreamError)
})
