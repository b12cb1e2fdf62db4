/** Everything before the process starts: folders, resources file, command line. Runs in a launcher thread. */
import { decodeApplication } from '../../control/codec.js'
import { JvmCommandT, NodeCommandT, type ApplicationDescriptionT } from '../../schema/magneto.js'
import type { ProcessPlan, Substitutions } from '../command-line.js'
import { ClassDataChooser, type Choice } from '../class-data/choose.js'
import { jvmPlan, type JvmPlan, type JvmRequest } from '../jvm-command.js'
import { nodePlan } from '../node-command.js'
import { chooseSparkHome } from '../spark-homes.js'
import { logUrlVariables } from '../web/log-urls.js'
import { createExecutorDir, executorDir } from '../work-dir.js'
import type { ExecutorRequest } from './request.js'
import { writeResourcesFile } from './resources-file.js'

/** Each look at process.env costs as much as all of a command line does; here it never changes. */
const workerEnv = { ...process.env }

/** Descriptions that came last, oldest first: fifty executors of an application bring the same. */
const MAX_DECODED = 8
const decoded = new Map<string, { bytes: Uint8Array; application: ApplicationDescriptionT }>()

export interface Prepared {
  plan: ProcessPlan
  /** Where it runs and logs (W2). */
  directory: string
  classData: Choice | null
}

/** @throws Error whose message an operator and the driver are shown */
export function prepare(request: ExecutorRequest): Prepared {
  const { settings, appId, executorId, memoryMb, localDirs } = request
  const directory = executorDir(settings.workDir, appId, executorId)
  const application = applicationOf(request)
  createExecutorDir(directory)
  const resourcesFile = writeResourcesFile(directory, 'executor', request.resources, executorId)
  const values: Substitutions = {
    workerUrl: settings.workerUrl,
    executorId,
    hostname: settings.host,
    cores: request.cores,
    appId,
    profileId: request.profileId,
  }
  const common = { memoryMb, values, localDirs, resourcesFile, workerEnv }
  const { webUiUrl } = settings
  const variables = webUiUrl === '' ? {} : logUrlVariables(webUiUrl, { appId, executorId })
  const { classData = null, ...plan } = planOf(request, application, common)
  const environment = { ...plan.environment, ...variables }
  return { plan: { ...plan, environment }, directory, classData }
}

type Common = Pick<JvmRequest, 'memoryMb' | 'values' | 'localDirs' | 'resourcesFile' | 'workerEnv'>

function planOf(
  { settings, appId }: ExecutorRequest,
  { command, runtime }: ApplicationDescriptionT,
  common: Common,
): ProcessPlan & Partial<Pick<JvmPlan, 'classData'>> {
  if (command instanceof NodeCommandT) {
    const { execPath, executorMain } = settings
    return nodePlan({ ...common, command, execPath, executorMain })
  }
  if (command instanceof JvmCommandT) {
    const { sparkHomes, ownConfDir, classDataDir } = settings
    const sparkHome = chooseSparkHome(sparkHomes, command.sparkVersion || null, String(runtime))
    const classData = chooserOf(classDataDir)
    return jvmPlan({ ...common, command, sparkHome, ownConfDir, classData })
  }
  throw new Error(`application ${appId} has a command that is neither for a JVM nor for Node`)
}

/** What it has found on disk serves the next launches. */
let chooser: ClassDataChooser | null = null

function chooserOf(path: string | null): JvmRequest['classData'] {
  if (path === null) return null
  if (chooser === null || chooser.path !== path) chooser = new ClassDataChooser(path)
  return chooser.choose
}

/** @throws Error when it is no description */
function applicationOf({ appId, application: bytes }: ExecutorRequest): ApplicationDescriptionT {
  const known = decoded.get(appId)
  if (known !== undefined && Buffer.compare(known.bytes, bytes) === 0) return known.application
  const application = decodeApplication(bytes)
  decoded.delete(appId)
  decoded.set(appId, { bytes, application })
  if (decoded.size > MAX_DECODED) decoded.delete(decoded.keys().next().value ?? '')
  return application
}
