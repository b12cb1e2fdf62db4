/** Keys that the master reads (spec 5a). */
import type { ConfKey } from './configuration.js'
import {
  boolean,
  coreIdPattern,
  durationMs,
  httpUrl,
  INT_MAX,
  integer,
  list,
  oneOf,
  orNull,
  port,
  text,
  bytes,
  wholePatterns,
} from './parsers.js'

/** Gives each entry its type by its parser, and its reader. */
function key<T>(entry: Omit<ConfKey<T>, 'readBy'>): ConfKey<T> {
  return { ...entry, readBy: 'master' }
}

/** Read by workers too: their heartbeat period is a quarter of it. */
export const workerTimeoutMs: ConfKey<number> = {
  name: 'spark.worker.timeout',
  default: 60_000,
  parse: durationMs('s', 1),
  doc: 'A worker that was silent for so long is dead.',
  spec: 'P18',
  readBy: 'both',
}

export const schedulingKeys = {
  defaultCores: key<number>({
    name: 'spark.deploy.defaultCores',
    default: INT_MAX,
    parse: integer(1),
    doc: 'Cores for an application that sets no spark.cores.max.',
    spec: 'P14',
  }),
  spreadOutApps: key<boolean>({
    name: 'spark.deploy.spreadOutApps',
    alternatives: ['spark.deploy.spreadOut'],
    default: true,
    parse: boolean,
    doc: 'Whether executors of an application spread over as many workers as possible, or are packed on few.',
    spec: 'P11',
  }),
  workerSelectionPolicy: key<
    'CORES_FREE_DESC' | 'CORES_FREE_ASC' | 'MEMORY_FREE_DESC' | 'MEMORY_FREE_ASC' | 'WORKER_ID'
  >({
    name: 'spark.deploy.workerSelectionPolicy',
    default: 'CORES_FREE_DESC',
    parse: oneOf(
      'CORES_FREE_DESC',
      'CORES_FREE_ASC',
      'MEMORY_FREE_DESC',
      'MEMORY_FREE_ASC',
      'WORKER_ID',
    ),
    doc: 'Which workers are asked first.',
    spec: 'P13',
  }),
  maxDrivers: key<number>({
    name: 'spark.deploy.maxDrivers',
    default: INT_MAX,
    parse: integer(1),
    doc: 'Drivers that may run at once.',
    spec: 'P15',
  }),
  spreadOutDrivers: key<boolean>({
    name: 'spark.deploy.spreadOutDrivers',
    default: true,
    parse: boolean,
    doc: 'Whether drivers spread over the workers, or go to the first that fits.',
    spec: 'P12',
  }),
  maxExecutorRetries: key<number>({
    name: 'spark.deploy.maxExecutorRetries',
    default: 10,
    parse: integer(),
    doc: 'Executors of one application that may fail in a row before it is removed; negative: no limit.',
    spec: 'P10',
  }),
}

export const namingKeys = {
  appIdPattern: key<string>({
    name: 'spark.deploy.appIdPattern',
    default: 'app-%s-%04d',
    parse: coreIdPattern,
    doc: 'The form of application ids: local time of registration, counter.',
    spec: 'P17',
  }),
  driverIdPattern: key<string>({
    name: 'spark.deploy.driverIdPattern',
    default: 'driver-%s-%04d',
    parse: coreIdPattern,
    doc: 'The form of driver ids: local time of submission, counter.',
    spec: 'P17',
  }),
  appNumberModulo: key<number | null>({
    name: 'spark.deploy.appNumberModulo',
    default: null,
    parse: orNull(integer(1000)),
    doc: 'The counter in application ids starts anew at this number.',
    spec: 'P16',
  }),
  useAppNameAsAppId: key<boolean>({
    name: 'spark.master.useAppNameAsAppId.enabled',
    default: false,
    parse: boolean,
    doc: 'Whether the id of an application is its name in lower case without whitespace.',
    differs: 'A name that is taken, or makes no id, is refused.',
    spec: 'P29',
  }),
  useDriverIdAsAppName: key<boolean>({
    name: 'spark.master.useDriverIdAsAppName.enabled',
    default: false,
    parse: boolean,
    doc: 'Whether cluster drivers get their driver id as spark.app.name.',
    spec: 'P30',
  }),
}

