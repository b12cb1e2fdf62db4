/** The launchers of this worker, put together from its options: executors and drivers over the same threads. */
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

import type { Configuration } from '../conf/configuration.js'
import { keys } from '../conf/keys.js'
import type { WorkerOptions } from '../conf/options.js'
import type { Logger } from '../log/logger.js'
import { ClassDataArchives } from './class-data/archives.js'
import type { Guardian } from './guardian.js'
import { DriverLauncher, type DriverLauncherOptions } from './launcher/driver-launcher.js'
import { Launcher, type LauncherOptions } from './launcher/pool.js'
import type { ChildSettings } from './launcher/request.js'
import { LauncherThreads } from './launcher/threads.js'
import { WorkFolders } from './launcher/work-folders.js'
import { logRolling } from './log-rolling.js'
import type { SparkHome } from './spark-homes.js'
import type { WorkerSettings } from './state.js'
import { workerUrl } from './watcher.js'
import { localDirRoots } from './work-dir.js'

/** Executors: TERM, then so long, then KILL (T8); the guardian too. */
export const KILL_TIMEOUT_MS = 10_000

/** In the work folder: archives serve all workers that share it, and the next ones. */
const CLASS_DATA_DIR = '.class-data'

export interface Launchers {
  executors: Launcher
  drivers: DriverLauncher
  folders: WorkFolders
  /** Ends all that run, waits for their ends and stops the threads. */
  close(): Promise<void>
}

/** What happens to children, told on the main thread. */
export interface ChildEvents {
  onStarted: LauncherOptions['onStarted']
  onEnded: LauncherOptions['onEnded']
  onDriverEnded: DriverLauncherOptions['onEnded']
}

export function startLaunchers(
  options: WorkerOptions,
  parts: {
    settings: WorkerSettings
    homes: readonly SparkHome[]
    guardian: Guardian
    log: Logger
  },
  events: ChildEvents,
): Launchers {
  const { guardian, log } = parts
  const { configuration, workDir } = options
  const threads = new LauncherThreads({ log, guardian })
  const folders = new WorkFolders(threads, workDir)
  const archives = new ClassDataArchives({ threads, log })
  const withArchives = configuration.read(keys.workerClassDataArchive)
  const executors = new Launcher({
    settings: {
      ...childSettings(options, parts),
      host: parts.settings.host,
      executorMain: fileURLToPath(new URL('../app/executor-main.js', import.meta.url)),
      rolling: logRolling(configuration, log),
      classDataDir: withArchives ? resolve(workDir, CLASS_DATA_DIR) : null,
    },
    log,
    threads,
    folders,
    localDirRoots: localRoots(configuration),
    onTraining: (training) => archives.training(training),
    onStarted: events.onStarted,
    onEnded: events.onEnded,
  })
  const drivers = new DriverLauncher({
    settings: {
      ...childSettings(options, parts),
      masterUrl: options.masterUrl,
      packageRoot: fileURLToPath(new URL('../../..', import.meta.url)),
      killTimeoutMs: configuration.read(keys.workerDriverTerminateTimeoutMs),
    },
    log,
    threads,
    folders,
    onEnded: events.onDriverEnded,
  })
  const close = async (): Promise<void> => {
    await Promise.all([executors.close(), drivers.close(), archives.close()])
    await threads.close()
  }
  return { executors, drivers, folders, close }
}

/** Where scratch folders go. */
export function localRoots(configuration: Configuration): string[] {
  return localDirRoots(process.env, configuration.read(keys.localDirs), tmpdir())
}

/** P47: where people reach this worker's pages; below the master when it is their proxy. */
function pagesUrl(configuration: Configuration, { webUiUrl, workerId }: WorkerSettings): string {
  if (!configuration.read(keys.reverseProxy)) return webUiUrl
  const front = configuration.read(keys.reverseProxyUrl) ?? ''
  return `${front.replace(/\/$/, '')}/proxy/${workerId}`
}

function childSettings(
  options: WorkerOptions,
  { settings, homes }: { settings: WorkerSettings; homes: readonly SparkHome[] },
): ChildSettings {
  return {
    workDir: options.workDir,
    workerUrl: workerUrl(settings.host, settings.port),
    sparkHomes: homes,
    ownConfDir: join(options.home, 'conf'),
    redactionPattern: options.configuration.read(keys.redactionPattern),
    execPath: process.execPath,
    webUiUrl: pagesUrl(options.configuration, settings),
    killTimeoutMs: KILL_TIMEOUT_MS,
  }
}
