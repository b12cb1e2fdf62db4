/** The command line and environment of a driver on the cluster: a JVM of Spark (W7, W9, W14, E19, G5), or Node. */
import { MASTER_VARIABLE } from '../control/runtimes.js'
import type { NodeCommandT } from '../schema/magneto.js'
import { inheritedEnvironment, type ProcessPlan } from './command-line.js'
import { sparkJvm, type SparkJvm } from './jvm-command.js'

/** In the environment of Node drivers that were assigned resources. */
export const RESOURCES_FILE_VARIABLE = 'MAGNETO_DRIVER_RESOURCES_FILE'

/** What the worker puts in for `{{NAME}}` (W7). */
export interface DriverSubstitutions {
  workerUrl: string
  /** Where the fetched jar is. */
  userJar: string
}

interface Common {
  /** G4; null: no resources were assigned. */
  resourcesFile: string | null
  /** What the worker sets on top, such as links to the logs (E19). */
  variables: Readonly<Record<string, string>>
}

export interface DriverJvmRequest extends SparkJvm, Common {
  values: DriverSubstitutions
}

/** @throws Error when the distribution can't be read */
export async function driverJvmPlan(request: DriverJvmRequest): Promise<ProcessPlan> {
  const { command, values, resourcesFile, sparkHome } = request
  const { line, environment } = sparkJvm(request, {
    javaOptions: [
      ...command.javaOptions,
      ...(resourcesFile === null ? [] : [`-Dspark.driver.resourcesFile=${resourcesFile}`]),
    ],
    args: command.args.map((argument) => substituted(argument, values)),
  })
  // A submit client passes all of its variables on, also where Spark lies on its own machine; a Python driver finds
  // its modules by this one.
  environment['SPARK_HOME'] = sparkHome.path
  return { command: line, environment: { ...environment, ...request.variables }, stdin: 'ignore' }
}

/** Whole arguments only (W7). */
function substituted(argument: string, { workerUrl, userJar }: DriverSubstitutions): string {
  if (argument === '{{WORKER_URL}}') return workerUrl
  if (argument === '{{USER_JAR}}') return userJar
  return argument
}

export interface DriverNodeRequest extends Common {
  command: NodeCommandT
  /** The node program. */
  execPath: string
  script: string
  /** MiB, for the heap; 0: Node's own default. */
  memoryMb: number
  /** Of this worker: what a ClusterPool in the driver speaks to when it is told nothing else. */
  masterUrl: string
  workerEnv: NodeJS.ProcessEnv
}

export function driverNodePlan(request: DriverNodeRequest): ProcessPlan {
  const { command, memoryMb, resourcesFile } = request
  const environment = inheritedEnvironment(
    { ...request.workerEnv, [MASTER_VARIABLE]: request.masterUrl },
    command.environment,
  )
  if (resourcesFile !== null) environment[RESOURCES_FILE_VARIABLE] = resourcesFile
  return {
    command: [
      request.execPath,
      ...(memoryMb > 0 ? [`--max-old-space-size=${memoryMb}`] : []),
      ...command.nodeOptions,
      request.script,
      ...command.args,
    ],
    environment: { ...environment, ...request.variables },
    // The guardian ends it with the worker; its stdin tells it nothing.
    stdin: 'ignore',
  }
}
