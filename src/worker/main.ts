/** Starts a worker: the order is W1's. Everything that decides is in state.ts, everything that acts in effects.ts. */
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import type { Configuration } from '../conf/configuration.js'
import { UsageError } from '../conf/errors.js'
import { keys } from '../conf/keys.js'
import type { WorkerOptions } from '../conf/options.js'
import { MasterLink } from '../control/link.js'
import { createLogger, type Logger } from '../log/logger.js'
import type { ResourceT } from '../schema/magneto.js'
import { listenForDecommission } from './decommission-signal.js'
import { WorkerLoop } from './effects.js'
import { Guardian } from './guardian.js'
import { settledLater } from './settled-later.js'
import { detectHardware, type Hardware } from './hardware.js'
import { Launcher } from './launcher/pool.js'
import { LauncherThreads } from './launcher/threads.js'
import { WorkFolders } from './launcher/work-folders.js'
import type { LauncherSettings } from './launcher/request.js'
import { logRolling } from './log-rolling.js'
import { offeredResources } from './resources.js'
import { findSparkHomes, runtimesOf, type SparkHome } from './spark-homes.js'
import { WorkerMachine, type WorkerSettings } from './state.js'
import { WorkerWatcher, workerUrl } from './watcher.js'
import { localDirRoots, prepareWorkDir, WorkDirError } from './work-dir.js'
import { WorkDirCleaner } from './work-dir-cleaner.js'
import { workerId } from './worker-id.js'

export interface RunningWorker {
  workerId: string
  /** Ends all executors, says so to the master and stops; settles when nothing is left. */
  stop(): Promise<void>
  /** The exit status that the process should have; never rejects. */
  stopped: Promise<number>
}

/** T8 */
const KILL_TIMEOUT_MS = 10_000

/**
 * @returns as soon as the worker listens and tries to register
 * @throws UsageError when an option can't be served @throws Error when a port can't be had
 */
export async function startWorker(options: WorkerOptions): Promise<RunningWorker> {
  const log = createLogger('Worker')
  refuseUnserved(options.configuration)
  await prepareWorkDir(options.workDir).catch((error: unknown) => {
    throw error instanceof WorkDirError ? new UsageError(error.message) : error
  })
  const resources = await offeredResources(options.configuration, log)
  const hardware = await offered(options)
  const { homes, problems } = await findSparkHomes(options.sparkHomes)
  for (const problem of problems) log.warn(problem)
  const watcher = new WorkerWatcher({
    host: options.host,
    port: options.port,
    maxRetries: options.configuration.read(keys.portMaxRetries),
    log,
  })
  // Executors dial this port, and the worker's id carries it: it comes before everything they see.
  const port = await watcher.listen()
  const settings = workerSettings(options, { hardware, resources, homes, port })
  const { cores, memoryMb, runtimes } = settings
  log.info(`${settings.workerId}: ${cores} cores, ${memoryMb} MiB, runtimes ${runtimes.join(', ')}`)
  const guardian = await Guardian.start({ log, killTimeoutMs: KILL_TIMEOUT_MS }).catch(
    async (error: unknown) => {
      await watcher.close()
      throw error
    },
  )
  return run(options, { settings, homes, watcher, guardian, log })
}

interface Parts {
  settings: WorkerSettings
  homes: readonly SparkHome[]
  watcher: WorkerWatcher
  guardian: Guardian
  log: Logger
}

