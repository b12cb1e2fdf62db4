/** Starts a worker: the order is W1's. Everything that decides is in state.ts, everything that acts in effects.ts. */
import { join } from 'node:path'

import type { Configuration } from '../conf/configuration.js'
import { UsageError } from '../conf/errors.js'
import { metricsSettings, type MetricsSinkSettings } from '../conf/metrics-settings.js'
import { ANY_ADDRESS, socketAddress } from '../conf/host.js'
import { keys } from '../conf/keys.js'
import type { WorkerOptions } from '../conf/options.js'
import { MasterLink } from '../control/link.js'
import { createLogger, type Logger } from '../log/logger.js'
import { End, WorkerRecorder } from '../metrics/worker-recorder.js'
import { WorkerHeartbeatT, WorkerRegisteredT, type ResourceT } from '../schema/magneto.js'
import { webSecurity, type WebSecurity } from '../security/web-security.js'
import { listenForDecommission } from './decommission-signal.js'
import { DiskGuard, type Health } from './disk-guard.js'
import { WorkerLoop, type WorkerPort } from './effects.js'
import { Guardian } from './guardian.js'
import { HostedWork } from './hosted-work.js'
import { settledLater } from './settled-later.js'
import { detectHardware, type Hardware } from './hardware.js'
import type { WorkFolders } from './launcher/work-folders.js'
import {
  KILL_TIMEOUT_MS,
  localRoots,
  startLaunchers,
  type ChildEvents,
  type Launchers,
} from './launchers.js'
import { offeredResources } from './resources.js'
import { findSparkHomes, runtimesOf, type SparkHome } from './spark-homes.js'
import { WorkerMachine, type WorkerSettings } from './state.js'
import { WorkerWatcher } from './watcher.js'
import { WebUi } from './web/web-ui.js'
import { prepareWorkDir, WorkDirError } from './work-dir.js'
import { WorkDirCleaner } from './work-dir-cleaner.js'
import { workerId } from './worker-id.js'

export interface RunningWorker {
  workerId: string
  /** Ends all executors and drivers, says so to the master and stops; settles when nothing is left. */
  stop(): Promise<void>
  /** The exit status that the process should have; never rejects. */
  stopped: Promise<number>
}

/**
 * @returns as soon as the worker listens and tries to register
 * @throws UsageError when an option can't be served @throws Error when a port can't be had
 */
export async function startWorker(options: WorkerOptions): Promise<RunningWorker> {
  const log = createLogger('Worker')
  refuseUnserved(options.configuration)
  const { sinks, warnings } = metricsSettings(options.configuration, options.confDir, 'worker')
  const secured = webSecurity(options.configuration, 'worker')
  for (const warning of [...warnings, ...secured.warnings]) log.warn(warning)
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
  // A step that fails takes back those before it, last first.
  const metrics = new WorkerRecorder()
  const undo: (() => Promise<void>)[] = [async () => metrics.stop(), () => watcher.close()]
  try {
    const known = workerSettings(options, { hardware, resources, homes, port })
    const work = hostedWork(options.configuration)
    const { security } = secured
    const webUi = await startWebUi(options, {
      settings: known,
      work,
      metrics,
      sinks,
      security,
      log,
    })
    undo.unshift(() => webUi.stop())
    const settings = { ...known, webUiUrl: webUi.urlOn(options.publicHost) }
    const guardian = await Guardian.start({ log, killTimeoutMs: KILL_TIMEOUT_MS })
    const { cores, memoryMb, runtimes } = settings
    log.info(
      `${settings.workerId}: ${cores} cores, ${memoryMb} MiB, runtimes ${runtimes.join(', ')}, ` +
        `web UI at ${settings.webUiUrl}`,
    )
    return run(options, { settings, homes, watcher, webUi, work, metrics, guardian, log })
  } catch (error) {
    for (const step of undo) await step()
    throw error
  }
}

interface Parts {
  settings: WorkerSettings
  homes: readonly SparkHome[]
  watcher: WorkerWatcher
  webUi: WebUi
  work: HostedWork
  metrics: WorkerRecorder
  guardian: Guardian
  log: Logger
}

function run(options: WorkerOptions, parts: Parts): RunningWorker {
  const { settings, watcher, webUi, work, metrics, guardian, log } = parts
  const { promise: stopped, resolve: leave } = settledLater<number>()
  const { executors, drivers, folders, ...launchers } = startLaunchers(
    options,
    parts,
    childEvents(parts, () => loop),
  )
  const cleaner = cleanerOf(options.configuration, folders, log)
  const close = async (): Promise<void> => {
    cleaner?.stop()
    diskGuard?.stop()
    metrics.stop()
    await launchers.close()
    await guardian.close()
    link.close()
    await Promise.all([watcher.close(), webUi.stop()])
    // Last: a signal that nobody listens for would cut the orderly end short.
    stopListening()
  }
  const loop: WorkerLoop = new WorkerLoop(
    new WorkerMachine(settings),
    {
      send: (body) => {
        metrics.sent(body instanceof WorkerHeartbeatT)
        link.send(body)
      },
      ...launches(work, executors, drivers),
      cleanUpApplication: (appId) => executors.cleanUpApplication(appId),
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
    onOpen: (changed) => loop.handle({ kind: 'linkOpened', changed }),
    onMessage: (body) => {
      metrics.received(body instanceof WorkerRegisteredT)
      if (body instanceof WorkerRegisteredT)
        webUi.showMaster(String(body.masterUrl), body.masterWebUiUrl ?? '')
      loop.handle({ kind: 'message', body })
    },
    onClose: (reason) => {
      metrics.masterLost()
      loop.handle({ kind: 'linkClosed', reason })
    },
  })
  const stopListening = listenForDecommission(options.configuration, log, () =>
    loop.handle({ kind: 'decommission' }),
  )
  loop.handle({ kind: 'started' })
  const diskGuard = diskGuardOf(options, (health) => loop.handle({ kind: 'health', ...health }))
  const stop = async (): Promise<void> => {
    loop.handle({ kind: 'stop', reason: 'asked to' })
    await stopped
  }
  return { workerId: settings.workerId, stop, stopped }
}

