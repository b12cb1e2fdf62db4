/** From the operator's configuration to the core's settings and the store. */
import { randomBytes } from 'node:crypto'
import { Builder } from 'flatbuffers'
import type { Configuration } from '../conf/configuration.js'
import { UsageError } from '../conf/errors.js'
import { keys } from '../conf/keys.js'
import type { Logger } from '../log/logger.js'
import { CoreConfigT, WorkerSelectionPolicy } from '../schema/magneto.js'
import type { StoreEngine } from '../store/engine.js'
import { Journal } from '../store/journal.js'
import { NoStore } from '../store/none.js'

/** As CoreConfig.app_number_modulo has it. */
const NO_MODULO = 0

/** @returns a finished CoreConfig (schemas/core.fbs) */
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
  config.seed = randomBytes(8).readBigUInt64LE()
  const builder = new Builder()
  builder.finish(config.pack(builder))
  return builder.asUint8Array().slice()
}

/** @throws UsageError when the recovery mode is not served */
export function storeEngine(configuration: Configuration): StoreEngine {
  const mode = configuration.read(keys.recoveryMode)
  if (mode === 'NONE') return new NoStore()
  if (mode !== 'FILESYSTEM') {
    throw new UsageError(
      `${keys.recoveryMode.name}=${mode} is not served by this release: use NONE or FILESYSTEM`,
    )
  }
  const folder = configuration.read(keys.recoveryDirectory)
  if (folder === '') {
    throw new UsageError(
      `${keys.recoveryMode.name}=FILESYSTEM needs ${keys.recoveryDirectory.name}: name a folder for the records`,
    )
  }
  return new Journal(folder)
}

/** Opens the store. Records of an earlier run are moved aside, since this release can't take them up. */
export async function openStore(engine: StoreEngine, log: Logger, nowMs: number): Promise<void> {
  try {
    await tidied(engine, log, nowMs)
  } catch (error) {
    await engine.close()
    throw error
  }
}

async function tidied(engine: StoreEngine, log: Logger, nowMs: number): Promise<void> {
  const { records, damaged } = await engine.open()
  for (const { file, reason } of damaged)
    log.warn(`a damaged part of the recovery store was set aside as ${file}: ${reason}`)
  if (!(engine instanceof Journal)) return
  log.warn(
    'FILESYSTEM recovery: records are kept, but this release does not read them back: the cluster starts empty',
  )
  if (records.length === 0) return
  log.warn(
    `${records.length} records of an earlier run are kept in ${await engine.setAside(nowMs)}`,
  )
}
