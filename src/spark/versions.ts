/** The Spark versions that are served, and how a peer's version shows in what it sends (WIRE 5). */
import { SPARK_VERSIONS } from './tables/classes.js'
import type { SparkVersion } from './tables/class-table.js'

export { SPARK_VERSIONS } from './tables/classes.js'
export type { SparkVersion } from './tables/class-table.js'

/** This peer can't be served; the message names what was seen and which versions are served. */
export class UnsupportedPeerError extends Error {
  override readonly name = 'UnsupportedPeerError'

  constructor(seen: string) {
    super(`${seen}; served are Spark ${SPARK_VERSIONS.join(', ')}`)
  }
}

/**
 * Options that a driver gives its executors by itself. Some versions share all class numbers, so these
 * are all that tells them apart.
 */
const OPTION_RULES: readonly { readonly option: string; readonly versions: string }[] = [
  { option: '-Djdk.reflect.useDirectMethodHandle=false', versions: '3.5 4.0 4.1' },
  { option: '--sun-misc-unsafe-memory-access=allow', versions: '4.2 4.3' },
  { option: '-Dio.netty.allocator.type=pooled', versions: '4.1 4.2 4.3' },
  { option: '--add-modules=jdk.incubator.vector', versions: '4.0 4.1 4.2 4.3' },
]

/**
 * @param javaOpts of the application's command; may hold the user's own options, so that a rule that
 *   contradicts `candidates` is left out
 */
export function narrowByJavaOptions(
  candidates: readonly SparkVersion[],
  javaOpts: readonly string[],
): readonly SparkVersion[] {
  let left = candidates
  for (const { option, versions } of OPTION_RULES) {
    if (!javaOpts.includes(option)) continue
    const allowed = versions.split(' ')
    const narrowed = left.filter((version) => allowed.includes(version))
    if (narrowed.length > 0) left = narrowed
  }
  return left
}