function run(options: WorkerOptions, parts: Parts): RunningWorker {
  const { settings, homes, watcher, guardian, log } = parts
  const { promise: stopped, resolve: leave } = settledLater<number>()
  const threads = new LauncherThreads({ log, guardian })
  const folders = new WorkFolders(threads, options.workDir)
  const launcher = new Launcher({
    settings: {
      ...launcherSettings(options, settings, homes),
      rolling: logRolling(options.configuration, log),
    },
    log,
    threads,
    folders,
    localDirRoots: localRoots(options.configuration),
    onStarted: (order, note) => loop.onStarted(order, note),
    onEnded: (order, result) => loop.onEnded(order, result),
  })
  const cleaner = cleanerOf(options.configuration, folders, log)
  const close = async (): Promise<void> => {
    cleaner?.stop()
    await launcher.close()
    await threads.close()
    await guardian.close()
    link.close()
    await watcher.close()
    // Last: a signal that nobody listens for would cut the orderly end short.
    stopListening()
  }
  const loop: WorkerLoop = new WorkerLoop(
    new WorkerMachine(settings),
    {
      send: (body) => link.send(body),
      launch: (order) => launcher.launch(order),
      kill: (appId, executorId) => launcher.kill(appId, executorId),
      cleanUpApplication: (appId) => launcher.cleanUpApplication(appId),
      exit: (status, reason) => {
        if (status === 0) log.info(`stops: ${reason}`)
        else log.error(`stops: ${reason}`)
        close().then(
          () => leave(status),
          (error: Error) => {
            log.error(`while stopping: ${error.message}`)
            leave(status === 0 ? 1 : status)
          },
        )
      },
    },
    log,
  )
  const link: MasterLink = new MasterLink({
    masterUrl: options.masterUrl,
    log,
    onOpen: () => loop.handle({ kind: 'linkOpened' }),
    onMessage: (body) => loop.handle({ kind: 'message', body }),
    onClose: (reason) => loop.handle({ kind: 'linkClosed', reason }),
  })
  const stopListening = listenForDecommission(options.configuration, log, () =>
    loop.handle({ kind: 'decommission' }),
  )
  loop.handle({ kind: 'started' })
  const stop = async (): Promise<void> => {
    loop.handle({ kind: 'stop', reason: 'asked to' })
    await stopped
  }
  return { workerId: settings.workerId, stop, stopped }
}

function cleanerOf(
  configuration: Configuration,
  port: WorkFolders,
  log: Logger,
): WorkDirCleaner | null {
  if (!configuration.read(keys.workerCleanupEnabled)) return null
  const intervalMs = configuration.read(keys.workerCleanupIntervalMs)
  const ttlMs = configuration.read(keys.workerCleanupAppDataTtlMs)
  return new WorkDirCleaner({ port, log, intervalMs, ttlMs })
}

async function offered(options: WorkerOptions): Promise<Hardware> {
  const { cores, memoryMb } = options
  // Looking at the machine starts processes; it is skipped where nothing is asked of it.
  if (cores !== null && memoryMb !== null) return { cores, memoryMb }
  const found = await detectHardware()
  return { cores: cores ?? found.cores, memoryMb: memoryMb ?? found.memoryMb }
}

function workerSettings(
  { host, configuration }: WorkerOptions,
  found: {
    hardware: Hardware
    resources: readonly ResourceT[]
    homes: readonly SparkHome[]
    port: number
  },
): WorkerSettings {
  const { hardware, resources, homes, port } = found
  return {
    workerId: workerId(configuration.read(keys.workerIdPattern), new Date(), host, port),
    host,
    port,
    ...hardware,
    // There is no UI of the worker yet, so it names none; SPARK_LOG_URL_* stay unset for the same reason.
    webUiUrl: '',
    resources,
    runtimes: runtimesOf(homes),
    initialRegistrationRetries: configuration.read(keys.initialRegistrationRetries),
    maxRegistrationRetries: configuration.read(keys.maxRegistrationRetries),
    registrationFactor: 0.5 + Math.random(),
    decommissionDeadlineMs: configuration.read(keys.workerDecommissionDeadlineMs),
  }
}

function launcherSettings(
  options: WorkerOptions,
  { host, port }: WorkerSettings,
  sparkHomes: readonly SparkHome[],
): Omit<LauncherSettings, 'guardianFd' | 'rolling'> {
  return {
    workDir: options.workDir,
    workerUrl: workerUrl(host, port),
    host,
    sparkHomes,
    ownConfDir: join(options.home, 'conf'),
    redactionPattern: options.configuration.read(keys.redactionPattern),
    execPath: process.execPath,
    executorMain: fileURLToPath(new URL('../app/executor-main.js', import.meta.url)),
    killTimeoutMs: KILL_TIMEOUT_MS,
  }
}

function localRoots(configuration: Configuration): string[] {
  return localDirRoots(process.env, configuration.read(keys.localDirs), tmpdir())
}

/** What is configured and can't be done is said before anything starts. */
function refuseUnserved(configuration: Configuration): void {
  const refused: [boolean, string][] = [
    [configuration.read(keys.shuffleServiceEnabled), 'spark.shuffle.service.enabled: it is'],
    [configuration.read(keys.authenticate), 'spark.authenticate: it is'],
  ]
  for (const [set, what] of refused) {
    if (set) throw new UsageError(`${what} not served by this worker yet; take the setting out`)
  }
}
