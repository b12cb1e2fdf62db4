/** What must hold once the faults are over and the cluster had time: nothing lost, nothing left, nothing idle. */
import {
  ExecutorState,
  WorkerState,
  type ApplicationViewT,
  type ClusterViewT,
  type CoreConfigT,
  type WorkerViewT,
} from '../../src/schema/magneto.js'
import { MagnetoHost } from './worker.js'
import type { SimulatedApplication } from './application.js'
import type { SimulatedClient } from './client.js'
import type { SimulatedHost } from './host.js'
import type { Ledger } from './ledger.js'
import { addressesOf, taken } from './process.js'
import { driversAgree, driversWaitForAReason } from './rest-drivers.js'
import { explanationsAreTrue } from './rest-explain.js'
import type { Kind } from './world.js'

export interface Scene {
  readonly kind: Kind
  readonly view: ClusterViewT
  readonly storedKeys: readonly string[]
  readonly heldBytes: number
  readonly config: CoreConfigT
  readonly ledger: Ledger
  readonly hosts: readonly SimulatedHost[]
  readonly applications: readonly SimulatedApplication[]
  readonly clients: readonly SimulatedClient[]
}

export function hostOf({ hosts }: Scene, workerId: unknown): SimulatedHost | undefined {
  return hosts.find((host) => host.up && host.workerId === workerId)
}

export function aliveWorkers({ view }: Scene): WorkerViewT[] {
  return view.workers.filter(({ state }) => state === WorkerState.ALIVE)
}

function* workersAgree({ view, hosts }: Scene): Generator<string> {
  const states = new Map(view.workers.map(({ id, state }) => [String(id), state]))
  for (const host of hosts) {
    const { workerId, facts, decommissioned } = host
    const state = states.get(workerId)
    const expected = decommissioned ? WorkerState.DECOMMISSIONED : WorkerState.ALIVE
    if (!host.up) yield `${facts.name} is not up`
    else if (!host.registered) yield `${workerId} is not registered`
    else if (state !== expected) {
      const is = state === undefined ? 'not at all' : WorkerState[state]
      yield `${workerId} should be listed as ${WorkerState[expected]} and is ${is}`
    }
    if (host.unacknowledged > 0) yield `${workerId} waits for ${host.unacknowledged} confirmations`
  }
  for (const [id, state] of states) {
    if (state === WorkerState.DEAD) continue
    if (!hosts.some(({ workerId }) => workerId === id)) {
      yield `${id} is listed as ${WorkerState[state]} and is gone`
    }
  }
}

