/** Frames of Spark's transport (N1, N2): cut anywhere, bounded, and never more than their bytes say. */
import { isDeepStrictEqual } from 'node:util'

import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import {
  encodeOneWay,
  encodeRpcFailure,
  encodeRpcRequest,
  encodeRpcResponse,
  encodeStreamFailure,
  FrameDecoder,
  FrameError,
  FrameType,
  type Frame,
} from '../../src/spark/frame.js'
import { captured } from './gateway-harness.js'

const KIB = 1024

function decodeInPieces(bytes: Buffer, cuts: readonly number[], maxFrameBytes?: number): Frame[] {
  const decoder = new FrameDecoder(maxFrameBytes)
  const frames: Frame[] = []
  const edges = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length]
  edges.sort((a, b) => a - b)
  for (let index = 1; index < edges.length; index++)
    decoder.push(bytes.subarray(edges[index - 1], edges[index]), (frame) => frames.push(frame))
  return frames
}

const header = (payloadBytes: bigint): Buffer => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64BE(payloadBytes + 8n)
  return bytes
}

const id = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
/** Drawn byte by byte they would take seconds. */
const largeBody = fc
  .record({ bytes: fc.integer({ min: 3 * KIB, max: 90 * KIB }), fill: fc.nat({ max: 255 }) })
  .map(({ bytes, fill }) => Buffer.alloc(bytes, fill))
const body = fc.oneof(
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
  largeBody,
)
const text = fc.string({ unit: 'grapheme', maxLength: 40 })

const frameWithBytes = fc.oneof(
  fc
    .tuple(id, body)
    .map(([requestId, bytes]): [Frame, Buffer] => [
      { type: FrameType.RPC_REQUEST, requestId, body: bytes },
      encodeRpcRequest(requestId, bytes.subarray(0, 3), bytes.subarray(3)),
    ]),
  fc
    .tuple(id, body)
    .map(([requestId, bytes]): [Frame, Buffer] => [
      { type: FrameType.RPC_RESPONSE, requestId, body: bytes },
      encodeRpcResponse(requestId, bytes),
    ]),
  fc
    .tuple(id, text)
    .map(([requestId, error]): [Frame, Buffer] => [
      { type: FrameType.RPC_FAILURE, requestId, error },
      encodeRpcFailure(requestId, error),
    ]),
  fc
    .tuple(text, text)
    .map(([streamId, error]): [Frame, Buffer] => [
      { type: FrameType.STREAM_FAILURE, streamId, error },
      encodeStreamFailure(streamId, error),
    ]),
  body.map((bytes): [Frame, Buffer] => [
    { type: FrameType.ONE_WAY, body: bytes },
    encodeOneWay(bytes.subarray(0, 9), bytes.subarray(9)),
  ]),
)

describe('any frames, cut anywhere', () => {
  test('come out as they went in', () => {
    fc.assert(
      fc.property(
        fc.array(frameWithBytes, { maxLength: 6 }),
        fc.array(fc.nat(), { maxLength: 30 }),
        (pairs, cuts) => {
          const bytes = Buffer.concat(pairs.map(([, encoded]) => encoded))
          const frames = decodeInPieces(bytes, cuts)
          expect(
            isDeepStrictEqual(
              frames,
              pairs.map(([frame]) => frame),
            ),
          ).toBe(true)
        },
      ),
      { numRuns: 200 },
    )
  })

  test('come out as they went in, byte by byte', () => {
    const bytes = Buffer.concat([
      encodeOneWay(Buffer.alloc(70 * KIB, 7)),
      encodeRpcFailure(-1n, 'no'),
    ])
    const everywhere = Array.from(bytes, (_, index) => index)
    expect(decodeInPieces(bytes, everywhere)).toEqual([
      { type: FrameType.ONE_WAY, body: Buffer.alloc(70 * KIB, 7) },
      { type: FrameType.RPC_FAILURE, requestId: -1n, error: 'no' },
    ])
  })
})

