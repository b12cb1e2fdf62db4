/** From the operator's configuration to what the REST protocol goes by, on both ports that serve it. */
import type { Configuration } from '../conf/configuration.js'
import { UsageError } from '../conf/errors.js'
import { socketAddress } from '../conf/host.js'
import { keys } from '../conf/keys.js'
import type { RestRules, RestServerData } from '../control/thread-messages.js'
import { tokenRules } from '../security/token-rules.js'

/** What a submission becomes must fit into a control message, with room to spare. */
const MAX_SUBMISSION_BYTES = 8 * 2 ** 20

/** @returns null when REST is off (P24) @throws UsageError when REST can't be what it is asked to be */
export function restRules(configuration: Configuration): RestRules | null {
  if (!configuration.read(keys.restEnabled)) return null
  refuseSharedSecret(configuration)
  return {
    configuredPort: configuration.read(keys.restPort),
    maxBodyBytes: Math.min(configuration.read(keys.restMaxRequestBodyBytes), MAX_SUBMISSION_BYTES),
    allowedAppResources: configuration.read(keys.restAllowedAppResourcePatterns),
    useDriverIdAsAppName: configuration.read(keys.useDriverIdAsAppName),
    tokens: tokenRules(configuration, keys.restFilters),
  }
}

/** @param host of the master @returns null when REST is off @throws UsageError as restRules */
export function restServerData(configuration: Configuration, host: string): RestServerData | null {
  const rules = restRules(configuration)
  if (rules === null) return null
  return {
    ...rules,
    host: socketAddress(configuration.read(keys.restHost) ?? host),
    port: configuration.read(keys.restPort),
  }
}

/** R16: who sets a secret would take REST, which knows none, for guarded by it. */
function refuseSharedSecret(configuration: Configuration): void {
  const secret = keys.authenticateSecret
  if (configuration.read(secret) === null) return
  throw new UsageError(
    `${secret.name} is set, which does not guard REST submissions: set ${keys.restEnabled.name}=false, ` +
      `or remove the secret and let ${keys.restFilters.name} check tokens`,
  )
}
