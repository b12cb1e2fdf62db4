/**
 * Messages that are serialized once: the bytes that a Spark process wrote, with holes where its peers differ. Filling them
 * copies a kilobyte, where building the message anew would cost the generator more than reading it costs the master.
 */
import { readJavaStream } from '../../../src/spark/java/reader.js'
import { JavaObject, JavaString } from '../../../src/spark/java/tree.js'
import type { JavaNode, JavaValue } from '../../../src/spark/java/tree.js'
import { objectOf } from '../../../src/spark/java/values.js'
import { writeJavaStream } from '../../../src/spark/java/writer.js'
import { encodeRequestHeader } from '../../../src/spark/rpc-request.js'
import { FrameType } from '../../../src/spark/frame.js'
import type { RpcAddress } from '../../../src/spark/messages.js'

/** Texts must be ASCII. */
export type HoleValue = string | number

/** A place that differs from peer to peer, by its name. */
export interface Hole {
  readonly name: string
  readonly kind: 'text' | 'int'
}

const REQUEST_HEADER_BYTES = 21
const ONE_WAY_HEADER_BYTES = 13
const TYPE_AT = 8
const FIRST_INT_MARKER = 0x7a5a_1000

/** What stands in the bytes for a hole until they are cut there. */
class Markers {
  readonly texts = new Map<string, Buffer>()
  readonly ints = new Map<string, Buffer>()

  text(name: string): string {
    const text = `\u0001${name}\u0001`
    if (this.texts.has(name)) return text
    const bytes = Buffer.alloc(2 + text.length)
    bytes.writeUInt16BE(text.length)
    bytes.write(text, 2, 'latin1')
    this.texts.set(name, bytes)
    return text
  }

  int(name: string): number {
    const known = this.ints.get(name)
    if (known !== undefined) return known.readInt32BE()
    const bytes = Buffer.alloc(4)
    bytes.writeInt32BE(FIRST_INT_MARKER + this.ints.size)
    this.ints.set(name, bytes)
    return bytes.readInt32BE()
  }
}

interface Cut extends Hole {
  readonly at: number
  readonly bytes: number
}

/** One kind of frame. `Names` are those of its holes. */
export class FrameTemplate<Names extends string> {
  readonly #pieces: readonly Buffer[]
  readonly #cuts: readonly Cut[]
  readonly #fixedBytes: number
  readonly #isAsk: boolean

