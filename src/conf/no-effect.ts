/**
 * Settings that a daemon of Spark heeds and this release does not, although nothing is promised that would have to
 * be refused (unserved.ts does that). They are named in one warning at start, so that none is ignored in silence.
 */
import { namesOf, type ConfKey, type Configuration } from './configuration.js'
import { aclKeys, headerKeys, tlsKeys } from './keys-security.js'
import { allKeys, keys } from './keys.js'
import { isRefusable } from './unserved.js'

/** Of the web UIs, which both daemons have; read in src/security. */
const WEB_SECURITY: readonly ConfKey<unknown>[] = [
  keys.uiFilters,
  keys.tokenSecretKey,
  keys.tokenRequireExpiration,
  keys.tokenParameters,
  ...Object.values(aclKeys),
  ...Object.values(headerKeys).filter((key) => key !== keys.sniHostCheck),
  ...Object.values(tlsKeys),
]

/** Settings that the daemons act on, or that are said elsewhere. What is in no list here has no effect. */
export const SERVED: Record<'master' | 'worker', readonly ConfKey<unknown>[]> = {
  master: [
    keys.recoveryMode,
    keys.recoveryDirectory,
    keys.recoveryTimeoutMs,
    keys.recoveryCompressionCodec,
    keys.recoveryModeFactory,
    keys.zookeeperUrl,
    keys.zookeeperDir,
    keys.workerTimeoutMs,
    keys.retainedApplications,
    keys.deadWorkerPersistence,
    keys.maxExecutorRetries,
    keys.spreadOutApps,
    keys.workerSelectionPolicy,
    keys.defaultCores,
    keys.appIdPattern,
    keys.appNumberModulo,
    keys.useAppNameAsAppId,
    keys.spreadOutDrivers,
    keys.maxDrivers,
    keys.retainedDrivers,
    keys.driverIdPattern,
    keys.masterUiPort,
    keys.masterUiTitle,
    keys.historyServerUrl,
    keys.visibleEnvVarPrefixes,
    keys.portMaxRetries,
    keys.controlPort,
    keys.apacheWorkerVersion,
    keys.structuredLogging,
    keys.metricsConf,
    keys.killEnabled,
    keys.reverseProxy,
    keys.reverseProxyUrl,
    keys.uiRequestHeaderBytes,
    keys.decommissionEnabled,
    keys.masterUiDecommissionAllowMode,
    keys.restEnabled,
    keys.restHost,
    keys.restPort,
    keys.restAllowedAppResourcePatterns,
    keys.restMaxRequestBodyBytes,
    keys.restFilters,
    keys.useDriverIdAsAppName,
    // REST and a secret exclude each other; without REST it is of no use here.
    keys.authenticateSecret,
    keys.redactionPattern,
    ...WEB_SECURITY,
  ],
  worker: [
    keys.initialRegistrationRetries,
    keys.maxRegistrationRetries,
    keys.workerIdPattern,
    keys.workerClassDataArchive,
    keys.workerDriverTerminateTimeoutMs,
    keys.workerMinFreeDiskSpaceBytes,
    keys.workerDiskCheckIntervalMs,
    keys.workerUiPort,
    keys.workerRetainedExecutors,
    keys.workerRetainedDrivers,
    keys.reverseProxy,
    keys.reverseProxyUrl,
    keys.compressedLogFileLengthCacheSize,
    keys.uiRequestHeaderBytes,
    keys.localDirs,
    keys.sparkHomes,
    keys.portMaxRetries,
    keys.structuredLogging,
    keys.metricsConf,
    keys.redactionPattern,
    keys.workerResourcesFile,
    keys.decommissionEnabled,
    keys.workerDecommissionSignal,
    keys.workerDecommissionDeadlineMs,
    keys.workerCleanupEnabled,
    keys.workerCleanupIntervalMs,
    keys.workerCleanupAppDataTtlMs,
    keys.logRollingStrategy,
    keys.logRollingTimeInterval,
    keys.logRollingMaxBytes,
    keys.logRollingMaxRetainedFiles,
    keys.logRollingEnableCompression,
    ...WEB_SECURITY,
  ],
}

