/** A worker as Spark's JSON document: same names, types and order (J5 to J7, U26). Pure. */
import type { JsonObject } from '../../http/json-text.js'
import type { HostedExecutor, HostedResource } from '../hosted-work.js'
import type { FirstPage } from './first-page.js'
import { usedOf } from './totals.js'

export function workerJson({ worker, lists, master }: FirstPage): JsonObject {
  const used = usedOf(lists)
  // Spark names what the worker has, also where nothing of it is taken.
  const usedResources = worker.resources.map(({ name }) => {
    return { name, addresses: [...(used.resources.get(name) ?? [])] }
  })
  return {
    id: worker.workerId,
    masterurl: master?.url ?? '',
    masterwebuiurl: master?.webUiUrl ?? '',
    cores: worker.cores,
    coresused: used.cores,
    memory: worker.memoryMb,
    memoryused: used.memoryMb,
    resources: resourcesJson(worker.resources),
    resourcesused: resourcesJson(usedResources),
    executors: lists.executors.map(executorJson),
    finishedexecutors: lists.finishedExecutors.map(executorJson),
  }
}

/** J6. The names with "slave" are Spark's older ones, still there in 4.3. */
function executorJson({ appId, executorId, application, ...executor }: HostedExecutor): JsonObject {
  const memory = application.memoryPerExecutorMb
  const requirements = application.resourcesPerExecutor.map(({ name, amount }) => ({
    name,
    amount,
  }))
  return {
    id: executorId,
    memory: executor.memoryMb,
    resources: resourcesJson(executor.resources),
    appid: appId,
    appdesc: {
      name: application.name,
      cores: application.coresMax,
      memoryperexecutor: memory,
      resourcesperexecutor: requirements,
      memoryperslave: memory,
      resourcesperslave: requirements,
      user: application.user,
      command: application.command,
    },
  }
}

/** J7: keyed by resource name. */
function resourcesJson(resources: readonly HostedResource[]): JsonObject {
  return Object.fromEntries(
    resources.map(({ name, addresses }) => [name, { name, addresses: [...addresses] }]),
  )
}
