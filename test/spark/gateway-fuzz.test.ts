/** Broken registrations of real drivers: each costs its own connection at most. */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'

import { captured, GatewayHarness } from './gateway-harness.js'

const messages = ['client-app-3.5.9', 'client-app-4.3.0', 'dynalloc-4.0.1'].flatMap((name) =>
  captured(name).filter(({ direction }) => direction === 'c2s'),
)
const lookUp = captured('client-app-4.3.0')[0]!.bytes

const change = fc.record({ at: fc.nat(), value: fc.integer({ min: 0, max: 255 }) })
const broken = fc
  .record({
    message: fc.constantFrom(...messages),
    changes: fc.array(change, { minLength: 1, maxLength: 6 }),
  })
  .map(({ message, changes }) => {
    const bytes = Buffer.from(message.bytes)
    // Behind the frame's length: what follows it is tested with the decoder.
    for (const { at, value } of changes) bytes[8 + (at % (bytes.length - 8))] = value
    return bytes
  })

test('no broken message is a fault of ours, and other peers go on', async () => {
  await using harness = await GatewayHarness.start()
  const other = harness.connect()
  await fc.assert(
    fc.asyncProperty(broken, async (bytes) => {
      const peer = harness.connect()
      // A look-up follows: either it is answered or the connection has ended.
      await peer.write(Buffer.concat([bytes, lookUp]))
      peer.socket.end()
      await peer.closed
      expect(harness.log.lines.filter((line) => line.includes('could not be handled'))).toEqual([])
    }),
    { numRuns: 400 },
  )
  await other.write(lookUp)
  await other.frames.next()
})