/** Orders, of which pages are told first: an end may come at once. */
function launches(
  work: HostedWork,
  executors: Launchers['executors'],
  drivers: Launchers['drivers'],
): Pick<WorkerPort, 'launch' | 'kill' | 'launchDriver' | 'killDriver'> {
  return {
    launch: (order, receivedMs) => {
      work.executorLaunched(order)
      executors.launch(order, receivedMs)
    },
    kill: (appId, executorId) => {
      work.executorKilled(appId, executorId)
      executors.kill(appId, executorId)
    },
    launchDriver: (order) => {
      work.driverLaunched(order)
      drivers.launch(order)
    },
    killDriver: (driverId) => {
      work.driverKilled(driverId)
      drivers.kill(driverId)
    },
  }
}

function childEvents(
  { work, metrics }: Pick<Parts, 'work' | 'metrics'>,
  loop: () => WorkerLoop,
): ChildEvents {
  return {
    onStarted: (order, note) => {
      loop().onStarted(order, note)
      metrics.executorStarted(note.execMs - note.receivedMs)
      work.executorStarted(String(order.appId), order.executorId)
    },
    onEnded: (order, result) => {
      loop().onEnded(order, result)
      metrics.executorEnded(result.kind === 'failed' ? End.FAILED : End.EXITED)
      work.executorEnded(String(order.appId), order.executorId, result)
    },
    onDriverEnded: (driverId, result) => {
      loop().onDriverEnded(driverId, result)
      metrics.driverEnded(result.kind === 'failed' ? End.FAILED : End.EXITED)
      work.driverEnded(driverId, result)
    },
  }
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

function hostedWork(configuration: Configuration): HostedWork {
  return new HostedWork({
    retainedExecutors: configuration.read(keys.workerRetainedExecutors),
    retainedDrivers: configuration.read(keys.workerRetainedDrivers),
    redactionPattern: configuration.read(keys.redactionPattern),
  })
}

/** W1, C9: before it registers, since a master and executors are told where it is. */
function startWebUi(
  options: WorkerOptions,
  {
    settings,
    work,
    metrics,
    sinks,
    security,
    log,
  }: Pick<Parts, 'settings' | 'work' | 'metrics' | 'log'> & {
    sinks: readonly MetricsSinkSettings[]
    security: WebSecurity
  },
): Promise<WebUi> {
  const { configuration, home, webUiHost, webUiPort, workDir } = options
  const { workerId: id, host, port, cores, memoryMb } = settings
  const resources = settings.resources.map(({ name, addresses }) => {
    return { name: String(name), addresses: [...addresses] }
  })
  return WebUi.start({
    host: socketAddress(webUiHost ?? ANY_ADDRESS),
    port: webUiPort,
    maxRetries: configuration.read(keys.portMaxRetries),
    headerBytesMax: configuration.read(keys.uiRequestHeaderBytes),
    security,
    worker: { workerId: id, address: `${host}:${port}`, cores, memoryMb, resources },
    work: () => work.lists(),
    workDir,
    logDir: process.env['SPARK_LOG_DIR'] || join(home, 'logs'),
    rememberedLengths: configuration.read(keys.compressedLogFileLengthCacheSize),
    reverseProxy: configuration.read(keys.reverseProxy),
    metrics: { figures: metrics.buffer, sinks },
    log,
  })
}

function diskGuardOf(
  { configuration, workDir }: WorkerOptions,
  onHealth: (health: Health) => void,
): DiskGuard | null {
  const minFreeBytes = configuration.read(keys.workerMinFreeDiskSpaceBytes)
  if (minFreeBytes === 0) return null
  const intervalMs = configuration.read(keys.workerDiskCheckIntervalMs)
  const scratchRoots = localRoots(configuration)
  return new DiskGuard({ workDir, scratchRoots, minFreeBytes, intervalMs, onHealth })
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
    webUiUrl: '',
    resources,
    runtimes: runtimesOf(homes),
    initialRegistrationRetries: configuration.read(keys.initialRegistrationRetries),
    maxRegistrationRetries: configuration.read(keys.maxRegistrationRetries),
    registrationFactor: 0.5 + Math.random(),
    decommissionDeadlineMs: configuration.read(keys.workerDecommissionDeadlineMs),
  }
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
