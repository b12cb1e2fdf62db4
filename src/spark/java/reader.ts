import { JavaStreamError } from './error.js'
import { DEFAULT_JAVA_LIMITS } from './limits.js'
import type { JavaLimits } from './limits.js'
import { decodeModifiedUtf8, unitOf } from './modified-utf8.js'
import * as protocol from './protocol.js'
import {
  BlockData,
  CLASS_HAS_BLOCK_DATA,
  CLASS_HAS_CUSTOM_DATA,
  CLASS_IS_ENUM,
  CLASS_IS_EXTERNALIZABLE,
  CLASS_IS_SERIALIZABLE,
  ClassDescriptor,
  JavaArray,
  JavaClass,
  JavaEnum,
  JavaObject,
  JavaString,
} from './tree.js'
import type { ClassData, FieldDescriptor, JavaNode, JavaStream, JavaValue } from './tree.js'

/**
 * Reads one object, as every RPC body holds exactly one. Instantiates nothing and knows no class.
 * Strings and blocks are copied: the tree keeps nothing of `bytes` alive.
 * @throws JavaStreamError when it is malformed or over a limit, and for what Spark never writes: proxy
 *   classes, resets, exceptions inside the stream, class annotations, externalizable data of version 1
 */
export function readJavaStream(
  bytes: Uint8Array,
  limits: JavaLimits = DEFAULT_JAVA_LIMITS,
  trace: ValueTrace | null = null,
): JavaStream {
  return new Reader(bytes, limits, trace).stream()
}

/**
 * Is told, in the order of the stream, where values are that say nothing about how the rest is read. Whatever it is not told of
 * is part of the stream's structure.
 */
export interface ValueTrace {
  /** @param at of its length, two bytes, which its text follows */
  string(node: JavaString, at: number): void
  /** An int, a long or a boolean that is a field. @param at of its bytes @param values where it will be, at their end */
  primitive(type: number, at: number, values: JavaValue[]): void
  /** A part of the structure refers back to a string, which may be one that was told. */
  referenced(node: JavaString): void
}

/** Bytes of one element: also the floor of what an element of that type takes in the stream. */
const ELEMENT_BYTES: Record<number, number> = {
  [protocol.TYPE_BYTE]: 1,
  [protocol.TYPE_CHAR]: 2,
  [protocol.TYPE_DOUBLE]: 8,
  [protocol.TYPE_FLOAT]: 4,
  [protocol.TYPE_INT]: 4,
  [protocol.TYPE_LONG]: 8,
  [protocol.TYPE_SHORT]: 2,
  [protocol.TYPE_BOOLEAN]: 1,
  [protocol.TYPE_OBJECT]: 1,
  [protocol.TYPE_ARRAY]: 1,
}

class Reader {
  readonly #bytes: Buffer
  /** Of the same: it makes no BigInts besides the one that is asked for, as a Buffer does. */
  readonly #view: DataView
  readonly #end: number
  readonly #limits: JavaLimits
  readonly #trace: ValueTrace | null
  /** Inside a string that is a name or a signature. */
  #inStructure = false
  #at = 0
  #depth = 0
  #valuesLeft: number
  /** undefined: announced, not complete yet. */
  readonly #handles: (JavaNode | undefined)[] = []
  readonly #descriptors: ClassDescriptor[] = []

