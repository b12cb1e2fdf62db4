/** What must hold once the faults are over and the cluster had time: nothing lost, nothing left, nothing idle. */
import {
  ExecutorState,
  WorkerState,
  type ApplicationViewT,
  type ClusterViewT,
  type WorkerViewT,
} from '../../src/schema/magneto.js'
import type { SimulatedApplication } from './application.js'
import type { SimulatedHost } from './worker.js'

export interface Scene {
  readonly view: ClusterViewT
  readonly storedKeys: readonly string[]
  readonly heldBytes: number
  /** P8. */
  readonly retainedApplications: number
  readonly hosts: readonly SimulatedHost[]
  readonly applications: readonly SimulatedApplication[]
}

function runningKeys(hosts: readonly SimulatedHost[]): string[] {
  return hosts.flatMap(({ processes }) => [...processes.keys()])
}

function* workersAgree({ view, hosts }: Scene): Generator<string> {
  const alive = view.workers.filter(({ state }) => state === WorkerState.ALIVE)
  for (const host of hosts) {
    if (!host.up) yield `${host.facts.name} is not up`
    else if (!host.registered) yield `${host.workerId} is not registered`
    else if (!alive.some(({ id }) => id === host.workerId)) {
      yield `${host.workerId} thinks it is registered; the master does not list it as alive`
    }
    if (host.unacknowledged > 0) {
      yield `${host.workerId} waits for ${host.unacknowledged} confirmations`
    }
  }
  for (const { id } of alive) {
    if (!hosts.some((host) => host.workerId === id)) yield `${id} is listed alive and is gone`
  }
}

/** What runs, what the master lists and what the drivers count on are the same executors. */
function* executorsAgree({ view, hosts, applications }: Scene): Generator<string> {
  const running = new Set(runningKeys(hosts))
  const listed = new Set<string>()
  for (const application of view.activeApplications) {
    for (const executor of application.executors) {
      const key = `${application.id}/${executor.id}`
      listed.add(key)
      const host = hosts.find(({ workerId }) => workerId === executor.workerId)
      if (host?.processes.has(key) !== true) yield `${key} is listed and does not run`
      else if (executor.state !== ExecutorState.RUNNING) {
        yield `${key} runs and is listed as ${ExecutorState[executor.state]}`
      }
    }
  }
  for (const key of running) if (!listed.has(key)) yield `${key} runs and the master has no such`
  for (const { id, believed, registered } of applications) {
    if (!registered) continue
    for (const [executor, state] of believed) {
      const key = `${id}/${executor}`
      if (!running.has(key)) yield `${key} is counted on by its driver and does not run`
      else if (state !== ExecutorState.RUNNING) {
        yield `${key} runs and its driver thinks ${ExecutorState[state]}`
      }
    }
    for (const key of running) {
      if (!key.startsWith(`${id}/`)) continue
      const executor = Number(key.split('/')[1])
      if (!believed.has(executor)) yield `${key} runs and its driver does not know`
    }
  }
}

function* applicationsAgree({ view, applications }: Scene): Generator<string> {
  const live = new Map(
    applications.filter(({ over }) => !over).map((application) => [application.id, application]),
  )
  for (const [id, { demand, unanswered }] of live) {
    if (id === null) yield `${demand.name} was never told its id`
    else if (!view.activeApplications.some((one) => one.id === id)) yield `${id} is not active`
    if (unanswered > 0) yield `${id} waits for ${unanswered} answers`
  }
  for (const { id } of view.activeApplications) {
    if (!live.has(id)) yield `${id} is active and its driver is gone`
  }
}

function hasRoom(worker: WorkerViewT, cores: number, memoryMb: number): boolean {
  return (
    worker.cores - worker.coresUsed >= cores && worker.memoryMb - worker.memoryUsedMb >= memoryMb
  )
}

function wantsMore(
  app: ApplicationViewT,
  profileId: number,
  cores: number,
  limit: number | null,
): boolean {
  const coresLeft = (app.coresMax ?? Number.MAX_SAFE_INTEGER) - app.coresGranted
  const started = app.executors.filter((executor) => executor.profileId === profileId).length
  return coresLeft >= cores && (limit === null || started < limit)
}

