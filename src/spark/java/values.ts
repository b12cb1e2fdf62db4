/**
 * Reads what Scala and Java values mean from the generic tree, in every form that Scala 2.12 (Spark 3.5)
 * and 2.13 (Spark 4) write them (WIRE 2.1). Which collection class stands where is the sender's accident.
 */
import { JavaStreamError } from './error.js'
import { BlockData, JavaArray, JavaClass, JavaObject, JavaString } from './tree.js'
import type { ClassData, JavaNode, JavaValue } from './tree.js'

/** The tree is well-formed but not what is expected in this place. */
export class JavaShapeError extends Error {
  override readonly name = 'JavaShapeError'
}

/** A unit is a character of a string that is read; an element of a collection costs several. */
const MAX_UNITS = 4 * 1024 * 1024
const UNITS_PER_ELEMENT = 64
/** Nested Map$WithDefault; Spark writes one. */
const MAX_WRAPPERS = 4

const MODULE_PROXY = 'scala.runtime.ModuleSerializationProxy'
const VECTOR_BITS = 5
const VECTOR_MASK = 31
const MAX_VECTOR_DEPTH = 6

const NUMBER_CLASSES = new Set([
  'java.lang.Integer',
  'java.lang.Long',
  'java.lang.Short',
  'java.lang.Byte',
  'java.lang.Double',
  'java.lang.Float',
])

const IMMUTABLE = 'scala.collection.immutable.'
const MUTABLE = 'scala.collection.mutable.'
const DEFAULT_PROXY = 'scala.collection.generic.DefaultSerializationProxy'
const END_MARKERS = new Set([
  'scala.collection.generic.SerializeEnd$',
  `${IMMUTABLE}ListSerializeEnd$`,
])

/** The two names that the fields of each entry may have. */
interface EntryNames {
  readonly key: readonly [string, string]
  readonly value: readonly [string, string]
}

/** Maps of up to four, by class. */
const MAPS_OF_FEW = new Map<string, readonly EntryNames[]>(
  [1, 2, 3, 4].map((count) => {
    const names = (part: string, index: number): readonly [string, string] => {
      const plain = `${part}${index + 1}`
      return [plain, `scala$collection$immutable$Map$Map${count}$$${plain}`]
    }
    const entries = Array.from({ length: count }, (_, index) => ({
      key: names('key', index),
      value: names('value', index),
    }))
    return [`${IMMUTABLE}Map$Map${count}`, entries] as const
  }),
)
const SET_OF_FEW = /^scala\.collection\.immutable\.Set\$Set([1-4])$/

/** Sequences that hold an array: class -> the field with the array, and the one with its length. */
const ARRAY_SEQUENCES = new Map<string, readonly [string, string | null]>([
  [`${IMMUTABLE}ArraySeq$ofRef`, ['unsafeArray', null]],
  [`${MUTABLE}ArraySeq$ofRef`, ['array', null]],
  [`${MUTABLE}WrappedArray$ofRef`, ['array', null]],
  [`${MUTABLE}ArraySeq`, ['array', 'length']],
  [`${MUTABLE}ArrayBuffer`, ['array', 'size0']],
])

/** @returns the class of an object, or what else the value is; for messages */
export function describe(value: JavaValue | undefined): string {
  if (value instanceof JavaObject) return moduleName(value) ?? value.descriptor.name
  if (value instanceof JavaString) return 'a string'
  if (value instanceof JavaArray) return value.descriptor.name
  if (value === null || value === undefined) return 'null'
  return typeof value === 'object' ? `a ${value.constructor.name}` : `a ${typeof value}`
}

/** @returns undefined when no class of the object has such a field */
export function findField(object: JavaObject, name: string): JavaValue | undefined {
  const place = object.descriptor.place(name)
  return place === null ? undefined : object.data[place.owner]!.values[place.field]
}

export function fieldOf(object: JavaObject, name: string): JavaValue {
  const value = findField(object, name)
  if (value === undefined) {
    throw new JavaShapeError(`${object.descriptor.name} has no field ${name}`)
  }
  return value
}

export function objectOf(value: JavaValue): JavaObject {
  if (value instanceof JavaObject) return value
  throw new JavaShapeError(`an object is expected, not ${describe(value)}`)
}

/** @returns the class of the Scala object that the proxy of Scala 2.13 stands for; null: no proxy */
export function moduleName(object: JavaObject): string | null {
  if (object.descriptor.name !== MODULE_PROXY) return null
  const moduleClass = findField(object, 'moduleClass')
  return moduleClass instanceof JavaClass ? moduleClass.descriptor.name : null
}

/** @returns the class of an object or of the Scala object that it stands for */
export function classNameOf(object: JavaObject): string {
  return moduleName(object) ?? object.descriptor.name
}

export function integerOf(value: JavaValue): number {
  if (typeof value === 'number' && Number.isInteger(value)) return value
  if (typeof value === 'bigint') {
    const number = Number(value)
    if (Number.isSafeInteger(number)) return number
    throw new JavaShapeError(`the number ${value} is too large`)
  }
  throw new JavaShapeError(`a whole number is expected, not ${describe(value)}`)
}

