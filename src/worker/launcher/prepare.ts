/** Everything before the process starts: folders, resources file, command line. Runs in a launcher thread. */
import { decodeApplication } from '../../control/codec.js'
import { JvmCommandT, NodeCommandT } from '../../schema/magneto.js'
import type { ProcessPlan, Substitutions } from '../command-line.js'
import { jvmPlan } from '../jvm-command.js'
import { nodePlan } from '../node-command.js'
import { chooseSparkHome } from '../spark-homes.js'
import { createExecutorDir, executorDir } from '../work-dir.js'
import type { ExecutorRequest } from './request.js'
import { writeResourcesFile } from './resources-file.js'

export interface Prepared {
  plan: ProcessPlan
  /** Where it runs and logs (W2). */
  directory: string
}

/** @throws Error whose message an operator and the driver are shown */
export async function prepare(request: ExecutorRequest): Promise<Prepared> {
  const { settings, appId, executorId, memoryMb, localDirs } = request
  const directory = executorDir(settings.workDir, appId, executorId)
  const application = decodeApplication(request.application)
  await createExecutorDir(directory)
  const resourcesFile = await writeResourcesFile(
    directory,
    'executor',
    request.resources,
    executorId,
  )
  const values: Substitutions = {
    workerUrl: settings.workerUrl,
    executorId,
    hostname: settings.host,
    cores: request.cores,
    appId,
    profileId: request.profileId,
  }
  const common = { memoryMb, values, localDirs, resourcesFile, workerEnv: process.env }
  const { command } = application
  if (command instanceof NodeCommandT) {
    const { execPath, executorMain } = settings
    return { plan: nodePlan({ ...common, command, execPath, executorMain }), directory }
  }
  if (command instanceof JvmCommandT) {
    const { sparkHomes, ownConfDir } = settings
    const runtime = String(application.runtime)
    const sparkHome = chooseSparkHome(sparkHomes, command.sparkVersion || null, runtime)
    return { plan: await jvmPlan({ ...common, command, sparkHome, ownConfDir }), directory }
  }
  throw new Error(`application ${appId} has a command that is neither for a JVM nor for Node`)
}