/** A9 to A15: no application waits for what a worker has free. */
function* nothingIdle({ view, applications }: Scene): Generator<string> {
  const alive = view.workers.filter(({ state }) => state === WorkerState.ALIVE)
  for (const app of view.activeApplications) {
    const driver = applications.find(({ id }) => id === app.id)
    if (driver === undefined) continue
    const { profiles, runtime } = driver.demand
    for (const [profileId, profile] of profiles.entries()) {
      const cores = Math.max(1, profile.cores)
      if (!wantsMore(app, profileId, cores, driver.limits[profileId] ?? null)) continue
      for (const worker of alive) {
        if (!worker.runtimes.includes(runtime) || !hasRoom(worker, cores, profile.memoryMb))
          continue
        yield `${app.id} could have one more executor of profile ${profileId} on ${worker.id}`
      }
    }
  }
}

function* nothingOverfull({ hosts }: Scene): Generator<string> {
  for (const { facts, processes } of hosts) {
    let cores = 0
    let memoryMb = 0
    for (const process of processes.values()) {
      cores += process.cores
      memoryMb += process.memoryMb
    }
    if (cores > facts.cores || memoryMb > facts.memoryMb) {
      yield `${facts.name} is overfull: ${cores} cores, ${memoryMb} MiB`
    }
  }
}

/** W3: of an application that is over nothing is left. */
function* nothingLeftBehind({ view, hosts }: Scene): Generator<string> {
  const active = new Set(view.activeApplications.map(({ id }) => id))
  for (const { facts, scratch } of hosts) {
    for (const appId of scratch) {
      if (!active.has(appId)) yield `${facts.name} still has folders of ${appId}, which is over`
    }
  }
}

function* sumsAgree({ view, retainedApplications }: Scene): Generator<string> {
  for (const app of view.activeApplications) {
    const cores = app.executors.reduce((sum, executor) => sum + executor.cores, 0)
    if (cores !== app.coresGranted) yield `${app.id} has ${cores}, listed ${app.coresGranted} cores`
  }
  const executors = view.activeApplications.flatMap((app) => app.executors)
  for (const worker of view.workers) {
    const own = executors.filter(({ workerId }) => workerId === worker.id)
    const cores = own.reduce((sum, executor) => sum + executor.cores, 0)
    const memoryMb = own.reduce((sum, executor) => sum + executor.memoryMb, 0)
    if (cores !== worker.coresUsed || memoryMb !== worker.memoryUsedMb) {
      yield (
        `${worker.id} is listed with ${worker.coresUsed} cores and ${worker.memoryUsedMb} MiB ` +
          `used; its executors take ${cores} and ${memoryMb}`
      )
    }
  }
  if (view.completedApplications.length > retainedApplications) {
    yield `${view.completedApplications.length} completed applications are kept`
  }
}

function* storeAgrees({ view, storedKeys, heldBytes }: Scene): Generator<string> {
  if (heldBytes !== 0) yield `${heldBytes} bytes of effects are counted as held back`
  const expected = [
    ...view.activeApplications.map(({ id }) => `app_${id}`),
    ...view.workers
      .filter(({ state }) => state === WorkerState.ALIVE)
      .map(({ id }) => `worker_${id}`),
  ].sort()
  if (expected.join() !== storedKeys.join()) {
    yield `on disk is [${storedKeys.join()}], expected [${expected.join()}]`
  }
}

/** @returns what does not hold yet; empty when the cluster is at rest and everything is right */
export function unrest(scene: Scene): string[] {
  return [
    ...workersAgree(scene),
    ...applicationsAgree(scene),
    ...executorsAgree(scene),
    ...nothingIdle(scene),
    ...nothingOverfull(scene),
    ...nothingLeftBehind(scene),
    ...sumsAgree(scene),
    ...storeAgrees(scene),
  ]
}
