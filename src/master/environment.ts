/** What this master runs with, for the Environment page (U7). What looks secret is left out here, before it leaves the thread (P55). */
import { readFileSync } from 'node:fs'
import { availableParallelism, hostname, release, tmpdir, totalmem, type, userInfo } from 'node:os'
import { join } from 'node:path'
import { getHeapStatistics } from 'node:v8'

import { keys } from '../conf/keys.js'
import { metricsEntries } from '../conf/metrics-settings.js'
import type { MasterOptions } from '../conf/options.js'
import { redactorOf, type Redactor } from '../conf/redaction.js'
import type { EnvironmentFact, EnvironmentFacts } from '../control/thread-messages.js'

const MIB = 2 ** 20

/** @param env of this process */
export function environmentFacts(
  { configuration, confDir, home }: MasterOptions,
  env: NodeJS.ProcessEnv = process.env,
): EnvironmentFacts {
  const redact = redactorOf(configuration.read(keys.redactionPattern))
  const prefixes = configuration.read(keys.visibleEnvVarPrefixes)
  const spark = configuration
    .entries()
    .map(([name, value]) => fact(name, value, configuration.originOf(name)))
  const metrics = metricsEntries(configuration, confDir).map(({ key, value, origin }) =>
    fact(key, value, origin ?? 'built in'),
  )
  const variables = Object.entries(env)
    .filter(([name]) => prefixes.some((prefix) => name.startsWith(prefix)))
    .map(([name, value = '']) => fact(name, value))
  return {
    runtime: shown(runtimeFacts(home), redact),
    spark: shown(sorted(spark), redact),
    system: shown(systemFacts(), redact),
    metrics: shown(sorted(metrics), redact),
    variables: shown(sorted(variables), redact),
  }
}

function fact(name: string, value: string, origin?: string): EnvironmentFact {
  return { name, value, ...(origin === undefined ? {} : { origin }) }
}

function sorted(facts: readonly EnvironmentFact[]): EnvironmentFact[] {
  return facts.toSorted((a, b) => (a.name < b.name ? -1 : 1))
}

function shown(facts: readonly EnvironmentFact[], redact: Redactor): EnvironmentFact[] {
  return facts.map((one) => ({ ...one, value: redact(one.name, one.value) }))
}

function versionOf(home: string): string {
  try {
    const manifest = readFileSync(join(home, 'package.json'), 'utf8')
    return (JSON.parse(manifest) as { version?: string }).version ?? 'unknown'
  } catch {
    return 'unknown'
  }
}

/** Of the thread that schedules, where there is one for each thread. */
function runtimeFacts(home: string): EnvironmentFact[] {
  const { heap_size_limit: heapBytesMax } = getHeapStatistics()
  return [
    fact('Magneto Version', versionOf(home)),
    fact('Magneto Home', home),
    fact('Node Version', process.version),
    fact('Node Binary', process.execPath),
    fact('V8 Version', process.versions.v8),
    fact('OpenSSL Version', process.versions.openssl),
    fact('libuv Version', process.versions.uv),
    fact('Heap Limit', `${Math.round(heapBytesMax / MIB)} MiB`),
    fact('Process Id', String(process.pid)),
    fact('Command Line', [...process.execArgv, ...process.argv.slice(1)].join(' ')),
  ]
}

/** A user of a container may have no name. */
function userName(): string {
  try {
    return userInfo().username
  } catch {
    return String(process.getuid?.() ?? 'unknown')
  }
}

/** Without locale and time zone, which the page asks for itself. */
function systemFacts(): EnvironmentFact[] {
  return [
    fact('Operating System', `${type()} ${release()}`),
    fact('Architecture', process.arch),
    fact('Host Name', hostname()),
    fact('User', userName()),
    fact('Cores', String(availableParallelism())),
    fact('Memory', `${Math.round(totalmem() / MIB)} MiB`),
    fact('Working Directory', process.cwd()),
    fact('Temporary Directory', tmpdir()),
  ]
}
