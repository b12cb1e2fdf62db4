/**
 * The generic tree of a Java Object Serialization stream: what was written, with nothing instantiated.
 * Nodes that the stream shares are shared here too, and may form cycles.
 */

/** Descriptor flags. */
export const CLASS_HAS_CUSTOM_DATA = 0x01
export const CLASS_IS_SERIALIZABLE = 0x02
export const CLASS_IS_EXTERNALIZABLE = 0x04
export const CLASS_HAS_BLOCK_DATA = 0x08
export const CLASS_IS_ENUM = 0x10

export interface FieldDescriptor {
  readonly name: string
  /** JVM signature: one of `B C D F I J S Z`, or starting with `L` or `[`. */
  readonly type: string
}

/** Where an object keeps the value of a field. */
export interface FieldPlace {
  /** Index in ClassDescriptor.lineage and JavaObject.data. */
  readonly owner: number
  /** Index in the owner's fields. */
  readonly field: number
}

/** Below this many fields a search is cheaper than an index, as most descriptors live for one message. */
const INDEXED_FIELDS = 48
/** After this many searches it is one that stays. */
const MAX_SEARCHES = 32

export class ClassDescriptor {
  readonly name: string
  readonly serialVersionUid: bigint
  readonly flags: number
  readonly fields: readonly FieldDescriptor[]
  readonly superclass: ClassDescriptor | null
  /** The classes that write object data, in its order: from the topmost superclass down to this one. */
  readonly lineage: readonly ClassDescriptor[]
  /** Superclasses up to the topmost, itself included. */
  readonly generation: number
  #index: Map<string, FieldPlace> | null = null
  #searches = 0

  constructor(
    name: string,
    serialVersionUid: bigint,
    flags: number,
    fields: readonly FieldDescriptor[],
    superclass: ClassDescriptor | null,
  ) {
    this.name = name
    this.serialVersionUid = serialVersionUid
    this.flags = flags
    this.fields = fields
    this.superclass = superclass
    this.generation = superclass === null ? 1 : superclass.generation + 1
    const alone = superclass === null || (flags & CLASS_IS_EXTERNALIZABLE) !== 0
    this.lineage = alone ? [this] : [...superclass.lineage, this]
  }

  /** The field of the most derived class that has one of this name; null: none has. */
  place(name: string): FieldPlace | null {
    const index = this.#index
    if (index !== null) return index.get(name) ?? null
    if (++this.#searches > MAX_SEARCHES) return this.#indexed().get(name) ?? null
    let searched = 0
    for (let owner = this.lineage.length - 1; owner >= 0; owner--) {
      const { fields } = this.lineage[owner]!
      searched += fields.length
      if (searched > INDEXED_FIELDS) return this.#indexed().get(name) ?? null
      for (let field = 0; field < fields.length; field++) {
        if (fields[field]!.name === name) return { owner, field }
      }
    }
    return null
  }

  #indexed(): Map<string, FieldPlace> {
    const index = new Map<string, FieldPlace>()
    for (const [owner, { fields }] of this.lineage.entries()) {
      for (const [field, { name }] of fields.entries()) index.set(name, { owner, field })
    }
    this.#index = index
    return index
  }

  /** Would a stream describe both with the same bytes? */
  equals(other: ClassDescriptor): boolean {
    if (this === other) return true
    if (
      this.name !== other.name ||
      this.serialVersionUid !== other.serialVersionUid ||
      this.flags !== other.flags ||
      this.fields.length !== other.fields.length
    ) {
      return false
    }
    for (let index = 0; index < this.fields.length; index++) {
      const mine = this.fields[index]!
      const theirs = other.fields[index]!
      if (mine.name !== theirs.name || mine.type !== theirs.type) return false
    }
    if (this.superclass === null || other.superclass === null) {
      return this.superclass === other.superclass
    }
    return this.superclass.equals(other.superclass)
  }
}

/** A string object: two equal strings may be one object or two. */
export class JavaString {
  readonly value: string

  constructor(value: string) {
    this.value = value
  }
}

/** Raw bytes in custom data. */
export class BlockData {
  readonly bytes: Uint8Array

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }
}

/** What one class of an object's lineage wrote. */
export interface ClassData {
  /** In the order of the class's field descriptors. */
  readonly values: JavaValue[]
  /** What a writeObject or writeExternal wrote; null where the class has none. */
  readonly custom: (JavaNode | BlockData | null)[] | null
}

export class JavaObject {
  readonly descriptor: ClassDescriptor
  /** Along descriptor.lineage. */
  readonly data: ClassData[]

  constructor(descriptor: ClassDescriptor, data: ClassData[]) {
    this.descriptor = descriptor
    this.data = data
  }
}

export class JavaArray {
  readonly descriptor: ClassDescriptor
  /** Uint8Array for byte[]. */
  readonly elements: JavaValue[] | Uint8Array

  constructor(descriptor: ClassDescriptor, elements: JavaValue[] | Uint8Array) {
    this.descriptor = descriptor
    this.elements = elements
  }
}

/** A java.lang.Class. */
export class JavaClass {
  readonly descriptor: ClassDescriptor

  constructor(descriptor: ClassDescriptor) {
    this.descriptor = descriptor
  }
}

/** A constant of a Java enum. */
export class JavaEnum {
  readonly descriptor: ClassDescriptor
  readonly name: JavaString

  constructor(descriptor: ClassDescriptor, name: JavaString) {
    this.descriptor = descriptor
    this.name = name
  }
}

export type JavaNode = JavaString | JavaObject | JavaArray | JavaClass | JavaEnum | ClassDescriptor

/** int, short, byte, char (its code unit), float and double are numbers, long is a bigint. */
export type JavaValue = JavaNode | number | bigint | boolean | null

export interface JavaStream {
  readonly root: JavaNode | null
  /** Every class descriptor of the stream, in its order. */
  readonly descriptors: readonly ClassDescriptor[]
}
