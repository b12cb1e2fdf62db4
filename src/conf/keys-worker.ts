/** Keys that the worker reads (spec 5b, 5d). */
import type { ConfKey } from './configuration.js'
import { boolean, bytes, durationMs, idPattern, integer, list, oneOf } from './parsers.js'
import { orNull, port, text } from './parsers.js'

function key<T>(entry: Omit<ConfKey<T>, 'readBy'>): ConfKey<T> {
  return { ...entry, readBy: 'worker' }
}

export const registrationKeys = {
  initialRegistrationRetries: key<number>({
    name: 'spark.worker.initialRegistrationRetries',
    default: 6,
    parse: integer(0),
    doc: 'Registration attempts at the short interval of about 10 s; then one comes about every minute.',
    spec: 'P31',
  }),
  maxRegistrationRetries: key<number | null>({
    name: 'spark.worker.maxRegistrationRetries',
    default: null,
    parse: orNull(integer(0)),
    doc: 'Registration attempts after which a worker without a master ends with 1. Not set: it waits for ever, also for a master that is not up yet.',
    differs: 'Spark: 16 when not set.',
    spec: 'P31',
  }),
  preferConfiguredMasterAddress: key<boolean>({
    name: 'spark.worker.preferConfiguredMasterAddress',
    default: false,
    parse: boolean,
    doc: 'Whether to keep dialling the configured address rather than the one the master names.',
    differs: 'Here a worker always dials what it was started with.',
    spec: 'P32',
  }),
  workerIdPattern: key<string>({
    name: 'spark.worker.idPattern',
    default: 'worker-%s-%s-%d',
    parse: idPattern(3),
    doc: 'The form of worker ids: local time, host, port.',
    spec: 'P40',
  }),
}

export const executionKeys = {
  sparkHomes: key<string[]>({
    name: 'spark.magneto.sparkHomes',
    default: [],
    parse: list(':'),
    doc: 'Spark distributions that executors and drivers start from, by the version of their application; MAGNETO_SPARK_HOMES beats it.',
    spec: 'M',
  }),
  workerClassDataArchive: key<boolean>({
    name: 'spark.magneto.worker.classDataArchive',
    default: true,
    parse: boolean,
    doc: 'Whether executors of Spark start with an archive of their classes, which the worker makes after the first of them.',
    spec: 'M',
  }),
  workerDriverTerminateTimeoutMs: key<number>({
    name: 'spark.worker.driverTerminateTimeout',
    default: 10_000,
    parse: durationMs('ms'),
    doc: 'From TERM to KILL when a driver is killed.',
    spec: 'P34',
  }),
  executorStateSyncMaxAttempts: key<number>({
    name: 'spark.worker.executorStateSync.maxAttempts',
    default: 5,
    parse: integer(1),
    doc: 'Failures in a row to tell the master of an executor before the worker exits.',
    differs:
      'Here the link keeps trying, and every report that nobody has answered is sent again once it is back.',
    spec: 'P35',
  }),
}

export const folderKeys = {
  localDirs: key<string[]>({
    name: 'spark.local.dir',
    default: [],
    parse: list(','),
    doc: 'Scratch folders when SPARK_LOCAL_DIRS is not set; empty: the system temporary folder.',
    spec: 'P44',
  }),
  workerCleanupEnabled: key<boolean>({
    name: 'spark.worker.cleanup.enabled',
    default: true,
    parse: boolean,
    doc: 'Whether old folders of ended applications and drivers are removed.',
    differs: 'Only those that a worker of ours made.',
    spec: 'P33',
  }),
  workerCleanupIntervalMs: key<number>({
    name: 'spark.worker.cleanup.interval',
    default: 1_800_000,
    parse: durationMs('s', 1),
    doc: 'How often the worker looks for them.',
    spec: 'P33',
  }),
  workerCleanupAppDataTtlMs: key<number>({
    name: 'spark.worker.cleanup.appDataTtl',
    default: 604_800_000,
    parse: durationMs('s'),
    doc: 'How long nothing in a folder has changed before it is removed.',
    spec: 'P33',
  }),
  workerMinFreeDiskSpaceBytes: key<number>({
    name: 'spark.magneto.worker.minFreeDiskSpace',
    default: 2 ** 30,
    parse: bytes,
    doc: 'A worker with less free space under its work folder or a scratch folder takes no new executors and drivers; 0: never mind.',
    spec: 'M',
  }),
  workerDiskCheckIntervalMs: key<number>({
    name: 'spark.magneto.worker.diskCheckInterval',
    default: 10_000,
    parse: durationMs('ms', 100),
    doc: 'How often the worker looks at its disks.',
    spec: 'M',
  }),
  cleanupFilesAfterExecutorExit: key<boolean>({
    name: 'spark.storage.cleanupFilesAfterExecutorExit',
    default: true,
    parse: boolean,
    doc: 'Whether the shuffle service removes what an executor left but nobody can read.',
    spec: 'P43',
  }),
}

