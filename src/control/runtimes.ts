/**
 * Names of runtimes, which a worker registers with and an application or driver asks for (schemas/control.fbs), and
 * the Spark versions they are made of. The core compares them as texts.
 */

/** The minor lines of Spark that are served. */
export const SPARK_VERSIONS = ['3.5', '4.0', '4.1', '4.2', '4.3'] as const
export type SparkVersion = (typeof SPARK_VERSIONS)[number]

/** Executors of Node applications; what a worker serves without any Spark distribution. */
export const NODE_RUNTIME = 'node'
/** Drivers on the cluster that are Node programs. */
export const NODE_DRIVER_RUNTIME = 'node-driver'

/** In the environment of Node drivers: the masters of their worker, which a ClusterPool speaks to when not told otherwise. */
export const MASTER_VARIABLE = 'MAGNETO_MASTER'

/** @param minor "4.3" @returns "spark-4.3": executors of Spark applications */
export function executorRuntimeOf(minor: string): string {
  return `spark-${minor}`
}

/** @param minor "4.3" @returns "spark-4.3-driver": drivers on the cluster that are JVMs of Spark */
export function driverRuntimeOf(minor: string): string {
  return `spark-${minor}-driver`
}

/** @param release such as 4.3.0, or 4.3 @returns null when it is not served */
export function versionOf(release: string): SparkVersion | null {
  const [major, minor] = release.split('.')
  return SPARK_VERSIONS.find((version) => version === `${major}.${minor}`) ?? null
}