  /**
   * @param body the header of a request and its Java stream, with markers
   * @throws Error when a hole is nowhere in it
   */
  constructor(body: Buffer, markers: Markers, isAsk: boolean) {
    this.#cuts = cutsOf(body, markers)
    const edges = [0, ...this.#cuts.map(({ at, bytes }) => at + bytes)]
    this.#pieces = edges.map((start, index) =>
      Buffer.from(body.subarray(start, this.#cuts[index]?.at ?? body.length)),
    )
    this.#fixedBytes = this.#pieces.reduce((sum, piece) => sum + piece.length, 0)
    this.#isAsk = isAsk
  }

  /** @param requestId of an ask; the low half of it, the other one is 0 */
  frame(values: Readonly<Record<Names, HoleValue>>, requestId = 0): Buffer {
    const cuts = this.#cuts
    let bodyBytes = this.#fixedBytes
    for (let index = 0; index < cuts.length; index++) {
      const value = values[cuts[index]!.name as Names]
      bodyBytes += typeof value === 'number' ? 4 : 2 + value.length
    }
    const headerBytes = this.#isAsk ? REQUEST_HEADER_BYTES : ONE_WAY_HEADER_BYTES
    const bytes = Buffer.allocUnsafe(headerBytes + bodyBytes)
    writeHeader(bytes, this.#isAsk, bodyBytes, requestId)
    let at = headerBytes
    for (let index = 0; index < cuts.length; index++) {
      at += this.#pieces[index]!.copy(bytes, at)
      const value = values[cuts[index]!.name as Names]
      if (typeof value === 'number') at = bytes.writeInt32BE(value, at)
      else {
        at = bytes.writeUInt16BE(value.length, at)
        at += bytes.write(value, at, 'latin1')
      }
    }
    this.#pieces[cuts.length]!.copy(bytes, at)
    return bytes
  }
}

function writeHeader(frame: Buffer, isAsk: boolean, bodyBytes: number, requestId: number): void {
  frame.writeUInt32BE(0, 0)
  frame.writeUInt32BE(frame.length, 4)
  frame[TYPE_AT] = isAsk ? FrameType.RPC_REQUEST : FrameType.ONE_WAY
  if (!isAsk) {
    frame.writeInt32BE(bodyBytes, 9)
    return
  }
  frame.writeUInt32BE(0, 9)
  frame.writeUInt32BE(requestId, 13)
  frame.writeInt32BE(bodyBytes, 17)
}

function cutsOf(body: Buffer, markers: Markers): Cut[] {
  const cuts: Cut[] = []
  const find = (name: string, kind: Hole['kind'], marker: Buffer): void => {
    let found = body.indexOf(marker)
    if (found < 0) throw new Error(`the template has no place for ${name}`)
    for (; found >= 0; found = body.indexOf(marker, found + marker.length))
      cuts.push({ name, kind, at: found, bytes: marker.length })
  }
  for (const [name, marker] of markers.texts) find(name, 'text', marker)
  for (const [name, marker] of markers.ints) find(name, 'int', marker)
  return cuts.toSorted((one, other) => one.at - other.at)
}

export interface TemplateSource<Names extends string = never> {
  /** What Spark itself wrote. */
  readonly stream: Uint8Array
  /** Where it differs from peer to peer: field names from the message down, such as `worker.endpointAddress.name`. */
  readonly holes?: Readonly<Record<string, Names>>
  /** Changes the message before it is cut. */
  readonly change?: (root: JavaObject) => void
  readonly isAsk: boolean
  readonly endpoint: string
}

/**
 * The sender says where it listens, by the holes `host` and `port`.
 *
 * @param receiver the master, as its peers call it
 */
export function templateOf<Names extends string = never>(
  { stream, holes, change, isAsk, endpoint }: TemplateSource<Names>,
  receiver: RpcAddress,
): FrameTemplate<Names | 'host' | 'port'> {
  const markers = new Markers()
  const root = objectOf(readJavaStream(stream).root)
  change?.(root)
  const cutting: Cutting = { markers, replaced: new Map() }
  for (const [path, name] of Object.entries<Names>(holes ?? {})) cutOut(root, path, name, cutting)
  const host = markers.text('host')
  const header = encodeRequestHeader({ sender: { host, port: 0 }, receiver, endpoint })
  // A marker would be refused as a port; that of the sender follows its host.
  header.writeInt32BE(markers.int('port'), 3 + host.length)
  return new FrameTemplate(Buffer.concat([header, writeJavaStream(root)]), markers, isAsk)
}

interface Cutting {
  readonly markers: Markers
  /** What stands for a text of Spark's, and under which name. */
  readonly replaced: Map<JavaNode, { name: string; node: JavaString }>
}

/** Strings that Spark wrote once and named again stay so. */
function cutOut(root: JavaObject, path: string, name: string, cutting: Cutting): void {
  const { values, field } = placeOf(root, path)
  const value = values[field] as JavaValue
  if (typeof value === 'number') {
    values[field] = cutting.markers.int(name)
    return
  }
  if (!(value instanceof JavaString)) throw new Error(`${path} is neither a text nor a number`)
  const known = cutting.replaced.get(value)
  if (known !== undefined && known.name !== name)
    throw new Error(`${path} and the place of ${known.name} are one text`)
  const node = known?.node ?? new JavaString(cutting.markers.text(name))
  cutting.replaced.set(value, { name, node })
  values[field] = node
}

/** Where an object keeps a field, which may then be set. */
export function placeOf(root: JavaObject, path: string): { values: JavaValue[]; field: number } {
  const names = path.split('.')
  let object = root
  for (const [index, name] of names.entries()) {
    const place = object.descriptor.place(name)
    if (place === null) throw new Error(`${object.descriptor.name} has no field ${name}`)
    const { values } = object.data[place.owner]!
    if (index === names.length - 1) return { values, field: place.field }
    object = objectOf(values[place.field]!)
  }
  throw new Error('an empty path')
}

export function setField(root: JavaObject, path: string, value: JavaValue): void {
  const { values, field } = placeOf(root, path)
  values[field] = value
}
