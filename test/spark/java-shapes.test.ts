import { describe, expect, it } from 'vitest'
import { DEFAULT_JAVA_LIMITS } from '../../src/spark/java/limits.js'
import { readJavaStream } from '../../src/spark/java/reader.js'
import { ShapeBook } from '../../src/spark/java/shape.js'
import { JavaString } from '../../src/spark/java/tree.js'
import { fieldOf, objectOf } from '../../src/spark/java/values.js'
import { writeJavaStream } from '../../src/spark/java/writer.js'
import { decodeMessage } from '../../src/spark/messages.js'
import { goldenStreams, mutate, seededRandom } from '../fuzz/java-mutation.js'
import { sample } from './golden-vectors.js'

const MUTANTS = 20_000

function written(root: Parameters<typeof writeJavaStream>[0]): string {
  return Buffer.from(writeJavaStream(root)).toString('hex')
}

/** The message that the reader gives, or why it gives none. */
function outcome(read: () => unknown): unknown {
  try {
    return read()
  } catch (error) {
    return `${(error as Error).name}: ${(error as Error).message}`
  }
}

/** A heartbeat of another worker. */
function heartbeatOf(workerId: string, bytes = sample('4.3.0', 'msg/Heartbeat')): Buffer {
  const { root } = readJavaStream(bytes)
  const heartbeat = objectOf(root)
  const place = heartbeat.descriptor.place('workerId')!
  heartbeat.data[place.owner]!.values[place.field] = new JavaString(workerId)
  return Buffer.from(writeJavaStream(heartbeat))
}

describe('shapes of streams', () => {
  it('give the reader’s values for what differs only in values, and decline everything else', () => {
    const random = seededRandom(20_261_122)
    const golden = goldenStreams().map((bytes) => Buffer.from(bytes))
    const book = new ShapeBook()
    let taken = 0
    for (const bytes of golden) book.learn(bytes)
    for (let count = 0; count < MUTANTS; count++) {
      const mutant = count < golden.length ? golden[count]! : Buffer.from(mutate(random, golden))
      if (count >= golden.length) book.learn(golden[count % golden.length]!)
      const shaped = book.read(mutant)
      if (shaped === null) continue
      taken++
      // The reader must take it too: a refusal fails the test by itself.
      const read = readJavaStream(mutant)
      expect(written(shaped.root)).toBe(written(read.root))
      expect(shaped.descriptors.length).toBe(read.descriptors.length)
      for (const [index, descriptor] of read.descriptors.entries())
        expect(shaped.descriptors[index]!.equals(descriptor)).toBe(true)
    }
    expect(taken).toBeGreaterThan(100)
    expect(taken).toBeLessThan(MUTANTS)
  })

  it('leave every message and every refusal of decodeMessage as the reader has it', () => {
    const random = seededRandom(4711)
    const golden = goldenStreams()
    for (let count = 0; count < MUTANTS; count++) {
      const mutant = count < golden.length ? golden[count]! : mutate(random, golden)
      const plain = outcome(() => decodeMessage(mutant, DEFAULT_JAVA_LIMITS))
      const first = outcome(() => decodeMessage(mutant))
      const again = outcome(() => decodeMessage(mutant))
      if (typeof plain === 'string') expect([first, again]).toEqual([plain, plain])
      else {
        const { stream: _, ...message } = plain as Record<string, unknown>
        expect(first).toMatchObject(message)
        expect(again).toMatchObject(message)
      }
    }
  }, 120_000)

  it('are one for all workers, whose messages keep their own values', () => {
    const book = new ShapeBook()
    book.learn(heartbeatOf('worker-1'))
    const first = book.read(heartbeatOf('a worker with quite another name, Wörker 二'))!
    expect(fieldOf(objectOf(first.root), 'workerId')).toEqual(
      new JavaString('a worker with quite another name, Wörker 二'),
    )
    const second = book.read(heartbeatOf(''))!
    expect(fieldOf(objectOf(second.root), 'workerId')).toEqual(new JavaString(''))
    expect(second.descriptors).toBe(first.descriptors)
    const kept = decodeMessage(heartbeatOf('worker-1'))
    decodeMessage(heartbeatOf('worker-2'))
    expect(kept).toMatchObject({ kind: 'Heartbeat', workerId: 'worker-1' })
  })

  it('decline text that is no modified UTF-8, what is cut and what goes on', () => {
    const book = new ShapeBook()
    const bytes = heartbeatOf('worker-1')
    book.learn(bytes)
    expect(book.read(bytes)).not.toBeNull()
    for (let length = 0; length < bytes.length; length++)
      expect(book.read(bytes.subarray(0, length))).toBeNull()
    expect(book.read(Buffer.concat([bytes, Buffer.from([0])]))).toBeNull()
    const broken = Buffer.from(bytes)
    broken[broken.indexOf('worker-1')] = 0xff
    expect(book.read(broken)).toBeNull()
  })

  it('are not made of a stream whose structure refers to one of its values', () => {
    const utf = (text: string): Buffer =>
      Buffer.concat([Buffer.from([0, text.length]), Buffer.from(text)])
    const describing = (name: string, ...fields: Buffer[]): Buffer =>
      Buffer.concat([
        Buffer.from([0x72]),
        utf(name),
        Buffer.from([0, 0, 0, 0, 0, 0, 0, 1, 2, 0, fields.length]),
        ...fields,
        Buffer.from([0x78, 0x70]),
      ])
    const field = (name: string, signature: Buffer): Buffer =>
      Buffer.concat([Buffer.from('L'), utf(name), signature])
    const text = (value: string): Buffer => Buffer.concat([Buffer.from([0x74]), utf(value)])
    // Handles: class A, two signatures, its object, and then its value, which is class B's signature.
    const fourth = Buffer.from([0x71, 0x00, 0x7e, 0x00, 0x04])
    const streamWith = (signature: Buffer): Buffer =>
      Buffer.concat([
        Buffer.from([0xac, 0xed, 0, 5, 0x73]),
        describing('A', field('value', text('LS;')), field('other', text('LO;'))),
        text('LT;'),
        Buffer.from([0x73]),
        describing('B', field('inner', signature)),
        Buffer.from([0x70]),
      ])
    for (const [signature, isKnown] of [
      [fourth, false],
      [text('LT;'), true],
    ] as const) {
      const book = new ShapeBook()
      const bytes = streamWith(signature)
      expect(readJavaStream(bytes).descriptors[1]!.fields[0]!.type).toBe('LT;')
      book.learn(bytes)
      expect(book.read(bytes) !== null).toBe(isKnown)
    }
  })

  it('keep the last few of a class', () => {
    const book = new ShapeBook()
    const changed = (count: number): Buffer => {
      const { root } = readJavaStream(sample('4.3.0', 'msg/WorkerLatestState'))
      const executors = objectOf(fieldOf(objectOf(root), 'executors'))
      const items = executors.data.at(-1)!.custom!
      const [head, one] = items
      items.splice(
        0,
        items.length,
        head!,
        ...Array.from({ length: count }, () => one!),
        items.at(-1)!,
      )
      return Buffer.from(writeJavaStream(root))
    }
    const streams = Array.from({ length: 20 }, (_, index) => changed(index + 1))
    for (const stream of streams) book.learn(stream)
    const kept = streams.filter((stream) => book.read(stream) !== null)
    expect(kept.length).toBeGreaterThan(1)
    expect(kept.length).toBeLessThan(10)
    expect(kept).toContain(streams.at(-1))
  })
})
