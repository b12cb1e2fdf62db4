/** Builds trees of the values that we write, in the form of Scala 2.12 or 2.13 (WIRE 2.1). */
import { BlockData, CLASS_HAS_CUSTOM_DATA, JavaArray, JavaClass, JavaEnum } from './tree.js'
import { JavaObject, JavaString } from './tree.js'
import type { ClassData, ClassDescriptor, JavaNode, JavaValue } from './tree.js'

const MODULE_PROXY = 'scala.runtime.ModuleSerializationProxy'
const IMMUTABLE = 'scala.collection.immutable.'
const DEFAULT_PROXY = 'scala.collection.generic.DefaultSerializationProxy'
const SERIALIZE_END = 'scala.collection.generic.SerializeEnd$'
/** Instead of a count: elements follow up to a marker. */
const UP_TO_MARKER = -1
const MAX_FLAT_MAP_ENTRIES = 4

export interface ClassSource {
  /** @throws when the reader's version of the class isn't known */
  descriptor(name: string): ClassDescriptor
  /** Is the class one of the reader's version? */
  has(name: string): boolean
}

/** A class of the reader has a field that we have no value for. */
export class UnknownFieldError extends Error {
  override readonly name = 'UnknownFieldError'
}

/** One per message: what Java would share inside a stream is shared. */
export class ValueBuilder {
  readonly #classes: ClassSource
  readonly #modules = new Map<string, JavaObject>()

  constructor(classes: ClassSource) {
    this.#classes = classes
  }

  /** @param fields by name, inherited ones included; those that the class lacks are left out */
  object(className: string, fields: Readonly<Record<string, JavaValue>> = {}): JavaObject {
    return this.#objectOf(this.#classes.descriptor(className), (name, type) => {
      const value = Object.hasOwn(fields, name) ? fields[name] : undefined
      if (value !== undefined && fits(value, type)) return value
      throw new UnknownFieldError(`${className} has a field ${name} of type ${type}`)
    })
  }

  string(text: string): JavaString {
    return new JavaString(text)
  }

  integer(value: number): JavaObject {
    return this.object('java.lang.Integer', { value })
  }

  boolean(value: boolean): JavaObject {
    return this.object('java.lang.Boolean', { value })
  }

  none(): JavaObject {
    return this.module('scala.None$')
  }

  option(value: JavaNode | null): JavaObject {
    return value === null ? this.none() : this.object('scala.Some', { value })
  }

  optionalString(text: string | null): JavaObject {
    return this.option(text === null ? null : this.string(text))
  }

  /** A Scala object, once a message: as itself in 2.12, as the proxy that stands for it in 2.13. */
  module(className: string): JavaObject {
    const known = this.#modules.get(className)
    if (known !== undefined) return known
    const descriptor = this.#classes.descriptor(className)
    const module = this.#isScala213()
      ? this.object(MODULE_PROXY, { moduleClass: new JavaClass(descriptor) })
      : this.#objectOf(descriptor, (_name, type) => (type.length === 1 ? 0 : null))
    this.#modules.set(className, module)
    return module
  }

  /**
   * @param owner class of the enumeration: readers of 2.12 resolve any instance of it to their own, so it
   *   is written without its content
   */
  enumeration(owner: string, index: number): JavaObject {
    const outer = this.module(owner)
    return this.object('scala.Enumeration$Val', {
      $outer: outer,
      scala$Enumeration$$outerEnum: outer,
      i: index,
      name: null,
    })
  }

  enumConstant(className: string, name: string): JavaEnum {
    return new JavaEnum(this.#classes.descriptor(className), this.string(name))
  }

  stringArray(texts: readonly string[]): JavaArray {
    return this.array(
      '[Ljava.lang.String;',
      texts.map((text) => this.string(text)),
    )
  }

  array(className: string, elements: JavaValue[]): JavaArray {
    return new JavaArray(this.#classes.descriptor(className), elements)
  }

  /** An immutable List: what every Seq field takes. */
  list(elements: readonly JavaNode[]): JavaObject {
    if (!this.#isScala213()) {
      const list = this.object(`${IMMUTABLE}List$SerializationProxy`)
      list.data.at(-1)!.custom!.push(...elements, this.module(`${IMMUTABLE}ListSerializeEnd$`))
      return list
    }
    const factory = this.object('scala.collection.IterableFactory$ToFactory', {
      factory: this.module(`${IMMUTABLE}List$`),
    })
    const list = this.object(DEFAULT_PROXY, { factory })
    const { custom } = list.data.at(-1)!
    if (elements.length === 0) custom!.push(countBlock(0))
    else custom!.push(countBlock(UP_TO_MARKER), ...elements, this.module(SERIALIZE_END))
    return list
  }

  strings(texts: readonly string[]): JavaObject {
    return this.list(texts.map((text) => this.string(text)))
  }

  /** An immutable Map. */
  map(entries: readonly (readonly [JavaNode, JavaNode])[]): JavaObject {
    const count = entries.length
    if (count === 0) return this.module(`${IMMUTABLE}Map$EmptyMap$`)
    if (count > MAX_FLAT_MAP_ENTRIES) return this.#hashMap(entries)
    const className = `${IMMUTABLE}Map$Map${count}`
    const prefix = `scala$collection$immutable$Map$Map${count}$$`
    const fields: Record<string, JavaValue> = {}
    for (const [index, [key, value]] of entries.entries()) {
      fields[`key${index + 1}`] = key
      fields[`value${index + 1}`] = value
      fields[`${prefix}key${index + 1}`] = key
      fields[`${prefix}value${index + 1}`] = value
    }
    return this.object(className, fields)
  }

  #hashMap(entries: readonly (readonly [JavaNode, JavaNode])[]): JavaObject {
    if (!this.#isScala213()) {
      const map = this.object(`${IMMUTABLE}HashMap$SerializationProxy`)
      map.data.at(-1)!.custom!.push(countBlock(entries.length), ...entries.flat())
      return map
    }
    const factory = this.object('scala.collection.MapFactory$ToFactory', {
      factory: this.module(`${IMMUTABLE}HashMap$`),
    })
    const map = this.object(DEFAULT_PROXY, { factory })
    const tuples = entries.map(([key, value]) =>
      this.object('scala.Tuple2', { _1: key, _2: value }),
    )
    map.data.at(-1)!.custom!.push(countBlock(entries.length), ...tuples)
    return map
  }

  #objectOf(
    descriptor: ClassDescriptor,
    valueOf: (name: string, type: string) => JavaValue,
  ): JavaObject {
    const data: ClassData[] = descriptor.lineage.map((owner) => ({
      values: owner.fields.map(({ name, type }) => valueOf(name, type)),
      custom: (owner.flags & CLASS_HAS_CUSTOM_DATA) === 0 ? null : [],
    }))
    return new JavaObject(descriptor, data)
  }

  #isScala213(): boolean {
    return this.#classes.has(MODULE_PROXY)
  }
}

/** The reader's class may be another than ours: what is written must still be a valid stream. */
function fits(value: JavaValue, type: string): boolean {
  switch (type) {
    case 'I':
      return typeof value === 'number'
    case 'J':
      return typeof value === 'bigint'
    case 'Z':
      return typeof value === 'boolean'
    default:
      return type.length > 1 && typeof value === 'object'
  }
}

function countBlock(count: number): BlockData {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setInt32(0, count)
  return new BlockData(bytes)
}
