/** What must hold for drivers at rest: each waits for a reason, runs where it is listed, or is over. */
import { DriverState } from '../../src/schema/magneto.js'
import { aliveWorkers, hasRoom, hostOf, type Scene } from './rest.js'

/** What runs and what the master lists are the same drivers, and none of those that it owes is missing. */
export function* driversAgree(scene: Scene): Generator<string> {
  const { view, hosts, ledger, config } = scene
  const listed = new Set<string>()
  for (const { id, state, workerId } of view.activeDrivers) {
    listed.add(String(id))
    if (state === DriverState.SUBMITTED) continue
    if (state !== DriverState.RUNNING) yield `${id} is active as ${DriverState[state]}`
    else if (hostOf(scene, workerId)?.drivers.has(String(id)) !== true) {
      yield `driver ${id} is listed and does not run`
    }
  }
  const running = new Set<string>()
  for (const { drivers, facts } of hosts) {
    for (const { driverId, jarUrl } of drivers.values()) {
      if (!listed.has(driverId)) yield `driver ${driverId} runs and the master has no such`
      if (running.has(jarUrl)) yield `${jarUrl} runs twice, the second time on ${facts.name}`
      running.add(jarUrl)
    }
  }
  yield* ledger.drivers.owed(view.activeDrivers, view.completedDrivers, running)
  if (view.completedDrivers.length > config.retainedDrivers) {
    yield `${view.completedDrivers.length} completed drivers are kept`
  }
  const started = view.activeDrivers.filter(({ state }) => state === DriverState.RUNNING).length
  if (started > config.maxDrivers) yield `${started} drivers run, over the limit`
}

/** A2 to A5: no driver waits for what a worker has free, unless as many run as may. */
export function* driversWaitForAReason(scene: Scene): Generator<string> {
  const { activeDrivers } = scene.view
  const waiting = activeDrivers.filter(({ state }) => state === DriverState.SUBMITTED)
  if (activeDrivers.length - waiting.length >= scene.config.maxDrivers) return
  for (const driver of waiting) {
    const { cores, memoryMb, gpus, runtimes } = scene.ledger.drivers.jobOf(driver)
    for (const worker of aliveWorkers(scene)) {
      if (!runtimes.some((each) => worker.runtimes.includes(each))) continue
      if (!hasRoom(worker, cores, memoryMb, gpus)) continue
      yield `driver ${driver.id} could run on ${worker.id}`
    }
  }
}