export const historyKeys = {
  retainedApplications: key<number>({
    name: 'spark.deploy.retainedApplications',
    default: 200,
    parse: integer(0),
    doc: 'Finished applications that are kept for display; when full, the oldest tenth goes.',
    spec: 'P8',
  }),
  retainedDrivers: key<number>({
    name: 'spark.deploy.retainedDrivers',
    default: 200,
    parse: integer(0),
    doc: 'Finished drivers that are kept for display; when full, the oldest tenth goes.',
    spec: 'P8',
  }),
  deadWorkerPersistence: key<number>({
    name: 'spark.dead.worker.persistence',
    default: 15,
    parse: integer(0),
    doc: 'Dead workers stay listed for so many worker timeouts, plus one.',
    spec: 'P9',
  }),
}

export const restKeys = {
  restEnabled: key<boolean>({
    name: 'spark.master.rest.enabled',
    default: true,
    parse: boolean,
    doc: 'Whether the master serves REST submissions.',
    spec: 'P24',
  }),
  restHost: key<string | null>({
    name: 'spark.master.rest.host',
    default: null,
    parse: orNull(text),
    doc: 'The address of the REST server; absent: the host of the master.',
    spec: 'P25',
  }),
  restPort: key<number>({
    name: 'spark.master.rest.port',
    default: 6066,
    parse: port,
    doc: 'The port of the REST server.',
    spec: 'P25',
  }),
  restAllowedAppResourcePatterns: key<RegExp[]>({
    name: 'spark.master.rest.allowedAppResourcePatterns',
    default: [],
    parse: wholePatterns,
    doc: 'Regular expressions, one of which the resource of a submission must match fully; empty: any.',
    spec: 'V5',
  }),
  restMaxRequestBodyBytes: key<number>({
    name: 'spark.master.rest.maxRequestBodySize',
    default: 8 * 2 ** 20,
    parse: bytes,
    doc: 'A larger submission is answered with 413.',
    differs: 'Spark: 100m; here 8m is the most that is ever taken.',
    spec: 'V5',
  }),
  restFilters: key<string[]>({
    name: 'spark.master.rest.filters',
    default: [],
    parse: list(','),
    doc: 'Filters in front of REST: org.apache.spark.ui.JWSFilter, which takes requests with a signed token only.',
    spec: 'P26',
  }),
  restMaxThreads: key<number>({
    name: 'spark.master.rest.maxThreads',
    default: 200,
    parse: integer(1),
    doc: 'A limit on threads that the REST server of a JVM uses; no effect here.',
    spec: 'P27',
  }),
  restVirtualThread: key<boolean>({
    name: 'spark.master.rest.virtualThread.enabled',
    default: false,
    parse: boolean,
    doc: 'A choice for JVMs; no effect here.',
    spec: 'P28',
  }),
}

