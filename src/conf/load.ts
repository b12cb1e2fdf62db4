/** Gathers a daemon's configuration from its sources, in their order of precedence (C15). */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

import { Configuration } from './configuration.js'
import { parseJavaOptions } from './env.js'
import { allKeys, keys } from './keys.js'
import { unknownKeyWarnings } from './known-keys.js'
import { noEffectWarning } from './no-effect.js'
import { readProperties, readPropertiesIfPresent, type PropertiesContent } from './properties.js'
import { redactCommand } from './redaction.js'
import { refuseUnserved } from './unserved.js'
import { JVM_VARIABLES } from './variables.js'

export type Warn = (message: string) => void

export type DaemonKind = 'master' | 'worker'

/** Weakest first: a later one replaces what an earlier one set. */
const OPTION_VARIABLES: Record<DaemonKind, readonly string[]> = {
  master: ['SPARK_DAEMON_JAVA_OPTS', 'SPARK_MASTER_OPTS'],
  worker: ['SPARK_DAEMON_JAVA_OPTS', 'SPARK_WORKER_OPTS'],
}

/** The root of the installation: MAGNETO_HOME, else the first folder upwards that has a package.json. */
export function magnetoHome(env: NodeJS.ProcessEnv): string {
  if (env['MAGNETO_HOME']) return resolve(env['MAGNETO_HOME'])
  const here = dirname(fileURLToPath(import.meta.url))
  for (let folder = here; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return folder
    if (folder === dirname(folder)) return here
  }
}

/** SPARK_CONF_DIR, else the folder `conf` of the installation. */
export function confDirectory(env: NodeJS.ProcessEnv, home: string): string {
  return env['SPARK_CONF_DIR'] ? resolve(env['SPARK_CONF_DIR']) : join(home, 'conf')
}

interface Sources {
  kind: DaemonKind
  env: NodeJS.ProcessEnv
  confDir: string
  /** The value of --properties-file; undefined: the default file, if there is one. */
  propertiesFile: string | undefined
  warn: Warn
}

/**
 * `-D` settings beat the properties file (C5, C15); a later -D beats an earlier one.
 *
 * @throws UsageError when a source is malformed, or a key this daemon reads has a bad value
 */
export function loadConfiguration(sources: Sources): Configuration {
  const entries = new Map<string, string>()
  const origins = new Map<string, string>()
  const set = (name: string, value: string, origin: string): void => {
    entries.set(name, value)
    origins.set(name, origin)
  }
  const { path, content } = propertiesOf(sources)
  for (const entry of content.entries) set(entry.name, entry.value, `${path} line ${entry.line}`)
  warnOfForeign(content, path, sources.warn)
  const ignored: [string, readonly string[]][] = []
  for (const [source, line] of optionLines(sources)) {
    const options = parseJavaOptions(line, source)
    for (const [name, value] of options.settings) set(name, value, source)
    if (options.ignored.length > 0) ignored.push([source, options.ignored])
  }
  const configuration = new Configuration(entries, origins)
  // Passwords of a JVM's trust store and the like are no more for the log than our own.
  const pattern = configuration.read(keys.redactionPattern)
  for (const [source, options] of ignored) {
    const shown = redactCommand(options, pattern).join(' ')
    sources.warn(`${source}: no effect without a JVM: ${shown}`)
  }
  const jvmVariables = JVM_VARIABLES.filter((name) => sources.env[name])
  if (jvmVariables.length > 0) sources.warn(`no effect without a JVM: ${jvmVariables.join(', ')}`)
  for (const key of allKeys) {
    if (key.readBy === sources.kind || key.readBy === 'both') configuration.read(key)
  }
  refuseUnserved(configuration, sources.kind)
  const noEffect = noEffectWarning(configuration, sources.kind)
  if (noEffect !== null) sources.warn(noEffect)
  for (const warning of unknownKeyWarnings(configuration)) sources.warn(warning)
  return configuration
}

/** Further ones are counted: a wrong file must not fill the log. */
const MAX_FOREIGN_WARNINGS = 20

const MAX_NAME_CHARACTERS = 200

function warnOfForeign({ foreign }: PropertiesContent, path: string, warn: Warn): void {
  for (const { name, line } of foreign.slice(0, MAX_FOREIGN_WARNINGS)) {
    const shown = name.slice(0, MAX_NAME_CHARACTERS)
    warn(`${path} line ${line}: ${shown} has no effect: not a spark.* key`)
  }
  const more = foreign.length - MAX_FOREIGN_WARNINGS
  if (more > 0) warn(`${path}: and ${more} more lines that have no effect`)
}

function propertiesOf(sources: Sources): { path: string; content: PropertiesContent } {
  if (sources.propertiesFile !== undefined) {
    return { path: sources.propertiesFile, content: readProperties(sources.propertiesFile) }
  }
  const path = join(sources.confDir, 'spark-defaults.conf')
  return { path, content: readPropertiesIfPresent(path) ?? { entries: [], foreign: [] } }
}

/** The lines of conf/java-opts (F6) and the variables, weakest first, each with what messages call it. */
function optionLines(sources: Sources): [string, string][] {
  const lines: [string, string][] = []
  const file = join(sources.confDir, 'java-opts')
  if (existsSync(file)) {
    for (const [at, line] of readFileSync(file, 'utf8').split('\n').entries()) {
      lines.push([`${file} line ${at + 1}`, line])
    }
  }
  for (const name of OPTION_VARIABLES[sources.kind]) lines.push([name, sources.env[name] ?? ''])
  return lines
}
