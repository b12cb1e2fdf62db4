/** From the operator's settings to the recovery mode (spec P1 to P7, Y6). */
import type { Configuration } from '../conf/configuration.js'
import { UsageError } from '../conf/errors.js'
import { keys } from '../conf/keys.js'
import type { Logger } from '../log/logger.js'
import type { StoreEngine } from '../store/engine.js'
import { Journal } from '../store/journal.js'
import { NoStore } from '../store/none.js'
import type { Recovery } from './agent.js'
import { SingleRecovery } from './single.js'

/**
 * @throws UsageError when a setting is missing or wrong, or what it needs is not installed
 * @throws StoreError when the module of CUSTOM is none
 */
export async function chooseRecovery(configuration: Configuration, log: Logger): Promise<Recovery> {
  const mode = configuration.read(keys.recoveryMode)
  return new SingleRecovery({ mode, log, createEngine: await engineFactory(configuration, mode) })
}

type SingleMode = 'NONE' | 'FILESYSTEM' | 'ROCKSDB' | 'CUSTOM' | 'ZOOKEEPER'

function engineFactory(configuration: Configuration, mode: SingleMode): Promise<() => StoreEngine> {
  switch (mode) {
    case 'NONE':
      return Promise.resolve(() => new NoStore())
    case 'FILESYSTEM': {
      const folder = folderOf(configuration, mode)
      return Promise.resolve(() => new Journal(folder))
    }
    default:
      throw new UsageError(
        `${keys.recoveryMode.name}=${mode} is not served by this release: use NONE or FILESYSTEM`,
      )
  }
}

function folderOf(configuration: Configuration, mode: string): string {
  const folder = configuration.read(keys.recoveryDirectory)
  if (folder !== '') return folder
  throw new UsageError(
    `${keys.recoveryMode.name}=${mode} needs ${keys.recoveryDirectory.name}: name a folder for the records`,
  )
}
