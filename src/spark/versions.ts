/** How a peer's version shows in what it sends (WIRE 5). */
import { SPARK_VERSIONS, type SparkVersion } from '../control/runtimes.js'

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

/** The options of Spark's own start with this one, and then this; those of the user stand around them. */
const OWN_OPTIONS_START = ['-Djava.net.preferIPv6Addresses=', '-XX:+IgnoreUnrecognizedVMOptions']

function ownOptionsOf(javaOpts: readonly string[]): readonly string[] {
  const [first, second] = OWN_OPTIONS_START
  const start = javaOpts.findIndex(
    (option, index) => option.startsWith(first!) && javaOpts[index + 1] === second,
  )
  return javaOpts.slice(start + 1)
}

/**
 * @param javaOpts of the application's command; may hold the user's own options, so that a rule that
 *   contradicts `candidates` or an option that came earlier is left out
 */
export function narrowByJavaOptions(
  candidates: readonly SparkVersion[],
  javaOpts: readonly string[],
): readonly SparkVersion[] {
  let left = candidates
  for (const option of ownOptionsOf(javaOpts)) {
    const allowed = OPTION_RULES.find((rule) => rule.option === option)?.versions.split(' ')
    if (allowed === undefined) continue
    const narrowed = left.filter((version) => allowed.includes(version))
    if (narrowed.length > 0) left = narrowed
  }
  return left
}