export const masterUiKeys = {
  masterUiPort: key<number>({
    name: 'spark.master.ui.port',
    default: 8080,
    parse: port,
    doc: 'The port of the web UI; when set it beats SPARK_MASTER_WEBUI_PORT and --webui-port (C4).',
    spec: 'P19',
  }),
  masterUiDecommissionAllowMode: key<'LOCAL' | 'ALLOW' | 'DENY'>({
    name: 'spark.master.ui.decommission.allow.mode',
    default: 'LOCAL',
    parse: oneOf('LOCAL', 'ALLOW', 'DENY'),
    doc: 'From where workers may be decommissioned over HTTP.',
    spec: 'P22',
  }),
  masterUiTitle: key<string | null>({
    name: 'spark.master.ui.title',
    default: null,
    parse: orNull(text),
    doc: 'The title of the first page; not set: the URL of the master.',
    spec: 'P20',
  }),
  historyServerUrl: key<string | null>({
    name: 'spark.master.ui.historyServerUrl',
    default: null,
    parse: orNull(httpUrl),
    doc: 'The history server that completed applications link to.',
    spec: 'P21',
  }),
  visibleEnvVarPrefixes: key<string[]>({
    name: 'spark.master.ui.visibleEnvVarPrefixes',
    default: [],
    parse: list(','),
    doc: 'Which environment variables the Environment page shows.',
    spec: 'P23',
  }),
}

export const recoveryKeys = {
  recoveryMode: key<'NONE' | 'FILESYSTEM' | 'ROCKSDB' | 'ZOOKEEPER' | 'CUSTOM'>({
    name: 'spark.deploy.recoveryMode',
    default: 'NONE',
    parse: oneOf('NONE', 'FILESYSTEM', 'ROCKSDB', 'ZOOKEEPER', 'CUSTOM'),
    doc: 'Where the master keeps what it must know after a restart.',
    differs: 'An unknown mode is refused; in Spark it means NONE.',
    spec: 'P1',
  }),
  recoveryDirectory: key<string>({
    name: 'spark.deploy.recoveryDirectory',
    default: '',
    parse: text,
    doc: 'The folder of the store under FILESYSTEM and ROCKSDB.',
    spec: 'P3',
  }),
  recoveryTimeoutMs: key<number>({
    name: 'spark.deploy.recoveryTimeout',
    default: workerTimeoutMs.default,
    follows: workerTimeoutMs,
    parse: durationMs('s', 1),
    doc: 'How long a recovering master waits for workers and applications to report.',
    spec: 'P5',
  }),
  recoveryCompressionCodec: key<'lz4' | 'lzf' | 'snappy' | 'zstd' | null>({
    name: 'spark.deploy.recoveryCompressionCodec',
    default: null,
    parse: orNull(oneOf('lz4', 'lzf', 'snappy', 'zstd')),
    doc: 'How records are compressed under FILESYSTEM and ZOOKEEPER; absent: not at all. Whatever it is, all are read.',
    spec: 'P4',
  }),
  recoveryModeFactory: key<string>({
    name: 'spark.deploy.recoveryMode.factory',
    default: '',
    parse: text,
    doc: 'The module of the store under CUSTOM: a file or an installed package that exports `createStore`.',
    differs: 'Spark: a class; who has the store leads.',
    spec: 'P2',
  }),
  zookeeperUrl: key<string | null>({
    name: 'spark.deploy.zookeeper.url',
    default: null,
    parse: orNull(text),
    doc: 'The connect string under ZOOKEEPER.',
    spec: 'P7',
  }),
  zookeeperDir: key<string>({
    name: 'spark.deploy.zookeeper.dir',
    default: '/spark',
    parse: text,
    doc: 'The root node under ZOOKEEPER.',
    spec: 'P7',
  }),
  recoverySerializationFilter: key<string | null>({
    name: 'spark.deploy.recoverySerializationFilter',
    default: null,
    parse: orNull(text),
    doc: 'A filter for Java records of a store; our records are not Java objects, so it has no effect.',
    spec: 'V5',
  }),
}

export const apacheWorkerKeys = {
  apacheWorkerVersion: key<'3.5' | '4.0' | '4.1' | '4.2' | '4.3' | null>({
    name: 'spark.magneto.apacheWorkerVersion',
    default: null,
    parse: orNull(oneOf('3.5', '4.0', '4.1', '4.2', '4.3')),
    doc: "Which Spark an Apache Worker is of when neither its messages nor its web UI tell; absent: it can't join.",
    spec: 'M',
  }),
}
