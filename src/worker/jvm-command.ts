/** The command line and environment of a JVM executor or driver, as Spark's own worker makes them (W6 to W9, E15 to E18). */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'

import { splitOptions } from '../conf/env.js'
import type { JvmCommandT } from '../schema/magneto.js'
import {
  inheritedEnvironment,
  substituteArgument,
  substituteOption,
  type ProcessPlan,
  type Substitutions,
} from './command-line.js'
import type { Choice, JavaLaunch } from './class-data/choose.js'
import type { SparkHome } from './spark-homes.js'

/** What makes a JVM of a Spark distribution, whatever it is for. */
export interface SparkJvm {
  command: JvmCommandT
  /** The distribution to start from. */
  sparkHome: SparkHome
  memoryMb: number
  workerEnv: NodeJS.ProcessEnv
  /** Magneto's own conf folder: it is not the distribution's, even when SPARK_CONF_DIR names it. */
  ownConfDir: string
}

export interface JvmRequest extends SparkJvm {
  values: Substitutions
  /** SPARK_EXECUTOR_DIRS. */
  localDirs: readonly string[]
  /** Appended as `--resourcesFile` (W8); null: no resources were assigned. */
  resourcesFile: string | null
  /** Whether it starts with a class-data archive; null: never. */
  classData: ((launch: JavaLaunch) => Choice) | null
}

/** What Apache's drivers name as the main class of their executors. */
const EXECUTOR_MAIN_CLASS = 'org.apache.spark.executor.CoarseGrainedExecutorBackend'

const LIBRARY_PATH = process.platform === 'darwin' ? 'DYLD_LIBRARY_PATH' : 'LD_LIBRARY_PATH'

/** W9: these never stand on a command line; they come by environment, under the name beside them. */
const SECRET_OPTIONS: readonly (readonly [option: string, variable: string])[] = [
  ['-Dspark.authenticate.secret', '_SPARK_AUTH_SECRET'],
  ['-Dspark.ssl.rpc.keyPassword', '_SPARK_SSL_RPC_KEY_PASSWORD'],
  ['-Dspark.ssl.rpc.privateKeyPassword', '_SPARK_SSL_RPC_PRIVATE_KEY_PASSWORD'],
  ['-Dspark.ssl.rpc.keyStorePassword', '_SPARK_SSL_RPC_KEY_STORE_PASSWORD'],
  ['-Dspark.ssl.rpc.trustStorePassword', '_SPARK_SSL_RPC_TRUST_STORE_PASSWORD'],
]

export interface JvmPlan extends ProcessPlan {
  /** What an archive was chosen for it; null: that was not asked for. */
  classData: Choice | null
}

/** @throws Error when the distribution can't be read */
export function jvmPlan(request: JvmRequest): JvmPlan {
  const { command, values } = request
  const isExecutor = command.mainClass === EXECUTOR_MAIN_CLASS
  const args = [
    ...command.args,
    ...(request.resourcesFile === null ? [] : ['--resourcesFile', request.resourcesFile]),
  ]
  const { line, environment, classData } = sparkJvm(request, {
    javaOptions: command.javaOptions.map((option) => substituteOption(option, values)),
    args: args.map((argument) => substituteArgument(argument, values)),
    classData: isExecutor ? request.classData : null,
  })
  environment['SPARK_EXECUTOR_DIRS'] = request.localDirs.join(delimiter)
  // Inside a Spark shell, or the executor would start under a `scala` parent.
  environment['SPARK_LAUNCH_WITH_SCALA'] = '0'
  return { command: line, environment, stdin: 'ignore', classData }
}

/** Variables by which a JVM is put together: the command's count before the worker's (E15, E16). */
export function jvmEnvironment(jvm: SparkJvm): Record<string, string> {
  const { command, ownConfDir } = jvm
  const environment = inheritedEnvironment(jvm.workerEnv, command.environment)
  const ofCommand = command.environment.some(({ key }) => key === 'SPARK_CONF_DIR')
  if (!ofCommand && environment['SPARK_CONF_DIR'] === ownConfDir) {
    delete environment['SPARK_CONF_DIR']
  }
  return environment
}

/** The program and its class path, without options. @throws Error when the distribution can't be read */
export function javaAndClassPath(
  { command, sparkHome }: SparkJvm,
  environment: Readonly<Record<string, string>>,
): { java: string; classPath: readonly string[]; confDir: string } {
  const variable = (name: string): string => environment[name] ?? ''
  const confDir = variable('SPARK_CONF_DIR') || join(sparkHome.path, 'conf')
  const java = variable('JAVA_HOME') === '' ? 'java' : join(variable('JAVA_HOME'), 'bin', 'java')
  return { java, classPath: classPath(command.classPath, confDir, sparkHome, variable), confDir }
}

