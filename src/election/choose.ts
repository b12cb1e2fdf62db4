/** From the operator's settings to the recovery mode (spec P1 to P7, Y6). */
import type { Configuration } from '../conf/configuration.js'
import { UsageError } from '../conf/errors.js'
import { keys } from '../conf/keys.js'
import type { Logger } from '../log/logger.js'
import type { StoreEngine } from '../store/engine.js'
import { loadCustom } from '../store/custom.js'
import { Journal } from '../store/journal.js'
import { NoStore } from '../store/none.js'
import { RocksStore } from '../store/rocksdb.js'
import type { Recovery } from './agent.js'
import { SingleRecovery } from './single.js'

/**
 * @throws UsageError when a setting is missing or wrong, or what it needs is not installed
 * @throws StoreError when the module of CUSTOM is none
 */
export async function chooseRecovery(configuration: Configuration, log: Logger): Promise<Recovery> {
  const mode = configuration.read(keys.recoveryMode)
  if (mode === 'ZOOKEEPER')
    throw new UsageError(
      `${keys.recoveryMode.name}=${mode} is not served by this release: use NONE, FILESYSTEM, ROCKSDB or CUSTOM`,
    )
  return new SingleRecovery({
    mode,
    log,
    createEngine: await engineFactory(configuration, mode, log),
  })
}

type SingleMode = 'NONE' | 'FILESYSTEM' | 'ROCKSDB' | 'CUSTOM'

async function engineFactory(
  configuration: Configuration,
  mode: SingleMode,
  log: Logger,
): Promise<() => StoreEngine> {
  switch (mode) {
    case 'NONE':
      return () => new NoStore()
    case 'FILESYSTEM': {
      const folder = folderOf(configuration, mode)
      const codec = configuration.read(keys.recoveryCompressionCodec)
      return () => new Journal(folder, { codec })
    }
    case 'ROCKSDB': {
      const folder = folderOf(configuration, mode)
      return () => new RocksStore(folder)
    }
    case 'CUSTOM':
      return loadCustom(configuration.read(keys.recoveryModeFactory), {
        configuration: Object.fromEntries(configuration.entries()),
        log: {
          info: (text) => log.info(text),
          warn: (text) => log.warn(text),
          error: (text) => log.error(text),
        },
      })
  }
}

function folderOf(configuration: Configuration, mode: string): string {
  const folder = configuration.read(keys.recoveryDirectory)
  if (folder !== '') return folder
  throw new UsageError(
    `${keys.recoveryMode.name}=${mode} needs ${keys.recoveryDirectory.name}: name a folder for the records`,
  )
}