  constructor(bytes: Uint8Array, limits: JavaLimits, trace: ValueTrace | null) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#end = bytes.byteLength
    this.#limits = limits
    this.#trace = trace
    this.#valuesLeft = limits.maxValues
  }

  stream(): JavaStream {
    if (this.#end > this.#limits.maxBytes) {
      this.#fail(`${this.#end} bytes, over the limit of ${this.#limits.maxBytes}`)
    }
    const magic = this.#u16()
    const version = this.#u16()
    if (magic !== protocol.STREAM_MAGIC || version !== protocol.STREAM_VERSION) {
      this.#at = 0
      this.#fail('does not start with AC ED 00 05')
    }
    const root = this.#node()
    if (this.#at !== this.#end) this.#fail(`${this.#end - this.#at} bytes after the object`)
    return { root, descriptors: this.#descriptors }
  }

  #node(): JavaNode | null {
    return this.#nodeOf(this.#u8())
  }

  #nodeOf(tag: number): JavaNode | null {
    if (tag === protocol.TC_NULL) return null
    if (tag === protocol.TC_REFERENCE) return this.#reference()
    if (tag === protocol.TC_STRING) return this.#shortString()
    if (tag === protocol.TC_LONGSTRING) return this.#string(this.#u64Length())
    if (++this.#depth > this.#limits.maxDepth) {
      this.#fail(`nested deeper than ${this.#limits.maxDepth}`)
    }
    let node: JavaNode
    switch (tag) {
      case protocol.TC_OBJECT:
        node = this.#object()
        break
      case protocol.TC_ARRAY:
        node = this.#array()
        break
      case protocol.TC_CLASS:
        node = new JavaClass(this.#descriptor())
        this.#keep(node)
        break
      case protocol.TC_ENUM:
        node = this.#enumConstant()
        break
      case protocol.TC_CLASSDESC:
        node = this.#newDescriptor()
        break
      default:
        this.#at--
        this.#fail(`tag 0x${tag.toString(16)} where an object is expected`)
    }
    this.#depth--
    return node
  }

  #reference(): JavaNode {
    const handle = this.#u32() - protocol.FIRST_HANDLE
    const node = this.#handles[handle]
    if (node === undefined) {
      this.#at -= 4
      this.#fail(
        handle >= 0 && handle < this.#handles.length
          ? `reference to handle ${handle} inside its own description`
          : `reference to handle ${handle} of ${this.#handles.length}`,
      )
    }
    return node
  }

  #shortString(): JavaString {
    const at = this.#at
    const node = this.#string(this.#u16())
    if (!this.#inStructure) this.#trace?.string(node, at)
    return node
  }

  #string(length: number): JavaString {
    const node = new JavaString(this.#text(length))
    this.#keep(node)
    return node
  }

  /** A name or a signature, or a reference to one. */
  #stringNode(): JavaString {
    const at = this.#at
    this.#inStructure = true
    const node = this.#node()
    this.#inStructure = false
    if (node instanceof JavaString) {
      this.#trace?.referenced(node)
      return node
    }
    this.#at = at
    return this.#fail('no string where a string is expected')
  }

  #text(length: number): string {
    if (length > this.#limits.maxStringBytes) {
      this.#fail(`string of ${length} bytes, over the limit of ${this.#limits.maxStringBytes}`)
    }
    this.#need(length)
    const text = decodeModifiedUtf8(this.#bytes, this.#at, this.#at + length)
    if (text === null) this.#fail('string is no modified UTF-8')
    this.#at += length
    return text
  }

  #descriptorOrNull(): ClassDescriptor | null {
    const tag = this.#u8()
    switch (tag) {
      case protocol.TC_NULL:
        return null
      case protocol.TC_CLASSDESC: {
        if (++this.#depth > this.#limits.maxDepth) {
          this.#fail(`nested deeper than ${this.#limits.maxDepth}`)
        }
        const descriptor = this.#newDescriptor()
        this.#depth--
        return descriptor
      }
      case protocol.TC_REFERENCE: {
        const node = this.#reference()
        if (node instanceof ClassDescriptor) return node
        this.#at -= 4
        return this.#fail('reference to something else where a class is expected')
      }
      default:
        this.#at--
        return this.#fail(`tag 0x${tag.toString(16)} where a class is expected`)
    }
  }

  #descriptor(): ClassDescriptor {
    return this.#descriptorOrNull() ?? this.#fail('null where a class is expected')
  }

  #newDescriptor(): ClassDescriptor {
    const name = this.#text(this.#u16())
    const serialVersionUid = this.#i64()
    const handle = this.#keep(undefined)
    const flags = this.#u8()
    const fields = this.#fieldDescriptors()
    if (this.#u8() !== protocol.TC_ENDBLOCKDATA) {
      this.#at--
      this.#fail(`class ${name} is annotated, which is not served`)
    }
    const superclass = this.#descriptorOrNull()
    const descriptor = new ClassDescriptor(name, serialVersionUid, flags, fields, superclass)
    if (descriptor.generation > this.#limits.maxGenerations) {
      this.#fail(`class ${name} has more than ${this.#limits.maxGenerations - 1} superclasses`)
    }
    this.#spend(descriptor.lineage.length)
    this.#handles[handle] = descriptor
    this.#descriptors.push(descriptor)
    return descriptor
  }

  #fieldDescriptors(): FieldDescriptor[] {
    const count = this.#u16()
    if (count > this.#limits.maxFields) {
      this.#fail(`class with ${count} fields, over the limit of ${this.#limits.maxFields}`)
    }
    this.#spend(count)
    const fields: FieldDescriptor[] = []
    for (let index = 0; index < count; index++) {
      const typecode = this.#u8()
      if (ELEMENT_BYTES[typecode] === undefined) {
        this.#at--
        this.#fail(`field type 0x${typecode.toString(16)}`)
      }
      const name = this.#text(this.#u16())
      if (typecode !== protocol.TYPE_OBJECT && typecode !== protocol.TYPE_ARRAY) {
        fields.push({ name, type: String.fromCharCode(typecode) })
        continue
      }
      const at = this.#at
      const type = this.#stringNode().value
      if (unitOf(type, 0) !== typecode) {
        this.#at = at
        this.#fail(`field ${name} has a signature of another type`)
      }
      fields.push({ name, type })
    }
    return fields
  }

  #object(): JavaObject {
    const at = this.#at
    const descriptor = this.#descriptor()
    const data: ClassData[] = []
    const object = new JavaObject(descriptor, data)
    this.#keep(object)
    const { lineage } = descriptor
    this.#spend(lineage.length)
    for (const owner of lineage) data.push(this.#classData(owner, at))
    return object
  }

  #classData(owner: ClassDescriptor, objectAt: number): ClassData {
    const { flags, fields } = owner
    const kind = flags & (CLASS_IS_SERIALIZABLE | CLASS_IS_EXTERNALIZABLE | CLASS_IS_ENUM)
    if (kind === CLASS_IS_EXTERNALIZABLE && (flags & CLASS_HAS_BLOCK_DATA) !== 0) {
      return { values: [], custom: this.#custom() }
    }
    if (kind !== CLASS_IS_SERIALIZABLE) {
      this.#at = objectAt
      this.#fail(`object of class ${owner.name}, which is not serializable (flags ${flags})`)
    }
    this.#spend(fields.length)
    const values: JavaValue[] = []
    for (const field of fields) {
      const type = unitOf(field.type, 0)
      this.#trace?.primitive(type, this.#at, values)
      values.push(this.#value(type))
    }
    return { values, custom: (flags & CLASS_HAS_CUSTOM_DATA) === 0 ? null : this.#custom() }
  }

  #custom(): (JavaNode | BlockData | null)[] {
    const items: (JavaNode | BlockData | null)[] = []
    for (;;) {
      this.#spend(1)
      const tag = this.#u8()
      if (tag === protocol.TC_ENDBLOCKDATA) return items
      if (tag === protocol.TC_BLOCKDATA) items.push(this.#block(this.#u8()))
      else if (tag === protocol.TC_BLOCKDATALONG) items.push(this.#block(this.#u32()))
      else items.push(this.#nodeOf(tag))
    }
  }

  #block(length: number): BlockData {
    this.#need(length)
    const start = this.#at
    this.#at += length
    return new BlockData(Uint8Array.prototype.slice.call(this.#bytes, start, this.#at))
  }

  #array(): JavaArray {
    const at = this.#at
    const descriptor = this.#descriptor()
    const component = unitOf(descriptor.name, 1)
    const elementBytes = ELEMENT_BYTES[component]
    if (unitOf(descriptor.name, 0) !== protocol.TYPE_ARRAY || elementBytes === undefined) {
      this.#at = at
      this.#fail(`array of class ${descriptor.name}`)
    }
    const handle = this.#keep(undefined)
    const length = this.#u32()
    if (length > this.#limits.maxArrayLength) {
      this.#fail(`array of ${length} elements, over the limit of ${this.#limits.maxArrayLength}`)
    }
    this.#need(length * elementBytes)
    if (component === protocol.TYPE_BYTE) {
      const bytes = new JavaArray(descriptor, this.#block(length).bytes)
      this.#handles[handle] = bytes
      return bytes
    }
    this.#spend(length)
    const elements: JavaValue[] = []
    const array = new JavaArray(descriptor, elements)
    this.#handles[handle] = array
    for (let index = 0; index < length; index++) elements.push(this.#value(component))
    return array
  }

  #enumConstant(): JavaEnum {
    const descriptor = this.#descriptor()
    const handle = this.#keep(undefined)
    const constant = new JavaEnum(descriptor, this.#stringNode())
    this.#handles[handle] = constant
    return constant
  }

  #value(type: number): JavaValue {
    switch (type) {
      case protocol.TYPE_OBJECT:
      case protocol.TYPE_ARRAY:
        return this.#node()
      case protocol.TYPE_INT:
        this.#need(4)
        this.#at += 4
        return this.#view.getInt32(this.#at - 4)
      case protocol.TYPE_LONG:
        return this.#i64()
      case protocol.TYPE_BOOLEAN:
        return this.#u8() !== 0
      case protocol.TYPE_BYTE:
        return (this.#u8() << 24) >> 24
      case protocol.TYPE_SHORT:
        return (this.#u16() << 16) >> 16
      case protocol.TYPE_CHAR:
        return this.#u16()
      case protocol.TYPE_FLOAT:
        this.#need(4)
        this.#at += 4
        return this.#bytes.readFloatBE(this.#at - 4)
      default:
        this.#need(8)
        this.#at += 8
        return this.#bytes.readDoubleBE(this.#at - 8)
    }
  }

  #keep(node: JavaNode | undefined): number {
    if (this.#handles.length >= this.#limits.maxHandles) {
      this.#fail(`more than ${this.#limits.maxHandles} objects`)
    }
    return this.#handles.push(node) - 1
  }

  #spend(values: number): void {
    this.#valuesLeft -= values
    if (this.#valuesLeft < 0) this.#fail(`more than ${this.#limits.maxValues} values`)
  }

  #need(length: number): void {
    if (length > this.#end - this.#at) {
      this.#fail(`ends where ${length} more bytes are expected`)
    }
  }

  #u8(): number {
    if (this.#at >= this.#end) this.#fail('ends where 1 more byte is expected')
    return this.#bytes[this.#at++]!
  }

  #u16(): number {
    this.#need(2)
    const value = (this.#bytes[this.#at]! << 8) | this.#bytes[this.#at + 1]!
    this.#at += 2
    return value
  }

  #u32(): number {
    this.#need(4)
    this.#at += 4
    return this.#view.getUint32(this.#at - 4)
  }

  #i64(): bigint {
    this.#need(8)
    this.#at += 8
    return this.#view.getBigInt64(this.#at - 8)
  }

  #u64Length(): number {
    const high = this.#u32()
    return high * 2 ** 32 + this.#u32()
  }

  #fail(reason: string): never {
    throw new JavaStreamError(this.#at, reason)
  }
}