export function booleanOf(value: JavaValue): boolean {
  if (typeof value === 'boolean') return value
  throw new JavaShapeError(`a boolean is expected, not ${describe(value)}`)
}

/** A java.lang.Integer, Long, Double... */
export function boxedNumberOf(value: JavaValue): number {
  const object = objectOf(value)
  const number = NUMBER_CLASSES.has(object.descriptor.name) ? findField(object, 'value') : undefined
  if (typeof number === 'number') return number
  if (typeof number === 'bigint') return integerOf(number)
  throw new JavaShapeError(`a boxed number is expected, not ${describe(value)}`)
}

/** @returns the content of Some, or null for None */
export function optionOf(value: JavaValue): JavaValue {
  const object = objectOf(value)
  const name = classNameOf(object)
  if (name === 'scala.None$') return null
  if (name === 'scala.Some') return fieldOf(object, 'value')
  throw new JavaShapeError(`an Option is expected, not ${name}`)
}

/**
 * @param owner class of the enumeration, ending in `$`
 * @returns the number of the value in its enumeration. The enumeration itself, which Scala 2.12 writes
 *   along, is not walked.
 */
export function enumerationOf(value: JavaValue, owner: string): number {
  const object = objectOf(value)
  if (object.descriptor.name === 'scala.Enumeration$Val') {
    const outer = fieldOf(object, '$outer')
    if (outer instanceof JavaObject && classNameOf(outer) === owner) {
      return integerOf(fieldOf(object, 'i'))
    }
  }
  throw new JavaShapeError(`a value of ${owner} is expected, not ${describe(value)}`)
}

/** What the most derived class wrote itself. */
function customOf(object: JavaObject): NonNullable<ClassData['custom']> {
  const custom = object.data.at(-1)?.custom
  if (custom === null || custom === undefined) {
    throw new JavaShapeError(`${object.descriptor.name} has no data of its own`)
  }
  return custom
}

function blockInt(item: JavaNode | BlockData | null | undefined, offset: number): number {
  if (item instanceof BlockData && item.bytes.length >= offset + 4) {
    const { bytes } = item
    return (
      (bytes[offset]! << 24) |
      (bytes[offset + 1]! << 16) |
      (bytes[offset + 2]! << 8) |
      bytes[offset + 3]!
    )
  }
  throw new JavaShapeError('a count is expected before the elements')
}

function isEndMarker(item: JavaNode | BlockData | null): boolean {
  return item instanceof JavaObject && END_MARKERS.has(classNameOf(item))
}

/**
 * Reads strings and collections with one budget for all, since a small stream may name one large
 * collection many times. Methods throw JavaShapeError, or JavaStreamError when the budget is spent.
 */
export class ValueReader {
  #unitsLeft = MAX_UNITS

  string(value: JavaValue): string {
    if (!(value instanceof JavaString)) {
      throw new JavaShapeError(`a string is expected, not ${describe(value)}`)
    }
    this.#spend(value.value.length)
    return value.value
  }

  stringOrNull(value: JavaValue): string | null {
    return value === null ? null : this.string(value)
  }

  optionalString(value: JavaValue): string | null {
    return this.stringOrNull(optionOf(value))
  }

  /** A Seq, Set or array of objects. */
  elements(value: JavaValue): JavaValue[] {
    if (value instanceof JavaArray) return this.#arrayElements(value, null)
    const object = objectOf(value)
    const name = classNameOf(object)
    const arrayFields = ARRAY_SEQUENCES.get(name)
    if (arrayFields !== undefined) {
      const length = arrayFields[1] === null ? null : integerOf(fieldOf(object, arrayFields[1]))
      return this.#arrayElements(fieldOf(object, arrayFields[0]), length)
    }
    switch (name) {
      case DEFAULT_PROXY:
      case `${IMMUTABLE}HashSet$SerializationProxy`:
        return this.#counted(customOf(object))
      case `${IMMUTABLE}List$SerializationProxy`:
        return this.#upToMarker(customOf(object), 0)
      case `${IMMUTABLE}Vector`:
        return this.#vector(object)
      case `${IMMUTABLE}Nil$`:
      case `${IMMUTABLE}Set$EmptySet$`:
        return []
      default: {
        const count = Number(SET_OF_FEW.exec(name)?.[1] ?? 0)
        if (count === 0) throw new JavaShapeError(`a collection is expected, not ${name}`)
        this.#spend(count * UNITS_PER_ELEMENT)
        return Array.from({ length: count }, (_, index) => fieldOf(object, `elem${index + 1}`))
      }
    }
  }

  strings(value: JavaValue): string[] {
    return this.elements(value).map((element) => this.string(element))
  }

