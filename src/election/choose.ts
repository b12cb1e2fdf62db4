/** From the operator's settings to the recovery mode (spec P1 to P7, Y6). Only the code of that mode is loaded. */
import type { Configuration } from '../conf/configuration.js'
import { UsageError } from '../conf/errors.js'
import { keys } from '../conf/keys.js'
import type { Logger } from '../log/logger.js'
import type { StoreEngine } from '../store/engine.js'
import type { Recovery } from './agent.js'
import { SingleRecovery } from './single.js'
import type { ReplicaTransport } from './zookeeper/replica-transport.js'

/**
 * @param replicas how standbys reach this master and others
 * @throws UsageError when a setting is missing or wrong
 * @throws StoreError when the module of CUSTOM is none, or there is no such place in ZooKeeper
 */
export async function chooseRecovery(
  configuration: Configuration,
  log: Logger,
  replicas: ReplicaTransport,
): Promise<Recovery> {
  const mode = configuration.read(keys.recoveryMode)
  if (mode === 'ZOOKEEPER') return overZooKeeper(configuration, log, replicas)
  return new SingleRecovery({
    mode,
    log,
    createEngine: await engineFactory(configuration, mode, log),
  })
}

async function overZooKeeper(
  configuration: Configuration,
  log: Logger,
  replicas: ReplicaTransport,
): Promise<Recovery> {
  const url = configuration.read(keys.zookeeperUrl)
  if (url === null)
    throw new UsageError(
      `${keys.recoveryMode.name}=ZOOKEEPER needs ${keys.zookeeperUrl.name}: name the servers, such as zk1:2181,zk2:2181`,
    )
  const { connectTo, zooKeeperRecovery } = await import('./zookeeper/recovery.js')
  return zooKeeperRecovery({
    connect: connectTo(url),
    dir: configuration.read(keys.zookeeperDir),
    log,
    replicas,
    codec: configuration.read(keys.recoveryCompressionCodec),
  })
}

type SingleMode = 'NONE' | 'FILESYSTEM' | 'ROCKSDB' | 'CUSTOM'

async function engineFactory(
  configuration: Configuration,
  mode: SingleMode,
  log: Logger,
): Promise<() => StoreEngine> {
  switch (mode) {
    case 'NONE': {
      const { NoStore } = await import('../store/none.js')
      return () => new NoStore()
    }
    case 'FILESYSTEM': {
      const folder = folderOf(configuration, mode)
      const codec = configuration.read(keys.recoveryCompressionCodec)
      const { Journal } = await import('../store/journal.js')
      return () => new Journal(folder, { codec })
    }
    case 'ROCKSDB': {
      const folder = folderOf(configuration, mode)
      const { RocksStore } = await import('../store/rocksdb.js')
      return () => new RocksStore(folder)
    }
    default: {
      const specifier = configuration.read(keys.recoveryModeFactory)
      if (specifier === '')
        throw new UsageError(
          `${keys.recoveryMode.name}=${mode} needs ${keys.recoveryModeFactory.name}: name the module of the store`,
        )
      const { loadCustom } = await import('../store/custom.js')
      return loadCustom(specifier, {
        configuration: Object.fromEntries(configuration.entries()),
        log: {
          info: (text) => log.info(text),
          warn: (text) => log.warn(text),
          error: (text) => log.error(text),
        },
      })
    }
  }
}

function folderOf(configuration: Configuration, mode: string): string {
  const folder = configuration.read(keys.recoveryDirectory)
  if (folder !== '') return folder
  throw new UsageError(
    `${keys.recoveryMode.name}=${mode} needs ${keys.recoveryDirectory.name}: name a folder for the records`,
  )
}
