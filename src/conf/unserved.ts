/**
 * Settings that promise what these daemons do not keep yet. A promise of security that is silently
 * broken is worse than a daemon that does not start, so each is refused by name.
 */
import { namesOf, type ConfKey, type Configuration } from './configuration.js'
import { UsageError } from './errors.js'
import { TOKEN_FILTER } from './keys-security.js'
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

const isTrue = (value: boolean): boolean => value
const isForeignFilter = (value: string[]): boolean => value.some((name) => name !== TOKEN_FILTER)

const PLEDGES: readonly Pledge<unknown>[] = [
  pledge(keys.authenticate, 'true', isTrue),
  pledge(keys.networkCryptoEnabled, 'true', isTrue),
  pledge(keys.rpcSslEnabled, 'true', isTrue),
  pledge(keys.sniHostCheck, 'true', isTrue),
  pledge(keys.uiFilters, 'any but JWSFilter', isForeignFilter),
  pledge(keys.restFilters, 'any but JWSFilter', isForeignFilter),
]

/** What is refused, and where values matter which: those above, and one that is looked at elsewhere. */
export const REFUSED: readonly { readonly key: ConfKey<unknown>; readonly values: string }[] = [
  ...PLEDGES,
  // By the worker itself.
  { key: keys.shuffleServiceEnabled, values: 'true' },
]

/** Whether some value of the key is refused; the others promise nothing. */
export function isRefusable(key: ConfKey<unknown>): boolean {
  return REFUSED.some((entry) => entry.key === key)
}

/** @throws UsageError naming the first such setting and where it was set */
export function refuseUnserved(configuration: Configuration, daemon: 'master' | 'worker'): void {
  for (const { key, promised } of PLEDGES) {
    if (key.readBy !== daemon && key.readBy !== 'both') continue
    const name = namesOf(key).find((candidate) => configuration.get(candidate) !== undefined)
    if (name !== undefined && promised(configuration.read(key))) throw refusal(configuration, name)
  }
}

function refusal(configuration: Configuration, name: string): UsageError {
  const origin = configuration.originOf(name)
  const place = origin === undefined ? '' : ` (set in ${origin})`
  return new UsageError(
    `${name}=${configuration.get(name)}${place} asks for what this version does not do yet: remove it to start without`,
  )
}
