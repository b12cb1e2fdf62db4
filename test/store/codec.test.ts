/** Packed by Apache's own libraries (fixtures/codecs.json), and packed by ours; see the file for how it was made. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { CODEC_NAMES, codecNamed, loadCodec, type Codec } from '../../src/store/codec/codec.js'
import { CodecError } from '../../src/store/codec/matcher.js'
import { loadZstd } from '../../src/store/codec/zstd.js'
import { StoreError } from '../../src/store/engine.js'

interface Golden {
  bytes: number
  sha256: string
  packed: Record<string, string>
}

const golden = JSON.parse(
  readFileSync(join(import.meta.dirname, 'fixtures/codecs.json'), 'utf8'),
) as Golden
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
const packedBy = (name: string) => new Uint8Array(Buffer.from(golden.packed[name] ?? '', 'base64'))

const codecs = new Map<string, Codec>()
beforeAll(async () => {
  for (const name of CODEC_NAMES) codecs.set(name, await loadCodec(name))
})
const codec = (name: string) => codecs.get(name)!

/** LZF of the JVM comes in chunks: 'ZV', a type, two or four bytes of lengths, a block. */
function unchunked(bytes: Buffer): Buffer {
  const parts: Uint8Array[] = []
  for (let at = 0; at < bytes.byteLength;) {
    expect(bytes.toString('latin1', at, at + 2)).toBe('ZV')
    const packed = bytes[at + 2] === 1
    const length = bytes.readUInt16BE(at + 3)
    const from = at + (packed ? 7 : 5)
    const block = bytes.subarray(from, from + length)
    parts.push(packed ? codec('lzf').decompress(block, bytes.readUInt16BE(at + 5)) : block)
    at = from + length
  }
  return Buffer.concat(parts)
}

describe('the codecs (P4)', () => {
  test.each(['lz4', 'lz4hc', 'snappy', 'zstd'])('what the JVM packs with %s is read', (name) => {
    const found = codec(name.replace('hc', '')).decompress(packedBy(name), golden.bytes)
    expect(sha256(found)).toBe(golden.sha256)
  })

  test('what the JVM packs with lzf is read', () => {
    const found = unchunked(Buffer.from(golden.packed['lzfChunks'] ?? '', 'base64'))
    expect(sha256(found)).toBe(golden.sha256)
  })

  test.each(['lz4', 'lzf', 'snappy'])(
    'what %s packs here is byte for byte what the JVM library has read',
    (name) => {
      const sample = codec('lz4').decompress(packedBy('lz4'), golden.bytes)
      const packed = Buffer.from(codec(name).compress(sample)).toString('base64')
      expect(packed).toBe(golden.packed[`${name}Ours`])
    },
  )

  test.each([...CODEC_NAMES])('%s gives back any bytes', (name) => {
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc
        .tuple(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.integer({ min: 1, max: 400 }))
        .map(([unit, times]) => Buffer.concat(Array.from({ length: times }, () => unit))),
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const input = new Uint8Array(Buffer.concat(pieces))
        const packed = codec(name).compress(input)
        expect(Buffer.from(codec(name).decompress(packed, input.byteLength))).toEqual(
          Buffer.from(input),
        )
      }),
      { numRuns: 300 },
    )
  })

  test.each([...CODEC_NAMES])('%s gives back many MiB, and copies from far before', (name) => {
    const input = Buffer.alloc(5 * 1024 * 1024)
    for (let at = 0; at < input.byteLength; at += 4)
      input.writeUInt32LE(Math.imul(at >> 9, 2654435761) >>> 0, at)
    input.copyWithin(3_000_000, 2_950_000, 3_040_000)
    const packed = codec(name).compress(input)
    expect(packed.byteLength).toBeLessThan(input.byteLength / 4)
    expect(sha256(codec(name).decompress(packed, input.byteLength))).toBe(sha256(input))
  })

  test.each([...CODEC_NAMES])('%s never gives back what is not of the size it says', (name) => {
    const packed = codec(name).compress(Buffer.from('0123456789'.repeat(20)))
    for (const size of [0, 1, 199, 201, 100_000])
      expect(() => codec(name).decompress(packed, size), `${size}`).toThrow(CodecError)
  })

  test.each(['lz4', 'lzf', 'snappy'])('%s refuses any garbage without harm', (name) => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(2000), (garbage, size) => {
        try {
          expect(codec(name).decompress(garbage, size).byteLength).toBe(size)
        } catch (error) {
          expect(error).toBeInstanceOf(CodecError)
        }
      }),
      { numRuns: 2000 },
    )
  })

  test('ids on disk stay what they are', () => {
    expect(CODEC_NAMES.map((name) => [name, codec(name).id])).toEqual([
      ['lz4', 1],
      ['lzf', 2],
      ['snappy', 3],
      ['zstd', 4],
    ])
    expect([0, 1, 2, 3, 4, 5].map(codecNamed)).toEqual([null, 'lz4', 'lzf', 'snappy', 'zstd', null])
  })

  test('zstd without Node’s own and without its package says what to install', async () => {
    const missing = () => Promise.reject(new Error('Cannot find package'))
    const loading = loadZstd(null, missing)
    await expect(loading).rejects.toThrow(StoreError)
    await expect(loading).rejects.toThrow(/npm install @bokuweb\/zstd-wasm@0\.0\.27/)
  })

  test('zstd of the package and of Node read each other', async () => {
    const fromPackage = await loadZstd(null)
    const input = Buffer.from('0123456789'.repeat(500))
    const packed = fromPackage.compress(input)
    expect(Buffer.from(codec('zstd').decompress(packed, 5000))).toEqual(input)
    expect(Buffer.from(fromPackage.decompress(codec('zstd').compress(input), 5000))).toEqual(input)
  })
})
