/** Everything before a driver's first attempt: folder, jar, resources file, command line. Runs in a launcher thread. */
import { mkdir, rm, symlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import { decodeDriver } from '../../control/codec.js'
import { withDriverId } from '../../control/driver-name.js'
import type { DriverDescriptionT, JvmCommandT, NodeCommandT } from '../../schema/magneto.js'
import type { ProcessPlan } from '../command-line.js'
import { driverJvmPlan, driverNodePlan } from '../driver-command.js'
import type { GuardianLines } from '../guardian-lines.js'
import type { SparkJvm } from '../jvm-command.js'
import { chooseDriverHome } from '../spark-homes.js'
import { logUrlVariables } from '../web/log-urls.js'
import { createDriverDir, driverDir } from '../work-dir.js'
import { fetchJar, scriptInPlace } from './driver-fetch.js'
import { hadoopGet } from './driver-hadoop.js'
import type { DriverRequest } from './request.js'
import { writeResourcesFile } from './resources-file.js'

export interface PreparedDriver {
  plan: ProcessPlan
  /** Where it runs and logs (W2). */
  directory: string
  supervise: boolean
}

export interface Fetching {
  /** Aborted: the driver is killed. */
  signal: AbortSignal
  guardian: GuardianLines
  onStarted(pid: number): void
  onEnded(): void
}

/** @throws Error whose message an operator and the one who submitted the driver are shown */
export async function prepareDriver(
  request: DriverRequest,
  fetching: Fetching,
): Promise<PreparedDriver> {
  const { settings, driverId, resources } = request
  const directory = driverDir(settings.workDir, driverId)
  const driver = decodeDriver(request.description)
  createDriverDir(directory)
  const resourcesFile = writeResourcesFile(directory, 'driver', resources, driverId)
  const { webUiUrl } = settings
  const common: Common = {
    directory,
    memoryMb: driver.memoryMb,
    resourcesFile,
    variables: webUiUrl === '' ? {} : logUrlVariables(webUiUrl, { driverId }),
    workerEnv: process.env,
  }
  const { supervise, nodeCommand } = driver
  const plan =
    nodeCommand === null
      ? await planJvm(request, fetching, driver, common)
      : await planNode(
          request,
          fetching,
          { url: String(driver.jarUrl), command: nodeCommand },
          common,
        )
  return { plan, directory, supervise }
}

interface Common {
  directory: string
  memoryMb: number
  resourcesFile: string | null
  variables: Readonly<Record<string, string>>
  workerEnv: NodeJS.ProcessEnv
}

async function planJvm(
  { settings, driverId }: DriverRequest,
  fetching: Fetching,
  driver: DriverDescriptionT,
  common: Common,
): Promise<ProcessPlan> {
  const { sparkHomes, ownConfDir, redactionPattern, workerUrl } = settings
  const { directory } = common
  const command = withDriverId(driver.command as JvmCommandT, driverId)
  const version = command.sparkVersion || null
  const sparkHome = chooseDriverHome(sparkHomes, version, driver.runtimes)
  const jvm: SparkJvm = { ...common, command, sparkHome, ownConfDir }
  const userJar = await fetchJar(String(driver.jarUrl), {
    directory,
    signal: fetching.signal,
    hadoop: (url, destination) =>
      hadoopGet(url, destination, { ...fetching, jvm, directory, redactionPattern }),
  })
  return await driverJvmPlan({ ...common, ...jvm, values: { workerUrl, userJar } })
}

async function planNode(
  { settings }: DriverRequest,
  { signal }: Fetching,
  { url, command }: { url: string; command: NodeCommandT },
  common: Common,
): Promise<ProcessPlan> {
  const { directory } = common
  const { execPath, masterUrl, packageRoot } = settings
  let script = await scriptInPlace(url)
  if (script === null) {
    script = await fetchJar(url, { directory, signal, hadoop: null })
    await linkPackage(directory, packageRoot)
  }
  return driverNodePlan({ ...common, command, script, execPath, masterUrl })
}

/** A script that was fetched alone finds this package nevertheless. */
async function linkPackage(directory: string, packageRoot: string): Promise<void> {
  const link = join(directory, 'node_modules', 'magneto')
  await mkdir(dirname(link), { recursive: true })
  await rm(link, { force: true })
  await symlink(packageRoot, link, 'dir')
}
