/**
 * A ClusterView as Spark's JSON document: same names, types and order (spec §8, U10 to U12). Its lists are made item by item, of
 * the rows that the view has: who reads slowly still reads of one moment, but for heartbeats, which rows of the model take in. Pure.
 */
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
import type { Json, JsonItems, JsonObject } from '../http/json-text.js'
import {
  applicationDurationMs,
  clusterTotals,
  freeResources,
  usedResources,
  waitingDrivers,
  type ClusterTotals,
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
function requirementsJson(amounts: readonly ResourceAmountT[]): Json {
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
function applicationJson(application: ApplicationViewT, nowMs: number): JsonObject {
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

type Field = Json | JsonItems

function each<Row>(rows: readonly Row[], make: (row: Row) => Json): JsonItems {
  return function* () {
    for (const row of rows) yield make(row)
  }
}

function applicationsJson(
  applications: readonly ApplicationViewT[],
  { nowMs }: ClusterViewT,
): JsonItems {
  return each(applications, (one) => applicationJson(one, Number(nowMs)))
}

/** Every field of the document in its order. */
const fields: Record<string, (view: ClusterViewT, totals: ClusterTotals) => Field> = {
  url: (view) => String(view.masterUrl),
  workers: (view) => each(view.workers, workerJson),
  aliveworkers: (_, { alive }) => alive.length,
  cores: (_, { cores }) => cores,
  coresused: (_, { coresUsed }) => coresUsed,
  memory: (_, { memoryMb }) => memoryMb,
  memoryused: (_, { memoryUsedMb }) => memoryUsedMb,
  resources: (_, { alive }) => each(alive, ({ resources }) => resourcesJson(resources)),
  resourcesused: (_, { alive }) => each(alive, (worker) => resourcesJson(usedResources(worker))),
  activeapps: (view) => applicationsJson(view.activeApplications, view),
  completedapps: (view) => applicationsJson(view.completedApplications, view),
  activedrivers: (view) => each(view.activeDrivers, driverJson),
  completeddrivers: (view) => each(view.completedDrivers, driverJson),
  status: (view) => MasterState[view.state],
}

/** The whole document (spec J1). */
export function clusterJson(view: ClusterViewT): [name: string, value: Field][] {
  const totals = clusterTotals(view)
  return Object.entries(fields).map(([name, make]) => [name, make(view, totals)])
}

/** Spec U11: one field; an unknown one comes back empty, as Spark does it. */
export function clusterFieldJson(view: ClusterViewT, name: string): [name: string, value: Field][] {
  const make = Object.hasOwn(fields, name) ? fields[name] : undefined
  return [[name, make?.(view, clusterTotals(view)) ?? '']]
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