/** Settings of the master that a worker may be given too, since both often read one file. */
export const OF_THE_MASTER: readonly ConfKey<unknown>[] = [
  keys.workerTimeoutMs,
  keys.controlPort,
  keys.killEnabled,
  keys.modifyAcls,
  keys.modifyAclsGroups,
]

function kept<T>(key: ConfKey<T>, value: T): [ConfKey<unknown>, unknown] {
  return [key, value]
}

/** What this release does anyway: whoever asks for it gets it. */
const KEPT: ReadonlyMap<ConfKey<unknown>, unknown> = new Map([
  kept(keys.preferConfiguredMasterAddress, true),
  kept(keys.decommissionEnabled, false),
])

/** Keys that daemons of Spark read and that have no entry in `keys` (spec 5a to 5d): none has an effect. */
export const OTHER_KEYS: readonly {
  readonly names: string
  readonly pattern: RegExp
  readonly doc: string
  readonly daemon: 'worker' | 'both'
}[] = [
  {
    names: 'spark.metrics.namespace, .staticSources.enabled, and others of drivers and executors',
    pattern: /^spark\.metrics\.(?!conf(\.|$))/,
    doc: 'Metrics of drivers and executors, and of a JVM.',
    daemon: 'both',
  },
  {
    names: 'spark.ui.jettyStopTimeout, spark.ui.jetty.*',
    pattern: /^spark\.ui\.jetty(StopTimeout$|\.)/,
    doc: 'How long a stopping web UI waits for its visitors, and others of a JVM: here it ends at once.',
    daemon: 'both',
  },
  {
    names: 'spark.network.crypto.*, spark.network.sasl.*, spark.network.auth.*',
    pattern: /^spark\.network\.(crypto|sasl|auth)\./,
    doc: 'How connections are encrypted.',
    daemon: 'both',
  },
  {
    names: 'spark.rpc.io.*, spark.rpc.connect.threads',
    pattern: /^spark\.rpc\.(io\.|connect\.threads$)/,
    doc: 'Threads and sockets of the RPC.',
    daemon: 'both',
  },
  {
    names: 'spark.authenticate.*',
    pattern: /^spark\.authenticate\./,
    doc: 'Where the secret comes from.',
    daemon: 'both',
  },
  {
    names: 'spark.deploy.recoverySerializer',
    pattern: /^spark\.deploy\.recoverySerializer$/,
    doc: 'Gone since Spark 4.0.',
    daemon: 'both',
  },
  {
    names: 'spark.shuffle.service.*, spark.shuffle.push.server.*',
    pattern: /^spark\.shuffle\.(service|push\.server)\./,
    doc: 'The external shuffle service.',
    daemon: 'worker',
  },
]

/** A name in the warning is cut here. */
const MAX_NAME_CHARACTERS = 200

/** Names in the warning; further ones are counted. */
const MAX_NAMES = 40

/** @returns one line that names them, or null when there is none */
export function noEffectWarning(
  configuration: Configuration,
  daemon: 'master' | 'worker',
): string | null {
  const names = ignoredNames(configuration, daemon)
  if (names.length === 0) return null
  const named = names.slice(0, MAX_NAMES).map((name) => name.slice(0, MAX_NAME_CHARACTERS))
  const more = names.length > MAX_NAMES ? ` and ${names.length - MAX_NAMES} more` : ''
  return `no effect on the ${daemon} in this release: ${named.join(', ')}${more}`
}

function ignoredNames(configuration: Configuration, daemon: 'master' | 'worker'): string[] {
  const served = SERVED[daemon]
  const names = new Set<string>()
  for (const key of allKeys) {
    if (key.readBy !== daemon && key.readBy !== 'both') continue
    if (
      served.includes(key) ||
      OF_THE_MASTER.includes(key) ||
      isRefusable(key) ||
      !configuration.has(key)
    )
      continue
    if (KEPT.has(key) && KEPT.get(key) === configuration.read(key)) continue
    for (const name of namesOf(key)) if (configuration.get(name) !== undefined) names.add(name)
  }
  const declared = new Set(allKeys.flatMap(namesOf))
  const others = OTHER_KEYS.filter((other) => other.daemon === daemon || other.daemon === 'both')
  for (const [name] of configuration.entries()) {
    if (!declared.has(name) && others.some(({ pattern }) => pattern.test(name))) names.add(name)
  }
  return [...names].sort()
}
