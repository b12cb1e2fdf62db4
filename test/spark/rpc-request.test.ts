/** The header of a RequestMessage (N3). */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'

import { FrameDecoder, type Frame } from '../../src/spark/frame.js'
import { decodeRequest, encodeRequestHeader, RequestError } from '../../src/spark/rpc-request.js'
import { captured } from './gateway-harness.js'

const address = fc.option(
  fc.record({
    host: fc.string({ unit: 'binary', maxLength: 30 }),
    port: fc.integer({ min: 0, max: 65_535 }),
  }),
)

test('any header comes out as it went in, and the stream after it', () => {
  const header = fc.record({
    sender: address,
    receiver: address,
    endpoint: fc.string({ unit: 'binary', maxLength: 30 }),
  })
  fc.assert(
    fc.property(header, fc.uint8Array({ maxLength: 20 }), (written, stream) => {
      const body = Buffer.concat([encodeRequestHeader(written), stream])
      const read = decodeRequest(body)
      expect(read.header).toEqual(written)
      expect(read.stream).toEqual(Buffer.from(stream))
    }),
  )
})

test('any bytes are a header or a RequestError, never anything else', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      try {
        decodeRequest(Buffer.from(bytes))
      } catch (error) {
        expect(error).toBeInstanceOf(RequestError)
      }
    }),
    { numRuns: 2000 },
  )
})

test.each([
  ['an authentication attempt', Buffer.from([0xea]), /spark\.authenticate=false/],
  ['no flag of an address', Buffer.from([2]), /starts with byte 2/],
  ['an end inside a name', Buffer.from([0, 0, 0, 5, 65]), /ends inside its header/],
  ['a port below 0', Buffer.from([1, 0, 1, 65, 0xff, 0xff, 0xff, 0xff]), /port -1/],
  ['bad modified UTF-8', Buffer.from([0, 0, 0, 1, 0xff]), /modified UTF-8/],
])('%s is refused', (_what, body, message) => {
  expect(() => decodeRequest(body)).toThrow(message)
})

test('headers of real Spark are read and written alike', () => {
  for (const { bytes, endpoint } of captured('dynalloc-3.5.9')) {
    if (endpoint === undefined) continue
    new FrameDecoder().push(bytes, (frame: Frame) => {
      const { body } = frame as { body: Buffer }
      const { header, stream } = decodeRequest(body)
      expect(header.endpoint).toBe(endpoint)
      expect(Buffer.concat([encodeRequestHeader(header), stream])).toEqual(body)
    })
  }
})
