/** The Spark distributions on this machine, and which one executors and drivers start from. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

import {
  driverRuntimeOf,
  executorRuntimeOf,
  NODE_DRIVER_RUNTIME,
  NODE_RUNTIME,
} from '../control/runtimes.js'

export interface SparkHome {
  /** The distribution's root, with `jars` in it. */
  path: string
  /** "4.3.0" */
  version: string
  /** "spark-4.3" */
  runtime: string
}

const MAX_SPARK_HOMES = 64
const VERSION = /^(\d+)\.(\d+)(?:\.|$)/

/** @returns "4.3" for "4.3.0" and "4.3"; null for what is no version */
function minorOf(version: string): string | null {
  const match = VERSION.exec(version)
  return match === null ? null : `${match[1]}.${match[2]}`
}

/** @returns "spark-4.3" for "4.3.0" and "4.3"; null for what is no version */
export function runtimeOf(version: string): string | null {
  const minor = minorOf(version)
  return minor === null ? null : executorRuntimeOf(minor)
}

function driverRuntime({ version }: SparkHome): string {
  return driverRuntimeOf(minorOf(version) ?? version)
}

export interface FoundSparkHomes {
  homes: SparkHome[]
  /** One line for each folder that holds no distribution. */
  problems: string[]
}

/** Looks at each folder once; the order is kept, so the operator's first choice stays first. */
export async function findSparkHomes(paths: readonly string[]): Promise<FoundSparkHomes> {
  const found: FoundSparkHomes = { homes: [], problems: [] }
  for (const path of new Set(paths.slice(0, MAX_SPARK_HOMES))) {
    const version = await versionOf(path)
    const minor = version === null ? null : minorOf(version)
    if (version === null || minor === null) {
      found.problems.push(
        `${path} holds no Spark distribution: neither jars/spark-core_*.jar nor RELEASE names a version`,
      )
    } else found.homes.push({ path, version, runtime: executorRuntimeOf(minor) })
  }
  if (paths.length > MAX_SPARK_HOMES) {
    found.problems.push(`only the first ${MAX_SPARK_HOMES} Spark distributions are used`)
  }
  return found
}

async function versionOf(path: string): Promise<string | null> {
  // The jar decides: it is what runs. A RELEASE file alone serves nobody.
  const jars = await readdir(join(path, 'jars')).catch(() => null)
  if (jars === null) return null
  for (const jar of jars.sort()) {
    const match = /^spark-core_\d+\.\d+-(\d+\.\d+[^/]*)\.jar$/.exec(jar)
    if (match?.[1] !== undefined) return match[1]
  }
  const release = await readFile(join(path, 'RELEASE'), 'utf8').catch(() => '')
  return /^Spark (\d+\.\d+\S*)/.exec(release)?.[1] ?? null
}

/** @returns the runtimes to register with, each once: what it runs of applications, then of drivers */
export function runtimesOf(homes: readonly SparkHome[]): string[] {
  const executors = [NODE_RUNTIME, ...homes.map((home) => home.runtime)]
  return [...new Set([...executors, NODE_DRIVER_RUNTIME, ...homes.map(driverRuntime)])]
}

/**
 * The distribution of exactly that version, else the first one of the same minor version.
 *
 * @param version what the application was built for, "4.3.0" or "4.3"; null: only `runtime` is known
 * @throws Error that says what this worker has
 */
export function chooseSparkHome(
  homes: readonly SparkHome[],
  version: string | null,
  runtime: string,
): SparkHome {
  const wanted = (version === null ? null : runtimeOf(version)) ?? runtime
  const chosen =
    homes.find((home) => home.version === version) ?? homes.find((home) => home.runtime === wanted)
  if (chosen !== undefined) return chosen
  throw noSparkFor(homes, `an application built for ${version ?? runtime}`)
}

/**
 * The distribution of exactly that version, else of the newest of `runtimes` that is here, the first one of it:
 * its Java options were made for the newest.
 *
 * @param version what the driver was submitted for, "4.3.0" or "4.3"; null: only `runtimes` are known
 * @param runtimes any of "spark-4.3-driver", oldest first
 * @throws Error that says what this worker has
 */
export function chooseDriverHome(
  homes: readonly SparkHome[],
  version: string | null,
  runtimes: readonly string[],
): SparkHome {
  const minor = version === null ? null : minorOf(version)
  const wanted = minor === null ? runtimes.toReversed() : [driverRuntimeOf(minor)]
  const exact = homes.find((home) => home.version === version)
  if (exact !== undefined) return exact
  for (const runtime of wanted) {
    const home = homes.find((each) => driverRuntime(each) === runtime)
    if (home !== undefined) return home
  }
  throw noSparkFor(homes, `a driver for ${version ?? runtimes.join(' or ')}`)
}

function noSparkFor(homes: readonly SparkHome[], whom: string): Error {
  const has = homes.map((home) => `${home.version} (${home.path})`).join(', ')
  return new Error(
    `this worker has no Spark for ${whom}; it has ${has || 'none'}. Set SPARK_HOME or MAGNETO_SPARK_HOMES on the worker`,
  )
}
