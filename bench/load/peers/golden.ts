/** What Spark 4.3.0 itself wrote: the golden vectors that the tests of the wire stand on too. */
import { capture, sample } from '../../../test/spark/golden-vectors.js'

const RELEASE = '4.3.0'
/** They lie packed in files, and some are asked for once for each worker. */
const known = new Map<string, Uint8Array>()

function once(key: string, find: () => Uint8Array): Uint8Array {
  const found = known.get(key) ?? find()
  known.set(key, found)
  return found
}

/** @param name of a value or message that the release serialized by itself */
export function sampled(name: string): Uint8Array {
  return once(name, () => sample(RELEASE, name))
}

/**
 * @param bytes which of several messages of a class, by its length
 * @returns the first of them in a capture of what real processes wrote to each other
 */
export function captured(scenario: string, message: string, bytes?: number): Uint8Array {
  return once(`${scenario} ${message} ${bytes ?? ''}`, () => {
    const found = capture(`${scenario}-${RELEASE}`).find(
      (candidate) =>
        candidate.message?.endsWith(message) === true &&
        (bytes === undefined || candidate.bytes.length === bytes),
    )
    if (found === undefined) throw new Error(`no ${message} in the capture ${scenario}`)
    return found.bytes
  })
}
