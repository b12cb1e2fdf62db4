/** Workers of one core that have registered over the control protocol, which every scenario of it starts with. */
import { setTimeout as delay } from 'node:timers/promises'
import { eventually } from '../../../test/e2e/cluster.js'
import { type Address, allRegistered, Fleet, linkAll } from '../../recovery-peers.js'
import type { MasterUnderTest } from '../scenario.js'
import { controlAddress } from './address.js'

const withinMs = 120_000
const stepMs = 2
/** Four within spark.worker.timeout, spread over the interval. */
export const beatEveryMs = 15_000
const beatSlices = 60

/** @throws Error when its Spark port does not say where it is */
export async function controlOf({ host, port }: MasterUnderTest): Promise<Address> {
  const url = new URL(await controlAddress(`spark://${host}:${port}`))
  return { host: url.hostname, port: Number(url.port) }
}

/** Looks often and lets messages in meanwhile. @throws Error naming what it waited for */
export async function until(what: string, holds: () => boolean): Promise<void> {
  const deadline = performance.now() + withinMs
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`waited ${withinMs} ms for: ${what}`)
    await delay(stepMs)
  }
}

/** Returns when the master says that it has so many. */
export async function aliveWorkers(
  { host, webUiPort }: MasterUnderTest,
  count: number,
): Promise<void> {
  await eventually(`the master has ${count} workers`, async () => {
    const answer = await fetch(`http://${host}:${webUiPort}/json/`)
    const { aliveworkers } = (await answer.json()) as { aliveworkers: number }
    return aliveworkers === count
  })
}

/** Workers that are registered and say nothing more: within spark.worker.timeout they must beat. */
export async function registeredFleet(control: Address, workers: number): Promise<Fleet> {
  const fleet = new Fleet({ workers, applications: 0, executorCores: 1 })
  await linkAll(fleet.workers, control)
  await until(`${workers} workers are registered`, () => allRegistered(fleet.workers))
  return fleet
}

/** The same, and each of them beats as Spark's workers do, for as long as this process lives. */
export async function livingFleet(control: Address, workers: number): Promise<Fleet> {
  const fleet = await registeredFleet(control, workers)
  let slice = 0
  const beat = (): void => {
    for (let index = slice; index < fleet.workers.length; index += beatSlices) {
      const worker = fleet.workers[index]!
      if (worker.registered) worker.beat(1)
    }
    slice = (slice + 1) % beatSlices
  }
  setInterval(beat, beatEveryMs / beatSlices).unref()
  return fleet
}