/** What runs, what the master lists and what the drivers count on are the same executors. */
function* executorsAgree(scene: Scene): Generator<string> {
  const { view, hosts, applications } = scene
  const running = new Map(
    hosts.flatMap((host) => [...host.executors.keys()].map((key) => [key, host] as const)),
  )
  const listed = new Set<string>()
  for (const application of view.activeApplications) {
    for (const executor of application.executors) {
      const key = `${application.id}/${executor.id}`
      listed.add(key)
      const process = hostOf(scene, executor.workerId)?.executors.get(key)
      if (process === undefined) yield `${key} is listed and does not run`
      else if (executor.state !== ExecutorState.RUNNING) {
        yield `${key} runs and is listed as ${ExecutorState[executor.state]}`
      } else if (addressesOf(process.resources).join() !== addressesOf(executor.resources).join()) {
        yield `${key} is listed with other addresses than it was given`
      }
    }
  }
  const live = new Map(
    applications.filter(({ over }) => !over).map((application) => [application.id, application]),
  )
  for (const [key, host] of running) {
    const [appId, executorId] = key.split('/')
    const leaving = live.get(String(appId))?.leaving.has(Number(executorId)) === true
    if (!listed.has(key) && !(host.decommissioned && leaving)) {
      yield `${key} runs and the master has no such`
    }
  }
  for (const [id, { believed, registered, isSpark }] of live) {
    if (!registered) continue
    for (const [executor, state] of believed) {
      const key = `${id}/${executor}`
      // Spark's drivers tell no new leader what they count on: executors that are gone they miss by themselves.
      if (!running.has(key) && (scene.kind === 'lasting' || !isSpark)) {
        yield `${key} is counted on by its driver and does not run`
      } else if (!running.has(key) || scene.kind !== 'lasting') continue
      else if (state !== ExecutorState.RUNNING) {
        yield `${key} runs and its driver thinks ${ExecutorState[state]}`
      }
    }
    // Nor does a new leader tell them what they have.
    if (isSpark && scene.kind !== 'lasting') continue
    for (const key of listed) {
      if (!key.startsWith(`${id}/`)) continue
      if (!believed.has(Number(key.split('/')[1]))) yield `${key} runs and its driver does not know`
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
    if (!live.has(String(id))) yield `${id} is active and its driver is gone`
  }
}

function* clientsAgree({ clients }: Scene): Generator<string> {
  for (const { open, unanswered } of clients) {
    if (open && unanswered > 0) yield `a client waits for ${unanswered} answers`
  }
}

export function hasRoom(
  worker: WorkerViewT,
  cores: number,
  memoryMb: number,
  gpus: number,
): boolean {
  const gpusFree = addressesOf(worker.resources).length - addressesOf(worker.resourcesUsed).length
  return (
    worker.cores - worker.coresUsed >= cores &&
    worker.memoryMb - worker.memoryUsedMb >= memoryMb &&
    gpusFree >= gpus
  )
}

function wantsMore(
  app: ApplicationViewT,
  defaultCores: number,
  profileId: number,
  cores: number,
  limit: number | null,
): boolean {
  const coresLeft = (app.coresMax ?? defaultCores) - app.coresGranted
  const started = app.executors.filter((executor) => executor.profileId === profileId).length
  return coresLeft >= cores && (limit === null || started < limit)
}

/** A9 to A15: no application waits for what a worker has free. */
function* nothingIdle(scene: Scene): Generator<string> {
  for (const app of scene.view.activeApplications) {
    const driver = scene.applications.find(({ id }) => id === app.id)
    if (driver === undefined) continue
    const { profiles, runtime } = driver.demand
    for (const [profileId, { cores: asked, memoryMb, gpus }] of profiles.entries()) {
      // A20: cores that a profile leaves open are those of the default one.
      const cores = asked || Math.max(1, profiles[0]?.cores ?? 0)
      const limit = driver.limits[profileId] ?? null
      if (!wantsMore(app, scene.config.defaultCores, profileId, cores, limit)) continue
      for (const worker of aliveWorkers(scene)) {
        if (!worker.runtimes.includes(runtime)) continue
        if (!hasRoom(worker, cores, memoryMb, gpus)) continue
        yield `${app.id} could have one more executor of profile ${profileId} on ${worker.id}`
      }
    }
  }
}

function* nothingOverfull({ hosts }: Scene): Generator<string> {
  for (const host of hosts) {
    const { facts } = host
    const { cores, memoryMb, addresses } = taken(host.processes())
    if (cores > facts.cores || memoryMb > facts.memoryMb) {
      yield `${facts.name} is overfull: ${cores} cores, ${memoryMb} MiB`
    }
    if (new Set(addresses).size < addresses.length) {
      yield `${facts.name} gives an address twice: ${addresses.join()}`
    }
  }
}

/** W3: of an application that is over nothing is left. An Apache worker may miss that it is over. */
function* nothingLeftBehind({ view, hosts }: Scene): Generator<string> {
  const active = new Set(view.activeApplications.map(({ id }) => String(id)))
  for (const host of hosts) {
    if (!(host instanceof MagnetoHost)) continue
    for (const appId of host.scratch) {
      if (!active.has(appId))
        yield `${host.facts.name} still has folders of ${appId}, which is over`
    }
  }
}

/** What is counted as used is really taken, by somebody who is listed. */
function* sumsAgree(scene: Scene): Generator<string> {
  const { view, config } = scene
  for (const app of view.activeApplications) {
    const cores = app.executors.reduce((sum, executor) => sum + executor.cores, 0)
    if (cores !== app.coresGranted) yield `${app.id} has ${cores}, listed ${app.coresGranted} cores`
  }
  for (const worker of view.workers) {
    const host = hostOf(scene, worker.id)
    const real = taken(host?.processes() ?? [])
    const addresses = addressesOf(worker.resourcesUsed)
    // An Apache worker says nothing about launches that come after its decommission.
    if (host?.decommissioned === true && !(host instanceof MagnetoHost)) continue
    if (
      real.cores === worker.coresUsed &&
      real.memoryMb === worker.memoryUsedMb &&
      real.addresses.sort().join() === addresses.sort().join()
    ) {
      continue
    }
    yield (
      `${worker.id} is listed with ${worker.coresUsed} cores, ${worker.memoryUsedMb} MiB and ` +
        `[${addresses.join()}] used; really it is ${real.cores}, ${real.memoryMb} and ` +
        `[${real.addresses.join()}]`
    )
  }
  if (view.completedApplications.length > config.retainedApplications) {
    yield `${view.completedApplications.length} completed applications are kept`
  }
}

function* storeAgrees(scene: Scene): Generator<string> {
  const { view, storedKeys, heldBytes } = scene
  if (heldBytes !== 0) yield `${heldBytes} bytes of effects are counted as held back`
  const live = storedKeys.filter((key) => /^(app|driver|worker)_/.test(key))
  const expected = [
    ...view.activeApplications.map(({ id }) => `app_${id}`),
    ...view.activeDrivers.map(({ id }) => `driver_${id}`),
    ...aliveWorkers(scene).map(({ id }) => `worker_${id}`),
    // It still runs what it ran, and the next leader has to know that it leaves.
    ...view.workers
      .filter(({ state }) => state === WorkerState.DECOMMISSIONED)
      .map(({ id }) => `worker_${id}`),
  ].sort()
  if (expected.join() !== live.join()) {
    yield `on disk is [${live.join()}], expected [${expected.join()}]`
  }
  const ended = storedKeys.filter((key) => key.startsWith('completed_'))
  const shown = [
    ...view.completedApplications.map(({ id }) => `completed_app_${id}`),
    ...view.completedDrivers.map(({ id }) => `completed_driver_${id}`),
  ].sort()
  if (ended.join() !== shown.join()) {
    yield `of what has ended [${ended.join()}] is on disk, listed is [${shown.join()}]`
  }
  for (const key of storedKeys) {
    const [, id] = /^targets_(.*)$/.exec(key) ?? []
    if (id !== undefined && !live.includes(`app_${id}`)) yield `${key} is on disk, of nobody`
  }
}

/** @returns what does not hold yet; empty when the cluster is at rest and everything is right */
export function unrest(scene: Scene): string[] {
  return [
    ...workersAgree(scene),
    ...applicationsAgree(scene),
    ...clientsAgree(scene),
    ...executorsAgree(scene),
    ...driversAgree(scene),
    ...driversWaitForAReason(scene),
    ...nothingIdle(scene),
    ...explanationsAreTrue(scene),
    ...nothingOverfull(scene),
    ...nothingLeftBehind(scene),
    ...sumsAgree(scene),
    ...storeAgrees(scene),
  ]
}
