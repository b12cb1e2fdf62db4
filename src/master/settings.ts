/** From the operator's configuration to the core's settings. */
import { randomBytes } from 'node:crypto'
import { Builder } from 'flatbuffers'
import type { Configuration } from '../conf/configuration.js'
import { keys } from '../conf/keys.js'
import { CoreConfigT, WorkerSelectionPolicy } from '../schema/magneto.js'

/** As CoreConfig.app_number_modulo has it. */
const NO_MODULO = 0

/** @returns of a core that starts in standby: a finished CoreConfig (schemas/core.fbs) */
export function coreConfig(
  configuration: Configuration,
  masterUrl: string,
  webUiUrl: string,
): Uint8Array {
  const config = new CoreConfigT(masterUrl, webUiUrl)
  config.workerTimeoutMs = configuration.read(keys.workerTimeoutMs)
  config.deadWorkerPersistence = configuration.read(keys.deadWorkerPersistence)
  config.maxExecutorRetries = configuration.read(keys.maxExecutorRetries)
  config.spreadOutApps = configuration.read(keys.spreadOutApps)
  config.workerSelectionPolicy =
    WorkerSelectionPolicy[configuration.read(keys.workerSelectionPolicy)]
  config.defaultCores = configuration.read(keys.defaultCores)
  config.retainedApplications = configuration.read(keys.retainedApplications)
  config.appIdPattern = configuration.read(keys.appIdPattern)
  config.appNumberModulo = configuration.read(keys.appNumberModulo) ?? NO_MODULO
  config.useAppNameAsAppId = configuration.read(keys.useAppNameAsAppId)
  config.spreadOutDrivers = configuration.read(keys.spreadOutDrivers)
  config.maxDrivers = configuration.read(keys.maxDrivers)
  config.retainedDrivers = configuration.read(keys.retainedDrivers)
  config.driverIdPattern = configuration.read(keys.driverIdPattern)
  config.standby = true
  config.recoveryTimeoutMs = configuration.read(keys.recoveryTimeoutMs)
  config.seed = randomBytes(8).readBigUInt64LE()
  const builder = new Builder()
  builder.finish(config.pack(builder))
  return builder.asUint8Array().slice()
}
