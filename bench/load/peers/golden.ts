/** What Spark 4.3.0 itself wrote: the golden vectors that the tests of the wire stand on too. */
import { capture, sample } from '../../../test/spark/golden-vectors.js'

const RELEASE = '4.3.0'

/** @param name of a value or message that the release serialized by itself */
export function sampled(name: string): Uint8Array {
  return sample(RELEASE, name)
}

/** @returns the first message of that class in a capture, which its processes wrote to each other */
export function captured(scenario: string, message: string, bytes?: number): Uint8Array {
  const found = capture(`${scenario}-${RELEASE}`).find(
    (candidate) =>
      candidate.message?.endsWith(message) === true &&
      (bytes === undefined || candidate.bytes.length === bytes),
  )
  if (found === undefined) throw new Error(`no ${message} in the capture ${scenario}`)
  return found.bytes
}
