/** The command line and environment of a JVM executor, as Spark's own worker makes them (W6 to W9, E15 to E18). */
import { readdir, readFile, stat } from 'node:fs/promises'
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
import type { SparkHome } from './spark-homes.js'

export interface JvmRequest {
  command: JvmCommandT
  /** The distribution to start from. */
  sparkHome: SparkHome
  memoryMb: number
  values: Substitutions
  /** SPARK_EXECUTOR_DIRS. */
  localDirs: readonly string[]
  /** Appended as `--resourcesFile` (W8); null: no resources were assigned. */
  resourcesFile: string | null
  workerEnv: NodeJS.ProcessEnv
  /** Magneto's own conf folder: it is not the distribution's, even when SPARK_CONF_DIR names it. */
  ownConfDir: string
}

const LIBRARY_PATH = process.platform === 'darwin' ? 'DYLD_LIBRARY_PATH' : 'LD_LIBRARY_PATH'

/** W9: these never stand on a command line; they come by environment. */
const SECRET_OPTIONS = [
  'spark.authenticate.secret',
  'spark.ssl.rpc.keyPassword',
  'spark.ssl.rpc.privateKeyPassword',
  'spark.ssl.rpc.keyStorePassword',
  'spark.ssl.rpc.trustStorePassword',
].map((name) => `-D${name}`)

/** @throws Error when the distribution can't be read */
export async function jvmPlan(request: JvmRequest): Promise<ProcessPlan> {
  const { command, values } = request
  const environment = inheritedEnvironment(request.workerEnv, command.environment)
  // The command's variables count before the worker's (E15, E16): exactly what inheritance made.
  const variable = (name: string): string => environment[name] ?? ''
  const commandNames = new Set(command.environment.map(({ key }) => String(key)))
  if (!commandNames.has('SPARK_HOME')) environment['SPARK_HOME'] = request.sparkHome.path
  if (!commandNames.has('SPARK_CONF_DIR') && variable('SPARK_CONF_DIR') === request.ownConfDir) {
    delete environment['SPARK_CONF_DIR']
  }
  const confDir = variable('SPARK_CONF_DIR') || join(request.sparkHome.path, 'conf')
  const args = [
    ...command.args,
    ...(request.resourcesFile === null ? [] : ['--resourcesFile', request.resourcesFile]),
  ]
  const line = [
    variable('JAVA_HOME') === '' ? 'java' : join(variable('JAVA_HOME'), 'bin', 'java'),
    ...(await javaOptionsFile(confDir)),
    '-cp',
    (await classPath(command.classPath, confDir, request.sparkHome, variable)).join(delimiter),
    `-Xmx${request.memoryMb}M`,
    ...command.javaOptions
      .map((option) => substituteOption(option, values))
      .filter((option) => !SECRET_OPTIONS.some((secret) => option.startsWith(secret))),
    String(command.mainClass),
    ...args.map((argument) => substituteArgument(argument, values)),
  ]
  if (command.libraryPath.length > 0) {
    const fromCommand = command.environment.find(({ key }) => key === LIBRARY_PATH)?.value
    const inherited = request.workerEnv[LIBRARY_PATH]
    environment[LIBRARY_PATH] = [...command.libraryPath, fromCommand, inherited]
      .filter((entry) => entry !== undefined && entry !== null)
      .join(delimiter)
  }
  environment['SPARK_EXECUTOR_DIRS'] = request.localDirs.join(delimiter)
  // Inside a Spark shell, or the executor would start under a `scala` parent.
  environment['SPARK_LAUNCH_WITH_SCALA'] = '0'
  return { command: line, environment, stdin: 'ignore' }
}

/** Each entry once, in Spark's order; folders end in a slash. */
async function classPath(
  entries: readonly string[],
  confDir: string,
  sparkHome: SparkHome,
  variable: (name: string) => string,
): Promise<string[]> {
  const jars = join(sparkHome.path, 'jars')
  // From 4.0 on, Spark puts this one first.
  const names = Number.parseInt(sparkHome.version) >= 4 ? await readdir(jars) : []
  const slf4j = names.filter((name) => name.startsWith('slf4j-api-')).sort()
  const wanted = [
    ...entries,
    confDir,
    ...slf4j.map((name) => join(jars, name)),
    join(jars, '*'),
    variable('HADOOP_CONF_DIR'),
    variable('YARN_CONF_DIR'),
    variable('SPARK_DIST_CLASSPATH'),
  ]
  const path = new Set<string>()
  for (const entry of wanted.flatMap((joined) => joined.split(delimiter))) {
    if (entry === '') continue
    path.add((await isFolder(entry)) && !entry.endsWith('/') ? `${entry}/` : entry)
  }
  return [...path]
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch {
    return false
  }
}

/** `conf/java-opts`: options for every JVM of this distribution, one or more a line. */
async function javaOptionsFile(confDir: string): Promise<string[]> {
  const path = join(confDir, 'java-opts')
  let content: string
  try {
    content = await readFile(path, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR') return []
    throw error
  }
  return content.split(/\r?\n/).flatMap((line) => splitOptions(line, path))
}