  /** The entries of a Map, in the order of the stream. */
  entries(value: JavaValue, wrappers = 0): (readonly [JavaValue, JavaValue])[] {
    const object = objectOf(value)
    const name = classNameOf(object)
    switch (name) {
      case `${IMMUTABLE}Map$EmptyMap$`:
        return []
      case DEFAULT_PROXY:
        return this.#counted(customOf(object)).map((tuple) => {
          const pair = objectOf(tuple)
          return [fieldOf(pair, '_1'), fieldOf(pair, '_2')] as const
        })
      case `${IMMUTABLE}HashMap$SerializationProxy`:
        return this.#pairs(customOf(object), 0)
      case `${MUTABLE}HashMap`:
        return this.#pairs(customOf(object), 4)
      case `${IMMUTABLE}Map$WithDefault`:
        if (wrappers >= MAX_WRAPPERS) throw new JavaShapeError(`${name} is nested too deeply`)
        return this.entries(fieldOf(object, 'underlying'), wrappers + 1)
      default: {
        const names = MAPS_OF_FEW.get(name)
        if (names === undefined) throw new JavaShapeError(`a Map is expected, not ${name}`)
        const part = ([plain, long]: readonly [string, string]): JavaValue =>
          findField(object, plain) ?? fieldOf(object, long)
        const entries = names.map((entry) => [part(entry.key), part(entry.value)] as const)
        this.#spend(entries.length * UNITS_PER_ELEMENT)
        return entries
      }
    }
  }

  #spend(units: number): void {
    this.#unitsLeft -= units
    if (this.#unitsLeft >= 0) return
    throw new JavaStreamError(0, `its strings and collections hold more than ${MAX_UNITS} units`)
  }

  #arrayElements(value: JavaValue, length: number | null): JavaValue[] {
    if (!(value instanceof JavaArray) || !Array.isArray(value.elements)) {
      throw new JavaShapeError(`an array of objects is expected, not ${describe(value)}`)
    }
    const count = length ?? value.elements.length
    if (count < 0 || count > value.elements.length) {
      throw new JavaShapeError(`a length of ${count} for ${value.elements.length} elements`)
    }
    this.#spend(count * UNITS_PER_ELEMENT)
    return value.elements.slice(0, count)
  }

  /** Scala 2.13: the count, or -1 and an end marker. */
  #counted(items: NonNullable<ClassData['custom']>): JavaValue[] {
    const count = blockInt(items[0], 0)
    if (count === -1) return this.#upToMarker(items, 1)
    if (count < 0 || count !== items.length - 1) {
      throw new JavaShapeError(`a count of ${count} before ${items.length - 1} elements`)
    }
    return this.#nodes(items, 1, items.length)
  }

  #upToMarker(items: NonNullable<ClassData['custom']>, from: number): JavaValue[] {
    if (items.length === from || !isEndMarker(items.at(-1)!)) {
      throw new JavaShapeError('a list without its end marker')
    }
    return this.#nodes(items, from, items.length - 1)
  }

  #pairs(
    items: NonNullable<ClassData['custom']>,
    countOffset: number,
  ): (readonly [JavaValue, JavaValue])[] {
    const count = blockInt(items[0], countOffset)
    if (count < 0 || items.length !== 1 + 2 * count) {
      throw new JavaShapeError(`a count of ${count} entries before ${items.length - 1} values`)
    }
    const nodes = this.#nodes(items, 1, items.length)
    const entries: (readonly [JavaValue, JavaValue])[] = []
    for (let index = 0; index < nodes.length; index += 2) {
      entries.push([nodes[index]!, nodes[index + 1]!])
    }
    return entries
  }

  #nodes(items: NonNullable<ClassData['custom']>, from: number, to: number): JavaValue[] {
    this.#spend((to - from) * UNITS_PER_ELEMENT)
    const nodes: JavaValue[] = []
    for (let index = from; index < to; index++) {
      const item = items[index]!
      if (item instanceof BlockData) throw new JavaShapeError('raw bytes among the elements')
      nodes.push(item)
    }
    return nodes
  }

  /** Scala 2.12: a tree of arrays of 32, depth 1 to 6. */
  #vector(vector: JavaObject): JavaValue[] {
    const start = integerOf(fieldOf(vector, 'startIndex'))
    const end = integerOf(fieldOf(vector, 'endIndex'))
    const depth = integerOf(fieldOf(vector, 'depth'))
    if (start < 0 || end < start || depth < 0 || depth > MAX_VECTOR_DEPTH) {
      throw new JavaShapeError(`a Vector from ${start} to ${end} of depth ${depth}`)
    }
    if (end === start) return []
    this.#spend((end - start) * UNITS_PER_ELEMENT)
    const top = findField(vector, `display${depth - 1}`)
    const elements: JavaValue[] = []
    for (let index = start; index < end; index++) {
      let node: JavaValue | undefined = top
      for (let level = depth - 1; level >= 0; level--) {
        if (!(node instanceof JavaArray)) throw new JavaShapeError(`no Vector element ${index}`)
        node = node.elements[(index >> (VECTOR_BITS * level)) & VECTOR_MASK]
      }
      if (node === undefined) throw new JavaShapeError(`no Vector element ${index}`)
      elements.push(node)
    }
    return elements
  }
}
