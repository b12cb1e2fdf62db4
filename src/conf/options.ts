/**
 * From argument list and environment to what a daemon starts with. Precedence (C15): variable, then flag, then,
 * for the ports of the web UIs alone, `spark.*.ui.port` (C4, C9).
 */
import { join, resolve } from 'node:path'

import { createLogger } from '../log/logger.js'
import type { ConfKey, Configuration } from './configuration.js'
import {
  MASTER_FLAGS,
  MASTER_HELP,
  MASTER_PORT,
  WORKER_FLAGS,
  WORKER_HELP,
} from './daemon-flags.js'
import { quoted, UsageError } from './errors.js'
import { parseArguments, type ParsedArguments } from './flags.js'
import { bracketed, localHost, parseHost } from './host.js'
import { keys } from './keys.js'
import {
  confDirectory,
  loadConfiguration,
  magnetoHome,
  type DaemonKind,
  type Warn,
} from './load.js'
import { parseMasterUrl } from './master-url.js'
import { INT_MAX, integer, list, port } from './parsers.js'
import { parseMemoryMb } from './size.js'

export interface DaemonOptions {
  /** Bound and advertised. An IPv6 address keeps its brackets: `socketAddress` of host.ts takes them off. */
  host: string
  /** 0: any free one. */
  port: number
  webUiPort: number
  /** Where the web UI binds (E8: SPARK_LOCAL_IP); absent: every interface. */
  webUiHost?: string
  /** In URLs for people (E7: SPARK_PUBLIC_DNS), else `host`. */
  publicHost: string
  /** Magneto's root. */
  home: string
  confDir: string
  configuration: Configuration
}

export interface MasterOptions extends DaemonOptions {}

export interface WorkerOptions extends DaemonOptions {
  /** `spark://h1:p1[,h2:p2]` */
  masterUrl: string
  /** null: what the machine has. */
  cores: number | null
  /** MiB; null: what the machine has, less 1 GiB (C11). */
  memoryMb: number | null
  workDir: string
  /** Spark distributions, the preferred one first; none: no executors of Spark can start here. */
  sparkHomes: string[]
}

const logger = createLogger('Configuration')

function logWarning(message: string): void {
  logger.warn(message)
}

/** @throws UsageError @param warn what has no effect, one line each */
export function parseMasterOptions(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  warn: Warn = logWarning,
): MasterOptions | { help: string } {
  const parsed = parseArguments(argv, MASTER_FLAGS, 'magneto master')
  if (parsed.flags.has('--help')) return { help: MASTER_HELP }
  refusePositionals(parsed.positionals, 0)
  if (env['SPARK_MASTER_IP']) {
    warn('SPARK_MASTER_IP is obsolete: set SPARK_MASTER_HOST')
  }
  const names = { host: ['SPARK_MASTER_HOST', 'SPARK_MASTER_IP'], port: 'SPARK_MASTER_PORT' }
  return daemonOptions(
    { kind: 'master', uiPort: keys.masterUiPort, uiPortVariable: 'SPARK_MASTER_WEBUI_PORT' },
    { ...names, defaultPort: MASTER_PORT },
    { parsed, env, warn },
  )
}

/** @throws UsageError @param warn what has no effect, one line each */
export function parseWorkerOptions(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  warn: Warn = logWarning,
): WorkerOptions | { help: string } {
  const parsed = parseArguments(argv, WORKER_FLAGS, 'magneto worker')
  if (parsed.flags.has('--help')) return { help: WORKER_HELP }
  const [masterUrl] = parsed.positionals
  if (masterUrl === undefined) {
    throw new UsageError('the master is missing: expected spark://host:port after the options')
  }
  refusePositionals(parsed.positionals, 1)
  const chosen = chooser(parsed, env)
  const cores = chosen(integer(1, INT_MAX), '--cores', 'SPARK_WORKER_CORES')
  const memoryMb = chosen(parseMemoryMb, '--memory', 'SPARK_WORKER_MEMORY')
  const workDir = chosen(nonEmptyPath, '--work-dir', 'SPARK_WORKER_DIR')
  const common = daemonOptions(
    { kind: 'worker', uiPort: keys.workerUiPort, uiPortVariable: 'SPARK_WORKER_WEBUI_PORT' },
    { host: [], port: 'SPARK_WORKER_PORT', defaultPort: 0 },
    { parsed, env, warn },
  )
  refuseSeveralWithShuffleService(common.configuration, env)
  return {
    ...common,
    masterUrl: parseMasterUrl(masterUrl),
    cores: cores ?? null,
    memoryMb: memoryMb ?? null,
    workDir: resolve(workDir ?? join(common.home, 'work')),
    sparkHomes: sparkHomes(common, env),
  }
}

