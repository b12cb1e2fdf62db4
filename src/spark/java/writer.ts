import { encodeModifiedUtf8, modifiedUtf8Length, unitOf } from './modified-utf8.js'
import * as protocol from './protocol.js'
import { BlockData, ClassDescriptor, JavaArray, JavaClass, JavaObject, JavaString } from './tree.js'
import type { JavaNode, JavaValue } from './tree.js'

const SCRATCH_BYTES = 64 * 1024
/** What is being written, until it is copied; a longer stream gets a buffer of its own. */
const scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES)
const scratchView = viewOf(scratch)
const MAX_SHORT_STRING_BYTES = 0xffff
const MAX_SHORT_BLOCK_BYTES = 0xff
/** Descriptors of one name that are compared with a new one; a stream from Spark has one. */
const MAX_COMPARED_CLASSES = 4

/**
 * Writes what readJavaStream read byte for byte, renumbering handles as needed: a tree may be put
 * together of parts of several streams. A class is described once, even if the parts brought their own
 * descriptors for it. Strings are shared where the tree shares the node, as Java does.
 */
export function writeJavaStream(
  root: JavaNode | null,
  trace: WriteTrace | null = null,
): Uint8Array {
  return new Writer(trace).stream(root)
}

/** Is told, in the order of the stream, where values are written that say nothing about how the rest is written. */
export interface WriteTrace {
  /** Not of one whose length takes more than two bytes. @param at of its length, which its text follows */
  string(node: JavaString, at: number): void
  /** A field, of whatever type. @param at of its bytes @param values where it is taken from */
  primitive(type: number, at: number, values: readonly JavaValue[], index: number): void
}

/** What writes and reads a BigInt without making others for it, as a Buffer does. */
function viewOf({ buffer, byteOffset, byteLength }: Buffer): DataView {
  return new DataView(buffer, byteOffset, byteLength)
}

class Writer {
  #bytes = scratch
  #view = scratchView
  #at = 0
  #handleCount = 0
  readonly #trace: WriteTrace | null
  readonly #handles = new Map<JavaNode, number>()
  readonly #typeHandles = new Map<string, number>()
  readonly #classesByName = new Map<string, ClassDescriptor[]>()

  constructor(trace: WriteTrace | null) {
    this.#trace = trace
  }

  stream(root: JavaNode | null): Uint8Array {
    this.#u16(protocol.STREAM_MAGIC)
    this.#u16(protocol.STREAM_VERSION)
    this.#node(root)
    const written = this.#bytes.subarray(0, this.#at)
    return this.#bytes === scratch ? Buffer.from(written) : written
  }