export const executorLogKeys = {
  logRollingStrategy: key<'time' | 'size' | null>({
    name: 'spark.executor.logs.rolling.strategy',
    default: null,
    parse: orNull(oneOf('time', 'size')),
    doc: 'How logs of executors are rolled; absent: not at all.',
    spec: 'P45',
  }),
  logRollingTimeInterval: key<string>({
    name: 'spark.executor.logs.rolling.time.interval',
    default: 'daily',
    parse: text,
    doc: 'daily, hourly, minutely, or seconds (at least 60).',
    spec: 'P45',
  }),
  logRollingMaxBytes: key<number>({
    name: 'spark.executor.logs.rolling.maxSize',
    alternatives: ['spark.executor.logs.rolling.size.maxBytes'],
    default: 1_048_576,
    parse: bytes,
    doc: 'Where a log is cut under strategy size (at least 80 KiB).',
    spec: 'P45',
  }),
  logRollingMaxRetainedFiles: key<number>({
    name: 'spark.executor.logs.rolling.maxRetainedFiles',
    default: -1,
    parse: integer(),
    doc: 'Old logs that are kept; zero or less: all.',
    spec: 'P45',
  }),
  logRollingEnableCompression: key<boolean>({
    name: 'spark.executor.logs.rolling.enableCompression',
    default: false,
    parse: boolean,
    doc: 'Whether old logs are compressed.',
    spec: 'P45',
  }),
}

export const decommissionKeys = {
  workerDecommissionSignal: key<string>({
    name: 'spark.worker.decommission.signal',
    default: 'PWR',
    // Those that a process may catch and that mean nothing else to this one: TERM and INT stop it.
    parse: oneOf('PWR', 'HUP', 'USR2', 'ALRM', 'CONT', 'IO', 'URG', 'WINCH'),
    doc: 'The signal, without SIG, that decommissions the worker.',
    spec: 'P39',
  }),
  workerDecommissionDeadlineMs: key<number | null>({
    name: 'spark.magneto.worker.decommissionDeadline',
    default: null,
    parse: orNull(durationMs('s')),
    doc: 'From its decommission until the worker ends with 0, sooner when nothing runs on it. Not set: it stays until stopped.',
    spec: 'M',
  }),
}

export const resourceKeys = {
  workerResourcesFile: key<string | null>({
    name: 'spark.worker.resourcesFile',
    default: null,
    parse: orNull(text),
    doc: 'A JSON file that lists the addresses of custom resources.',
    spec: 'P41',
  }),
  resourceDiscoveryPlugin: key<string[]>({
    name: 'spark.resources.discoveryPlugin',
    default: [],
    parse: list(','),
    doc: 'Plug-ins that are asked for addresses before the script is.',
    spec: 'P42',
  }),
}

export const workerUiKeys = {
  workerUiPort: key<number>({
    name: 'spark.worker.ui.port',
    default: 8081,
    parse: port,
    doc: 'The port of the web UI; when set it beats SPARK_WORKER_WEBUI_PORT and --webui-port (C9).',
    spec: 'P36',
  }),
  workerRetainedExecutors: key<number>({
    name: 'spark.worker.ui.retainedExecutors',
    default: 1000,
    parse: integer(0),
    doc: 'Finished executors that are kept for display.',
    spec: 'P37',
  }),
  workerRetainedDrivers: key<number>({
    name: 'spark.worker.ui.retainedDrivers',
    default: 1000,
    parse: integer(0),
    doc: 'Finished drivers that are kept for display.',
    spec: 'P37',
  }),
  compressedLogFileLengthCacheSize: key<number>({
    name: 'spark.worker.ui.compressedLogFileLengthCacheSize',
    default: 100,
    parse: integer(0),
    doc: 'Compressed logs whose plain length is remembered.',
    spec: 'P38',
  }),
}

export const shuffleServiceKeys = {
  shuffleServiceEnabled: key<boolean>({
    name: 'spark.shuffle.service.enabled',
    default: false,
    parse: boolean,
    doc: 'Whether the worker hosts the external shuffle service.',
    spec: 'P63',
  }),
  shuffleServicePort: key<number>({
    name: 'spark.shuffle.service.port',
    default: 7337,
    parse: port,
    doc: 'The port of the external shuffle service.',
    spec: 'P63',
  }),
}
