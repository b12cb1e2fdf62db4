/**
 * Settings that promise what these daemons do not keep yet. A promise of security that is silently
 * broken is worse than a daemon that does not start, so each is refused by name.
 */
import { namesOf, type ConfKey, type Configuration } from './configuration.js'
import { UsageError } from './errors.js'
import { keys } from './keys.js'

interface Pledge<T> {
  key: ConfKey<T>
  /** Which values are refused, in words. */
  values: string
  /** Whether this value promises something. Declared as a method so that a table may hold all types. */
  promised(this: void, value: T): boolean
}

function pledge<T>(
  key: ConfKey<T>,
  values: string,
  promised: (value: T) => boolean,
): Pledge<unknown> {
  return { key, values, promised }
}

/** Checks signed tokens in front of REST (spec R17). */
const TOKEN_FILTER = 'org.apache.spark.ui.JWSFilter'

const isTrue = (value: boolean): boolean => value
const isListed = (value: string[]): boolean => value.length > 0

const PLEDGES: readonly Pledge<unknown>[] = [
  pledge(keys.authenticate, 'true', isTrue),
  pledge(keys.networkCryptoEnabled, 'true', isTrue),
  pledge(keys.aclsEnable, 'true', isTrue),
  pledge(keys.uiFilters, 'any', isListed),
  pledge(keys.restFilters, 'any but JWSFilter', (filters) =>
    filters.some((filter) => filter !== TOKEN_FILTER),
  ),
]

/** What is refused, and where values matter which: those above, and two that are looked at elsewhere. */
export const REFUSED: readonly { readonly key: ConfKey<unknown>; readonly values: string }[] = [
  ...PLEDGES,
  // With its namespaces, which is why it is looked for by pattern.
  { key: keys.sslEnabled, values: 'true' },
  // By the worker itself.
  { key: keys.shuffleServiceEnabled, values: 'true' },
]

/** Whether some value of the key is refused; the others promise nothing. */
export function isRefusable(key: ConfKey<unknown>): boolean {
  return REFUSED.some((entry) => entry.key === key)
}

/** `spark.ssl.enabled` and its namespaces: `spark.ssl.standalone.enabled`, `spark.ssl.rpc.enabled`, ... */
const TLS_SWITCH = /^spark\.ssl\.([A-Za-z]+\.)?enabled$/

/** @throws UsageError naming the first such setting and where it was set */
export function refuseUnserved(configuration: Configuration, daemon: 'master' | 'worker'): void {
  for (const { key, promised } of PLEDGES) {
    if (key.readBy !== daemon && key.readBy !== 'both') continue
    const name = namesOf(key).find((candidate) => configuration.get(candidate) !== undefined)
    if (name !== undefined && promised(configuration.read(key))) throw refusal(configuration, name)
  }
  for (const [name, value] of configuration.entries()) {
    if (TLS_SWITCH.test(name) && value.trim().toLowerCase() === 'true') {
      throw refusal(configuration, name)
    }
  }
}

function refusal(configuration: Configuration, name: string): UsageError {
  const origin = configuration.originOf(name)
  const place = origin === undefined ? '' : ` (set in ${origin})`
  return new UsageError(
    `${name}=${configuration.get(name)}${place} asks for what this version does not do yet: remove it to start without`,
  )
}
