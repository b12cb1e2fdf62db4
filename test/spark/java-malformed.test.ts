import { describe, expect, it } from 'vitest'
import { JavaStreamError } from '../../src/spark/java/error.js'
import { DEFAULT_JAVA_LIMITS } from '../../src/spark/java/limits.js'
import type { JavaLimits } from '../../src/spark/java/limits.js'
import { readJavaStream } from '../../src/spark/java/reader.js'

const text = (value: string): string =>
  value.length.toString(16).padStart(4, '0') + Buffer.from(value).toString('hex')
const stream = (...parts: string[]): Buffer => Buffer.from(['aced0005', ...parts].join(''), 'hex')
/** A class without fields; `rest` is its superclass. */
const classOf = (name: string, flags = '02', rest = '70'): string =>
  `72${text(name)}${'00'.repeat(8)}${flags}000078${rest}`

function refusal(bytes: Uint8Array, limits?: Partial<JavaLimits>): JavaStreamError {
  try {
    readJavaStream(bytes, { ...DEFAULT_JAVA_LIMITS, ...limits })
  } catch (error) {
    expect(error).toBeInstanceOf(JavaStreamError)
    return error as JavaStreamError
  }
  return expect.fail('was read')
}

describe('a malformed stream is refused with its offset and reason', () => {
  it.each<[string, Buffer, number, string]>([
    ['nothing', Buffer.alloc(0), 0, 'ends where 2 more bytes'],
    ['another protocol', Buffer.from('474554202f20485454', 'hex'), 0, 'does not start with AC ED'],
    ['no object', stream(), 4, 'ends where 1 more byte'],
    ['two objects', stream('70', '70'), 5, '1 bytes after the object'],
    ['an unknown tag', stream('6f'), 4, 'tag 0x6f'],
    ['a reset', stream('79'), 4, 'tag 0x79'],
    ['an exception in the stream', stream('7b70'), 4, 'tag 0x7b'],
    ['a proxy class', stream('737d'), 5, 'tag 0x7d where a class'],
    ['a block as an object', stream('7700'), 4, 'tag 0x77'],
    ['an unknown handle', stream('71007e0000'), 5, 'handle 0 of 0'],
    ['a handle below the first', stream('7100000001'), 5, 'handle -8257535 of 0'],
    ['an object without class', stream('7370'), 6, 'null where a class'],
    ['a string as a class', stream('7374', text('A')), 5, 'tag 0x74 where a class'],
    [
      'a class that is its own parent',
      stream('73', classOf('A', '02', '71007e0000')),
      22,
      'inside its own description',
    ],
    ['an annotated class', stream('7372', text('A'), '00'.repeat(8), '02000070'), 20, 'annotated'],
    [
      'a field of an unknown type',
      stream('7372', text('A'), '00'.repeat(8), '02000158'),
      20,
      'field type 0x58',
    ],
    [
      'a field whose signature is of a primitive',
      stream('7372', text('A'), '00'.repeat(8), '0200014c', text('f'), '74', text('I')),
      24,
      'signature of another type',
    ],
    [
      'a field whose signature is null',
      stream('7372', text('A'), '00'.repeat(8), '0200014c', text('f'), '70'),
      24,
      'no string',
    ],
    [
      'an object of a class that is not serializable',
      stream('73', classOf('A', '00')),
      5,
      'not serializable',
    ],
    ['an object of an enum', stream('73', classOf('A', '12')), 5, 'not serializable'],
    ['an array of no array class', stream('75', classOf('A')), 5, 'array of class A'],
    ['an array of an unknown type', stream('75', classOf('[X')), 5, 'array of class [X'],
    [
      'an array longer than the stream',
      stream('75', classOf('[J'), '00000100'),
      27,
      'ends where 2048 more bytes',
    ],
    ['a string longer than the stream', stream('74ffff'), 7, 'ends where 65535 more bytes'],
    ['a long string beyond 64 bits of sense', stream('7cffffffffffffffff'), 13, 'over the limit'],
    ['a string that is no UTF-8', stream('740001ff'), 7, 'no modified UTF-8'],
    ['half a character', stream('740001c3'), 7, 'no modified UTF-8'],
    ['an enum constant without a name', stream('7e', classOf('A', '12'), '70'), 22, 'no string'],
    ['custom data without an end', stream('73', classOf('A', '03')), 22, 'ends where 1 more'],
  ])('%s', (_name, bytes, offset, reason) => {
    const error = refusal(bytes)
    expect(error.message).toContain(`at byte ${offset}: `)
    expect(error.reason).toContain(reason)
    expect(error.offset).toBe(offset)
  })
})

const objects = (count: number): Buffer =>
  stream(
    '75',
    classOf('[LA;'),
    count.toString(16).padStart(8, '0'),
    '73',
    classOf('A'),
    '7371007e0002'.repeat(count - 1),
  )
const nested = (depth: number): Buffer =>
  stream('73', classOf('A', '03'), '7371007e0000'.repeat(depth), '78'.repeat(depth + 1))

describe('limits', () => {
  it('depth', () => {
    expect(refusal(nested(200)).reason).toBe('nested deeper than 128')
    expect(readJavaStream(nested(100)).root).not.toBeNull()
  })

  it('objects', () => {
    expect(refusal(objects(50), { maxHandles: 50 }).reason).toBe('more than 50 objects')
    expect(readJavaStream(objects(50)).root).not.toBeNull()
  })

  it('values', () => {
    const nulls = stream('73', classOf('A', '03'), '70'.repeat(100), '78')
    expect(refusal(nulls, { maxValues: 100 }).reason).toBe('more than 100 values')
    expect(readJavaStream(nulls).root).not.toBeNull()
  })

  it('string length', () => {
    const bytes = stream('74', text('abcdef'))
    expect(refusal(bytes, { maxStringBytes: 5 }).reason).toContain('string of 6 bytes')
    expect(readJavaStream(bytes, { ...DEFAULT_JAVA_LIMITS, maxStringBytes: 6 })).toBeDefined()
  })

  it('array length, before anything is allocated', () => {
    const bytes = stream('75', classOf('[Z'), '7fffffff')
    expect(refusal(bytes).reason).toContain('array of 2147483647 elements')
  })

  it('fields of a class', () => {
    const fields = `49${text('f')}`.repeat(300)
    const bytes = stream('7372', text('A'), '00'.repeat(8), '02012c', fields, '7870')
    expect(refusal(bytes).reason).toContain('class with 300 fields')
  })

  it('superclasses, described one after another so that nothing is nested', () => {
    const classes = Array.from({ length: 40 }, (_none, index) => {
      const parent = (0x7e0000 + index + 1).toString(16).padStart(8, '0')
      return classOf('E', '0c', index === 0 ? '70' : `71${parent}`)
    })
    const bytes = stream('75', classOf('[LA;'), '00000028', ...classes)
    expect(refusal(bytes).reason).toContain('superclasses')
  })

  it('the whole stream', () => {
    expect(refusal(stream('70'), { maxBytes: 4 }).reason).toBe('5 bytes, over the limit of 4')
  })
})