interface SparkArguments {
  javaOptions: readonly string[]
  args: readonly string[]
  classData?: JvmRequest['classData']
}

/** @throws Error when the distribution can't be read */
export function sparkJvm(
  jvm: SparkJvm,
  { javaOptions, args, classData = null }: SparkArguments,
): { line: string[]; environment: Record<string, string>; classData: Choice | null } {
  const { command, sparkHome, memoryMb } = jvm
  const environment = jvmEnvironment(jvm)
  const commandNames = new Set(command.environment.map(({ key }) => String(key)))
  if (!commandNames.has('SPARK_HOME')) environment['SPARK_HOME'] = sparkHome.path
  const { java, classPath: path, confDir } = javaAndClassPath(jvm, environment)
  const fromFile = javaOptionsFile(confDir)
  const chosen =
    classData?.({
      java,
      environment,
      classPath: path,
      confDir,
      jars: jarsEntry(sparkHome),
      options: [...fromFile, ...javaOptions],
      memoryMb,
    }) ?? null
  const line = [
    java,
    ...(chosen?.options ?? []),
    ...fromFile,
    '-cp',
    (chosen?.classPath ?? path).join(delimiter),
    `-Xmx${memoryMb}M`,
    ...javaOptions.filter((option) => !isSecret(option)),
    String(command.mainClass),
    ...args,
  ]
  for (const [option, variable] of SECRET_OPTIONS) {
    const given = javaOptions.findLast((each) => each.startsWith(`${option}=`))
    if (given !== undefined && !commandNames.has(variable)) {
      environment[variable] = given.slice(option.length + 1)
    }
  }
  if (command.libraryPath.length > 0) {
    const fromCommand = command.environment.find(({ key }) => key === LIBRARY_PATH)?.value
    const inherited = jvm.workerEnv[LIBRARY_PATH]
    environment[LIBRARY_PATH] = [...command.libraryPath, fromCommand, inherited]
      .filter((entry) => entry !== undefined && entry !== null)
      .join(delimiter)
  }
  return { line, environment, classData: chosen }
}

function isSecret(option: string): boolean {
  return SECRET_OPTIONS.some(([secret]) => option.startsWith(secret))
}

/** How long what was found on disk serves the next launches: those that come together look once. */
const FOUND_MS = 2000
const MAX_FOUND = 64
const found = new Map<string, { path: readonly string[]; atMs: number }>()

/** Each entry once, in Spark's order; folders end in a slash. */
function classPath(
  entries: readonly string[],
  confDir: string,
  sparkHome: SparkHome,
  variable: (name: string) => string,
): readonly string[] {
  const own = [...entries, confDir]
  const others = ['HADOOP_CONF_DIR', 'YARN_CONF_DIR', 'SPARK_DIST_CLASSPATH'].map(variable)
  const key = JSON.stringify([own, sparkHome, others])
  const nowMs = performance.now()
  const known = found.get(key)
  if (known !== undefined && nowMs - known.atMs < FOUND_MS) return known.path
  const path = classPathOnDisk(own, sparkHome, others)
  if (found.size >= MAX_FOUND) found.clear()
  found.set(key, { path, atMs: nowMs })
  return path
}

function jarsEntry(sparkHome: SparkHome): string {
  return join(sparkHome.path, 'jars', '*')
}

function classPathOnDisk(
  own: readonly string[],
  sparkHome: SparkHome,
  others: readonly string[],
): string[] {
  const jars = join(sparkHome.path, 'jars')
  // From 4.0 on, Spark puts this one first.
  const names = Number.parseInt(sparkHome.version) >= 4 ? readdirSync(jars) : []
  const slf4j = names.filter((name) => name.startsWith('slf4j-api-')).sort()
  const wanted = [...own, ...slf4j.map((name) => join(jars, name)), jarsEntry(sparkHome), ...others]
  const path = new Set<string>()
  for (const entry of wanted.flatMap((joined) => joined.split(delimiter))) {
    if (entry === '') continue
    path.add(!entry.endsWith('/') && isFolder(entry) ? `${entry}/` : entry)
  }
  return [...path]
}

function isFolder(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
  } catch {
    return false
  }
}

/** `conf/java-opts`: options for every JVM of this distribution, one or more a line. */
function javaOptionsFile(confDir: string): string[] {
  const path = join(confDir, 'java-opts')
  let content: string
  try {
    content = readFileSync(path, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR') return []
    throw error
  }
  return content.split(/\r?\n/).flatMap((line) => splitOptions(line, path))
}