/** The shuffle service is one a host, and so is then the worker (E5, Q6). */
function refuseSeveralWithShuffleService(
  configuration: Configuration,
  env: NodeJS.ProcessEnv,
): void {
  const instances = Number(env['SPARK_WORKER_INSTANCES'] ?? 1)
  if (instances > 1 && configuration.read(keys.shuffleServiceEnabled)) {
    throw new UsageError(
      `SPARK_WORKER_INSTANCES is ${instances} and ${keys.shuffleServiceEnabled.name} is true: expected one worker a host with the shuffle service; unset one of them`,
    )
  }
}

interface Given {
  parsed: ParsedArguments
  env: NodeJS.ProcessEnv
  warn: Warn
}

function daemonOptions(
  daemon: { kind: DaemonKind; uiPort: ConfKey<number>; uiPortVariable: string },
  names: { host: readonly string[]; port: string; defaultPort: number },
  { parsed, env, warn }: Given,
): DaemonOptions {
  const chosen = chooser(parsed, env)
  const home = magnetoHome(env)
  const confDir = confDirectory(env, home)
  const host = chosen((text, source) => parseHost(text, source), '--host', ...names.host)
  const wantedPort = chosen(port, '--port', names.port)
  const uiPort = chosen(port, '--webui-port', daemon.uiPortVariable)
  const propertiesFile = parsed.flags.get('--properties-file')
  const configuration = loadConfiguration({ kind: daemon.kind, env, confDir, propertiesFile, warn })
  const configuredUiPort = configuration.has(daemon.uiPort) ? null : uiPort
  const localIp = env['SPARK_LOCAL_IP']
  const finalHost = host ?? localHost(env)
  const publicDns = env['SPARK_PUBLIC_DNS']
  return {
    host: finalHost,
    port: wantedPort ?? names.defaultPort,
    webUiPort: configuredUiPort ?? configuration.read(daemon.uiPort),
    ...(localIp ? { webUiHost: parseHost(bracketed(localIp.trim()), 'SPARK_LOCAL_IP') } : {}),
    publicHost: publicDns ? parseHost(bracketed(publicDns.trim()), 'SPARK_PUBLIC_DNS') : finalHost,
    home,
    confDir,
    configuration,
  }
}

type Choose = <T>(
  parse: (text: string, source: string) => T,
  flag: string,
  ...variables: readonly string[]
) => T | undefined

/** The flag, else the first variable that is set and not empty; a bad value names where it came from. */
function chooser(parsed: ParsedArguments, env: NodeJS.ProcessEnv): Choose {
  return (parse, flag, ...variables) => {
    const sources: [string, string | undefined][] = [
      [flag, parsed.flags.get(flag)],
      ...variables.map((name): [string, string | undefined] => [name, env[name] || undefined]),
    ]
    const found = sources.find(([, text]) => text !== undefined)
    if (found?.[1] === undefined) return undefined
    const [source, text] = [found[0], found[1]]
    try {
      return parse(text, source)
    } catch (error) {
      if (!(error instanceof UsageError) || error.message.includes(source)) throw error
      throw new UsageError(`bad value for ${source}: ${error.message}`, { cause: error })
    }
  }
}

function nonEmptyPath(text: string): string {
  if (text.trim() === '' || text.includes('\u0000')) {
    throw new UsageError(`${quoted(text)} is not a folder`)
  }
  return text
}

function refusePositionals(positionals: readonly string[], allowed: number): void {
  const extra = positionals[allowed]
  if (extra === undefined) return
  const what = allowed === 0 ? 'only options' : 'one master; list several as spark://h1:p1,h2:p2'
  throw new UsageError(`unexpected argument ${quoted(extra)}: expected ${what}`)
}

/** MAGNETO_SPARK_HOMES, else spark.magneto.sparkHomes, and then SPARK_HOME; our own root is no distribution. */
function sparkHomes(options: DaemonOptions, env: NodeJS.ProcessEnv): string[] {
  const several = env['MAGNETO_SPARK_HOMES']
    ? list(':')(env['MAGNETO_SPARK_HOMES'])
    : options.configuration.read(keys.sparkHomes)
  const all = [...several, ...(env['SPARK_HOME'] ? [env['SPARK_HOME']] : [])]
  const folders = all.map((folder) => resolve(folder))
  return [...new Set(folders)].filter((folder) => folder !== options.home)
}
