import { assert, property, uint8Array } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { JavaStreamError } from '../../src/spark/java/error.js'
import { readJavaStream } from '../../src/spark/java/reader.js'
import { exercise, goldenStreams, mutate, seededRandom } from '../fuzz/java-mutation.js'

const MUTANTS = 20_000

describe('bytes from strangers', () => {
  it('give nothing but typed refusals, as mutants of golden streams', () => {
    const random = seededRandom(20_261_121)
    const streams = goldenStreams()
    let wellFormed = 0
    for (let count = 0; count < MUTANTS; count++) {
      const mutant = mutate(random, streams)
      try {
        if (exercise(mutant)) wellFormed++
      } catch (error) {
        expect.fail(`${mutant.toString('hex')}: ${(error as Error).stack}`)
      }
    }
    expect(wellFormed).toBeGreaterThan(0)
    expect(wellFormed).toBeLessThan(MUTANTS)
  })

  it('are refused with an offset inside the stream, as random bytes after the magic', () => {
    assert(
      property(uint8Array({ maxLength: 400 }), (tail) => {
        const bytes = Buffer.concat([Buffer.from('aced0005', 'hex'), tail])
        try {
          readJavaStream(bytes)
        } catch (error) {
          expect(error).toBeInstanceOf(JavaStreamError)
          expect((error as JavaStreamError).offset).toBeLessThanOrEqual(bytes.length)
        }
      }),
      { seed: 4711, numRuns: 2000 },
    )
  })

  it('cut at any place are refused', () => {
    for (const stream of goldenStreams().slice(0, 60)) {
      for (let length = 0; length < stream.length; length += 7) {
        expect(() => readJavaStream(stream.subarray(0, length))).toThrow(JavaStreamError)
      }
    }
  })
})
