/**
 * Texts that are too long to be made at once: in parts, between which the thread answers others, and as fast as the peer
 * takes them. What a peer that reads slowly holds is one part, and what the rest is made of.
 */
import type { ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { setImmediate } from 'node:timers/promises'
import { createGzip } from 'node:zlib'

/** Characters of a part, but for the last: so much is made while nobody else is answered. A piece is never divided. */
export const partChars = 64 * 1024
/** Then the connection ends, however much its peer has read. */
const sendMaxMs = 300_000

/** The body broke off in its midst, and the connection with it: a peer must not take for whole what it got. */
export class BrokeOff extends Error {
  override readonly name = 'BrokeOff'
}

/** @returns the text, or parts of one that is longer than a part; its pieces are asked for as they are needed */
export function inParts(pieces: Iterable<string>): string | AsyncIterable<string> {
  const parts = gathered(pieces)
  const first = parts.next()
  if (first.done === true) return ''
  return first.value.length < partChars ? first.value : paced(first.value, parts)
}

function* gathered(pieces: Iterable<string>): Generator<string, void> {
  let part = ''
  for (const piece of pieces) {
    part += piece
    if (part.length < partChars) continue
    yield part
    part = ''
  }
  if (part !== '') yield part
}

async function* paced(first: string, rest: Iterable<string>): AsyncGenerator<string, void> {
  yield first
  for (const part of rest) {
    await setImmediate()
    yield part
  }
}

/**
 * Ends the response, whose head has been written. A peer that goes away, or reads too slowly, ends it too.
 *
 * @throws BrokeOff when the parts did
 */
export async function sendParts(
  response: ServerResponse,
  parts: AsyncIterable<string>,
  compressed: boolean,
): Promise<void> {
  const failed: unknown[] = []
  async function* watched(): AsyncGenerator<string, void> {
    try {
      yield* parts
    } catch (error) {
      failed.push(error)
      throw error
    }
  }
  const timer = setTimeout(() => response.destroy(), sendMaxMs)
  try {
    if (compressed) await pipeline(watched(), createGzip(), response)
    else await pipeline(watched(), response)
  } catch {
    // Else it is the peer's doing.
    if (failed.length > 0) throw new BrokeOff('an answer broke off', { cause: failed[0] })
  } finally {
    clearTimeout(timer)
  }
}
