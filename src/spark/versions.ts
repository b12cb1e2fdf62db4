/** The Spark versions that are served, and how a peer's version shows in what it sends (WIRE 5). */

export const SPARK_VERSIONS = ['3.5', '4.0', '4.1', '4.2', '4.3'] as const
export type SparkVersion = (typeof SPARK_VERSIONS)[number]

/** This peer can't be served; the message names what was seen and which versions are served. */
export class UnsupportedPeerError extends Error {
  override readonly name = 'UnsupportedPeerError'

  constructor(seen: string) {
    super(`${seen}; served are Spark ${SPARK_VERSIONS.join(', ')}`)
  }
}
