/** Finds keys that look like ours and are not: most likely a slip of the pen, which would else stay silent. */
import { namesOf, type Configuration } from './configuration.js'
import { allKeys } from './keys.js'

const OUR_PREFIXES = ['spark.deploy.', 'spark.worker.', 'spark.master.', 'spark.magneto.']

/** Keys with a free part, and one that Spark removed but old files still hold. */
const OTHER_KNOWN_KEYS = [
  /^spark\.worker\.resource\.[^.]+\.(amount|discoveryScript|vendor)$/,
  /^spark\.deploy\.recoverySerializer$/,
  /^spark\.worker\.driverTerminateTimeout$/,
]

const knownNames = allKeys.flatMap(namesOf)

/** A key further away than this share of its length is no slip any more. */
const MAX_DISTANCE_SHARE = 0.4

/** A letter that was left out: abbreviating is the commonest slip, so it counts half. */
const OMISSION_COST = 0.5

/** What turns `left` into `right`, letter by letter: a replaced or needless letter costs 1. */
function distanceBetween(left: string, right: string): number {
  let previous = Array.from({ length: right.length + 1 }, (_, index) => index * OMISSION_COST)
  for (let row = 1; row <= left.length; row++) {
    const current = [row]
    for (let column = 1; column <= right.length; column++) {
      const replaced = left.charAt(row - 1) === right.charAt(column - 1) ? 0 : 1
      current.push(
        Math.min(
          (previous[column] ?? 0) + 1,
          (current[column - 1] ?? 0) + OMISSION_COST,
          (previous[column - 1] ?? 0) + replaced,
        ),
      )
    }
    previous = current
  }
  return previous[right.length] ?? 0
}

/** The known key nearest to a name, or null when none is near. */
export function nearestKey(name: string): string | null {
  let best: string | null = null
  let bestDistance = Math.floor(name.length * MAX_DISTANCE_SHARE) + 1
  for (const known of knownNames) {
    const distance = distanceBetween(name.toLowerCase(), known.toLowerCase())
    if (distance < bestDistance) {
      best = known
      bestDistance = distance
    }
  }
  return best
}

const MAX_COMPARED_CHARACTERS = 200

/** One warning for each entry under our prefixes that no daemon reads. */
export function unknownKeyWarnings(configuration: Configuration): string[] {
  const warnings: string[] = []
  for (const [name] of configuration.entries()) {
    const ours = OUR_PREFIXES.some((prefix) => name.startsWith(prefix))
    const known =
      knownNames.includes(name) || OTHER_KNOWN_KEYS.some((pattern) => pattern.test(name))
    if (!ours || known) continue
    const nearest = name.length > MAX_COMPARED_CHARACTERS ? null : nearestKey(name)
    const origin = configuration.originOf(name)
    const place = origin === undefined ? '' : ` (set in ${origin})`
    const hint = nearest === null ? '' : `; did you mean ${nearest}?`
    warnings.push(`unknown key ${name}${place} has no effect${hint}`)
  }
  return warnings
}