  #node(node: JavaNode | null): void {
    if (node === null) return this.#u8(protocol.TC_NULL)
    if (node instanceof ClassDescriptor) return this.#descriptor(node)
    const handle = this.#handles.get(node)
    if (handle !== undefined) return this.#reference(handle)
    if (node instanceof JavaString) {
      this.#keep(node)
      this.#string(node.value, node)
    } else if (node instanceof JavaObject) {
      this.#object(node)
    } else if (node instanceof JavaArray) {
      this.#array(node)
    } else if (node instanceof JavaClass) {
      this.#u8(protocol.TC_CLASS)
      this.#descriptor(node.descriptor)
      this.#keep(node)
    } else {
      this.#u8(protocol.TC_ENUM)
      this.#descriptor(node.descriptor)
      this.#keep(node)
      this.#node(node.name)
    }
  }

  #object(object: JavaObject): void {
    this.#u8(protocol.TC_OBJECT)
    this.#descriptor(object.descriptor)
    this.#keep(object)
    const { lineage } = object.descriptor
    for (let index = 0; index < lineage.length; index++) {
      const { fields } = lineage[index]!
      const { values, custom } = object.data[index]!
      for (let field = 0; field < values.length; field++) {
        const type = unitOf(fields[field]!.type, 0)
        this.#trace?.primitive(type, this.#at, values, field)
        this.#value(type, values[field]!)
      }
      if (custom === null) continue
      for (const item of custom) {
        if (item instanceof BlockData) this.#block(item.bytes)
        else this.#node(item)
      }
      this.#u8(protocol.TC_ENDBLOCKDATA)
    }
  }

  #array(array: JavaArray): void {
    this.#u8(protocol.TC_ARRAY)
    this.#descriptor(array.descriptor)
    this.#keep(array)
    const { elements } = array
    this.#u32(elements.length)
    if (elements instanceof Uint8Array) return this.#raw(elements)
    const component = unitOf(array.descriptor.name, 1)
    for (const element of elements) this.#value(component, element)
  }

  #descriptor(descriptor: ClassDescriptor | null): void {
    if (descriptor === null) return this.#u8(protocol.TC_NULL)
    const handle = this.#handles.get(descriptor) ?? this.#handleOfEqual(descriptor)
    if (handle !== undefined) return this.#reference(handle)
    this.#u8(protocol.TC_CLASSDESC)
    this.#text(descriptor.name)
    this.#i64(descriptor.serialVersionUid)
    this.#keep(descriptor)
    this.#u8(descriptor.flags)
    this.#u16(descriptor.fields.length)
    for (const { name, type } of descriptor.fields) {
      this.#u8(unitOf(type, 0))
      this.#text(name)
      if (type.length > 1) this.#typeString(type)
    }
    this.#u8(protocol.TC_ENDBLOCKDATA)
    this.#descriptor(descriptor.superclass)
  }

  #handleOfEqual(descriptor: ClassDescriptor): number | undefined {
    const written = this.#classesByName.get(descriptor.name)
    if (written === undefined) {
      this.#classesByName.set(descriptor.name, [descriptor])
      return undefined
    }
    const equal = written.find((other) => descriptor.equals(other))
    if (equal === undefined) {
      if (written.length < MAX_COMPARED_CLASSES) written.push(descriptor)
      return undefined
    }
    const handle = this.#handles.get(equal)
    if (handle !== undefined) this.#handles.set(descriptor, handle)
    return handle
  }

  /** Java interns type strings: equal ones are one object. */
  #typeString(type: string): void {
    const handle = this.#typeHandles.get(type)
    if (handle !== undefined) return this.#reference(handle)
    this.#typeHandles.set(type, this.#handleCount++)
    this.#string(type, null)
  }

  #value(type: number, value: JavaValue): void {
    switch (type) {
      case protocol.TYPE_OBJECT:
      case protocol.TYPE_ARRAY:
        return this.#node(value as JavaNode | null)
      case protocol.TYPE_INT:
        return this.#u32((value as number) >>> 0)
      case protocol.TYPE_LONG:
        return this.#i64(value as bigint)
      case protocol.TYPE_BOOLEAN:
        return this.#u8(value === true ? 1 : 0)
      case protocol.TYPE_BYTE:
        return this.#u8((value as number) & 0xff)
      case protocol.TYPE_SHORT:
      case protocol.TYPE_CHAR:
        return this.#u16((value as number) & 0xffff)
      case protocol.TYPE_FLOAT:
        this.#room(4)
        this.#at = this.#bytes.writeFloatBE(value as number, this.#at)
        return
      default:
        this.#room(8)
        this.#at = this.#bytes.writeDoubleBE(value as number, this.#at)
    }
  }

  /** @param node that the text is of; null: of the structure */
  #string(text: string, node: JavaString | null): void {
    const length = modifiedUtf8Length(text)
    if (length > MAX_SHORT_STRING_BYTES) {
      this.#u8(protocol.TC_LONGSTRING)
      this.#i64(BigInt(length))
    } else {
      this.#u8(protocol.TC_STRING)
      if (node !== null) this.#trace?.string(node, this.#at)
      this.#u16(length)
    }
    this.#room(length)
    this.#at = encodeModifiedUtf8(text, this.#bytes, this.#at)
  }

  /** A name: never longer than a u16 says, as it came from such a name or from a table. */
  #text(text: string): void {
    const length = modifiedUtf8Length(text)
    this.#u16(length)
    this.#room(length)
    this.#at = encodeModifiedUtf8(text, this.#bytes, this.#at)
  }

  #block(bytes: Uint8Array): void {
    if (bytes.length > MAX_SHORT_BLOCK_BYTES) {
      this.#u8(protocol.TC_BLOCKDATALONG)
      this.#u32(bytes.length)
    } else {
      this.#u8(protocol.TC_BLOCKDATA)
      this.#u8(bytes.length)
    }
    this.#raw(bytes)
  }

  #reference(handle: number): void {
    this.#u8(protocol.TC_REFERENCE)
    this.#u32(protocol.FIRST_HANDLE + handle)
  }

  #keep(node: JavaNode): void {
    this.#handles.set(node, this.#handleCount++)
  }

  #room(length: number): void {
    if (this.#at + length <= this.#bytes.length) return
    const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#at + length))
    this.#bytes.copy(grown, 0, 0, this.#at)
    this.#bytes = grown
    this.#view = viewOf(grown)
  }

  #raw(bytes: Uint8Array): void {
    this.#room(bytes.length)
    this.#bytes.set(bytes, this.#at)
    this.#at += bytes.length
  }

  #u8(value: number): void {
    this.#room(1)
    this.#bytes[this.#at++] = value
  }

  #u16(value: number): void {
    this.#room(2)
    this.#view.setUint16(this.#at, value)
    this.#at += 2
  }

  #u32(value: number): void {
    this.#room(4)
    this.#view.setUint32(this.#at, value)
    this.#at += 4
  }

  #i64(value: bigint): void {
    this.#room(8)
    this.#view.setBigInt64(this.#at, value)
    this.#at += 8
  }
}
