/** Finds keys that look like ours and are not: most likely a slip of the pen, which would else stay silent. */
import { namesOf, type Configuration } from './configuration.js'
import { allKeys, applicationKeys, resourceKeyForms } from './keys.js'

const OUR_PREFIXES = ['spark.deploy.', 'spark.worker.', 'spark.master.', 'spark.magneto.']

const RESOURCE_PREFIX = 'spark.worker.resource.'

/** Spark removed it; old files still hold it. */
const REMOVED_KEYS = ['spark.deploy.recoverySerializer']

const knownNames = [
  ...allKeys.flatMap(namesOf),
  ...applicationKeys.map(({ name }) => name),
  ...REMOVED_KEYS,
]

/** Every known name, and those of the resource that `name` speaks of, if it speaks of one. */
function namesNear(name: string): readonly string[] {
  const resource = name.startsWith(RESOURCE_PREFIX) ? name.split('.')[3] : undefined
  if (!resource) return knownNames
  return [...knownNames, ...resourceKeyForms.map((key) => key.name.replace('{name}', resource))]
}

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
  for (const known of namesNear(name)) {
    const distance = distanceBetween(name.toLowerCase(), known.toLowerCase())
    if (distance < bestDistance) {
      best = known
      bestDistance = distance
    }
  }
  return best
}

/** A longer name is no slip of ours; it is not compared, and not shown in full. */
const MAX_COMPARED_CHARACTERS = 200

/** Further ones are counted: a wrong file must not fill the log. */
const MAX_WARNINGS = 20

/** A warning for each entry under our prefixes that no daemon reads, and one for those beyond the limit. */
export function unknownKeyWarnings(configuration: Configuration): string[] {
  const unknown = configuration
    .entries()
    .map(([name]) => name)
    .filter((name) => OUR_PREFIXES.some((prefix) => name.startsWith(prefix)))
    .filter((name) => !namesNear(name).includes(name))
  const warnings = unknown.slice(0, MAX_WARNINGS).map((name) => unknownKey(name, configuration))
  if (unknown.length > MAX_WARNINGS) {
    warnings.push(`and ${unknown.length - MAX_WARNINGS} more unknown keys that have no effect`)
  }
  return warnings
}

function unknownKey(name: string, configuration: Configuration): string {
  const long = name.length > MAX_COMPARED_CHARACTERS
  const nearest = long ? null : nearestKey(name)
  const origin = configuration.originOf(name)
  const shown = long ? `${name.slice(0, MAX_COMPARED_CHARACTERS)}...` : name
  const place = origin === undefined ? '' : ` (set in ${origin})`
  const hint = nearest === null ? '' : `; did you mean ${nearest}?`
  return `unknown key ${shown}${place} has no effect${hint}`
}
