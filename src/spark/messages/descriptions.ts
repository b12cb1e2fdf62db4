/**
 * Descriptions of applications and drivers are a part of the message that brings them, and of those that go out to Apache Workers;
 * in between they are Java streams of their own. Those of one Spark mostly differ in their values alone.
 */
import { ShapeBook, type ShapedStream } from '../java/shape.js'
import { Template } from '../java/template.js'
import type { JavaObject } from '../java/tree.js'
import { objectOf } from '../java/values.js'
import { writeJavaStream } from '../java/writer.js'

/** Of parts of trees that are overwritten, which live as long as their shapes. */
const TEMPLATES = new WeakMap<JavaObject, Template>()

/** @returns a part of the tree of `stream` as a stream of its own, in bytes of its own */
export function streamOf(part: JavaObject, { slots }: ShapedStream): Uint8Array {
  if (slots.length === 0) return writeJavaStream(part)
  const template = TEMPLATES.get(part) ?? Template.of(part, [], slots)
  if (template === null) return writeJavaStream(part)
  TEMPLATES.set(part, template)
  const written = template.write([])
  if (written === null) return writeJavaStream(part)
  const own = Buffer.allocUnsafeSlow(written.length)
  written.copy(own)
  return own
}

export interface Description extends ShapedStream {
  readonly root: JavaObject
}

export class DescriptionReader {
  readonly #shapes = new ShapeBook()
  /** Executors of one application come one after the other, with the very same array. */
  #last: { readonly bytes: Uint8Array; readonly description: Description } | null = null

  /**
   * @returns the same object for all of one shape; its tree is overwritten by the next read
   * @throws JavaStreamError JavaShapeError when it can't be read
   */
  read(bytes: Uint8Array): Description {
    if (this.#last?.bytes === bytes) return this.#last.description
    this.#last = null
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const stream = this.#shapes.read(buffer) ?? this.#shapes.learn(buffer)
    objectOf(stream.root)
    const description = stream as Description
    this.#last = { bytes, description }
    return description
  }
}

/** Of all drivers and workers of this thread. */
export const descriptions = new DescriptionReader()