test('a frame that lies in one chunk is not copied', () => {
  const bytes = Buffer.concat([encodeOneWay(Buffer.from('abc')), encodeOneWay(Buffer.from('de'))])
  for (const frame of decodeInPieces(bytes, [])) {
    expect(frame).toMatchObject({ type: FrameType.ONE_WAY })
    expect((frame as { body: Buffer }).body.buffer).toBe(bytes.buffer)
  }
})

test.each(['client-app-3.5.9', 'dynalloc-4.0.1', 'errors-4.3.0', 'submit-4.3.0'])(
  'frames of %s come out one by one and are written alike',
  (name) => {
    for (const { type, bytes } of captured(name)) {
      if (type === '77' || type === 'OPAQUE') {
        expect(() => decodeInPieces(bytes, [])).toThrow(FrameError)
        continue
      }
      const [frame, ...more] = decodeInPieces(bytes, [5, 8, 9, 21])
      expect(more).toEqual([])
      expect(encodedAgain(frame!)).toEqual(bytes)
    }
  },
)

function encodedAgain(frame: Frame): Buffer {
  switch (frame.type) {
    case FrameType.RPC_REQUEST:
      return encodeRpcRequest(frame.requestId, frame.body)
    case FrameType.RPC_RESPONSE:
      return encodeRpcResponse(frame.requestId, frame.body)
    case FrameType.RPC_FAILURE:
      return encodeRpcFailure(frame.requestId, frame.error)
    case FrameType.STREAM_FAILURE:
      return encodeStreamFailure(frame.streamId, frame.error)
    case FrameType.ONE_WAY:
      return encodeOneWay(frame.body)
    case FrameType.STREAM_REQUEST:
      return streamRequest(Buffer.from(frame.streamId))
    default:
      throw new Error('a frame of no type')
  }
}

/** Only peers write these. */
function streamRequest(name: Buffer): Buffer {
  const type = Buffer.from([FrameType.STREAM_REQUEST])
  const bytes = Buffer.concat([header(BigInt(5 + name.length)), type, Buffer.alloc(4), name])
  bytes.writeInt32BE(name.length, 9)
  return bytes
}

describe('no frames', () => {
  test.each([
    ['a length of nothing', header(0n), /claims 0 bytes/],
    ['a negative length', header(-20n), /claims -20 bytes/],
    ['a length over 2 GiB', header(2n ** 31n - 1n), /claims 2147483647 bytes/],
    ['a length over the limit', header(1025n), /1025 bytes is over the limit of 1024/],
    ['an unknown type', Buffer.concat([header(1n), Buffer.from([77])]), /unknown frame type 77/],
    [
      'a type of other ports',
      Buffer.concat([header(1n), Buffer.from([10])]),
      /10 \(UploadStream\)/,
    ],
    [
      'a header cut short',
      Buffer.concat([header(3n), Buffer.from([3, 0, 0])]),
      /inside its header/,
    ],
    [
      'a text longer than its frame',
      Buffer.concat([header(5n), Buffer.from([6, 0, 0, 0, 1])]),
      /inside its header/,
    ],
    [
      'a text of negative length',
      Buffer.concat([header(5n), Buffer.from([6, 0xff, 0xff, 0xff, 0xff])]),
      /a string claims -1 bytes/,
    ],
  ])('%s', (_what, bytes, message) => {
    expect(() => decodeInPieces(bytes, [], 1024)).toThrow(FrameError)
    expect(() => decodeInPieces(bytes, [3], 1024)).toThrow(message)
  })

  test('any bytes are frames or a FrameError, never anything else', () => {
    const payload = fc
      .tuple(fc.constantFrom(3, 4, 5, 6, 8, 9, 0, 200), fc.uint8Array({ maxLength: 60 }))
      .map(([type, rest]) =>
        Buffer.concat([header(BigInt(1 + rest.length)), Buffer.from([type]), rest]),
      )
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 100 }).map((some) => Buffer.from(some)),
      fc.array(payload, { maxLength: 4 }).map((some) => Buffer.concat(some)),
    )
    fc.assert(
      fc.property(bytes, fc.array(fc.nat(), { maxLength: 8 }), (some, cuts) => {
        try {
          decodeInPieces(some, cuts)
        } catch (error) {
          expect(error).toBeInstanceOf(FrameError)
        }
      }),
      { numRuns: 3000 },
    )
  })
})
