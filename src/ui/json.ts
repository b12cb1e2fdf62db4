/** A ClusterView as Spark's JSON document: same names, types and order (spec §8, U10 to U12). Pure. */
import {
  ApplicationState,
  DriverState,
  MasterState,
  ResourceT,
  WorkerState,
  type ApplicationViewT,
  type ClusterViewT,
  type DriverViewT,
  type ResourceAmountT,
  type WorkerViewT,
} from '../schema/magneto.js'
import { javaDateText } from './java-date.js'
import type { Json, JsonObject } from '../http/json-text.js'
import {
  applicationDurationMs,
  clusterTotals,
  freeResources,
  usedResources,
  waitingDrivers,
} from './totals.js'

/** Spec J7: keyed by resource name. */
function resourcesJson(resources: readonly ResourceT[]): JsonObject {
  return Object.fromEntries(
    resources.map((resource) => [
      String(resource.name),
      { name: String(resource.name), addresses: [...resource.addresses] },
    ]),
  )
}

/** Spec J7. */
export function requirementsJson(amounts: readonly ResourceAmountT[]): Json {
  return amounts.map(({ name, amount }) => ({ name: String(name), amount }))
}

/** Spec J2. */
function workerJson(worker: WorkerViewT): JsonObject {
  return {
    id: String(worker.id),
    host: String(worker.host),
    port: worker.port,
    webuiaddress: worker.webUiUrl ?? '',
    cores: worker.cores,
    coresused: worker.coresUsed,
    // After a change of leaders more may run than there is, until what is being killed has ended.
    coresfree: Math.max(0, worker.cores - worker.coresUsed),
    memory: worker.memoryMb,
    memoryused: worker.memoryUsedMb,
    memoryfree: Math.max(0, worker.memoryMb - worker.memoryUsedMb),
    resources: resourcesJson(worker.resources),
    resourcesused: resourcesJson(usedResources(worker)),
    resourcesfree: resourcesJson(freeResources(worker)),
    state: WorkerState[worker.state],
    lastheartbeat: Number(worker.lastHeartbeatMs),
  }
}

/** Spec J3. The names with "slave" are Spark's older ones, still there in 4.3. */
export function applicationJson(application: ApplicationViewT, nowMs: number): JsonObject {
  const memory = application.memoryPerExecutorMb
  const requirements = requirementsJson(application.resourcesPerExecutor)
  return {
    id: String(application.id),
    starttime: Number(application.submittedMs),
    name: String(application.name),
    cores: application.coresGranted,
    user: application.user ?? '',
    memoryperexecutor: memory,
    memoryperslave: memory,
    resourcesperexecutor: requirements,
    resourcesperslave: requirements,
    submitdate: javaDateText(Number(application.submittedMs)),
    state: ApplicationState[application.state],
    duration: applicationDurationMs(application, nowMs),
  }
}

/** Spec J4. A driver that no worker was found for says "None". */
function driverJson(driver: DriverViewT): JsonObject {
  return {
    id: String(driver.id),
    starttime: String(driver.submittedMs),
    state: DriverState[driver.state],
    cores: driver.cores,
    memory: driver.memoryMb,
    resources: resourcesJson(driver.resources),
    submitdate: javaDateText(Number(driver.submittedMs)),
    worker: driver.workerId ?? 'None',
    mainclass: driver.mainClass ?? '',
  }
}

/** Every field of the document in its order, each made only when it is asked for. */
const fields: Record<string, (view: ClusterViewT) => Json> = {
  url: (view) => String(view.masterUrl),
  workers: (view) => view.workers.map(workerJson),
  aliveworkers: (view) => clusterTotals(view).alive.length,
  cores: (view) => clusterTotals(view).cores,
  coresused: (view) => clusterTotals(view).coresUsed,
  memory: (view) => clusterTotals(view).memoryMb,
  memoryused: (view) => clusterTotals(view).memoryUsedMb,
  resources: (view) => clusterTotals(view).alive.map(({ resources }) => resourcesJson(resources)),
  resourcesused: (view) =>
    clusterTotals(view).alive.map((worker) => resourcesJson(usedResources(worker))),
  activeapps: (view) =>
    view.activeApplications.map((one) => applicationJson(one, Number(view.nowMs))),
  completedapps: (view) =>
    view.completedApplications.map((one) => applicationJson(one, Number(view.nowMs))),
  activedrivers: (view) => view.activeDrivers.map(driverJson),
  completeddrivers: (view) => view.completedDrivers.map(driverJson),
  status: (view) => MasterState[view.state],
}

/** The whole document (spec J1). */
export function clusterJson(view: ClusterViewT): JsonObject {
  return Object.fromEntries(Object.entries(fields).map(([name, make]) => [name, make(view)]))
}

/** Spec U11: one field; an unknown one comes back empty, as Spark does it. */
export function clusterFieldJson(view: ClusterViewT, name: string): JsonObject {
  return { [name]: Object.hasOwn(fields, name) ? (fields[name]?.(view) ?? '') : '' }
}

function percentOf(used: number, total: number): number {
  return total === 0 ? 100 : Math.floor((100 * used) / total)
}

/** Spec U12. */
export function clusterUtilizationJson(view: ClusterViewT): JsonObject {
  const { cores, coresUsed, memoryMb, memoryUsedMb } = clusterTotals(view)
  return {
    waitingDrivers: waitingDrivers(view).length,
    cores,
    coresused: coresUsed,
    coresutilization: percentOf(coresUsed, cores),
    memory: memoryMb,
    memoryused: memoryUsedMb,
    memoryutilization: percentOf(memoryUsedMb, memoryMb),
  }
}
